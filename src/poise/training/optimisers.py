"""The optimisers of players, and their settings as functions of the images seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from poise.dynamics.players import in_memory_order
from poise.recipes.settings import Optimiser
from poise.schedules import Number, Schedule, value_at


def build_optimiser(
    settings: Optimiser, parameters: Iterable[nn.Parameter], *, share: float = 1.0, run_images: int = 0
) -> torch.optim.Optimizer:
    """A player's optimiser.

    Args:
        settings: Which, and its rates.
        parameters: What it updates.
        share: By what it is corrected for lazy terms: a factor of the learning rate and a power of the
            decays; see `poise.games.term.lazy_share`.
        run_images: Images in the whole run, for schedules.
    """
    targets = [in_memory_order(parameter) for parameter in parameters]
    rate, beta1, beta2 = values_of(settings, share, 0, run_images)
    if settings.name == "rmsprop":
        return torch.optim.RMSprop(targets, lr=rate, alpha=beta2, eps=settings.epsilon, foreach=True)
    if settings.name == "sgd":
        return torch.optim.SGD(targets, lr=rate, momentum=beta1, fused=True)
    return torch.optim.Adam(targets, lr=rate, betas=(beta1, beta2), eps=settings.epsilon, fused=True)


def values_of(
    settings: Optimiser, share: float, images_seen: int, run_images: int
) -> tuple[float, float, float]:
    """Learning rate and decays after so many images, corrected for lazy terms."""
    rate: Number = 0.0 if settings.learning_rate is None else settings.learning_rate
    return (
        value_at(rate, images_seen, run_images) * share,
        value_at(settings.beta1, images_seen, run_images) ** share,
        value_at(settings.beta2, images_seen, run_images) ** share,
    )


@dataclass(frozen=True)
class Scheduled:
    """An optimiser some of whose settings change with the images seen.

    Attributes:
        settings: Its settings.
        share: Its correction for lazy terms.
        optimiser: The optimiser.
    """

    settings: Optimiser
    share: float
    optimiser: torch.optim.Optimizer

    @property
    def changes(self) -> bool:
        """Whether anything changes."""
        chosen = (self.settings.learning_rate, self.settings.beta1, self.settings.beta2)
        return any(isinstance(value, Schedule) for value in chosen)

    def set(self, images_seen: int, run_images: int) -> None:
        """Put the settings of the next update in place."""
        rate, beta1, beta2 = values_of(self.settings, self.share, images_seen, run_images)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
            if "betas" in group:
                group["betas"] = (beta1, beta2)
            elif "alpha" in group:
                group["alpha"] = beta2
            else:
                group["momentum"] = beta1
