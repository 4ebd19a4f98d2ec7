"""What went wrong in a run by its losses and its metric alone: whole series, as a finished log has them.

A doctor that watches a run judges samples and gradients; a log has none of them. What it has is all of the
run at once, so that each rule here looks at the end of the series beside its beginning and its best, and at
the whole of it for what comes and goes. The names, the remedies and what explains what are those of the
doctor.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from poise.diagnosis.finding import Evidence, Measurement
from poise.diagnosis.rule import Verdict
from poise.diagnosis.trends import correlation, crossings, dominant_period

LEAST = 8  # Readings of a loss below which only what is unmistakable is said
END = 0.2  # Share of the readings that is the end of a log
NOTHING, MUCH = 0.01, 0.9  # A discriminator's loss below this has won, beside a generator's above that
# What is left of the discriminator's loss, and how far the generator's has grown, if it has won in the course
GONE, GROWN = 0.05, 3.0
# The generator's loss at which it fools with one sample in 400, beside the discriminator's
BEATEN, EASE = 6.0, 0.3
FOOLS, FOOLED = 0.05, 0.4  # A generator's loss below this has won, beside a discriminator's above that
# The share to which the generator's loss has sunk, and a loss of a fooled discriminator
SINKS, WORSENS = 0.25, 2.0
EVEN = 0.005  # How near to log 2 both losses are if the discriminator answers one half to everything
FLAT = 1e-3  # Share of itself by which a loss that is no flat line varies
WITHOUT_END, ENORMOUS, LARGE = 10.0, 50.0, 10.0  # Growth of a loss, that of trouble, and its size at the end
WORSE, MUCH_WORSE = 1.5, 3.0  # Times its best at which a metric has regressed
PEAK, PHASE, SWING, TURNS = 0.7, -0.5, 0.05, 4  # Of two losses in one period; see oscillation
ALONE, WIDE = 0.7, 0.25  # Share of one period and swing of a metric that goes to and fro
# Slow swings: how many there must be one after the other, the share of the readings that each takes at least,
# times that a metric goes up or down in each, and the share of its range that a score goes through
SWINGS, LONG, TIMES, RANGE = 3, 0.08, 1.5, 0.6
SCORE_SWINGS = 4


@dataclass(frozen=True)
class Series:
    """The readings of a log up to some point."""

    measurements: Sequence[Measurement]

    def values(self, name: str) -> list[float]:
        """A quantity's values, oldest first."""
        return [value for one in self.measurements if (value := getattr(one, name)) is not None]

    def start(self, name: str) -> float:
        """Its median over the first readings."""
        found = self.values(name)
        return statistics.median(found[: _end(found)])

    def end(self, name: str) -> float:
        """Its median over the last readings."""
        found = self.values(name)
        return statistics.median(found[-_end(found) :])


def _end(found: Sequence[float]) -> int:
    return max(min(3, len(found)), round(END * len(found)))


Judge = Callable[[Series], Verdict | None]


@dataclass(frozen=True)
class LogRule:
    """A rule for logs: the finding that it names, what it needs, and how it judges."""

    name: str
    needs: tuple[str, ...]
    judge: Judge
    least: int = LEAST


def _non_finite(series: Series) -> Verdict | None:
    last = series.measurements[-1]
    if last.non_finite is None:
        return None
    return Verdict(
        "trouble",
        f"A value that is not finite, or that no metric can have, came up in the {last.non_finite}.",
        Evidence.of(("first column", last.non_finite, "finite", "finite")),
        beyond=100.0,
    )


def _discriminator_dominates(series: Series) -> Verdict | None:
    own, other = series.end("discriminator_loss"), series.end("generator_loss")
    if min(series.values("discriminator_loss")) < -0.01:
        return None  # A loss that may be negative, as Wasserstein's, says nothing by being small
    left = own / max(abs(series.start("discriminator_loss")), 1e-9)
    grown = other / max(abs(series.start("generator_loss")), 1e-9)
    evidence = Evidence.of(
        ("discriminator's loss", round(own, 6), NOTHING, "0.3 to 2"),
        ("generator's loss", round(other, 3), MUCH, "0.5 to 3"),
    )
    if own < NOTHING and other > MUCH:
        sentence = f"The discriminator's loss is {own:.2g} beside the generator's {other:.2g}: it has won."
        return Verdict("watch", sentence, evidence, beyond=NOTHING / max(own, 1e-6))
    if 0 <= left < GONE and grown > GROWN:
        sentence = (
            f"The discriminator's loss has fallen to {100 * left:.1f} % of what it was at first, and the "
            f"generator's has grown {grown:.1f} times."
        )
        return Verdict("watch", sentence, evidence, beyond=GONE / max(left, 1e-6))
    if other > BEATEN and own < EASE:
        sentence = (
            f"The generator's loss is {other:.2g} beside the discriminator's {own:.2g}: hardly one of its "
            "samples in 400 is taken for real."
        )
        return Verdict("watch", sentence, evidence, beyond=other / BEATEN)
    return None


