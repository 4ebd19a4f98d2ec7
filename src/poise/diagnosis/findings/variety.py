"""How much of the data the samples cover: few parts of them, or one after the other."""

from __future__ import annotations

import math
import statistics

from poise.diagnosis.distances import at_least, total_variation
from poise.diagnosis.finding import Evidence
from poise.diagnosis.findings.settings import calm, deepened_and_calm, packed, rates_times, single_steps
from poise.diagnosis.reference import MOST_PROBED
from poise.diagnosis.rule import HEALTHY, Measurements, Proposal, Rule, Unchecked, Verdict, unchecked
from poise.diagnosis.trends import SPANS, best, came_from, deviation, gains, improves, median, values

SPAN = 12  # Spans, sixtieths of a run, that are looked back on
LEAST = 6  # Checks that there must be for it
JUMP = 0.4  # Total variation between the cells of two checks from which samples have moved house
# Standard deviations of the data through which the samples' centre moves. Samples that are all alike
# change their cell by a hair's breadth; those that hop cross the data
TRAVELS = 0.45
# Travels that are enough from this spread on: what differs so much changes no cell by a hair's breadth
LESS, APART = 0.3, 0.3
# Below this share of what the distance was a span ago, the samples are on their way to the data
NEARER = 0.75
PART = 0.5  # Coverage below which one check is in a part of the data only
HELD = 0.02  # Share of the samples from which a cell is held


def _mode_hopping(measurements: Measurements) -> Verdict | Unchecked:
    """Each check in a few cells, and in others than the last one, far away from them."""
    span = [one for one in measurements.last(SPAN, least=SPAN).thinned() if one.cells]
    if len(span) < LEAST:
        return HEALTHY
    narrow = statistics.median([one.coverage or 0.0 for one in span])
    if narrow >= PART:
        return HEALTHY
    jump = max(
        statistics.median(
            [total_variation(one.cells, other.cells) for one, other in zip(span, span[lag:], strict=False)]
        )
        for lag in (2, 4)
    )
    together = [statistics.fmean(cells) for cells in zip(*(one.cells for one in span), strict=True)]
    single = statistics.median([sum(share > HELD for share in one.cells) / len(one.cells) for one in span])
    counts = [one.fake_count or MOST_PROBED for one in span]
    at_once = statistics.fmean(
        at_least(math.floor(HELD * counts[-1]) + 1, counts[-1], share) for share in together
    )
    centres = [one.centre for one in span if one.centre]
    travels = max((deviation(row) for row in zip(*centres, strict=True)), default=TRAVELS)
    evidence = Evidence.of(
        ("jump", round(jump, 3), JUMP, "below 0.25"),
        ("coverage", round(narrow, 3), PART, "0.8 to 1"),
        ("cells of all checks", round(at_once, 3), f"1.4 x {single:.2g}", "as many as at one check"),
        ("travels", round(travels, 3), TRAVELS, "below 0.3"),
    )
    near, before = median(measurements, "distance", 4, 0), came_from(measurements, "distance", SPAN, SPAN - 5)
    nearing = near is not None and before is not None and near < NEARER * before and gains(measurements)
    spread = statistics.median([one.spread or 0.0 for one in span])
    crosses = jump > JUMP and travels >= (LESS if spread > APART else TRAVELS) and at_once > 1.4 * single
    if crosses and not nearing:
        sentence = (
            f"From check to check {100 * jump:.0f} % of the samples move to another part of the data, "
            f"and each check covers {100 * narrow:.0f} %."
        )
        # Samples that have just been nearer than ever may hop on their way, and are not lost
        grave = jump > 0.6 and not improves(measurements, SPAN)
        return Verdict("trouble" if grave else "watch", sentence, evidence, beyond=jump / JUMP)
    return HEALTHY


