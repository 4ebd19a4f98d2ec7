"""Learning rates as a function of the step alone."""

from __future__ import annotations

from collections.abc import Mapping

from torch.optim import Optimizer


class Rates:
    """Holds every player's rate, then lets it fall linearly, to 0 after the last step.

    Args:
        optimisers: By player, as they begin.
        constant_share: The share of the steps over which rates stay as they are; 1 for all of them.
        steps: Steps of the run.

    Source: Zhu et al. 2017 (CycleGAN), section 4: the second half of the training.
    """

    def __init__(self, optimisers: Mapping[str, Optimizer], *, constant_share: float, steps: int) -> None:
        self.constant_share, self.steps = constant_share, steps
        self._groups = [
            (group, group["lr"]) for optimiser in optimisers.values() for group in optimiser.param_groups
        ]

    def set(self, step: int) -> None:
        """Set the rates of the step that comes after `step` others."""
        if self.constant_share >= 1:
            return
        share = share_left(step, steps=self.steps, constant_share=self.constant_share)
        for group, rate in self._groups:
            group["lr"] = rate * share


def share_left(step: int, *, steps: int, constant_share: float) -> float:
    """What is left of a rate at a step.

    Args:
        step: Steps done, from 0.
        steps: Steps of the run.
        constant_share: The share of them at the full rate.

    Example:
        >>> [share_left(step, steps=8, constant_share=0.5) for step in range(8)]
        [1.0, 1.0, 1.0, 1.0, 1.0, 0.75, 0.5, 0.25]
    """
    start = constant_share * steps
    return 1.0 if step <= start else (steps - step) / (steps - start)
