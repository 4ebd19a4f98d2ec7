"""The record of a metric, and how a function becomes one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from typing import ParamSpec, Protocol, cast

from torch import Tensor

from poise.metrics.result import Result

Given = ParamSpec("Given")


class Prepared(Protocol):
    """A metric whose part that depends on the reals alone is computed already."""

    def __call__(self, fakes: Tensor, *, replicates: int, seed: int) -> Result:
        """The result for these fakes; the floor holds for the number that it was prepared for."""
        ...


@dataclass(frozen=True)
class Metric:
    """A way to measure generated data; a row of `METRICS`.

    Attributes:
        name: What people type.
        measure: `(*needs, **settings) -> Result`.
        summary: One sentence on what it measures.
        source: Paper and equation.
        needs: The positional arguments of `measure`, in order: `("real", "fake")`. Callers find out by these
            names what a metric can be applied to.
        lower_is_better: Which way is better, by name if there are several values; `None` if neither is.
        default_for: What it is measured on if the user names no metric: `"samples"` without their kind,
            samples of a `"mixture"`, translations of `"pairs"` or between `"domains"`. The metrics that suit
            a kind of data are part of the kind.
        while_training: For metrics that are cheap enough to be measured while training:
            `(*needs but "fake", held_out=..., fakes=..., seed=..., others=...) -> Prepared`.

    Example:
        >>> from poise.metrics import METRICS
        >>> METRICS["frechet-distance"].needs
        ('real', 'fake')
    """

    name: str
    measure: Callable[..., Result]
    summary: str
    source: str
    needs: tuple[str, ...]
    lower_is_better: bool | Mapping[str, bool | None] | None
    default_for: tuple[str, ...] = ()
    while_training: Callable[..., Prepared] | None = None


class Measure(Protocol[Given]):
    """The function of a metric, with its row of `METRICS`."""

    row: Metric

    def __call__(self, *given: Given.args, **settings: Given.kwargs) -> Result:
        """What the function returns, with the seconds that it took."""
        ...


def metric(
    summary: str,
    source: str,
    *,
    needs: tuple[str, ...] = ("real", "fake"),
    lower_is_better: bool | Mapping[str, bool | None] | None,
    default_for: tuple[str, ...] = (),
    while_training: Callable[..., Prepared] | None = None,
) -> Callable[[Callable[Given, Result]], Measure[Given]]:
    """Make a function a metric of its name: timed, and with a row."""

    def made(measure: Callable[Given, Result]) -> Measure[Given]:
        function = timed(measure)
        name = measure.__name__.replace("_", "-")
        row = Metric(name, function, summary, source, needs, lower_is_better, default_for, while_training)
        vars(function)["row"] = row
        return cast(Measure[Given], function)

    return made


def timed(measure: Callable[Given, Result]) -> Callable[Given, Result]:
    """The function, its result with the seconds that it took."""

    @wraps(measure)
    def measured(*given: Given.args, **settings: Given.kwargs) -> Result:
        started = time.perf_counter()
        result = measure(*given, **settings)
        return replace(result, seconds=time.perf_counter() - started)

    return measured