MODE_HOPPING = Rule(
    name="mode-hopping",
    summary="The generator moves from one part of the data to the next and never covers them together.",
    judge=_mode_hopping,
    needs=("cells", "coverage"),
    proposals=(
        Proposal(
            "look whether the loader shuffles the data",
            "a discriminator that sees one class at a time chases the generator from class to class",
            "the cells of the samples stay where they are",
        ),
        Proposal(
            "add a heavy R1 penalty, or ten times the one there is, on every step, and take the momentum out",
            "what drives the rotation is a discriminator that is too steep where the generator stands, and "
            "momentum",
            "jumps between checks fall below a quarter of the samples",
            calm,
        ),
        Proposal(
            "halve the generator's rate",
            "it then cannot run away from what the discriminator has just learned",
            "jumps get smaller",
            lambda recipe: rates_times(recipe, 0.5, "generator"),
        ),
    ),
    source="Metz et al. 2017 (unrolled GANs), figure 1; Mescheder et al. 2018",
    warm_up=32,
    watch_after=6,
    trouble_after=12,
    explains=("not-learning", "mode-collapse", "oscillation", "quality-regressed", "generator-dominates"),
)


COMPLETE = 0.08  # Below this spread all samples look the same
ALIKE = 0.15  # Below this spread they look much the same; that is trouble if it lasts
# Mean distance of two samples over their own size, and over that of two reals, below which they are identical
IDENTICAL = 0.003
TWINS = 0.8  # Share of the samples of a batch with an equal one, above which it holds a few samples only
AT_ONCE = 2  # Checks in a row at which identical samples are unmistakable
# Spans, sixtieths of a run, before which a generator that has never spread out may still be on its way
EARLY = 28
UNKNOWN = 2  # Times as many spans, if the length of the run is not known
SETTLED = 40  # Spans after which a coverage that was never reached is trouble
LOST = 0.6  # Spread or coverage below this share of what they were at their best have fallen
HAD = 0.5  # Spread or coverage from which there was something to lose
# Energy distance up to which samples had it of the data: it is that of one real, again and again
AT_THE_DATA = 1.0
WHOLE = 0.9  # Spread from which samples that miss the data are in wrong places, and are not too few
NARROW = 0.5  # Below this they are low at any time
EMPTY = 0.3  # Coverage below this, late in a run and level, was never reached
NEARING = 0.85  # Share of what the distance was a fifth of the run ago, below which samples are on their way


def _mode_collapse(measurements: Measurements) -> Verdict | Unchecked:
    """All samples identical, or lost what it had, or never spread out and no longer on the way."""
    now = measurements[-1]
    if (complete := _complete(measurements)) is not None:
        return complete
    if missing := unchecked(now, "spread", "coverage"):
        return missing
    spread, coverage = now.spread or 0.0, now.coverage or 0.0
    best_spread, best_coverage = _had(measurements, "spread"), _had(measurements, "coverage")
    evidence = Evidence.of(
        ("spread", round(spread, 3), COMPLETE, "0.8 to 1.1"),
        ("coverage", round(coverage, 3), NARROW, "0.8 to 1"),
    )
    doubt = 1 if measurements.steps else UNKNOWN
    late = measurements.now > doubt * EARLY and not (_spreads(measurements) or _nears(measurements))
    # Samples that are all alike are a point, wherever it goes.
    point = measurements.now > doubt * SETTLED and not _spreads(measurements)
    if (spread < COMPLETE and (best_spread > 0.25 or point)) or (spread < ALIKE and late):
        sentence = f"Two samples differ {spread:.0%} as much as two reals do: they all look the same."
        return Verdict("trouble", _percent(sentence), evidence, beyond=COMPLETE / max(spread, 1e-4))
    fallen = (best_spread > HAD and spread < LOST * min(best_spread, 1.0)) or (
        best_coverage > HAD and coverage < LOST * min(best_coverage, 1.0) and spread < WHOLE
    )
    lately = values(measurements, "coverage", 8)
    if (fallen and coverage < NARROW) or (late and (spread < NARROW or statistics.median(lately) < EMPTY)):
        sentence = f"The samples fall into parts that hold {coverage:.0%} of the data, and do not spread out."
        grave = late and max(lately) < EMPTY and measurements.now > doubt * SETTLED
        return Verdict(
            "trouble" if grave else "watch", _percent(sentence), evidence, beyond=NARROW / max(coverage, 1e-3)
        )
    return HEALTHY


