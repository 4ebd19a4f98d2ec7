"""The privacy budget of a run: what each look at the rows costs, and the noise that keeps within it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from poise.errors import PoiseError
from poise.recipes import Recipe
from poise.recipes.settings import Private

FOR_VALUES = 0.1
"""The share of delta for values of columns that are named because many rows hold them."""

LEAST_NOISE, MOST_NOISE = 0.05, 1e5
"""Between them a noise is looked for."""

GRID = 1e-3
"""The step of the accountant's grid of privacy losses, in epsilons; its estimate errs upwards."""


@dataclass(frozen=True)
class Looks:
    """All looks at the rows, each by its noise in units of what one row changes; 0 for no look.

    Attributes:
        columns: For what columns hold.
        start: For what the generator begins with.
        steps: Of one update of the critic.
        updates: Updates of the critic.
        rate: The probability with which a row is in a batch.
    """

    columns: float = 0.0
    start: float = 0.0
    steps: float = 0.0
    updates: int = 0
    rate: float = 1.0

    def epsilon(self, delta: float, *, grid: float = GRID) -> float:
        """What these looks cost together at a delta, by an accountant with a grid of that step.

        Raises:
            PoiseError: The accountant is not installed.

        Example:
            >>> round(Looks(start=4.0).epsilon(1e-5), 2)
            0.93

        Source: Koskela et al. 2020 and Doroshenko et al. 2022, by the library dp-accounting.
        """
        events, accountant = _accounting(grid)
        for noise in (self.columns, self.start):
            if noise:
                accountant.compose(events.GaussianDpEvent(noise))
        if self.steps and self.updates:
            update = events.PoissonSampledDpEvent(self.rate, events.GaussianDpEvent(self.steps))
            accountant.compose(update, self.updates)
        return float(accountant.get_epsilon(delta))


@dataclass(frozen=True)
class Budget:
    """How much noise each part of a private run takes.

    Attributes:
        asked: Epsilon, delta and how they are shared out.
    """

    asked: Private

    @property
    def delta(self) -> float:
        """What is left of delta beside the naming of values."""
        return self.asked.delta * (1 - FOR_VALUES)

    @property
    def delta_of_values(self) -> float:
        """The probability that a value which one row alone holds is named."""
        return self.asked.delta * FOR_VALUES

    def cost(self, looks: Looks) -> float:
        """The epsilon of some looks, on a grid that is fine beside what is asked."""
        return looks.epsilon(self.delta, grid=GRID * self.asked.epsilon)

    @cached_property
    def columns(self) -> float:
        """The noise for what columns hold; 0 if nothing of it is asked of the rows."""
        share = self.asked.columns * self.asked.epsilon
        return solved(lambda noise: self.cost(Looks(columns=noise)), share) if share else 0.0

    def start(self, columns: float) -> float:
        """The noise for what the generator begins with, beside that of the columns."""
        if not self.asked.start:
            return 0.0
        share = (self.asked.columns + self.asked.start) * self.asked.epsilon
        return solved(lambda noise: self.cost(Looks(columns, noise)), share)

    def steps(self, columns: float, start: float, updates: int, rate: float) -> float:
        """The noise of an update of the critic, beside the others."""
        return solved(
            lambda noise: self.cost(Looks(columns, start, noise, updates, rate)), self.asked.epsilon
        )


def looks_of(recipe: Recipe, rows: int, steps: int) -> Looks:
    """The looks of a run that has made so many steps of a resolved recipe."""
    assert recipe.private is not None
    updates = steps * recipe.dynamics.options["discriminator_steps"]
    return Looks(
        recipe.private.column_noise or 0.0,
        recipe.private.start_noise or 0.0,
        recipe.private.step_noise or 0.0,
        updates,
        recipe.batch_size / rows,
    )


def solved(cost: Callable[[float], float], most: float) -> float:
    """The least noise whose cost is at most so much, six thousandths above it at most.

    Example:
        >>> 2.0 <= solved(lambda noise: 1 / noise, 0.5) <= 2.012
        True
    """
    high = 1.0
    while cost(high) > most:
        high *= 2
        if high > MOST_NOISE:
            what, hint = f"No noise keeps this run within epsilon {most:g}", "give a larger epsilon"
            raise PoiseError(what, code="training.private-budget", hint=hint)
    low = high / 2
    while low > LEAST_NOISE and cost(low) <= most:
        low, high = low / 2, low
    while high / low > 1.005:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if cost(middle) <= most else (middle, high)
    digits = 10.0 ** (3 - math.floor(math.log10(high)))
    return math.ceil(high * digits) / digits


def _accounting(grid: float) -> tuple[Any, Any]:
    """The module of events and an accountant; neighbours differ by one row more or less."""
    try:
        from dp_accounting import dp_event  # noqa: PLC0415 - an extra
        from dp_accounting.pld import PLDAccountant  # noqa: PLC0415 - as above
    except ImportError:
        what = "A private run needs the package dp-accounting"
        hint = "pip install 'poise[private]'"
        raise PoiseError(what, code="training.private-extra", hint=hint) from None
    return dp_event, PLDAccountant(value_discretization_interval=grid)
