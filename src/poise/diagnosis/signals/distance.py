"""How far apart two sets of samples are, cheaply and without a network."""

from __future__ import annotations

from torch import Tensor


def energy_distance(across: Tensor, of_fakes: float, of_reals: float) -> float:
    """The squared energy distance in units of the reals' own mean distance; near 0 for equal distributions.

    2 E|x - y| - E|x - x'| - E|y - y'|, unbiased, so that it may fall a little below 0.

    Args:
        across: `(n, m)`, distances of fakes to reals.
        of_fakes: The mean distance of two fakes.
        of_reals: The mean distance of two reals.

    Example:
        >>> import torch
        >>> energy_distance(torch.full((2, 2), 3.0), 1.0, 1.0)
        4.0

    Source: Székely and Rizzo 2013, "Energy statistics", equation 2.5.
    """
    return (2 * float(across.mean()) - of_fakes - of_reals) / max(of_reals, 1e-12)
