"""`modes-apart`: the generator's samples in eval mode are not those that it is trained on."""

from __future__ import annotations

from poise.diagnosis.finding import Evidence
from poise.diagnosis.rule import HEALTHY, Measurements, Proposal, Rule, Unchecked, Verdict
from poise.diagnosis.trends import median

APART = 0.2  # Energy distance by which the two differ in how far they are from the data
TIMES = 2.5  # Times that one must be as far as the other
SPAN = 4  # Spans, sixtieths of a run, that are looked back on


def judge(measurements: Measurements) -> Verdict | Unchecked:
    """Samples in eval mode lie much farther from the data than the fakes of the loop, or much nearer."""
    if measurements[-1].movement is None:
        return Unchecked("the generator itself was not sampled")
    own, handed = median(measurements, "distance", SPAN, 0), median(measurements, "fake_distance", SPAN, 0)
    if own is None or handed is None:
        return HEALTHY
    low, high = sorted((max(own, 0.0), max(handed, 0.0)))
    if high - low > APART and high > TIMES * low:
        worse = "farther from" if own > handed else "nearer to"
        return Verdict(
            "watch",
            f"The generator's samples in eval mode are {worse} the data than the fakes of the loop: "
            f"{own:.2f} against {handed:.2f}. Running statistics, dropout or an average may be off.",
            Evidence.of(
                ("distance in eval mode less that in training", round(own - handed, 3), APART, "near 0")
            ),
            beyond=(high - low) / APART,
        )
    return HEALTHY


RULE = Rule(
    name="modes-apart",
    summary="The generator's samples in eval mode are not those that it is trained on.",
    judge=judge,
    needs=("distance", "fake_distance"),
    proposals=(
        Proposal(
            "look at BatchNorm: its momentum, its eps, and whether real and fake batches share statistics",
            "running statistics that lag or mix two kinds of batches give other samples than training",
            "both distances are the same within some hundred steps",
        ),
        Proposal(
            "sample in training mode, or take GroupNorm or InstanceNorm in place of BatchNorm",
            "they have no running statistics that could be off",
            "both distances are the same",
        ),
        Proposal(
            "if the generator that is handed over is an average, shorten its half-life or wait",
            "an average lags behind what it is the average of",
            "both distances approach each other",
        ),
    ),
    source="Ioffe 2017 (Batch Renormalization), on statistics that differ between training and inference",
    warm_up=14,
    watch_after=4,
    trouble_after=60,
    recovered_after=3,
)
