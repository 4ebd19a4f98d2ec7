"""Training: from data and a recipe to a run folder."""

from poise.devices import pick_device
from poise.training.batches import latents
from poise.training.callbacks.callback import Callback, Request, StepContext
from poise.training.planning import Experiment, plan
from poise.training.resuming import Resumption
from poise.training.session import Outcome, begin, resume

__all__ = [
    "Callback",
    "Experiment",
    "Outcome",
    "Request",
    "Resumption",
    "StepContext",
    "begin",
    "latents",
    "pick_device",
    "plan",
    "resume",
]
