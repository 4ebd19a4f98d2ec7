"""Weight clipping: after each step the critic's weights are put back into a box."""

from collections.abc import Iterable

import torch
from torch import Tensor


@torch.no_grad()
def clip_weights(parameters: Iterable[Tensor], limit: float) -> None:
    """Put every parameter into [-limit, limit], in place.

    A projection and no penalty: it follows the optimiser's step of the discriminator.

    Args:
        parameters: The discriminator's parameters.
        limit: The side of the box, c of the paper.

    Raises:
        ValueError: The limit is not positive.

    Example:
        >>> import torch
        >>> weights = torch.tensor([-3.0, 0.005])
        >>> clip_weights([weights], 0.01); weights
        tensor([-0.0100,  0.0050])

    Source: Arjovsky et al. 2017, algorithm 1.
    """
    if not limit > 0:
        raise ValueError(f"the limit of weight clipping must be positive, not {limit}")
    parameters = list(parameters)
    torch._foreach_clamp_min_(parameters, -limit)
    torch._foreach_clamp_max_(parameters, limit)
