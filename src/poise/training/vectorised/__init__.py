"""Many independent games trained side by side, over stacked parameters."""

from poise.training.vectorised.ensemble import EnsembleCallback, EnsembleContext
from poise.training.vectorised.plan import (
    EnsembleExperiment,
    Game,
    check_options,
    parse_axis,
    plan_games,
    plan_many,
    spread,
)
from poise.training.vectorised.session import EnsembleOutcome, begin_many, resume_many
from poise.training.vectorised.settings import structure

__all__ = [
    "EnsembleCallback",
    "EnsembleContext",
    "EnsembleExperiment",
    "EnsembleOutcome",
    "Game",
    "begin_many",
    "check_options",
    "parse_axis",
    "plan_games",
    "plan_many",
    "resume_many",
    "spread",
    "structure",
]
