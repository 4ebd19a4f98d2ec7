"""`data-shortcut`: something simple that only reals have gives every fake away."""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left
from collections.abc import Sequence

from poise.diagnosis.finding import Evidence, Measurement
from poise.diagnosis.findings.discriminator_dominates import VANISHED, push
from poise.diagnosis.rule import HEALTHY, Measurements, Proposal, Rule, Unchecked, Verdict
from poise.diagnosis.trends import CLOSE, values

APART = 0.95  # AUC above which nearly every fake is recognised
TELLS = 0.995  # Area under the curve above which one statistic alone tells every fake
DEVIATIONS = 2.5  # Standard deviations by which it must differ besides
# Statistics that an average of the data gets right; blurred or collapsed samples miss the others anyway
LINEAR = ("mean", "border", "channel", "coordinate")
# Spread below which samples are blurred or collapsed; deviations of the extremes beyond what that does
SPREAD, BLUR = 0.3, 10.0
STAYS = 0.85  # Share of what it was a sixth of the run ago that it must still be
MOVES = 0.03  # Movement of the samples from which the generator has tried
WENT = 0.6  # Share of its first distance to which a generator has come that has met a wall
SETTLED = 5  # Spans, sixtieths of a run, that a generator has to leave its first noise
SPAN = 10  # Spans that are looked back on
LEAST = 6  # Checks that there must be


def judge(measurements: Measurements) -> Verdict | Unchecked:
    """One simple statistic tells every fake at every check since the run began, whatever the generator does.

    Data do not change while they are trained on: what only reals have is there from the first check on. A
    statistic that tells fakes later, or less and less, is that of a generator which is ill or still learns.
    """
    now = measurements[-1]
    begin = bisect_left(measurements.times, SETTLED + CLOSE)
    settled = measurements[begin:]
    probed = [one for one in settled if one.probes]
    if len(probed) < LEAST or measurements.now < SETTLED + SPAN - CLOSE:
        return HEALTHY
    apart = statistics.median(values(settled, "auc"))
    spread = statistics.median(values(settled, "spread", SPAN))
    # A generator that hardly moves has not tried, unless it went all the way to a wall at once.
    lately = [one for one in settled.last(SPAN, least=LEAST) if one.probes]
    since = lately if _moves(measurements, spread) else probed if _went(measurements) else []
    best, effect, area = "", 0.0, 0.5
    for name in now.probes:
        least_area, least_effect = _least(probed, name, 0), _least(probed, name, 1)
        least = DEVIATIONS if spread > SPREAD or name.startswith(LINEAR) else _beyond_blur(name)
        if since and least_area > TELLS and least_effect > max(least, effect) and _stays(since, name):
            best, effect, area = name, least_effect, least_area
    evidence = Evidence.of(
        ("auc", round(apart, 4), APART, "0.55 to 0.95"),
        (f"{best or 'best statistic'} alone", round(area, 4), TELLS, "0.5 to 0.9"),
        ("apart, in deviations", round(min(effect, 1e4), 2), DEVIATIONS, "below 1.5"),
    )
    if best and apart > APART:
        return Verdict(
            "trouble",
            f"The {best} of a sample alone tells every fake from the data ({min(effect, 1e4):.0f} deviations "
            "apart), so the discriminator need not learn what they show.",
            evidence,
            beyond=effect / DEVIATIONS,
        )
    return HEALTHY


def _beyond_blur(name: str) -> float:
    return BLUR if name in ("least", "greatest") else math.inf


def _column(measurements: Sequence[Measurement], name: str, index: int) -> list[float]:
    return [one.probes[name][index] for one in measurements if name in one.probes]


def _least(measurements: Sequence[Measurement], name: str, index: int) -> float:
    """The least that a statistic's area or effect was, but for one check in ten."""
    found = sorted(_column(measurements, name, index))
    return found[len(found) // 10]


def _stays(measurements: Sequence[Measurement], name: str) -> bool:
    effects = _column(measurements, name, 1)
    return statistics.median(effects[-3:]) > STAYS * statistics.median(effects[:3])


def _moves(measurements: Measurements, spread: float) -> bool:
    """Whether the generator is pushed and moves, or moves by more than its samples differ."""
    moves = statistics.median(values(measurements, "movement", SPAN) or [1.0])
    return moves > max(spread, 1e-6) or (moves > MOVES and push(measurements) > VANISHED)


def _went(measurements: Measurements) -> bool:
    far = values(measurements, "distance")
    return statistics.median(values(measurements, "distance", SPAN)) < WENT * far[0]


RULE = Rule(
    name="data-shortcut",
    summary="Something simple that only reals have gives every fake away.",
    judge=judge,
    needs=("auc", "probes"),
    proposals=(
        Proposal(
            "bring the data into the range that the generator can make, -1 to 1 behind a tanh",
            "values that the generator cannot reach give every fake away",
            "the AUC falls below 0.95 within some hundred steps",
        ),
        Proposal(
            "crop frames and padding, and decode and resize reals and fakes in one way",
            "a border, a grid of compression or another filter is seen before any content",
            "the AUC falls below 0.95 within some hundred steps",
        ),
        Proposal(
            "put instance noise on all that is scored",
            "it hides what is small, until the data are mended",
            "the AUC falls while the noise lasts",
            lambda recipe: {"augmentations.instance-noise.deviation": 0.1},
            share=0.2,
        ),
    ),
    source="Chintala et al. 2016 (ganhacks), on ranges; Sønderby et al. 2016 on instance noise",
    warm_up=20,
    trouble_after=6,
    explains=(
        "discriminator-dominates",
        "not-learning",
        "mode-collapse",
        "mode-hopping",
        "oscillation",
        "quality-regressed",
    ),
)
