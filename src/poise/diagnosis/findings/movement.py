"""How samples of the same latents move from check to check: not at all, or round and round."""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left
from itertools import pairwise

from poise.diagnosis.finding import Evidence, Measurement
from poise.diagnosis.findings.discriminator_wins import APART, FIRST_STEPS, VANISHED, push
from poise.diagnosis.findings.settings import calm, deepened, levelled, rates_times, steady, usual_rates
from poise.diagnosis.reference import MOST_PROBED
from poise.diagnosis.rule import HEALTHY, Measurements, Proposal, Rule, Unchecked, Verdict
from poise.diagnosis.trends import (
    blind,
    came_from,
    correlation,
    crossings,
    deviation,
    dominant_period,
    gains,
    improves,
    median,
    values,
)

STILL = 0.01  # Movement of the samples between checks below which nothing happens
# Movement of more than one of the last checks by which samples rest between leaps, and do not stay
LEAP = 0.05
FAR = 0.15  # Energy distance to the data above which something should
# Standard deviations of chance by which fakes differ from the first ones if they have moved, and checks at
# which that is unmistakable. After ten steps of usual rates it is above 10
UNMOVED, UNMOVED_CHECKS = 3.0, 2
NOTHING = 1e-7  # Movement that is none, but for the order in which numbers are added
FLAT = 1e-4  # Share of itself by which a loss that is no flat line varies
SPAN = 6  # Spans, sixtieths of a run, that are looked back on
LEAST = 8  # Values of the loss that there must be if there are losses alone


def _not_learning(measurements: Measurements) -> Verdict | Unchecked:
    """Samples of the same latents hardly move, far from the data."""
    moves = values(measurements, "movement", SPAN)
    if not moves:
        return _not_learning_by_fakes(measurements)
    moved = statistics.median(moves)
    rests = sum(move > LEAP for move in moves) > 1
    far = median(measurements, "distance", 4, 0) or 0.0
    evidence = Evidence.of(
        ("movement", round(moved, 5), STILL, "0.05 to 0.5"),
        ("distance", round(far, 3), FAR, "falling, near 0 at the end"),
    )
    area = statistics.median(values(measurements, "auc", SPAN) or [0.0])
    if (measurements[-1].observed or measurements[-1].step) < FIRST_STEPS:
        return HEALTHY
    every = values(measurements, "movement")
    if len(every) >= UNMOVED_CHECKS and max(every) < NOTHING and far > FAR:
        return Verdict(
            "trouble",
            "Samples of the same latents have not changed at all since the first check, far from the data.",
            evidence,
            beyond=100.0,
            sure=True,
        )
    if area > APART and push(measurements) < 2 * VANISHED:
        return HEALTHY  # it stands still because the discriminator dominates, which has a rule of its own
    if moved < STILL and far > FAR and not rests:
        return Verdict(
            "trouble",
            f"From check to check samples of the same latents move by {100 * moved:.2g} % of the distance of "
            "two reals, and they are far from the data.",
            evidence,
            beyond=STILL / max(moved, 1e-6),
        )
    return HEALTHY


def _not_learning_by_fakes(measurements: Measurements) -> Verdict | Unchecked:
    """If there are only the loop's fakes, of other latents each time: none differ from the first ones."""
    travelled, now = values(measurements, "fake_travelled"), measurements[-1]
    far = median(measurements, "fake_distance", 4, 0)
    if not travelled:
        return Unchecked("the samples are not of the same latents each time")
    if (
        len(travelled) < UNMOVED_CHECKS
        or (now.observed or now.step) < FIRST_STEPS
        or max(travelled) > UNMOVED
        or (far is not None and far <= FAR)  # of a generator that begins near the data, it cannot be told
    ):
        return HEALTHY
    return Verdict(
        "trouble",
        "The loop's fakes are of the same distribution as its first ones: the generator has not moved.",
        Evidence.of(("fakes apart from the first", round(max(travelled), 2), UNMOVED, "above 10")),
        beyond=10.0,
        sure=True,
    )


def _not_learning_by_losses(measurements: Measurements) -> Verdict | None:
    """From losses alone: the generator's is a flat line."""
    losses = values(measurements, "generator_loss", 2 * SPAN)
    if len(losses) < LEAST or measurements.now < 2 * SPAN - 2:
        return None
    ripple = deviation(losses) / max(abs(statistics.fmean(losses)), 1e-9)
    if ripple < FLAT:
        return Verdict(
            "watch",
            f"The generator's loss is a flat line: it varies by {ripple:.1g} of itself.",
            Evidence.of(("ripple", float(f"{ripple:.2g}"), FLAT, "above 0.01")),
            beyond=FLAT / max(ripple, 1e-9),
        )
    return HEALTHY


