"""`mode-hopping`: the generator moves from one part of the data to the next, never in all at once."""

from __future__ import annotations

import statistics

from poise.diagnosis.finding import Evidence
from poise.diagnosis.findings.settings import calm, rates_times
from poise.diagnosis.rule import HEALTHY, Measurements, Proposal, Rule, Unchecked, Verdict
from poise.diagnosis.samples import total_variation
from poise.diagnosis.trends import gains, median

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
NARROW = 0.5  # Coverage below which one check is in a part of the data only


def judge(measurements: Measurements) -> Verdict | Unchecked:
    """Each check in a few cells, and in others than the last one, far away from them."""
    span = [one for one in measurements.last(SPAN, least=SPAN).thinned() if one.cells]
    if len(span) < LEAST:
        return HEALTHY
    narrow = statistics.median([one.coverage or 0.0 for one in span])
    if narrow >= NARROW:
        return HEALTHY
    jump = max(
        statistics.median(
            [total_variation(one.cells, other.cells) for one, other in zip(span, span[lag:], strict=False)]
        )
        for lag in (2, 4)
    )
    together = [statistics.fmean(cells) for cells in zip(*(one.cells for one in span), strict=True)]
    visited = sum(share > 0.02 for share in together) / len(together)
    single = statistics.median([sum(share > 0.02 for share in one.cells) / len(one.cells) for one in span])
    centres = [one.centre for one in span if one.centre]
    travels = max((statistics.pstdev(row) for row in zip(*centres, strict=True)), default=TRAVELS)
    evidence = Evidence.of(
        ("jump", round(jump, 3), JUMP, "below 0.25"),
        ("coverage", round(narrow, 3), NARROW, "0.8 to 1"),
        ("cells visited", round(visited, 3), f"1.4 x {single:.2g}", "as many as at one check"),
        ("travels", round(travels, 3), TRAVELS, "below 0.3"),
    )
    near, before = median(measurements, "distance", 4, 0), median(measurements, "distance", SPAN, SPAN - 5)
    nearing = near is not None and before is not None and near < NEARER * before and gains(measurements)
    spread = statistics.median([one.spread or 0.0 for one in span])
    crosses = jump > JUMP and travels >= (LESS if spread > APART else TRAVELS) and visited > 1.4 * single
    if crosses and not nearing:
        sentence = (
            f"From check to check {100 * jump:.0f} % of the samples move to another part of the data, "
            f"and each check covers {100 * narrow:.0f} %."
        )
        return Verdict("trouble" if jump > 0.6 else "watch", sentence, evidence, beyond=jump / JUMP)
    return HEALTHY


RULE = Rule(
    name="mode-hopping",
    summary="The generator moves from one part of the data to the next and never covers them together.",
    judge=judge,
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
