"""The discriminator wins: it tells every fake, and the generator learns nothing from it."""

from __future__ import annotations

import statistics
from itertools import pairwise

from poise.diagnosis.finding import Evidence
from poise.diagnosis.findings.settings import levelled, rate_of, rate_path, steady
from poise.diagnosis.rule import HEALTHY, Measurements, Proposal, Rule, Unchecked, Verdict
from poise.diagnosis.trends import CLOSE, came_from, median, rolling, values

APART = 0.99  # AUC above which every fake is recognised
VANISHED = 0.05  # Share of its own greatest median below which the generator's gradient has vanished
# Steps within which no generator can be expected to have come anywhere, however many checks they had
FIRST_STEPS = 24
SPAN = 10  # Spans, sixtieths of a run, over which losses are looked at if there is nothing else
LEAST = 8  # Values of both losses that there must be then
# If there are losses alone: what is left of the discriminator's, how far the generator's has grown
GONE, GROWN = 0.05, 3.0
# If there are losses alone: a discriminator's below this has won, beside a generator's above that
NOTHING, MUCH = 0.01, 0.9
HALTED = 0.25  # Share of its usual movement below which the generator has come to a halt
BEFORE = 8, 40  # Spans ago between which movement is the usual one
NO_NEARER = 0.9  # Share of what the distance was, above which samples have not come nearer
FAR = 0.25  # Energy distance beyond which a generator that comes no nearer is not simply done
# Spans, sixtieths of a run, in a row in which every fake is recognised: from the start, and later on
AT_ONCE, LONG = 4, 12
# Spans, the share of their looks at which every fake is recognised, and the share of the data below which a
# generator that covers no more has not simply begun slowly
HALF, MOSTLY, EMPTY = 30, 0.75, 0.3
STILL = 0.05  # Movement below which samples rest: one check fewer is then enough