NOT_LEARNING = Rule(
    name="not-learning",
    summary="The samples stay what they were at the start.",
    judge=_not_learning,
    needs=("distance",),
    otherwise=_not_learning_by_losses,
    proposals=(
        Proposal(
            "look whether the generator's loss reaches its weights: detach, no_grad, the wrong optimiser",
            "a generator that gets no gradient does not move",
            "samples of the same latents move from check to check",
        ),
        Proposal(
            "raise the generator's rate to the discriminator's",
            "it learns many times more slowly than the player that it is to fool",
            "samples of the same latents move from check to check",
            lambda recipe: levelled(recipe, "generator"),
        ),
        Proposal(
            "begin again with the rates that are taken for such data by default",
            "they are known to move networks of this size, which rates as small as these do not",
            "the distance falls within some hundred steps",
            usual_rates,
            restart=True,
        ),
        Proposal(
            "take the non-saturating loss, even steps and rates, and an R1 penalty on every step",
            "the minimax loss gives the generator no gradient while it loses, and nor does a discriminator "
            "whose score is a cliff",
            "samples of the same latents move from check to check",
            steady,
        ),
        Proposal(
            "make both rates ten times as high",
            "steps that are too small look like none",
            "samples of the same latents move from check to check",
            lambda recipe: rates_times(recipe, 10.0),
        ),
    ),
    source="Zhang et al. 2021 (AutoTrainer), on slow convergence",
    warm_up=3,
    trouble_after=5,
    explains=("mode-collapse", "generator-dominates", "discriminator-dominates", "quality-regressed"),
)


ROUND_SPAN = 16  # Spans, sixtieths of a run, and checks, that are looked back on
LOSS_SPAN = 24  # Checks that are needed if there are losses alone
# Share of the losses' variance in one period and its neighbours; of 48 values without one it is near 0.2
LOSS_PEAK = 0.6
TURNS = 4  # Swings of a loss from one side to the other within the span: two periods
WIDE = 0.42  # Standard deviations of the data through which the samples' centre swings
STEP = 0.5  # Deviations that the centre goes from one check to the next, in the mean: it may rest in between
# The same for swings that are slower than the span: twice of both, and times that it must change sides
SLOW_SPAN, SLOW_WIDE, SLOW_TURNS = 32, 0.84, 3
# Share of the way that it went by which it got away, and its way over the width: one round is about nine
ROUND, ROUNDS = 0.2, 8.0
CHECKED = 0.75  # Share of a span's checks that there must be
LONGEST = 2.0  # Times the span over which they may lie: what is older belongs to another time of the run
NEARER = 0.6  # Share of the distance half a span ago below which samples come nearer while they swing
LOST = 0.99  # AUC above which the discriminator wins all the time
ARRIVED = 0.2  # Energy distance below which samples have arrived, and may swing as they like


def _oscillation(measurements: Measurements) -> Verdict | Unchecked:
    """The centre of the samples goes a long way to and fro, and neither gets away nor nearer to the data.

    No period is required: checks are seldom in step with the swing, so that its period does not show.
    """
    quick = _by_centres(measurements, span=ROUND_SPAN, wide=WIDE, least_step=STEP, least_turns=0)
    slow = _by_centres(measurements, span=SLOW_SPAN, wide=SLOW_WIDE, least_step=0.0, least_turns=SLOW_TURNS)
    return quick or slow or HEALTHY