def _generator_dominates(series: Series) -> Verdict | None:
    own, other = series.end("generator_loss"), series.end("discriminator_loss")
    if min(series.values("generator_loss")) < -0.01 or min(series.values("discriminator_loss")) < -0.01:
        return None
    sinks = own < SINKS * series.start("generator_loss") and other > 1.5 * series.start("discriminator_loss")
    steady = max(series.values("generator_loss")[-3:]) < 5 * FOOLS  # A hinge loss passes zero now and then
    if (own < FOOLS and other > FOOLED and steady) or (sinks and other > WORSENS):
        return Verdict(
            "watch",
            f"The generator's loss is {own:.2g} beside the discriminator's {other:.2g}: it fools the "
            "discriminator with every sample, whatever they look like.",
            Evidence.of(
                ("generator's loss", round(own, 5), FOOLS, "0.5 to 3"),
                ("discriminator's loss", round(other, 3), FOOLED, "0.3 to 2"),
            ),
            beyond=FOOLS / max(own, 1e-4),
        )
    return None


def _not_learning(series: Series) -> Verdict | None:
    found = series.values("generator_loss")
    last = found[-max(_end(found), min(LEAST, len(found))) :]
    mean = statistics.fmean(last)
    ripple = statistics.pstdev(last) / max(abs(mean), 1e-9)
    evidence = Evidence.of(("ripple", float(f"{ripple:.2g}"), FLAT, "above 0.01"))
    if ripple < FLAT and len(last) >= min(LEAST, len(found)):
        return Verdict(
            "watch",
            f"The generator's loss is a flat line at {mean:.4g}: it varies by {ripple:.1g} of itself.",
            evidence,
            beyond=FLAT / max(ripple, 1e-9),
        )
    others = series.values("discriminator_loss")
    if not others or min(*found, *others) < -0.01:
        return None
    own, other = series.end("generator_loss"), series.end("discriminator_loss")
    if own < FOOLS and other < NOTHING:
        return Verdict(
            "watch",
            f"Both losses are next to nothing, the generator's {own:.2g}, the discriminator's "
            f"{other:.2g}: they are "
            "not trained against each other.",
            Evidence.of(
                ("generator's loss", round(own, 5), FOOLS, "0.5 to 3"),
                ("discriminator's loss", round(other, 6), NOTHING, "0.3 to 2"),
            ),
            beyond=FOOLS / max(own, 1e-4),
        )
    halves = [abs(own - math.log(2)) < EVEN, any(abs(other - k * math.log(2)) < k * EVEN for k in (1, 2))]
    if all(halves):
        return Verdict(
            "watch",
            "The discriminator answers one half to everything: both losses are log 2.",
            Evidence.of(("generator's loss", round(own, 4), round(math.log(2), 4), "0.8 to 3")),
        )
    return None


