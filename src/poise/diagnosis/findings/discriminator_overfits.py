"""`discriminator-overfits`: it knows its training data by heart, and judges others as it judges fakes."""

from __future__ import annotations

import statistics

from poise.diagnosis.finding import Evidence
from poise.diagnosis.findings.data_mismatch import HELD_OUT
from poise.diagnosis.findings.settings import mirrored, smoother, width_times
from poise.diagnosis.rule import HEALTHY, Measurements, Proposal, Rule, Unchecked, Verdict
from poise.diagnosis.trends import values

AHEAD = 0.65  # Chance that a training real scores above a held-out one, beyond which they are told apart
KNOWN = 0.8  # The same for trouble
SPAN = 5  # Spans, sixtieths of a run, that are looked back on


def judge(measurements: Measurements) -> Verdict | Unchecked:
    """Training reals score above held-out ones, for some time, and are not of another distribution."""
    apart = next(
        (one.held_out_apart for one in reversed(measurements) if one.held_out_apart is not None), 0.0
    )
    if apart > HELD_OUT:
        return Unchecked("the held-out data are of another distribution than the training data")
    ahead = statistics.median(values(measurements, "training_above_held_out", SPAN))
    gaps = values(measurements, "held_out_gap", SPAN)
    gap = statistics.median(gaps) if gaps else 0.0
    evidence = Evidence.of(
        ("training above held out", round(ahead, 3), AHEAD, "0.45 to 0.58"),
        ("held-out gap", round(gap, 3), 0.2, "below 0.15"),
    )
    if ahead > AHEAD and gap > 0.1:
        return Verdict(
            "trouble" if ahead > KNOWN and gap > 0.3 else "watch",
            f"The discriminator scores {100 * ahead:.0f} % of its training data above data that it has not "
            f"seen, which have fallen {100 * gap:.0f} % of the way to fakes.",
            evidence,
            beyond=(ahead - 0.5) / (AHEAD - 0.5),
        )
    return HEALTHY


RULE = Rule(
    name="discriminator-overfits",
    summary="The discriminator knows its training data by heart.",
    judge=judge,
    needs=("training_above_held_out",),
    proposals=(
        Proposal(
            "mirror half of the images, if their content allows it",
            "each image then counts for two",
            "held-out data score nearer to training data",
            mirrored,
        ),
        Proposal(
            "add an R1 penalty, or make the one there is ten times as heavy, on every step",
            "a score that may not be steep cannot single out samples",
            "held-out data score nearer to training data",
            lambda recipe: smoother(recipe, heavy=True),
        ),
        Proposal(
            "stop at the best checkpoint",
            "what is learned from here on is noise of the sample",
            "the best checkpoint is the result",
        ),
        Proposal(
            "halve the discriminator's width, or gather more data",
            "there is less room to remember in",
            "held-out data score nearer to training data",
            lambda recipe: width_times(recipe, "discriminator", 0.5),
            restart=True,
        ),
    ),
    source="Karras et al. 2020 (ADA), section 2; Brock et al. 2019 (BigGAN), section 4.2",
    trouble_after=4,
    explains=("discriminator-dominates", "quality-regressed"),
)
