"""`checkerboard`: the samples show a grid that the data do not have."""

from __future__ import annotations

import statistics

from poise.diagnosis.finding import Evidence
from poise.diagnosis.rule import HEALTHY, Measurements, Proposal, Rule, Verdict
from poise.diagnosis.trends import values

PEAK = 12.0  # Times the power around that the spectrum has at the frequencies of strides, over that of reals
CLEAR = 60.0  # The same for trouble
SPAN = 8  # Spans, sixtieths of a run, that are looked back on


def judge(measurements: Measurements) -> Verdict:
    """The samples' spectrum has peaks at the frequencies of strides, which that of the reals lacks."""
    peak = statistics.median(values(measurements, "grid", SPAN))
    if peak > PEAK:
        return Verdict(
            "trouble" if peak > CLEAR else "watch",
            f"The samples show a grid: at the frequencies of strides their spectrum has {peak:.0f} times the "
            "power around, as against the data.",
            Evidence.of(("peak of the grid", round(peak, 2), PEAK, "0.5 to 3")),
            beyond=peak / PEAK,
        )
    return HEALTHY


RULE = Rule(
    name="checkerboard",
    summary="The samples show a grid that the data do not have.",
    judge=judge,
    needs=("grid",),
    proposals=(
        Proposal(
            "take kernels that their stride divides, such as 4 by 4 with stride 2",
            "otherwise some pixels are painted more often than others",
            "the peak of the grid falls below 3",
        ),
        Proposal(
            "enlarge by interpolation and convolve after it, in place of a transposed convolution",
            "every pixel is then painted as often as any other",
            "the peak of the grid falls below 3",
        ),
        Proposal(
            "wait, if it is early",
            "a grid of the first weights mostly fades as the discriminator learns to see it",
            "the peak of the grid falls",
        ),
    ),
    source="Odena, Dumoulin and Olah 2016, Deconvolution and checkerboard artifacts",
    warm_up=30,
    watch_after=4,
    trouble_after=6,
)