def _diverging(series: Series) -> Verdict | None:
    """A loss whose size grows from part to part of the log, and is many times what it was."""
    worst: Verdict | None = None
    # A critic's loss may be negative. It does not tell where zero is, so that the generator's drifts as it
    # likes.
    critic = min(series.values("discriminator_loss"), default=0.0) < -0.01
    for player in ("discriminator",) if critic else ("discriminator", "generator"):
        found = list(map(abs, series.values(f"{player}_loss")))
        if len(found) < LEAST:
            continue
        parts = [found[place * len(found) // 5 : (place + 1) * len(found) // 5] for place in range(5)]
        medians = [statistics.median(part) for part in parts]
        growth = medians[-1] / max(min(medians[:2]), 0.1)
        rises = sum(later > earlier for earlier, later in pairwise(medians))
        if medians[-1] == max(medians) and rises >= 2 and growth > WITHOUT_END and medians[-1] > LARGE:
            verdict = Verdict(
                "trouble" if growth > ENORMOUS else "watch",
                f"The {player}'s loss grows without end: its size is {medians[-1]:.3g} now, {growth:.0f} "
                f"times what "
                "it was.",
                Evidence.of(
                    ("growth", round(growth, 1), WITHOUT_END, "below 3"),
                    (f"{player}'s loss", round(medians[-1], 2), LARGE, "0.3 to 3"),
                ),
                beyond=growth / WITHOUT_END,
            )
            worst = verdict if worst is None or verdict.beyond > worst.beyond else worst
    return worst


def _quality_regressed(series: Series) -> Verdict | None:
    found = series.values("metric")
    span = 3 if len(found) >= 6 else 1
    smooth = [statistics.median(found[max(0, place - span + 1) : place + 1]) for place in range(len(found))]
    best, now = min(smooth[min(span - 1, len(smooth) - 1) :]), smooth[-1]
    if best <= 0 or now <= WORSE * best or (min(found) > 0 and found[-1] <= 1.2 * min(found)):
        return None
    worse = now / best
    return Verdict(
        "trouble" if worse > MUCH_WORSE else "watch",
        f"The metric is {now:.3g}, {min(worse, 99):.1f} times its best of {best:.3g}.",
        Evidence.of(("metric", round(now, 4), round(WORSE * best, 4), f"{best:.4g}, its best")),
        beyond=min(worse, 99.0) / WORSE,
    )


def _oscillation(series: Series) -> Verdict | None:
    """Both losses against each other in one period, or the metric to and fro, at the end or all along."""
    own, other = series.values("generator_loss"), series.values("discriminator_loss")
    steps = [one.step for one in series.measurements]
    spans = [count for count in (24, 48, 96, len(own)) if LEAST * 3 <= count <= len(own)]
    for count in spans if len(own) == len(other) else ():
        first, second = own[-count:], other[-count:]
        share, period = dominant_period(first)
        phase = correlation(first, second)
        width = statistics.pstdev(first) / max(abs(statistics.fmean(first)), 1e-9)
        if share > PEAK and phase < PHASE and width > SWING and crossings(first) >= TURNS:
            every = (steps[-1] - steps[-count]) / count
            return Verdict(
                "watch",
                f"Both losses swing against each other in one period of about {period * every:,.0f} steps.",
                Evidence.of(
                    ("share of one period", round(share, 3), PEAK, "below 0.4"),
                    ("phase of the losses", round(phase, 3), PHASE, "above -0.5"),
                    ("swing", round(width, 3), SWING, "any, without a period"),
                ),
                beyond=share / PEAK,
            )
    return _oscillation_of_the_metric(series) or _slow_swings(series)


def _oscillation_of_the_metric(series: Series) -> Verdict | None:
    """The metric to and fro in one period."""
    metric = [math.log(value) for value in series.values("metric") if value > 0]
    metric = metric[len(metric) // 4 :]
    if len(metric) < LEAST * 2:
        return None
    share, period = dominant_period(metric)
    width = statistics.pstdev(metric)
    if share > ALONE and width > WIDE and crossings(metric) >= TURNS:
        return Verdict(
            "watch",
            f"The metric goes up and down in one period of about {period:.0f} readings, and gains nothing.",
            Evidence.of(
                ("share of one period", round(share, 3), ALONE, "below 0.4"),
                ("swing", round(width, 3), WIDE, "below 0.2"),
            ),
            beyond=share / ALONE,
        )
    return None


def _slow_swings(series: Series) -> Verdict | None:
    """The metric, or the mean score of fakes, in swings that each take a large part of the log."""
    metric = [math.log(value) for value in series.values("metric") if value > 0]
    scores = series.values("fake_score")
    span = max(scores, default=0.0) - min(scores, default=0.0)
    kinds = (
        ("metric", metric[len(metric) // 4 :], math.log(TIMES), SWINGS),
        ("score of fakes", scores[len(scores) // 4 :], RANGE * span, SCORE_SWINGS),
    )
    for name, found, least, count in kinds:
        if len(found) < LEAST * 2:
            continue
        swings = _swings(found, least)
        half = len(found) // 2
        gains = name == "metric" and min(found[half:]) < min(found[:half]) + math.log(0.9)
        if len(swings) < count or min(swings) < LONG * len(found) or gains:
            continue
        every = (series.measurements[-1].step - series.measurements[0].step) / len(series.measurements)
        period = 2 * every * statistics.fmean(swings)
        return Verdict(
            "watch",
            f"The {name} goes up and down in {len(swings)} long swings, with a period of about {period:,.0f} "
            "steps, and settles nowhere.",
            Evidence.of(
                ("long swings", len(swings), count, "0 or 1"),
                (
                    "period over the log",
                    round(2 * statistics.fmean(swings) / len(found), 3),
                    2 * LONG,
                    "none",
                ),
            ),
            beyond=len(swings) / count,
        )
    return None


def _swings(found: Sequence[float], least: float) -> list[int]:
    """The lengths, in readings, of the ways up and down that are so long, one after the other.

    Single readings are smoothed out; a way ends where the next one of such a height begins.
    """
    width = max(1, len(found) // 40)
    smooth = [statistics.median(found[max(0, at - width) : at + width + 1]) for at in range(len(found))]
    turns, up, extreme = [0], 0, 0  # The places of the turns, the way that goes on, and where it has come to
    low = high = 0
    for at, value in enumerate(smooth):
        low, high = (at if value < smooth[low] else low), (at if value > smooth[high] else high)
        if up == 0 and smooth[high] - smooth[low] >= least:
            up, extreme = (1, high) if high > low else (-1, low)
            turns = [min(low, high)]
        elif up and up * (value - smooth[extreme]) > 0:
            extreme = at
        elif up and up * (smooth[extreme] - value) >= least:
            turns.append(extreme)
            up, extreme = -up, at
    return [later - earlier for earlier, later in pairwise([*turns, extreme])] if up else []


LOSSES = ("generator_loss", "discriminator_loss")
# Causes before what they explain
RULES: tuple[LogRule, ...] = (
    LogRule("non-finite", (), _non_finite, least=1),
    LogRule("discriminator-dominates", LOSSES, _discriminator_dominates, least=5),
    LogRule("generator-dominates", LOSSES, _generator_dominates, least=5),
    LogRule("not-learning", ("generator_loss",), _not_learning, least=5),
    LogRule("diverging", (), _diverging),
    LogRule("oscillation", (), _oscillation),
    LogRule("quality-regressed", ("metric",), _quality_regressed, least=2),
)
