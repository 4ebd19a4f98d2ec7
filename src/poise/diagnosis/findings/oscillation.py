"""`oscillation`: the players circle each other, and the samples go round without getting better."""

from __future__ import annotations

import statistics

from poise.diagnosis.finding import Evidence
from poise.diagnosis.findings.settings import rates_times
from poise.diagnosis.past import middle, unchecked, values
from poise.diagnosis.rule import HEALTHY, Proposal, Readings, Rule, Unchecked, Verdict
from poise.diagnosis.signals.series import swing, together, turns

SPAN = 24
"""Checks that are looked back on."""

PEAK = 0.45
"""Share of the variance in one period and its neighbours; of 24 values without one it is near 0.4."""

LOSS_PEAK = 0.6
"""The same of losses, where they are all that there is."""

TURNS = 4
"""Swings from one side to the other within the span: two periods."""

WIDE = 0.4
"""Standard deviations of the data through which the samples' centre swings."""


def judge(readings: Readings) -> Verdict | Unchecked:
    """The centre of the samples swings, in one period, as far as the data are wide."""
    missing = unchecked(readings[-1], "centre")
    if missing is not None:
        return _by_losses(readings) or missing
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


def _by_losses(readings: Readings) -> Verdict | None:
    """From losses alone: both swing in one period, against each other, and the metric gains nothing."""
    generator, discriminator = (
        values(readings, f"{player}_loss", 2 * SPAN) for player in ("generator", "discriminator")
    )
    if len(generator) < SPAN or len(generator) != len(discriminator):
        return None
    share, period = swing(generator)
    phase = together(generator, discriminator)
    width = statistics.pstdev(generator) / max(abs(statistics.fmean(generator)), 1e-9)
    metric = values(readings, "metric")
    gains = len(metric) >= 6 and statistics.median(metric[-3:]) < 0.9 * statistics.median(metric[:-3][-6:])
    evidence = Evidence(
        {
            "share of one period": round(share, 3),
            "phase of the losses": round(phase, 3),
            "swing": round(width, 3),
        },
        {"share of one period": LOSS_PEAK, "phase of the losses": -0.5, "swing": 0.05},
        {
            "share of one period": "below 0.4",
            "phase of the losses": "above -0.5",
            "swing": "any, without a period",
        },
    )
    if share > LOSS_PEAK and phase < -0.5 and width > 0.05 and turns(generator) >= TURNS and not gains:
        every = (readings[-1].step - readings[max(0, len(readings) - len(generator))].step) / len(generator)
        return Verdict(
            "watch",
            f"Both losses swing against each other in one period of about {period * every:.0f} steps.",
            evidence,
            beyond=share / LOSS_PEAK,
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
