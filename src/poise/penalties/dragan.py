"""DRAGAN: near the data the gradient's norm is held to one."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from poise.penalties.penalty import Critic, Penalty, squared_gradient_norm


def dragan(
    critic: Critic,
    real: Tensor,
    fake: Tensor,
    *,
    generator: torch.Generator,
    spread: Annotated[float, Field(ge=0)] = 0.5,
    target: Annotated[float, Field(ge=0)] = 1.0,
    epsilon: Annotated[float, Field(ge=0)] = 1e-12,
) -> Tensor:
    """The squared distance of the gradient's norm to `target`, at reals moved by uniform noise.

    Args:
        critic: From `(N, ...)` to scores.
        real: Reals, `(N, ...)`.
        fake: Fakes; not used.
        generator: Draws the noise.
        spread: The noise is uniform in [0, 1) times this times the standard deviation of the batch.
        target: The wanted norm.
        epsilon: Added inside the square root, whose slope is infinite at 0.

    Returns:
        The penalty of each sample, `(N,)`.

    Example:
        >>> import torch
        >>> dragan(lambda x: 3 * x.sum(1), torch.zeros(2, 1), torch.ones(2, 1), generator=torch.Generator())
        tensor([4., 4.])

    Source: Kodali et al. 2017, equation 5 and the authors' settings.
    """
    real = real.detach()
    noise = torch.rand(real.shape, generator=generator, device=real.device, dtype=real.dtype)
    near = real + spread * real.std(correction=0) * noise
    return ((squared_gradient_norm(critic, near) + epsilon).sqrt() - target).square()


DRAGAN = Penalty(
    name="dragan",
    penalty=dragan,
    weight=10.0,
    summary="Holds the gradient's norm to 1 near the data.",
    source="Kodali et al. 2017, equation 5",
)
