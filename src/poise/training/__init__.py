"""Training: from data and a recipe to a run folder."""

from poise.training.environment import pick_device
from poise.training.feed import latents
from poise.training.observer import Moment, Observer, Request
from poise.training.planning import Plan, plan
from poise.training.resuming import Resumption
from poise.training.session import Outcome, begin, resume

__all__ = [
    "Moment",
    "Observer",
    "Outcome",
    "Plan",
    "Request",
    "Resumption",
    "begin",
    "latents",
    "pick_device",
    "plan",
    "resume",
]
