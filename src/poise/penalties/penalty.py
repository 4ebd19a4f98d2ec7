"""The record that a penalty is, and the gradient that all of them measure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call

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

    It can be differentiated again in eager mode, under `torch.compile` and under `vmap`. A critic's buffers
    (the running statistics of batch normalisation, the vectors of spectral norm) are left as they are.

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
    score = _without_traces(critic)

    def summed(points: Tensor) -> Tensor:
        scores = score(points)
        return scores.sum() if scores.dim() == 1 else scores.flatten(1).mean(1).sum()

    return _slopes(summed, points.detach()).square().flatten(1).sum(1)


def _slopes(summed: Callable[[Tensor], Tensor], points: Tensor) -> Tensor:
    """The gradient by the points; either way gives the same bits.

    `torch.func.grad` is what `torch.compile` and `vmap` can follow. `torch.autograd.grad` is quicker to call
    on small networks, and does not import torch's compiler, which takes longer than a toy game.
    """
    if torch.compiler.is_compiling() or torch._C._functorch.maybe_current_level() is not None:
        followed: Tensor = torch.func.grad(summed)(points)
        return followed
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        points.requires_grad_()
        (slopes,) = torch.autograd.grad(
            summed(points), points, create_graph=again, allow_unused=True, materialize_grads=True
        )
    return slopes


def _without_traces(critic: Critic) -> Critic:
    """The critic with copies of its buffers: `torch.func.grad` refuses a module that writes into its own."""
    buffers = dict(critic.named_buffers()) if isinstance(critic, nn.Module) else {}
    if not buffers:
        return critic

    def score(points: Tensor) -> Tensor:
        copies = {name: buffer.clone() for name, buffer in buffers.items()}
        scores: Tensor = functional_call(critic, copies, (points,))  # type: ignore[arg-type]  # a module
        return scores

    return score
