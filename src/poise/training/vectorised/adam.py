"""Adam for many games whose rates and decays differ: one update of all of them, in a few operations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from poise.recipes.settings import Optimiser
from poise.schedules import Schedule
from poise.training.components import values_of


@dataclass
class StackedAdam:
    """What a share asks of a torch optimiser, with settings for each game.

    Each game's parameters follow Kingma and Ba 2015, algorithm 1, as torch's Adam computes it, with that
    game's own learning rate, decays and epsilon. The moments are kept under torch's names.

    Attributes:
        parameters: `(G, ...)` each.
        settings: Of each game.
        share: The correction for lazy terms, as in `poise.training.components.Scheduled`.
        run_images: Reals of the whole run, for schedules.
    """

    parameters: list[nn.Parameter]
    settings: Sequence[Optimiser]
    share: float
    run_images: int
    state: dict[nn.Parameter, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.set(0, self.run_images)

    @property
    def optimiser(self) -> StackedAdam:
        """Itself: schedules and updates are one here."""
        return self

    @property
    def changes(self) -> bool:
        """Whether a rate or a decay of some game has a schedule."""
        return any(
            isinstance(value, Schedule)
            for own in self.settings
            for value in (own.learning_rate, own.beta1, own.beta2)
        )

    def set(self, images_seen: int, run_images: int) -> None:
        """Put the settings of the next update in place."""
        rows = [values_of(own, self.share, images_seen, run_images) for own in self.settings]
        # Bias corrections are powers of the decays, which float32 would round away.
        table = torch.tensor(rows, dtype=torch.float64)
        self._rate, self._beta1, self._beta2 = table.unbind(1)
        self._epsilon = torch.tensor([own.epsilon for own in self.settings], dtype=torch.float64)

    @torch.no_grad()
    def step(self) -> None:
        """Update every parameter that has a gradient."""
        held = [parameter for parameter in self.parameters if parameter.grad is not None]
        if not held:
            return
        for parameter in held:
            if parameter not in self.state:
                zeros = torch.zeros_like
                self.state[parameter] = {
                    "step": torch.tensor(0.0),
                    "exp_avg": zeros(parameter),
                    "exp_avg_sq": zeros(parameter),
                }
            self.state[parameter]["step"] += 1
        count = float(self.state[held[0]]["step"])
        size = self._rate / (1 - self._beta1**count)
        root = (1 - self._beta2**count).sqrt()
        # p -= size m / (sqrt(v) / root + epsilon), as p -= (size root) m / (sqrt(v) + epsilon root)
        columns = (size * root, self._epsilon * root, 1 - self._beta1, self._beta2, 1 - self._beta2)
        for parameter in held:
            assert parameter.grad is not None
            gradient, own = parameter.grad, self.state[parameter]
            shape = (-1,) + (1,) * (parameter.dim() - 1)
            sized, epsilon, new1, beta2, new2 = (column.to(parameter).view(shape) for column in columns)
            first, second = own["exp_avg"], own["exp_avg_sq"]
            first.lerp_(gradient, new1)
            second.mul_(beta2).addcmul_(gradient * new2, gradient)
            parameter.sub_(first.div(second.sqrt().add_(epsilon)).mul_(sized))


def serves(settings: Sequence[Optimiser]) -> bool:
    """Whether these are Adam's, and differ: equal ones are left to torch."""
    return all(own.name == "adam" for own in settings) and any(own != settings[0] for own in settings)
