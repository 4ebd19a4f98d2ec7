"""The record that a metric is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from poise.metrics.result import Result


@dataclass(frozen=True)
class Metric:
    """A way to measure generated data.

    `one_shot(*needs, **settings)` measures at once. `accumulate(state, batch)` takes what it has seen so far
    (`None` at first) and returns the new state without changing the old one; there is one state for each of
    the metric's sets, and `compute(*states, **settings)` ends it. Where the statistics allow, the
    state does not grow with the number of samples.

    Attributes:
        name: What people type.
        one_shot: The function that measures at once.
        accumulate: `(state, batch) -> state`; `None` where the metric does not measure sets of samples.
        compute: `(*states, **settings) -> Result`; `None` likewise.
        summary: One sentence on what it tells.
        source: Paper and equation.
        needs: What `one_shot` takes, in order: `("real", "fake")`.
        lower_is_better: Which way is better, by name where there are several values; `None` where neither is.

    Example:
        >>> from poise.metrics import METRICS
        >>> METRICS["frechet-distance"].needs
        ('real', 'fake')
    """

    name: str
    one_shot: Callable[..., Result]
    accumulate: Callable[[Any, Any], Any] | None
    compute: Callable[..., Result] | None
    summary: str
    source: str
    needs: tuple[str, ...]
    lower_is_better: bool | Mapping[str, bool | None] | None
