"""Training: from data and a recipe to a run folder."""

from poise.training.environment import pick_device
from poise.training.feed import latents
from poise.training.observer import Moment, Observer, Request
from poise.training.session import Outcome, Plan, begin, plan, resume

__all__ = [
    "Moment",
    "Observer",
    "Outcome",
    "Plan",
    "Request",
    "begin",
    "latents",
    "pick_device",
    "plan",
    "resume",
]
