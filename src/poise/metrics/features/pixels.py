"""The samples' own numbers as features."""

from __future__ import annotations

from torch import Tensor

from poise.metrics.features.extractor import FunctionExtractor

NO_WEIGHTS = ""


def pixels() -> FunctionExtractor:
    """Pixels in -1..1, flattened: exact for tiny images, blind to small shifts.

    Example:
        >>> import torch
        >>> pixels()(torch.zeros(2, 1, 8, 8)).shape
        torch.Size([2, 64])
    """
    return FunctionExtractor("pixels", _flat, takes="-1..1", weights_hash=NO_WEIGHTS)


def identity() -> FunctionExtractor:
    """Vectors as they are.

    Example:
        >>> import torch
        >>> identity()(torch.ones(2, 3)).shape
        torch.Size([2, 3])
    """
    return FunctionExtractor("identity", _flat, weights_hash=NO_WEIGHTS)


def _flat(samples: Tensor) -> Tensor:
    return samples.flatten(1)
