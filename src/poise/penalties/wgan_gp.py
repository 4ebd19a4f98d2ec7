"""WGAN-GP: between reals and fakes the gradient's norm is held to one."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from poise.penalties.penalty import Critic, Penalty, squared_gradient_norm


def wgan_gp(
    critic: Critic,
    real: Tensor,
    fake: Tensor,
    *,
    generator: torch.Generator,
    target: Annotated[float, Field(ge=0)] = 1.0,
    epsilon: Annotated[float, Field(ge=0)] = 1e-12,
) -> Tensor:
    """The squared distance of the gradient's norm to `target`, at a random point of each line real to fake.

    Args:
        critic: From `(N, ...)` to scores.
        real: Reals, `(N, ...)`.
        fake: As many fakes; they are constants here.
        generator: Draws where on the line, one number a sample.
        target: The wanted norm.
        epsilon: Added inside the square root, whose slope is infinite at 0.

    Returns:
        The penalty of each sample, `(N,)`.

    Example:
        >>> import torch
        >>> wgan_gp(lambda x: 3 * x.sum(1), torch.zeros(1, 1), torch.ones(1, 1), generator=torch.Generator())
        tensor([4.])

    Source: Gulrajani et al. 2017, equation 3.
    """
    shape = (len(real),) + (1,) * (real.dim() - 1)
    share = torch.rand(shape, generator=generator, device=real.device, dtype=real.dtype)
    between = torch.lerp(real.detach(), fake.detach(), share)
    return ((squared_gradient_norm(critic, between) + epsilon).sqrt() - target).square()


WGAN_GP = Penalty(
    name="wgan-gp",
    penalty=wgan_gp,
    weight=10.0,
    summary="Holds the gradient's norm to 1 between reals and fakes, so that the critic is about Lipschitz.",
    source="Gulrajani et al. 2017, equation 3",
)
