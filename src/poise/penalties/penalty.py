"""The record that a penalty is, and the gradient that all of them measure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Critic = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Penalty:
    """What keeps the critic smooth.

    Attributes:
        name: What people type.
        penalty: `(critic, real, fake, *, generator) -> (N,)`; further keyword-only parameters are settings.
        weight: The weight of its paper.
        summary: One sentence on what it does.
        source: Paper and equation.
    """

    name: str
    penalty: Callable[..., Tensor]
    weight: float
    summary: str
    source: str


def squared_gradient_norm(critic: Critic, points: Tensor) -> Tensor:
    """The squared norm of the gradient of each sample's score with respect to that sample.

    Written with `torch.func.grad`, which can be differentiated again in eager mode, under `torch.compile` and
    under `vmap`; `torch.autograd.grad(create_graph=True)` cannot be compiled.

    Args:
        critic: From `(N, ...)` to scores `(N, ...)`; no score may depend on another sample.
        points: Where to measure, `(N, ...)`.

    Returns:
        Squared norms, `(N,)`, that can be differentiated with respect to the critic's parameters.

    Example:
        >>> import torch
        >>> squared_gradient_norm(lambda x: (3 * x).sum(1), torch.ones(2, 4))
        tensor([36., 36.])
    """

    def summed(points: Tensor) -> Tensor:
        scores = critic(points)
        return scores.sum() if scores.dim() == 1 else scores.flatten(1).mean(1).sum()

    gradient: Tensor = torch.func.grad(summed)(points.detach())
    return gradient.square().flatten(1).sum(1)
