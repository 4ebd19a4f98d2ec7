"""The record that a dynamics is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from poise.dynamics.game import Batch

NextBatch = Callable[[], Batch]
Logs = Mapping[str, Tensor]


def _one(settings: Mapping[str, Any]) -> int:
    return 1


@dataclass(frozen=True)
class Dynamics:
    """How two players are updated at once.

    Attributes:
        name: What people type.
        step: `(players, next_batch, step, **settings) -> logs`: one update of the game. The logs
            are detached tensors by name, on the device.
        summary: One sentence on what it does.
        source: Paper and equation.
        batches: From its settings to how many batches a step draws.
        second_order: Whether it differentiates gradients, which not every operator of a network allows.
    """

    name: str
    step: Callable[..., Logs]
    summary: str
    source: str
    batches: Callable[[Mapping[str, Any]], int] = _one
    second_order: bool = False
