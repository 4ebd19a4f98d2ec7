"""What a planted fault is, and what several kinds of them are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from benchmarks.planted_faults.meddling import Meddle
from benchmarks.planted_faults.planting import Bewitched
from poise.data import Dataset


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes:
        name: What it is called.
        finding: What the doctor should call it.
        bases: The games it is planted in, one a run.
        also: Findings that are true of it, too, and count neither for nor against.
        onset: From which share of the run on; 0 for from the start.
        changes: What it changes in the recipe.
        rows: What it does to the rows, from the source and the seed.
        distort: What it does to reals, in the networks' space.
        meddle: Makes a hand that meddles from the onset on, from the source and the seed.
        held_out: The share of the data that is held out.
        steps: The share of the game's steps that it is run for.
        handful: How many rows alone are ever shown; 0 for all.
        complete: Whether a generator collapses wholly by it, to one sample.
    """

    name: str
    finding: str
    bases: tuple[str, ...]
    also: tuple[str, ...] = ()
    onset: float = 0.0
    changes: Mapping[str, Any] = field(default_factory=dict)
    rows: Callable[[Dataset, int], Bewitched] | None = None
    distort: Callable[[Tensor], Tensor] | None = None
    meddle: Callable[[Dataset, int], Meddle] | None = None
    held_out: float | None = None
    steps: float = 1.0
    handful: int = 0
    complete: bool = False

    @property
    def rescuable(self) -> bool:
        """Whether a change of the recipe can mend it: it lies in the recipe itself."""
        return bool(self.changes) and not (self.rows or self.distort or self.meddle or self.handful)


def no_penalties() -> dict[str, Any]:
    return {"penalties.r1": None, "penalties.r2": None, "penalties.wgan-gp": None}


def both(name: str, value: Any) -> dict[str, Any]:
    return {f"optimisers.{player}.{name}": value for player in ("generator", "discriminator")}


DYNAMICS = (
    "mode-collapse",
    "mode-hopping",
    "oscillation",
    "quality-regressed",
    "generator-dominates",
    "discriminator-dominates",
)
"""What may follow where the balance of the players is lost altogether."""