def _by_centres(
    measurements: Measurements, *, span: int, wide: float, least_step: float, least_turns: int
) -> Verdict | None:
    """What the samples' centre did over a span of checks; `None` if it did not go round."""
    looks = measurements.last(span, least=span)
    looks = looks[bisect_left(looks.times, measurements.now - LONGEST * span) :].thinned()
    centres = [one.centre for one in looks if one.centre]
    if len(centres) < CHECKED * span:
        return None
    rows = list(zip(*centres, strict=True))
    noise = statistics.fmean(map(_chance, looks))
    width = _beyond(max(map(deviation, rows)), noise)
    if width <= wide:
        return None
    steps = [math.dist(one, other) for one, other in pairwise(centres)]
    step = _beyond(statistics.fmean(steps), 2 * len(rows) * noise)
    start, end = ([statistics.fmean(row[part]) for row in rows] for part in (slice(4), slice(-4, None)))
    away = math.dist(start, end) / max(sum(steps), 1e-9)
    near, before = (
        median(measurements, "distance", span // 2, 0),
        came_from(measurements, "distance", span, span // 2),
    )
    nearing = near is not None and before is not None and near < NEARER * before and gains(measurements)
    far = near is None or near > ARRIVED
    evidence = Evidence.of(
        ("swing", round(width, 3), wide, "below 0.3"),
        ("step", round(step, 3), least_step, "below 0.4"),
        ("gets away", round(away, 3), ROUND, "any, if steps are small"),
    )
    goes_round = away < ROUND and step * len(steps) > ROUNDS * width
    # Players that circle each other win in turn; a generator that always loses is thrown about.
    lost = statistics.median(values(measurements, "auc", span) or [0.0]) > LOST or blind(measurements, span)
    comes_back = max(map(crossings, rows)) >= least_turns
    swings = width > wide and step > least_step and goes_round and comes_back and not lost
    if swings and far and not nearing:
        # Those that have just been nearer than ever swing on their way, and are not lost
        grave = width > 2 * wide and not improves(measurements, span)
        return Verdict(
            "trouble" if grave else "watch",
            f"The samples go round: their centre swings through {width:.2g} standard deviations of the data, "
            f"{step:.2g} from one check to the next, and they come no nearer.",
            evidence,
            beyond=width / wide,
        )
    return None


def _chance(look: Measurement) -> float:
    """The variance by chance of the centre of few samples in each direction, beyond that of the usual."""
    count = min(look.fake_count or MOST_PROBED, MOST_PROBED)
    return (look.spread or 1.0) ** 2 * (1 / count - 1 / MOST_PROBED)


def _beyond(size: float, variance: float) -> float:
    """What is left of a size once a variance by chance is taken out of it."""
    return math.sqrt(max(size**2 - variance, 0.0))


def _oscillation_by_losses(measurements: Measurements) -> Verdict | None:
    """From losses alone: both swing in one period, against each other, and the metric gains nothing."""
    generator, discriminator = (
        values(measurements, f"{player}_loss", 2 * ROUND_SPAN) for player in ("generator", "discriminator")
    )
    if len(generator) < LOSS_SPAN or len(generator) != len(discriminator):
        return None
    share, period = dominant_period(generator)
    phase = correlation(generator, discriminator)
    width = deviation(generator) / max(abs(statistics.fmean(generator)), 1e-9)
    metric = values(measurements, "metric")
    better = len(metric) >= 6 and statistics.median(metric[-3:]) < 0.9 * statistics.median(metric[:-3][-6:])
    evidence = Evidence.of(
        ("share of one period", round(share, 3), LOSS_PEAK, "below 0.4"),
        ("phase of the losses", round(phase, 3), -0.5, "above -0.5"),
        ("swing", round(width, 3), 0.05, "any, without a period"),
    )
    if share > LOSS_PEAK and phase < -0.5 and width > 0.05 and crossings(generator) >= TURNS and not better:
        first = measurements[max(0, len(measurements) - len(generator))]
        every = (measurements[-1].step - first.step) / len(generator)
        return Verdict(
            "watch",
            f"Both losses swing against each other in one period of about {period * every:.0f} steps.",
            evidence,
            beyond=share / LOSS_PEAK,
        )
    return HEALTHY


OSCILLATION = Rule(
    name="oscillation",
    summary="The players circle each other, and the samples go round without getting better.",
    judge=_oscillation,
    needs=("centre",),
    otherwise=_oscillation_by_losses,
    proposals=(
        Proposal(
            "add a heavy R1 penalty, or ten times the one there is, on every step, and take the momentum out",
            "the penalty damps the rotation, which momentum drives on",
            "the swing gets smaller from period to period",
            calm,
        ),
        Proposal(
            "give a discriminator without hidden layers three of them",
            "one that only weighs pixels pushes all samples one way, then back",
            "the samples spread out",
            deepened,
            restart=True,
        ),
        Proposal(
            "halve both rates",
            "smaller steps leave the circle more slowly than the penalty draws inwards",
            "the swing gets smaller",
            lambda recipe: rates_times(recipe, 0.5),
        ),
        Proposal(
            "look a step ahead: extragradient",
            "its steps point inwards where plain ones follow the circle; more discriminator steps do not",
            "the swing gets smaller",
            lambda recipe: {"dynamics": "extragradient"},
        ),
        Proposal(
            "sample from a longer average of the generator",
            "the mean of a circle is near its centre",
            "the average's distance falls below that of the generator",
            lambda recipe: {"ema.half_life": 100_000, "ema.ramp": 0.5},
        ),
    ),
    source="Mescheder et al. 2018, sections 2 and 4; Gidel et al. 2019",
    warm_up=32,
    trouble_after=12,
    explains=("not-learning", "mode-hopping", "mode-collapse", "generator-dominates", "quality-regressed"),
)
