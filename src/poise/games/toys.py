"""The toy games by name, each with its methods and its settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from poise.dynamics import Players
from poise.dynamics.dynamics import Logs, NextBatch
from poise.errors import unknown_name
from poise.games.dirac import METHODS, SCHEDULES, dirac_trials
from poise.games.lab import Trial
from poise.games.two_costs import TwoCosts, two_costs_trial
from poise.registry import Registry


@dataclass(frozen=True)
class Toy:
    """A toy game.

    Attributes:
        name: What people type.
        summary: One sentence on what it shows.
        source: Paper and section.
        methods: What can be played, by name.
        schedules: In which order the players can move, where that is a choice of its own.
        start: Where the two numbers begin.
        steps: How many updates.
        trials: From methods and a schedule to what is played.
    """

    name: str
    summary: str
    source: str
    methods: tuple[str, ...]
    schedules: tuple[str, ...]
    start: tuple[float, float]
    steps: int
    trials: Callable[[Sequence[str], str], list[Trial]]

    def chosen(self, methods: Sequence[str]) -> tuple[str, ...]:
        """The named methods, all where none is named.

        Raises:
            PoiseError: There is no such method; the message gives the nearest names.
        """
        for name in methods:
            if name not in self.methods:
                raise unknown_name("method", name, self.methods, where=f"of the game '{self.name}'")
        return tuple(methods) or self.methods


BILINEAR_GAME = TwoCosts(first=lambda x, y: x * y, second=lambda x, y: -x * y)
"""min over x, max over y of x * y; without limits its field is the constant curl."""


def _bilinear(methods: Sequence[str], schedule: str) -> list[Trial]:
    rates = {"extragradient": 0.6, "extrapolation-from-the-past": 0.5, "optimistic": 0.5}
    limits = {"y": 1.0}
    found = []
    for name in methods:
        if name == "averaging":
            trial = two_costs_trial(BILINEAR_GAME, limits=limits, rate=1.0, name=name)
            trial = replace(trial, step=_fading(trial.step), steady=False, averaged=True)
        else:
            trial = two_costs_trial(BILINEAR_GAME, name, limits=limits, rate=rates.get(name, 0.1))
        found.append(trial)
    return found


def _fading(
    step: Callable[[Players, NextBatch, int], Logs],
) -> Callable[[Players, NextBatch, int], Logs]:
    """The same step at the rate 2 / sqrt(t), t from 1."""

    def faded(players: Players, next_batch: NextBatch, number: int) -> Logs:
        for optimiser in players.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = 2 / (number + 1) ** 0.5
        return step(players, next_batch, number)

    return faded


def _curl(methods: Sequence[str], schedule: str) -> list[Trial]:
    settings: dict[str, dict[str, Any]] = {
        "consensus": {"weight": 1.0},
        "extragradient": {"rate": 0.3},
        "optimistic": {"rate": 0.3},
    }
    return [
        two_costs_trial(BILINEAR_GAME, name, **{"rate": 0.05, **settings.get(name, {})}) for name in methods
    ]


TOYS: Registry[Toy] = Registry(
    "game",
    [
        Toy(
            name="dirac",
            summary="The smallest GAN: which methods converge, which circle.",
            source="Mescheder, Geiger and Nowozin 2018, section 2",
            methods=tuple(METHODS),
            schedules=tuple(SCHEDULES),
            start=(1.0, 1.0),
            steps=500,
            trials=dirac_trials,
        ),
        Toy(
            name="bilinear",
            summary="min over x, max over y of x * y, with y within [-1, 1].",
            source="Gidel et al. 2019, section 3",
            methods=(
                "simultaneous",
                "alternating",
                "averaging",
                "extragradient",
                "extrapolation-from-the-past",
                "optimistic",
            ),
            schedules=(),
            start=(2.0, 0.5),
            steps=100,
            trials=_bilinear,
        ),
        Toy(
            name="curl",
            summary="The field that only turns: plain steps circle for ever, others find the centre.",
            source="Mescheder, Nowozin and Geiger 2017, section 3; Balduzzi et al. 2018",
            methods=(
                "simultaneous",
                "alternating",
                "consensus",
                "symplectic-gradient-adjustment",
                "extragradient",
                "optimistic",
            ),
            schedules=(),
            start=(1.0, 1.0),
            steps=500,
            trials=_curl,
        ),
    ],
)
