"""What a quantity did over the readings so far."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from poise.diagnosis.measurement import Measurement
from poise.diagnosis.rule import Unchecked

TELLS_NOTHING = 0.05
"""Difference of the separation from a half below which the discriminator tells nothing."""


def values(measurements: Sequence[Measurement], name: str, last: int | None = None) -> list[float]:
    """A quantity's values, oldest first; those that are missing are left out.

    Args:
        measurements: The readings.
        name: The quantity.
        last: How many readings back; all where nothing is said.
    """
    chosen = measurements if last is None else measurements[-last:]
    return [value for one in chosen if (value := getattr(one, name)) is not None]


def middle(measurements: Sequence[Measurement], name: str, first: int, last: int) -> float | None:
    """The median of a quantity between `first` and `last` readings ago; `None` where none is there.

    Example:
        >>> middle([Measurement(step, spread=float(step)) for step in range(9)], "spread", 4, 2)
        5.0
    """
    found = values(measurements[max(0, len(measurements) - 1 - first) : len(measurements) - last], name)
    return statistics.median(found) if found else None


def best(measurements: Sequence[Measurement], name: str) -> float | None:
    """The greatest that a quantity has been for two readings of three in a row.

    Example:
        >>> values = [0.1, 0.9, 0.2, 0.3]
        >>> best([Measurement(step, spread=value) for step, value in enumerate(values)], "spread")
        0.3
    """
    found = values(measurements, name)
    triples = zip(found, found[1:], found[2:], strict=False)
    return max((sorted(three)[1] for three in triples), default=max(found, default=None))


def gains(measurements: Sequence[Measurement]) -> bool:
    """Whether samples are about as near to the data as they have ever been, in medians of five checks.

    What goes round comes nearer, too, for half of each round, but to nowhere where it has not been before.

    Example:
        >>> gains([Measurement(step, distance=1 / (1 + step)) for step in range(20)])
        True
        >>> values = 5 * [1.0] + 5 * [5.0] + 5 * [3.0]
        >>> gains([Measurement(step, distance=far) for step, far in enumerate(values)])
        False
    """
    found = values(measurements, "distance")
    medians = [statistics.median(found[place : place + 5]) for place in range(max(1, len(found) - 4))]
    return not found or medians[-1] <= 1.1 * min(medians)


def blind(measurements: Sequence[Measurement], last: int) -> bool:
    """Whether the discriminator tells nothing, either way: then nothing answers the generator.

    Example:
        >>> blind([Measurement(step, separation=0.5) for step in range(9)], 8)
        True
    """
    told = values(measurements, "separation", last)
    return bool(told) and statistics.median(abs(one - 0.5) for one in told) < TELLS_NOTHING


def unchecked(measurement: Measurement, *names: str) -> Unchecked | None:
    """Why a rule that needs these quantities cannot be checked; `None` where all are there."""
    for name in names:
        value = getattr(measurement, name)
        if value is None or value == ():
            families = (name, _FAMILY.get(name, name))
            because = next((measurement.missing[one] for one in families if one in measurement.missing), None)
            return Unchecked(because or f"there was no {name.replace('_', ' ')}")
    return None


_FAMILY = {
    quantity: part
    for part, quantities in {
        "distance": ("spread", "coverage", "cells", "centre", "probes", "duplicates", "movement"),
        "held_out_gap": ("training_above_held_out", "copying", "copied", "nearness"),
        "condition_response": ("condition_followed", "condition_followed_real", "condition_chance"),
    }.items()
    for quantity in quantities
}
"""The part of an examination that measures a quantity, under whose name its absence is explained."""