def _complete(measurements: Measurements) -> Verdict | None:
    """Identical samples, of the generator or of those that the loop hands over, at two checks in a row."""
    sources = (("", "alike", "spread"), (" that the loop hands over", "fake_alike", "fake_spread"))
    for words, likeness, spread in sources:
        lately = [
            (alike, getattr(one, spread))
            for one in measurements[-2 * AT_ONCE :]
            if (alike := getattr(one, likeness)) is not None
        ][-AT_ONCE:]
        if len(lately) == AT_ONCE and len(measurements) > AT_ONCE and all(map(_identical, lately)):
            return Verdict(
                "trouble",
                f"All samples{words} are one and the same, whatever the latents.",
                Evidence.of(
                    ("distance of two samples over their size", float(f"{lately[-1][0]:.2g}"), IDENTICAL, 1),
                    ("spread", round(lately[-1][1] or 0.0, 4), IDENTICAL, "0.8 to 1.1"),
                ),
                beyond=100.0,
                sure=True,
            )
    twins = values(measurements, "fake_twins")[-AT_ONCE:]
    if len(twins) == AT_ONCE and len(measurements) > AT_ONCE and min(twins) > TWINS:
        return Verdict(
            "trouble",
            f"{100 * twins[-1]:.0f} % of the samples of a batch have a twin in it: it holds a few samples, "
            "again and again.",
            Evidence.of(("share of samples with a twin", round(twins[-1], 3), TWINS, 0)),
            beyond=10.0,
            sure=True,
        )
    return None


def _had(measurements: Measurements, name: str) -> float:
    """The best of a quantity while samples were at the data: what fresh weights fling about was never had."""
    near = [one for one in measurements if (one.distance or 0.0) <= AT_THE_DATA]
    return best(near, name) or 0.0


def _identical(pair: tuple[float, float | None]) -> bool:
    alike, spread = pair
    return alike < IDENTICAL and (spread is None or spread < IDENTICAL)


def _spreads(measurements: Measurements) -> bool:
    """Whether samples spread out so fast that they do not look the same any more at the end of the run."""
    left = max(SPANS - measurements.now, 0.0) if measurements.steps else measurements.now
    for name, enough in (("spread", ALIKE), ("coverage", EMPTY)):
        now, before = median(measurements, name, 2, 0) or 0.0, came_from(measurements, name, 12, 6) or 0.0
        if now > 1.2 * before and now + (now - before) * left / 8 > enough:
            return True
    return False


def _nears(measurements: Measurements) -> bool:
    """Whether samples come nearer to the data over the last fifth of the run."""
    near, before = median(measurements, "distance", 2, 0), came_from(measurements, "distance", 12, 9)
    return near is not None and before is not None and near < NEARING * before


def _percent(sentence: str) -> str:
    return sentence.replace("%", " %")


MODE_COLLAPSE = Rule(
    name="mode-collapse",
    summary="The generator makes few different samples, or leaves parts of the data out.",
    judge=_mode_collapse,
    proposals=(
        Proposal(
            "give a discriminator without hidden layers three, with heavy R1, low rates and no momentum",
            "one that only weighs pixels sees the mean of a batch, and not that its samples are alike",
            "spread and coverage rise",
            deepened_and_calm,
            restart=True,
        ),
        Proposal(
            "take one step of the generator, no momentum, a heavy R1 penalty or ten times the one there is",
            "a smooth discriminator that keeps up gives the generator a direction back to what it left",
            "spread and coverage rise again",
            lambda recipe: {**single_steps(recipe, "generator"), **calm(recipe)},
        ),
        Proposal(
            "let the discriminator see two samples at once",
            "samples that repeat each other then show",
            "duplicates disappear and coverage rises",
            packed,
            share=0.2,
            restart=True,
        ),
        Proposal(
            "halve both learning rates",
            "the generator then runs less far before the discriminator answers",
            "coverage stops falling",
            lambda recipe: rates_times(recipe, 0.5),
            share=0.2,
        ),
        Proposal(
            "try the relativistic pairing loss with R1 and R2, from the start",
            "each fake is held against a real of its own, so that no part of the data is left out for free",
            "coverage near 1",
            lambda recipe: {
                "loss": "relativistic-pairing",
                "regularisers.r1.every": 1,
                "regularisers.r2.every": 1,
            },
            share=0.3,
            restart=True,
        ),
    ),
    source="Srivastava et al. 2017 (VEEGAN); Richardson and Weiss 2018; Lin et al. 2018 (PacGAN)",
    warm_up=14,
    explains=(
        "no-gradient",
        "latent-ignored",
        "mode-hopping",
        "discriminator-dominates",
        "generator-dominates",
        "oscillation",
        "quality-regressed",
        "not-learning",
        "condition-ignored",
        "modes-apart",
    ),
)
