"""R2: the gradient at the fakes is held to zero."""

import torch
from torch import Tensor

from poise.penalties.penalty import Critic, Penalty, squared_gradient_norm


def r2(critic: Critic, real: Tensor, fake: Tensor, *, generator: torch.Generator) -> Tensor:
    """Half the squared norm of the critic's gradient at the fakes.

    Args:
        critic: From `(N, ...)` to scores.
        real: Reals; not used.
        fake: Fakes, `(N, ...)`; they are constants here.
        generator: Randomness; not used.

    Returns:
        The penalty of each sample, `(N,)`; its weight is gamma of the paper.

    Example:
        >>> import torch
        >>> r2(lambda x: 2 * x.sum(1), torch.zeros(1, 3), torch.zeros(1, 3), generator=torch.Generator())
        tensor([6.])

    Source: Mescheder, Geiger and Nowozin 2018, equation 10.
    """
    return squared_gradient_norm(critic, fake) / 2


R2 = Penalty(
    name="r2",
    penalty=r2,
    weight=1.0,
    summary="Half the squared gradient at the fakes; with R1 it makes relativistic losses converge.",
    source="Mescheder et al. 2018, equation 10; Huang et al. 2024, section 3.2",
)
