"""Sounds for the metrics that need them as waves, however networks see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from poise.data import kind_of
from poise.errors import PoiseError
from poise.metrics.metric import Metric
from poise.metrics.result import Result

if TYPE_CHECKING:
    from poise.evaluation.measuring import Asked

AT_ONCE = 256  # Sounds whose phases are found together


def measured_waves(asked: Asked, metrics: Sequence[Metric], real: Tensor, fake: Tensor) -> dict[str, Result]:
    """The results of metrics of waves, by their names; both sides are as `to_data` has them.

    Raises:
        PoiseError: The data are no sounds.
    """
    if not metrics:
        return {}
    kind, transform = kind_of(asked.reference), asked.reference.transform
    made = kind.waves
    if made is None:
        what = f"'{asked.reference.name}' holds no sounds"
        raise PoiseError(what, code="evaluation.no-sounds", hint="choose other metrics")
    asked.tell("waves of both sides")
    sides = [
        torch.cat([made(transform.encode(part), transform) for part in side.split(AT_ONCE)])
        for side in (real, fake)
    ]
    results: dict[str, Result] = {}
    for metric in metrics:
        asked.tell(metric.name)
        results[metric.name] = metric.measure(*sides, seed=asked.seed)
    return results
