"""The runs: which fault is planted in which game, with which seed.

There were four rounds. The first, `first_round`, kept seed 2 and six kinds out of calibration; the second
kept out what is in `second_round`, at seeds 3 to 5; the third what is in `third_round`, at seeds 6 to 8; the
fourth keeps out what is in `fourth_round`, at seeds 9 to 12. Whatever was seen counts as calibration for the
next. The kinds, the games and the rules of a round were committed before any of its runs was played.
"""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.planted_faults.bases import BASES
from benchmarks.planted_faults.fault import Fault
from benchmarks.planted_faults.first_round import FAULTS
from benchmarks.planted_faults.fourth_round import FOURTH_FAULTS, FOURTH_HEALTHY, FOURTH_SEEDS
from benchmarks.planted_faults.second_round import SECOND_FAULTS, SECOND_HEALTHY
from benchmarks.planted_faults.third_round import THIRD_FAULTS, THIRD_HEALTHY

__all__ = ["FAULTS", "HEALTHY", "Case", "Fault", "cases"]

HEALTHY = "healthy"

SECOND_SEEDS, THIRD_SEEDS = (3, 4, 5), (6, 7, 8)
FIRST_KEPT_OUT = 9
"""The seed from which on no rule and no threshold was chosen by a run."""


@dataclass(frozen=True)
class Case:
    """One run.

    Attributes:
        base: The game.
        fault: What is planted; `None` in a healthy run.
        seed: Of everything.
    """

    base: str
    fault: Fault | None
    seed: int

    @property
    def kind(self) -> str:
        """The fault's name, or `healthy`."""
        return HEALTHY if self.fault is None else self.fault.name

    @property
    def name(self) -> str:
        """Of its record."""
        return f"{self.kind}--{self.base}--{self.seed}"

    @property
    def kept_out(self) -> bool:
        """Whether no rule and no threshold was chosen by it."""
        return self.seed >= FIRST_KEPT_OUT


def cases() -> list[Case]:
    """All runs, in the order in which they are recorded: those for calibration come first."""
    seen = [Case(base, fault, place % 3) for fault in FAULTS for place, base in enumerate(fault.bases)] + [
        Case(base, None, seed)
        for seed in (0, 1, 2)
        for base in (*BASES, "conditional-digits", "conditional-ring")
    ]
    second = _new(SECOND_FAULTS, SECOND_HEALTHY, SECOND_SEEDS)
    return [*seen, *second, *_new(THIRD_FAULTS, THIRD_HEALTHY, THIRD_SEEDS), *_fourth()]


def _new(faults: tuple[Fault, ...], healthy: tuple[str, ...], seeds: tuple[int, int, int]) -> list[Case]:
    """The runs of a later round, one of each kind first, so that a part of them already says something."""
    planted = [(base, fault) for fault in faults for base in fault.bases]
    found = [
        Case(base, fault, seeds[place % 3])
        for place, (base, fault) in enumerate([*planted, *((base, None) for base in healthy)])
    ]
    return [case for turn in range(3) for case in found[turn::3]]


def _fourth() -> list[Case]:
    """The runs of the fourth round: every game at one seed, healthy and with each of its faults."""
    planted = [Case(base, fault, FOURTH_SEEDS[base]) for fault in FOURTH_FAULTS for base in fault.bases]
    return [*planted, *(Case(base, None, FOURTH_SEEDS[base]) for base in FOURTH_HEALTHY)]
