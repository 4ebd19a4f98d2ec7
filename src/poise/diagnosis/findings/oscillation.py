"""`oscillation`: the players circle each other, and the samples go round without getting better."""

from __future__ import annotations

import math
import statistics
from itertools import pairwise

from poise.diagnosis.finding import Evidence
from poise.diagnosis.findings.settings import calm, deepened, rates_times
from poise.diagnosis.rule import HEALTHY, Measurements, Proposal, Rule, Unchecked, Verdict
from poise.diagnosis.trends import (
    blind,
    correlation,
    crossings,
    deviation,
    dominant_period,
    gains,
    median,
    values,
)

SPAN = 16  # Spans, sixtieths of a run, and checks, that are looked back on
LOSS_SPAN = 24  # Checks that are needed if there are losses alone
# Share of the losses' variance in one period and its neighbours; of 48 values without one it is near 0.2
LOSS_PEAK = 0.6
TURNS = 4  # Swings of a loss from one side to the other within the span: two periods
WIDE = 0.42  # Standard deviations of the data through which the samples' centre swings
STEP = 0.5  # Deviations that the centre goes from one check to the next, in the mean: it may rest in between
# The same for swings that are slower than the span: twice of both, and times that it must change sides
SLOW_SPAN, SLOW_WIDE, SLOW_TURNS = 32, 0.84, 3
# Share of the way that it went by which it got away, and its way over the width: one round is about nine
ROUND, ROUNDS = 0.2, 8.0
LEAST = 0.75  # Share of a span's checks that there must be
NEARER = 0.6  # Share of the distance half a span ago below which samples come nearer while they swing
LOST = 0.99  # AUC above which the discriminator wins all the time
FAR = 0.2  # Energy distance below which samples have arrived, and may swing as they like


def judge(measurements: Measurements) -> Verdict | Unchecked:
    """The centre of the samples goes a long way to and fro, and neither gets away nor nearer to the data.

    No period is required: checks are seldom in step with the swing, so that its period does not show.
    """
    quick = _by_centres(measurements, span=SPAN, wide=WIDE, least_step=STEP, least_turns=0)
    slow = _by_centres(measurements, span=SLOW_SPAN, wide=SLOW_WIDE, least_step=0.0, least_turns=SLOW_TURNS)
    return quick or slow or HEALTHY


def _by_centres(
    measurements: Measurements, *, span: int, wide: float, least_step: float, least_turns: int
) -> Verdict | None:
    """What the samples' centre did over a span of checks; `None` if it did not go round."""
    looks = measurements.last(span, least=span).thinned()
    centres = [one.centre for one in looks if one.centre]
    if len(centres) < LEAST * span:
        return None
    rows = list(zip(*centres, strict=True))
    width = max(map(deviation, rows))
    if width <= wide:
        return None
    steps = [math.dist(one, other) for one, other in pairwise(centres)]
    step = statistics.fmean(steps)
    start, end = ([statistics.fmean(row[part]) for row in rows] for part in (slice(4), slice(-4, None)))
    away = math.dist(start, end) / max(sum(steps), 1e-9)
    near, before = (
        median(measurements, "distance", span // 2, 0),
        median(measurements, "distance", span, span // 2),
    )
    nearing = near is not None and before is not None and near < NEARER * before and gains(measurements)
    far = near is None or near > FAR
    evidence = Evidence.of(
        ("swing", round(width, 3), wide, "below 0.3"),
        ("step", round(step, 3), least_step, "below 0.4"),
        ("gets away", round(away, 3), ROUND, "any, if steps are small"),
    )
    goes_round = away < ROUND and sum(steps) > ROUNDS * width
    # Players that circle each other win in turn; a generator that always loses is thrown about.
    lost = statistics.median(values(measurements, "auc", span) or [0.0]) > LOST or blind(measurements, span)
    comes_back = max(map(crossings, rows)) >= least_turns
    swings = width > wide and step > least_step and goes_round and comes_back and not lost
    if swings and far and not nearing:
        return Verdict(
            "trouble" if width > 2 * wide else "watch",
            f"The samples go round: their centre swings through {width:.2g} standard deviations of the data, "
            f"{step:.2g} from one check to the next, and they come no nearer.",
            evidence,
            beyond=width / wide,
        )
    return None


def _by_losses(measurements: Measurements) -> Verdict | None:
    """From losses alone: both swing in one period, against each other, and the metric gains nothing."""
    generator, discriminator = (
        values(measurements, f"{player}_loss", 2 * SPAN) for player in ("generator", "discriminator")
    )
    if len(generator) < LOSS_SPAN or len(generator) != len(discriminator):
        return None
    share, period = dominant_period(generator)
    phase = correlation(generator, discriminator)
    width = deviation(generator) / max(abs(statistics.fmean(generator)), 1e-9)
    metric = values(measurements, "metric")
    better = len(metric) >= 6 and statistics.median(metric[-3:]) < 0.9 * statistics.median(metric[:-3][-6:])
    evidence = Evidence.of(
        ("share of one period", round(share, 3), LOSS_PEAK, "below 0.4"),
        ("phase of the losses", round(phase, 3), -0.5, "above -0.5"),
        ("swing", round(width, 3), 0.05, "any, without a period"),
    )
    if share > LOSS_PEAK and phase < -0.5 and width > 0.05 and crossings(generator) >= TURNS and not better:
        first = measurements[max(0, len(measurements) - len(generator))]
        every = (measurements[-1].step - first.step) / len(generator)
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
    needs=("centre",),
    otherwise=_by_losses,
    proposals=(
        Proposal(
            "add a heavy R1 penalty, or ten times the one there is, on every step, and take the momentum out",
            "the penalty damps the rotation, which momentum drives on",
            "the swing gets smaller from period to period",
            calm,
        ),
        Proposal(
            "give a discriminator without hidden layers three of them",
            "one that only weighs pixels pushes all samples one way, then back",
            "the samples spread out",
            deepened,
            restart=True,
        ),
        Proposal(
            "halve both rates",
            "smaller steps leave the circle more slowly than the penalty draws inwards",
            "the swing gets smaller",
            lambda recipe: rates_times(recipe, 0.5),
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
            lambda recipe: {"ema.half_life": 100_000, "ema.ramp": 0.5},
        ),
    ),
    source="Mescheder et al. 2018, sections 2 and 4; Gidel et al. 2019",
    warm_up=32,
    trouble_after=12,
    explains=("not-learning", "mode-hopping", "mode-collapse", "generator-dominates", "quality-regressed"),
)
