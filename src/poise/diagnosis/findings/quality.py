"""How good the samples are: worse than they were, or with a grid that the data do not have."""

from __future__ import annotations

import statistics
from itertools import pairwise

from poise.diagnosis.finding import Evidence
from poise.diagnosis.findings.settings import rates_times, smoother
from poise.diagnosis.rule import HEALTHY, Measurements, Proposal, Rule, Unchecked, Verdict, unchecked
from poise.diagnosis.trends import rolling, values

WORSE = 1.5  # Times its best beyond which a metric has regressed
CLEAR = 0.1  # Energy distance by which it must exceed its best besides, if there is no metric
RIPPLES = 4.0  # Times its usual change from check to check by which it must, if that is less
LEAST = 0.03  # Energy distance that is chance with a few hundred samples
SPAN = 5  # Spans, sixtieths of a run, that are looked back on
GAINED = 0.01  # Share of what was gained so far that must be lost
# Share of pairs that the discriminator takes for each other, below which it tells nearly every fake; and
# share of what that was before, below which it agrees that the samples are worse
TAKEN, TAKEN_OF_BEFORE = 0.05, 0.25
AGREES_SPAN = 10  # Spans, sixtieths of a run, for which it does


def _quality_regressed(measurements: Measurements) -> Verdict | Unchecked:
    """The caller's metric, or else the distance to the data, far above its best for some time."""
    metric = values(measurements, "metric")
    if len(metric) >= 3:
        gained = max(metric) - min(metric)
        return _judged(measurements, "metric", span=2, clear=max(2 * _ripple(metric), GAINED * gained))
    if (missing := unchecked(measurements[-1], "distance")) is not None:
        return missing
    found = values(measurements, "distance")
    clear = min(CLEAR, max(LEAST, RIPPLES * _ripple(found)))
    clear = LEAST if _discriminator_agrees(measurements) else clear
    return _judged(measurements, "distance", span=SPAN, clear=clear)


def _discriminator_agrees(measurements: Measurements) -> bool:
    """Whether the discriminator tells nearly every fake for some time, and told few before.

    It sees the samples for itself: what both it and the distance say is no ripple of the distance.
    """
    lately, areas = values(measurements, "auc", AGREES_SPAN), values(measurements, "auc")
    before = areas[: len(areas) - len(lately)]
    if not lately or len(before) < len(lately):
        return False
    taken, taken_before = (1 - statistics.median(some) for some in (lately, before))
    return taken < min(TAKEN, TAKEN_OF_BEFORE * taken_before)


def _ripple(found: list[float]) -> float:
    """The usual change from one value to the next."""
    return statistics.median([abs(one - other) for one, other in pairwise(found)] or [CLEAR])


def _judged(measurements: Measurements, name: str, *, span: int, clear: float) -> Verdict:
    smooth = rolling(measurements, name, span, least=min(span, 3))
    best, now = min(smooth), smooth[-1]
    # An estimate of a distance that is 0 may be below 0, and no ratio to it means anything
    worse = now / (best if best > 0 else clear)
    evidence = Evidence.of(
        (name, round(now, 4), round(max(WORSE * best, best + clear), 4), f"{best:.4g}, its best")
    )
    if now > WORSE * max(best, 0.0) and now > best + clear:
        return Verdict(
            "trouble" if now > 2 * WORSE * max(best, 0.0) and now > best + 3 * clear else "watch",
            f"The {name} is {now:.3g}, "
            + (f"{min(worse, 99):.1f} times its best of {best:.3g}." if best > 0 else "and it was at 0."),
            evidence,
            beyond=min(worse, 99.0) / WORSE,
        )
    return HEALTHY


QUALITY_REGRESSED = Rule(
    name="quality-regressed",
    summary="The samples were better than they are now.",
    judge=_quality_regressed,
    proposals=(
        Proposal(
            "stop, and take the best checkpoint",
            "of thirty published runs six ended at 1.5 times their best or worse, and none came back",
            "the best checkpoint is the result",
        ),
        Proposal(
            "go on from the best checkpoint with both rates at a third",
            "what was lost by steps that are too large comes back with smaller ones",
            "the metric falls below its best",
            lambda recipe: rates_times(recipe, 1 / 3),
        ),
        Proposal(
            "add an R1 penalty, or make the one there is ten times as heavy, on every step",
            "it keeps the game near its solution once it is there",
            "the metric stays at its best",
            lambda recipe: smoother(recipe, heavy=True),
        ),
    ),
    source="Lucic et al. 2018; the logs of mimicry's CIFAR-10 runs (Lee and Town 2020)",
    warm_up=20,
    watch_after=4,
    trouble_after=5,
)


PEAK = 12.0  # Times the power around that the spectrum has at the frequencies of strides, over that of reals
GRID_CLEAR = 60.0  # The same for trouble
GRID_SURE = 240.0  # The same that one look cannot mistake, once a grid of the first weights would have faded
GRID_LATE = 30  # Spans before which a grid may be that of the first weights, as long as it fades
GRID_EARLY = 16  # Spans before which any may
FADES = 0.6  # Share of what the peak was at the looks before, below which it fades
LEARNED = (
    0.5  # Share of the first distance to which samples have come that are not those of the first weights
)
GRID_SPAN = 8  # Spans, sixtieths of a run, that are looked back on
# Spread below which all samples are one picture, whose spectrum has peaks by chance
TOGETHER = 0.15


def _checkerboard(measurements: Measurements) -> Verdict:
    """The samples' spectrum has peaks at the frequencies of strides, which that of the reals lacks.

    A grid of the first weights fades while samples come nearer to the data. One that stays while they do is
    none of these.
    """
    doubt = 1 if measurements.steps else 2
    late = measurements.now >= GRID_LATE * doubt
    if (not late and not _grid_stays(measurements)) or _of_one_picture(measurements):
        return HEALTHY
    clear = (measurements[-1].grid or 0.0) > GRID_SURE
    peak = (
        (measurements[-1].grid or 0.0)
        if clear
        else statistics.median(values(measurements, "grid", GRID_SPAN))
    )
    if peak > PEAK:
        return Verdict(
            "trouble" if peak > GRID_CLEAR else "watch",
            "The samples show a grid: at the frequencies of strides their "
            f"spectrum has {peak:.0f} times the power around, as against the data.",
            Evidence.of(("peak of the grid", round(peak, 2), PEAK, "0.5 to 3")),
            beyond=peak / PEAK,
            sure=clear,
        )
    return HEALTHY


def _of_one_picture(measurements: Measurements) -> bool:
    """Whether samples are all alike, or farther from the data than at first, which has names of its own."""
    wide, far = values(measurements, "spread", GRID_SPAN), values(measurements, "distance", GRID_SPAN)
    alike = bool(wide) and statistics.median(wide) < TOGETHER
    return alike or (bool(far) and statistics.median(far) > values(measurements, "distance")[0])


def _grid_stays(measurements: Measurements) -> bool:
    """Whether the peak does not fade from look to look, while samples have come half of the way."""
    peaks, far = values(measurements, "grid"), values(measurements, "distance")
    if len(peaks) < 3 or not far or min(far[-3:]) > LEARNED * far[0]:
        return False
    return statistics.median(peaks[-2:]) > FADES * max(peaks[1:-1])


CHECKERBOARD = Rule(
    name="checkerboard",
    summary="The samples show a grid that the data do not have.",
    judge=_checkerboard,
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
    warm_up=GRID_EARLY,
    watch_after=4,
    trouble_after=6,
)
