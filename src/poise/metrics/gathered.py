"""The state of metrics whose statistics need every sample at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from poise.metrics.arrays import as_features
from poise.metrics.moments import check_width
from poise.metrics.result import Result


@dataclass(frozen=True)
class Gathered:
    """Batches of features, as they came.

    Attributes:
        batches: Each `(n, d)`, float64.
    """

    batches: tuple[Tensor, ...]

    @property
    def features(self) -> Tensor:
        """All of them, `(N, d)`."""
        return torch.cat(self.batches)


def gather(state: Gathered | None, features: object) -> Gathered:
    """The state after a further batch.

    Args:
        state: What was seen before; `None` at the start.
        features: An array or tensor `(n, d)`.

    Raises:
        PoiseError: As `as_features`; or the width differs from that of earlier batches.

    Example:
        >>> gather(gather(None, [[1.0]]), [[2.0]]).features.shape
        torch.Size([2, 1])
    """
    rows = as_features(features, "given", least=1)
    check_width(rows, state.batches[0].shape[1] if state else None)
    return Gathered((*state.batches, rows) if state else (rows,))


def on_gathered(one_shot: Callable[..., Result]) -> Callable[..., Result]:
    """The `compute` that goes with `gather`: the one-shot function on what was gathered.

    What is no state (the centres of a mixture) is passed on as it is.
    """

    def compute(*states: Any, **settings: Any) -> Result:
        whole = (state.features if isinstance(state, Gathered) else state for state in states)
        return one_shot(*whole, **settings)

    return compute
