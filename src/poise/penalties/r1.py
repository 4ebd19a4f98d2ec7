"""R1: the gradient at the data is held to zero."""

import torch
from torch import Tensor

from poise.penalties.penalty import Critic, Penalty, squared_gradient_norm


def r1(critic: Critic, real: Tensor, fake: Tensor, *, generator: torch.Generator) -> Tensor:
    """Half the squared norm of the critic's gradient at the reals.

    Args:
        critic: From `(N, ...)` to scores.
        real: Reals, `(N, ...)`.
        fake: Fakes; not used.
        generator: Randomness; not used.

    Returns:
        The penalty of each sample, `(N,)`; its weight is gamma of the paper.

    Example:
        >>> import torch
        >>> r1(lambda x: 2 * x.sum(1), torch.zeros(1, 3), torch.zeros(1, 3), generator=torch.Generator())
        tensor([6.])

    Source: Mescheder, Geiger and Nowozin 2018, equation 9.
    """
    return squared_gradient_norm(critic, real) / 2


R1 = Penalty(
    name="r1",
    penalty=r1,
    weight=1.0,
    summary="Half the squared gradient at the reals; makes the game converge near its equilibrium.",
    source="Mescheder et al. 2018, equation 9",
)
