"""`oscillation`: the players circle each other, and the samples go round without getting better."""

from __future__ import annotations

import statistics

from poise.diagnosis.finding import Evidence
from poise.diagnosis.findings.settings import rates_times
from poise.diagnosis.past import middle, unchecked
from poise.diagnosis.rule import HEALTHY, Proposal, Readings, Rule, Unchecked, Verdict
from poise.diagnosis.signals.series import swing, turns

SPAN = 24
"""Checks that are looked back on."""

PEAK = 0.45
"""Share of the variance in one period and its neighbours; of 24 values without one it is near 0.4."""

TURNS = 4
"""Swings from one side to the other within the span: two periods."""

WIDE = 0.4
"""Standard deviations of the data through which the samples' centre swings."""


def judge(readings: Readings) -> Verdict | Unchecked:
    """The centre of the samples swings, in one period, as far as the data are wide."""
    missing = unchecked(readings[-1], "centre")
    if missing is not None:
        return missing
    span = [one for one in readings[-SPAN:] if one.centre]
    if len(span) < SPAN:
        return HEALTHY
    rows = list(zip(*(one.centre for one in span), strict=True))
    widths = [statistics.pstdev(row) for row in rows]
    place = max(range(len(rows)), key=lambda at: widths[at])
    share, period = swing(rows[place])
    width = widths[place]
    near, before = middle(readings, "distance", 6, 0), middle(readings, "distance", SPAN, SPAN - 7)
    stuck = near is None or before is None or near > 0.75 * before
    far = near is None or near > 0.1
    every = (span[-1].step - span[0].step) / (len(span) - 1)
    evidence = Evidence(
        {"swing": round(width, 3), "share of one period": round(share, 3)},
        {"swing": WIDE, "share of one period": PEAK},
        {"swing": "below 0.2", "share of one period": "below 0.4"},
    )
    if width > WIDE and share > PEAK and turns(rows[place]) >= TURNS and stuck and far:
        return Verdict(
            "trouble" if width > 2 * WIDE else "watch",
            f"The samples go round: their centre swings through {width:.2g} standard deviations of the data "
            f"every {period * every:.0f} steps, and they come no nearer.",
            evidence,
            beyond=width / WIDE,
        )
    return HEALTHY


RULE = Rule(
    name="oscillation",
    summary="The players circle each other, and the samples go round without getting better.",
    judge=judge,
    proposals=(
        Proposal(
            "add an R1 penalty on every step",
            "it damps the rotation: without it the game's eigenvalues lie on the imaginary axis",
            "the swing gets smaller from period to period",
            lambda recipe: {"penalties.r1.every": 1},
        ),
        Proposal(
            "take the momentum out and halve both rates",
            "momentum drives a rotation on",
            "the swing gets smaller",
            lambda recipe: {
                **rates_times(recipe, 0.5),
                "optimisers.generator.beta1": 0.0,
                "optimisers.discriminator.beta1": 0.0,
            },
        ),
        Proposal(
            "look a step ahead: extragradient",
            "its steps point inwards where plain ones follow the circle; more discriminator steps do not",
            "the swing gets smaller",
            lambda recipe: {"dynamics": "extragradient"},
        ),
        Proposal(
            "sample from a longer average of the generator",
            "the mean of a circle is near its centre",
            "the average's distance falls below that of the generator",
            lambda recipe: {"average.half_life": 100_000, "average.ramp": 0.5},
        ),
    ),
    source="Mescheder et al. 2018, sections 2 and 4; Gidel et al. 2019",
    warm_up=24,
    watch_after=3,
    trouble_after=4,
    explains=("not-learning",),
)
