"""`memorisation`: the samples are copies of training data."""

from __future__ import annotations

import statistics

from poise.diagnosis.finding import Evidence
from poise.diagnosis.findings.settings import mirrored, width_times
from poise.diagnosis.rule import HEALTHY, Measurements, Proposal, Rule, Unchecked, Verdict
from poise.diagnosis.trends import values

COPIES = -4.0  # C_T below which samples lie nearer to the training data than new data do; its authors take -3
ON_TOP = 0.1  # Share of samples, beyond chance, that lie right on one training sample
# C_T below which no samples on top of one training sample are asked for. Samples that are merely blurred
# reach -8 against pictures as small as these
HUGS = -9.0
NEAR = 0.85  # Share of the held-out data's distance to the training data below which samples are near
SPAN = 4  # Spans, sixtieths of a run, that are looked back on


def judge(measurements: Measurements) -> Verdict | Unchecked:
    """Nearer to the training data than unseen data are, for some time."""
    score = statistics.median(values(measurements, "copying", SPAN))
    copied = statistics.median(values(measurements, "copied", SPAN))
    chance = measurements[-1].copied_held_out or 0.0
    nearness = statistics.median(values(measurements, "nearness", SPAN) or [0.0])
    evidence = Evidence.of(
        ("C_T", round(score, 2), COPIES, "above 0"),
        ("copied", round(copied, 3), round(chance + ON_TOP, 3), f"{chance:.2g}, as held-out data"),
        ("nearness", round(nearness, 3), NEAR, "near 1"),
    )
    copies = score < COPIES and copied > chance + ON_TOP
    if copies or (score < HUGS and nearness < NEAR):
        return Verdict(
            "trouble" if score < 1.2 * HUGS or copied > chance + 3 * ON_TOP else "watch",
            f"The samples lie nearer to the training data than data do that were held out: C_T is "
            f"{score:.1f}, and {100 * copied:.0f} % lie right on one training sample.",
            evidence,
            beyond=score / COPIES,
        )
    return HEALTHY


RULE = Rule(
    name="memorisation",
    summary="The samples are copies of training data.",
    judge=judge,
    needs=("copying", "copied"),
    proposals=(
        Proposal(
            "take duplicates out of the data, and gather more of them",
            "what occurs often or alone is learned by heart first",
            "C_T rises above -4",
        ),
        Proposal(
            "stop earlier: take the checkpoint from before it began",
            "copying comes after learning",
            "C_T of that checkpoint is above -4",
        ),
        Proposal(
            "halve the generator's width",
            "there is less room to remember in",
            "C_T rises above -4",
            lambda recipe: width_times(recipe, "generator", 0.5),
            restart=True,
        ),
        Proposal(
            "mirror half of the images, if their content allows it",
            "each image then counts for two",
            "C_T rises above -4",
            mirrored,
        ),
    ),
    source="Meehan, Chaudhuri and Dasgupta 2020; Yoon et al. 2023",
    explains=("mode-collapse", "quality-regressed"),
)
