"""Plain gradient steps on a player's one number, without what torch's optimisers import and check."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import torch
from torch import Tensor


class PlainSteps:
    """What a match asks of an optimiser, for steps of a fixed size along the gradient.

    Building the first of torch's optimisers imports its compiler, which takes longer than a toy game.

    Args:
        parameters: What moves.
        rate: The size of a step.
    """

    def __init__(self, parameters: Iterable[Tensor], rate: float) -> None:
        self.param_groups: list[dict[str, Any]] = [{"params": list(parameters), "lr": rate}]
        self.defaults: dict[str, Any] = {}
        self.state: dict[Tensor, Any] = {}

    def step(self) -> None:
        """Move every parameter that has a gradient."""
        (group,) = self.param_groups
        with torch.no_grad():
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.sub_(parameter.grad, alpha=group["lr"])


def plain_steps(parameters: Iterable[Tensor], rate: float) -> torch.optim.Optimizer:
    """Plain steps, as a match wants them typed."""
    return cast("torch.optim.Optimizer", PlainSteps(parameters, rate))
