"""Many independent games trained side by side, over stacked parameters."""

from poise.training.vectorised.ensemble import ManyMoment, Watching
from poise.training.vectorised.plan import ManyPlan, plan_many
from poise.training.vectorised.session import ManyOutcome, begin_many, resume_many
from poise.training.vectorised.settings import Game, parse_axis, spread

__all__ = [
    "Game",
    "ManyMoment",
    "ManyOutcome",
    "ManyPlan",
    "Watching",
    "begin_many",
    "parse_axis",
    "plan_many",
    "resume_many",
    "spread",
]
