"""The record that a dynamics is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from poise.dynamics.game import Batch

NextBatch = Callable[[], Batch]
Measured = Mapping[str, Tensor]


@dataclass(frozen=True)
class Dynamics:
    """How two players move at once.

    Attributes:
        name: What people type.
        step: `(match, next_batch, step, **settings) -> measured`: one update of the game. What it measured
            comes back as detached tensors by name, on the device.
        summary: One sentence on what it does.
        source: Paper and equation.
        second_order: Whether it differentiates gradients, which not every operator of a network allows.
    """

    name: str
    step: Callable[..., Measured]
    summary: str
    source: str
    second_order: bool = False
