"""Values in few levels: spread over the space between them for the networks, and brought back to the nearest.

A discriminator tells an exact level from everything near it, and a generator of smooth functions cannot make
one. Spread over the space between levels, both show the same.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from poise.data.rows import Array
from poise.randomness import numpy_stream

MOST = 256
"""More different values are no levels."""

LEAST_REPEATS = 20
"""How often a level occurs on average."""

Levels = tuple[float, ...]


def levels_of(values: Array) -> Levels:
    """The levels of a channel in rising order; none if its values are many or all the same.

    Args:
        values: Of the channel, NaN if there is none.

    Example:
        >>> levels_of(np.tile([0.5, 10.0, 0.0], 20))
        (0.0, 0.5, 10.0)
    """
    known = np.unique(values[~np.isnan(values)])
    few = 2 <= len(known) <= MOST and values.size >= LEAST_REPEATS * len(known)
    return tuple(known.tolist()) if few else ()


def spread(values: Array, levels: Levels, *, step: float) -> Array:
    """The values, each moved at random within half of the way to the neighbours of its level.

    A level that is far from its neighbours is not moved farther than the others usually are. The same values
    are always moved alike.

    Args:
        values: Of a channel, NaN if there is none.
        levels: As `levels_of` gives them; none if values are many.
        step: From one of many values to the next, such as 1 for whole numbers; 0 leaves them as they are.

    Example:
        >>> moved = spread(np.array([0.0, 1.0, 3.0]), (0.0, 1.0, 3.0), step=0.0)
        >>> bool((np.abs(moved - [0.0, 1.0, 3.0]) <= 0.75).all())
        True
    """
    stream = numpy_stream(0, 0, "spread between levels")
    if not levels:
        return np.asarray(values + stream.uniform(-step / 2, step / 2, values.shape)) if step else values
    known = np.asarray(levels)
    gaps = np.diff(known) / 2
    usual = np.minimum(gaps, np.median(gaps))
    below = np.concatenate([usual[:1], usual])
    above = np.concatenate([usual, usual[-1:]])
    places = np.searchsorted(known, values).clip(max=len(known) - 1)
    return np.asarray(values + stream.uniform(-below[places], above[places]))


def nearest(values: Tensor, levels: Levels) -> Tensor:
    """The nearest level to each value.

    Args:
        values: Of any shape.
        levels: At least two, in rising order.

    Example:
        >>> nearest(torch.tensor([-1.0, 0.4, 2.1]), (0.0, 1.0, 3.0))
        tensor([0., 0., 3.])
    """
    known = torch.tensor(levels, dtype=values.dtype, device=values.device)
    found: Tensor = known[torch.bucketize(values.contiguous(), (known[1:] + known[:-1]) / 2)]
    return found
