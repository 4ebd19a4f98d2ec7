"""Which tensor, of several in the order of computation, holds a NaN or an infinity first."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def first_non_finite(named: Iterable[tuple[str, Tensor]]) -> str | None:
    """The name of the first that holds a value that is not finite; `None` where all are sound.

    Args:
        named: Names and tensors, in the order of computation.

    Example:
        >>> first_non_finite([("loss", torch.tensor(1.0)), ("scores", torch.tensor([float("nan")]))])
        'scores'
    """
    for name, tensor in named:
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            return name
    return None
