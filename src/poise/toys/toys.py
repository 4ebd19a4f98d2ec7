"""The toy games by name, each with its methods and settings, and how one of them is run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from poise.dynamics import Players
from poise.dynamics.game import Logs, NextBatch
from poise.errors import PoiseError, unknown_name
from poise.registry import Registry
from poise.toys.dirac import METHODS, SCHEDULES, dirac_trials
from poise.toys.lab import Row, Trial, judge
from poise.toys.two_costs import TwoCosts, two_costs_trial


@dataclass(frozen=True)
class Toy:
    """A toy game."""

    name: str  # What people type
    summary: str  # One sentence on what it shows
    source: str  # Paper and section
    methods: tuple[str, ...]  # Its methods, by name
    start: tuple[float, float]  # Where the two numbers begin
    steps: int  # How many updates
    trials: Callable[[Sequence[str], str], list[Trial]]  # `(methods, schedule) -> trials`
    # In which order the players can be updated, if the methods leave that open
    schedules: tuple[str, ...] = ()

    def setting_text(self, dynamics: str) -> str:
        """Where it starts, how many steps it takes, and with which updates if they can be chosen."""
        updates = f", {dynamics} updates" if self.schedules else ""
        return f"{self.steps} steps from ({self.start[0]:g}, {self.start[1]:g}){updates}"


def run_toy(toy: Toy, methods: Sequence[str] = (), schedule: str | None = None) -> list[tuple[Trial, Row]]:
    """Run a toy game.

    Args:
        toy: The game.
        methods: Which methods; all by default.
        schedule: In which order the players are updated, for a game that leaves it open.

    Returns:
        A row for each method, in the given order, with its trial.

    Raises:
        PoiseError: There is no such method, or the game's methods are its dynamics.

    Example:
        >>> from poise.toys import TOYS
        >>> [(_, row)] = run_toy(TOYS["dirac"], ["consensus"])
        >>> row.verdict
        'converges'
    """
    for name in methods:
        if name not in toy.methods:
            raise unknown_name("method", name, toy.methods, where=f"of the game '{toy.name}'")
    if schedule is not None and not toy.schedules:
        what, why = f"The game '{toy.name}' has no --dynamics", "its methods are the dynamics"
        hint = f"choose among them: --methods {' '.join(toy.methods[:2])}"
        raise PoiseError(what, code="toys.no-dynamics", why=why, hint=hint)
    chosen = dict.fromkeys(methods or toy.methods)
    trials = toy.trials(list(chosen), schedule or next(iter(toy.schedules), ""))
    found = {row.method: (trial, row) for trial in trials for row in judge(trial, toy.start, toy.steps)}
    return [found[name] for name in chosen]


FIELD = TwoCosts(first=lambda x, y: x * y, second=lambda x, y: -x * y)
"""min over x, max over y of x * y; without limits its field is the constant curl."""

BILINEAR: dict[str, dict[str, Any]] = {
    "simultaneous": {},
    "alternating": {},
    "averaging": {},
    "extragradient": {"rate": 0.6},
    "extrapolation-from-the-past": {"rate": 0.5},
    "optimistic": {"rate": 0.5},
}
CURL: dict[str, dict[str, Any]] = {
    "simultaneous": {"rate": 0.05},
    "alternating": {"rate": 0.05},
    "consensus": {"rate": 0.05, "weight": 1.0},
    "symplectic-gradient-adjustment": {"rate": 0.05},
    "extragradient": {"rate": 0.3},
    "optimistic": {"rate": 0.3},
}


def _trials(
    settings: Mapping[str, Mapping[str, Any]],
    limits: Mapping[str, float],
    methods: Sequence[str],
    schedule: str,
) -> list[Trial]:
    return [
        _averaging(limits)
        if name == "averaging"
        else two_costs_trial(FIELD, name, limits=limits, **settings[name])
        for name in methods
    ]


def _averaging(limits: Mapping[str, float]) -> Trial:
    """Simultaneous steps of the size 2 / sqrt(t), t from 1, and the mean of all points."""
    plain = two_costs_trial(FIELD, limits=limits, name="averaging")

    def step(players: Players, next_batch: NextBatch, number: int) -> Logs:
        for optimiser in players.optimisers.values():
            optimiser.param_groups[0]["lr"] = 2 / (number + 1) ** 0.5
        return plain.step(players, next_batch, number)

    return replace(plain, step=step, averaged=True)


TOYS: Registry[Toy] = Registry(
    "game",
    [
        Toy(
            name="dirac",
            summary="The smallest GAN: which methods converge, which circle.",
            source="Mescheder, Geiger and Nowozin 2018, section 2",
            methods=tuple(METHODS),
            start=(1.0, -1.0),  # the paper's (1, 1): its labels of reals and fakes are exchanged
            steps=500,
            trials=dirac_trials,
            schedules=tuple(SCHEDULES),
        ),
        Toy(
            name="bilinear",
            summary="min over x, max over y of x * y, with y within [-1, 1].",
            source="Gidel et al. 2019, section 3",
            methods=tuple(BILINEAR),
            start=(2.0, 0.5),
            steps=100,
            trials=partial(_trials, BILINEAR, {"y": 1.0}),
        ),
        Toy(
            name="curl",
            summary="The field that only turns: plain steps circle for ever, others find the centre.",
            source="Mescheder, Nowozin and Geiger 2017, section 3; Balduzzi et al. 2018",
            methods=tuple(CURL),
            start=(1.0, 1.0),
            steps=500,
            trials=partial(_trials, CURL, {}),
        ),
    ],
)