def _discriminator_dominates(measurements: Measurements) -> Verdict | Unchecked:
    """Every fake is recognised, and the generator's gradient, its steps or its progress is gone."""
    spell = told_apart(measurements)
    lasts = measurements.now - spell.times[0] + 1 if len(spell) else 0.0
    apart = statistics.median(values(measurements, "auc", 5))
    pushed = push(measurements)
    evidence = Evidence.of(
        ("auc", round(apart, 4), APART, "0.55 to 0.95"),
        ("generator's gradient over its greatest", round(pushed, 4), VANISHED, "0.2 to 1"),
    )
    moves = median(measurements, "movement", 3, 0)
    still = moves is not None and moves < STILL
    few = len(spell) < min(AT_ONCE - still, 3) or lasts < AT_ONCE - still - CLOSE
    if few or (measurements[-1].observed or measurements[-1].step) < FIRST_STEPS:
        return _for_half(measurements, evidence)
    recognised = f"The discriminator tells {100 * apart:.1f} % of reals from fakes"
    near, before = median(measurements, "distance", 3, 0), came_from(measurements, "distance", SPAN, SPAN - 4)
    never = len(spell) >= len(measurements) - max(1, len(measurements) // 20)
    first = median(measurements[:2] if never else spell[:3], "distance", 3, 0)
    # If it was not measured in the spell's later half, samples may have come nearer since
    measured = measurements.column("distance")[0]
    known = not measured or measured[-1] > measurements.now - lasts / 2
    if known and pushed < VANISHED and (near is None or near > 0.8 * (before or first or 0.0)):
        return Verdict(
            "trouble",
            f"{recognised}, and the generator's gradient has fallen to {100 * pushed:.2g} % of what it was.",
            evidence,
            beyond=VANISHED / max(pushed, 1e-6),
        )
    if known and _halted(measurements) and _no_nearer(near, before):
        return Verdict("trouble" if lasts > AT_ONCE + 1 else "watch",
                       f"{recognised}, and samples have all but come to a halt.", evidence,
                       beyond=1.0 + 10 * (apart - APART))  # fmt: skip
    # Samples of fresh weights may first go away from the data; those that rest go nowhere
    long = lasts >= 2 * AT_ONCE
    begun, later = never and (still or long), lasts >= LONG and (near is None or near > FAR)
    if known and _no_nearer(near, first) and (begun or later):
        return Verdict("trouble" if never and long else "watch",
                       f"{recognised}, and samples come no nearer.", evidence,
                       beyond=1.0 + 10 * (apart - APART))  # fmt: skip
    return _for_half(measurements, evidence)


def _for_half(measurements: Measurements, evidence: Evidence) -> Verdict:
    """Nearly every fake is told at most looks of half of a run, and samples hold little of the data."""
    near, covered = (median(measurements, name, SPAN, 0) for name in ("distance", "coverage"))
    told = _told_share(measurements, HALF if measurements.steps else 2 * HALF)
    if told < MOSTLY or covered is None or covered >= EMPTY or near is None or near <= FAR:
        return HEALTHY
    return Verdict(
        "watch",
        f"The discriminator tells nearly every fake at {100 * told:.0f} % of the looks of half of a run, and "
        f"samples hold {100 * covered:.0f} % of the data.",
        evidence,
        beyond=1.0 + told - MOSTLY,
    )


def told_apart(measurements: Measurements) -> Measurements:
    """The last measurements at which every fake was recognised, except for one in twenty."""
    slips, count = 0, 0
    for one in reversed(measurements):
        slips += one.auc is not None and one.auc < APART
        if slips > max(1, count // 20) or (slips and not count):
            break
        count += 1
    return measurements[len(measurements) - count :]


def _told_share(measurements: Measurements, spans: float) -> float:
    """The share of the looks of the last spans at which every fake was recognised; 0 of a younger run."""
    looks = [
        one.auc
        for time, one in zip(measurements.times, measurements, strict=True)
        if measurements.now - time <= spans + CLOSE and one.auc is not None
    ]
    young = measurements.now - measurements.times[0] < spans - CLOSE
    return 0.0 if young or not looks else statistics.fmean(area > APART for area in looks)


def push(measurements: Measurements) -> float:
    """The generator's gradient over the greatest that it was, medians of three; 1 if it is unknown."""
    medians = rolling(measurements, "generator_gradient", 3)
    return medians[-1] / max(medians) if medians and max(medians) > 0 else 1.0


def _halted(measurements: Measurements) -> bool:
    """Whether samples move far less than they did in a span before.

    Two looks lie no farther apart than what samples went in all the spans between: a way that took many spans
    stands for its even part of them.
    """
    moves, (times, ways) = median(measurements, "movement", 3, 0), measurements.column("movement")
    gaps = (after - before for before, after in pairwise([measurements.times[0], *times]))
    before = [
        way / max(gap, 1.0)
        for time, way, gap in zip(times, ways, gaps, strict=True)
        if BEFORE[0] - CLOSE <= measurements.now - time <= BEFORE[1] + CLOSE
    ]
    return moves is not None and bool(before) and moves < HALTED * statistics.median(before)


def _no_nearer(near: float | None, before: float | None) -> bool:
    return near is None or before is None or near > NO_NEARER * before


def _dominates_by_losses(measurements: Measurements) -> Verdict | None:
    """From losses alone: the discriminator's is nothing, or has gone while the generator's has grown."""
    generator, discriminator = (
        values(measurements, f"{player}_loss") for player in ("generator", "discriminator")
    )
    few = min(len(generator), len(discriminator)) < LEAST
    if few or measurements.now < 2 * SPAN:
        return None
    theirs, own = (
        statistics.median(values(measurements, f"{player}_loss", SPAN))
        for player in ("discriminator", "generator")
    )
    count = max(3, round(len(generator) * SPAN / measurements.now))
    # A loss that may be negative, as Wasserstein's, says nothing by being small. If the generator's is
    # nothing, too, the two do not oppose each other: it is rewarded for being found out.
    if min(discriminator) >= 0 and theirs < NOTHING and (own > MUCH or own < NOTHING * discriminator[0]):
        return Verdict(
            "watch",
            f"The discriminator's loss is {theirs:.2g} beside the generator's {own:.2g}: it has won"
            + ("." if own > MUCH else ", and the generator does not work against it."),
            Evidence.of(
                ("discriminator's loss", round(theirs, 6), NOTHING, "0.3 to 2"),
                ("generator's loss", round(own, 3), MUCH, "0.5 to 3"),
            ),
            beyond=NOTHING / max(theirs, 1e-6),
        )
    left = theirs / max(abs(statistics.median(discriminator[:count])), 1e-9)
    grown = own / max(abs(statistics.median(generator[:count])), 1e-9)
    evidence = Evidence.of(
        ("discriminator's loss left", round(left, 4), GONE, "0.3 to 2"),
        ("generator's loss grown", round(grown, 2), GROWN, "0.5 to 3"),
    )
    if 0 <= left < GONE and grown > GROWN:
        return Verdict(
            "watch",
            f"The discriminator's loss has fallen to {100 * left:.1f} % of what it was at first, and the "
            f"generator's has grown {grown:.1f} times.",
            evidence,
            beyond=GONE / max(left, 1e-6),
        )
    return HEALTHY


DISCRIMINATOR_DOMINATES = Rule(
    name="discriminator-dominates",
    summary="The discriminator tells every fake, and the generator learns nothing from it.",
    judge=_discriminator_dominates,
    needs=("auc",),
    otherwise=_dominates_by_losses,
    proposals=(
        Proposal(
            "look at the data for what only reals have: range, padding, a grid of compression",
            "a discriminator that wins within some hundred steps has mostly found a shortcut",
            "the AUC falls below 0.95",
        ),
        Proposal(
            "raise the generator's rate to the discriminator's",
            "it learns many times more slowly than the player that it is to fool",
            "samples of the same latents move from check to check, and the distance falls",
            lambda recipe: levelled(recipe, "generator"),
        ),
        Proposal(
            "take the non-saturating loss, even steps and rates, and an R1 penalty on every step",
            "the minimax loss gives the generator no gradient while it loses, and R1 keeps the score from "
            "becoming a cliff",
            "the generator's gradient comes back",
            steady,
        ),
        Proposal(
            "set both rates to the same value, the discriminator's halved",
            "the player that learns faster wins before the other has learned from it",
            "the AUC falls below 0.95",
            lambda recipe: {
                rate_path(recipe, player): rate_of(recipe, "discriminator") / 2
                for player in ("generator", "discriminator")
            },
        ),
        Proposal(
            "put instance noise on all that is scored",
            "it makes the two distributions overlap, so that a slope remains between them",
            "the AUC falls while the noise lasts",
            lambda recipe: {"augmentations.instance-noise.deviation": 0.1},
            share=0.2,
        ),
    ),
    source="Arjovsky and Bottou 2017; Goodfellow et al. 2014, section 3; Chintala et al. 2016 (ganhacks)",
    warm_up=2,
    trouble_after=5,
    explains=("no-gradient", "not-learning", "mode-collapse", "quality-regressed", "mode-hopping"),
)
