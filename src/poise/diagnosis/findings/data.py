"""The data: others than they are thought to be, or with something simple that only reals have."""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left
from collections.abc import Mapping, Sequence

from poise.diagnosis.finding import Evidence, Measurement
from poise.diagnosis.findings.discriminator_wins import VANISHED, push
from poise.diagnosis.rule import HEALTHY, Measurements, Proposal, Rule, Unchecked, Verdict
from poise.diagnosis.trends import CLOSE, values

# Deviations by which the means of the loop's reals and of those that were handed over differ
SHIFT = 0.6
SCALE = 1.8  # Times that the deviation of one is that of the other
GREY = 0.15  # Share of the data's colour below which samples are grey
COLOURED = 0.03  # Difference of the channels from which data are coloured
LEAST_LABELLED = 128  # Labelled reals from which it can be said that labels tell nothing
CHECKS = 3  # Checks that are looked at
DIFFER = 0.3  # Spread from which samples differ enough to have colours
# Share of the data's colour below which channels are equal, and the spread of samples that are not all one
EQUAL, TOGETHER = 1e-3, 0.02
# Energy distance from which the loop's reals are others than those that were handed over, and the share of it
# that is left if the right change is undone. Sixty-four reals of the same data are at 0.02 at most
DISPLACED, BROUGHT = 0.1, 0.3
# Times as far apart as those that were handed over, from which the loop's reals are noisier or augmented, and
# from which samples have taken that on. Of sixty-four reals of the same data chance gives 1.1 at most
NOISIER, TAKEN_ON = 1.2, 1.15
NOISE_SPAN = 6  # Spans, sixtieths of a run, over which samples are looked at


def _data_mismatch(measurements: Measurements) -> Verdict | Unchecked:
    """The loop's reals or its labels are others than those that were handed over.

    Reals may lie in another range, have lost their colour or be one batch again and again. Held-out data of
    another distribution are no fault of the loop, which does not see them: what is judged by them is then
    left unchecked, and says why.
    """
    looked = [one.loop_reals for one in measurements if one.loop_reals][-CHECKS:]
    now = measurements[-1]
    made = now.fake_spread if now.spread is None else now.spread
    found = _laid_out(measurements)
    if found is None and len(looked) == CHECKS:
        found = _of_the_loop(looked, spread=made or 0.0)
    if found is None:
        found = _noisier(measurements)
    if found is not None:
        return found
    if now.condition_followed_real is not None and now.condition_chance is not None:
        real, chance = now.condition_followed_real, now.condition_chance
        doubt = 2 * math.sqrt(max(chance * (1 - chance), 0.01) / LEAST_LABELLED)
        if real < chance + doubt:
            return Verdict(
                "watch",
                f"The labels cannot be told from the data: {100 * real:.0f} % of reals are nearest to the "
                f"mean of their own class, and chance gives {100 * chance:.0f} %.",
                Evidence.of(
                    ("labels told from the data", round(real, 3), round(chance + doubt, 3), "near 1")
                ),
            )
    if not looked:
        return Unchecked(now.missing.get("loop_reals", "no reals of the loop were given"))
    return HEALTHY


def _laid_out(measurements: Measurements) -> Verdict | None:
    """The loop's reals are far from those that were handed over, and near if both are brought together."""
    found = [one.layouts for one in measurements if one.layouts]
    if len(found) < CHECKS:
        return None
    far = {
        name: statistics.fmean(one[name] for one in found)
        for name in found[0]
        if all(name in one for one in found)
    }
    here = far.pop("")
    name = min(far, key=lambda one: far[one], default="")
    if name and here > DISPLACED and far[name] < BROUGHT * here:
        return Verdict(
            "trouble",
            f"The loop's reals are those that were handed over with {name}.",
            Evidence.of(
                ("distance of the loop's reals", round(here, 3), DISPLACED, "near 0"),
                ("distance once that is undone", round(far[name], 3), round(BROUGHT * here, 3), "near 0"),
            ),
            beyond=here / DISPLACED,
        )
    return None


def _noisier(measurements: Measurements) -> Verdict | None:
    """The loop's reals are farther apart than those that were handed over, and so are the samples.

    Noise on all that is scored is a remedy, and no fault, as long as samples do not take it on.
    """
    looked = values(measurements, "loop_spread")
    made = values(measurements, "spread", NOISE_SPAN) or values(measurements, "fake_spread", NOISE_SPAN)
    if len(looked) < CHECKS or len(made) < CHECKS:
        return None
    times, taken_on = statistics.fmean(looked), statistics.median(made)
    if times < NOISIER or taken_on < TAKEN_ON:
        return None
    return Verdict(
        "watch",
        f"Two of the loop's reals are {times:.2f} times as far apart as two of those that were handed over, "
        f"and samples {taken_on:.2f} times: they are noisier, or augmented, and the generator learns that.",
        Evidence.of(
            ("spread of the loop's reals", round(times, 3), NOISIER, "near 1"),
            ("spread of the samples", round(taken_on, 3), TAKEN_ON, "0.8 to 1.1"),
        ),
        beyond=times / NOISIER,
    )


def _of_the_loop(looked: Sequence[Mapping[str, tuple[float, float]]], *, spread: float) -> Verdict | None:
    """What the reals of the loop have that those which were handed over have not, at each of some checks."""

    def medians(name: str) -> tuple[float, float] | None:
        pairs = [one[name] for one in looked if name in one]
        if len(pairs) < CHECKS:
            return None
        return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)

    if all(one.get("repeats", (0.0, 0.0))[0] for one in looked):
        return Verdict(
            "trouble",
            "The loop's reals are the same batch again and again.",
            Evidence.of(("rows that are those of the last check", 1.0, 1.0, 0.0)),
            beyond=100.0,
        )
    mean, deviation = medians("mean"), medians("deviation")
    if mean is not None and deviation is not None:
        scale = max(deviation[1], 1e-9)
        shift, times = abs(mean[0] - mean[1]) / scale, max(deviation[0], 1e-9) / scale
        if shift > SHIFT or not 1 / SCALE < times < SCALE:
            low, high = medians("least") or (0.0, 0.0), medians("greatest") or (0.0, 0.0)
            return Verdict(
                "trouble",
                f"The loop's reals lie between {low[0]:.3g} and {high[0]:.3g}, those that were handed over "
                f"between {low[1]:.3g} and {high[1]:.3g}: one of them is normalised otherwise.",
                Evidence.of(
                    ("shift, in deviations", round(shift, 3), SHIFT, "below 0.2"),
                    ("deviation of the loop's over the other", round(times, 3), SCALE, "near 1"),
                ),
                beyond=max(shift / SHIFT, times / SCALE, 1 / (SCALE * times)),
            )
    # Samples that are all the same are of one colour, too, which is not what is wrong with them; but channels
    # that are equal in samples which differ at all were made so.
    for name, whose in (("colour", "The loop's reals"), ("colour of fakes", "The samples")):
        colour = medians(name)
        least = GREY if name == "colour" or spread > DIFFER else EQUAL if spread > TOGETHER else 0.0
        if colour is not None and colour[1] > COLOURED and colour[0] < least * colour[1]:
            return Verdict(
                "watch",
                f"{whose} are grey, and the data are coloured.",
                Evidence.of((name, round(colour[0], 4), round(GREY * colour[1], 4), round(colour[1], 4))),
                beyond=GREY * colour[1] / max(colour[0], 1e-4),
            )
    return None


DATA_MISMATCH = Rule(
    name="data-mismatch",
    summary="The data in the loop are not what they are thought to be.",
    judge=_data_mismatch,
    proposals=(
        Proposal(
            "hand the monitor reals as the discriminator sees them: after resizing and normalising",
            "what is compared with data in another range is far from them whatever it shows",
            "the loop's reals and those that were handed over lie in one range",
            of_loops=True,
        ),
        Proposal(
            "look whether the loader shuffles and is asked for a new batch at every step",
            "one batch is soon known by heart",
            "the reals of two steps differ",
            of_loops=True,
        ),
        Proposal(
            "look whether labels belong to their rows, after shuffling and augmentation as well",
            "labels that say nothing of their rows can be followed by no generator",
            "reals are nearest to the mean of their own class",
        ),
    ),
    source="Chintala et al. 2016 (ganhacks), on ranges; Székely and Rizzo 2013, on equal distributions",
    warm_up=1,
    watch_after=2,
    trouble_after=2,
    recovered_after=3,
    explains=(
        "data-shortcut",
        "discriminator-overfits",
        "condition-ignored",
        "generator-dominates",
        "discriminator-dominates",
        "not-learning",
        "mode-collapse",
        "memorisation",
        "quality-regressed",
        "mode-hopping",
        "oscillation",
        "modes-apart",  # fakes that the loop changes on their way are not the generator's own samples
    ),
)


APART = 0.95  # AUC above which nearly every fake is recognised
TELLS = 0.995  # Area under the curve above which one statistic alone tells every fake
DEVIATIONS = 2.5  # Standard deviations by which it must differ besides
# Statistics that an average of the data gets right; blurred or collapsed samples miss the others anyway
LINEAR = ("mean", "border", "channel", "coordinate")
# Spread below which samples are blurred or collapsed; deviations of the extremes beyond what that does, and
# beyond what a generator does that ends in no tanh
SPREAD, BLUR = 0.3, 10.0
EXTREMES = ("least", "greatest")
STAYS = 0.85  # Share of what it was a sixth of the run ago that it must still be
MOVES = 0.03  # Movement of the samples from which the generator has tried
WENT = 0.6  # Share of its first distance to which a generator has come that has met a wall
SETTLED = 5  # Spans, sixtieths of a run, that a generator has to leave its first noise
SPAN = 10  # Spans that are looked back on
LEAST = 6  # Checks that there must be


def _data_shortcut(measurements: Measurements) -> Verdict | Unchecked:
    """One simple statistic tells every fake at every check since the run began, whatever the generator does.

    Data do not change while they are trained on: what only reals have is there from the first check on. A
    statistic that tells fakes later, or less and less, is that of a generator which is ill or still learns.
    """
    now = measurements[-1]
    begin = bisect_left(measurements.times, SETTLED + CLOSE)
    settled = measurements[begin:]
    probed = [one for one in settled if one.probes]
    if len(probed) < LEAST or measurements.now < SETTLED + SPAN - CLOSE:
        return HEALTHY
    apart = statistics.median(values(settled, "auc"))
    spread = statistics.median(values(settled, "spread", SPAN))
    # A generator that hardly moves has not tried, unless it went all the way to a wall at once.
    lately = [one for one in settled.last(SPAN, least=LEAST) if one.probes]
    since = lately if _moves(measurements, spread) else probed if _went(measurements) else []
    best, effect, area = "", 0.0, 0.5
    for name in now.probes:
        least_area, least_effect = _least(probed, name, 0), _least(probed, name, 1)
        plain = name.startswith(LINEAR) or (spread > SPREAD and name not in EXTREMES)
        least = DEVIATIONS if plain else _beyond_blur(name)
        if since and least_area > TELLS and least_effect > max(least, effect) and _stays(since, name):
            best, effect, area = name, least_effect, least_area
    evidence = Evidence.of(
        ("auc", round(apart, 4), APART, "0.55 to 0.95"),
        (f"{best or 'best statistic'} alone", round(area, 4), TELLS, "0.5 to 0.9"),
        ("apart, in deviations", round(min(effect, 1e4), 2), DEVIATIONS, "below 1.5"),
    )
    if best and apart > APART:
        return Verdict(
            "trouble",
            f"The {best} of a sample alone tells every fake from the data ({min(effect, 1e4):.0f} deviations "
            "apart), so the discriminator need not learn what they show.",
            evidence,
            beyond=effect / DEVIATIONS,
        )
    return HEALTHY


def _beyond_blur(name: str) -> float:
    return BLUR if name in EXTREMES else math.inf


def _column(measurements: Sequence[Measurement], name: str, index: int) -> list[float]:
    return [one.probes[name][index] for one in measurements if name in one.probes]


def _least(measurements: Sequence[Measurement], name: str, index: int) -> float:
    """The least that a statistic's area or effect was, but for one check in ten."""
    found = sorted(_column(measurements, name, index))
    return found[len(found) // 10]


def _stays(measurements: Sequence[Measurement], name: str) -> bool:
    effects = _column(measurements, name, 1)
    return statistics.median(effects[-3:]) > STAYS * statistics.median(effects[:3])


def _moves(measurements: Measurements, spread: float) -> bool:
    """Whether the generator is pushed and moves, or moves by more than its samples differ."""
    moves = statistics.median(values(measurements, "movement", SPAN) or [1.0])
    return moves > max(spread, 1e-6) or (moves > MOVES and push(measurements) > VANISHED)


def _went(measurements: Measurements) -> bool:
    far = values(measurements, "distance")
    return statistics.median(values(measurements, "distance", SPAN)) < WENT * far[0]


DATA_SHORTCUT = Rule(
    name="data-shortcut",
    summary="Something simple that only reals have gives every fake away.",
    judge=_data_shortcut,
    needs=("auc", "probes"),
    proposals=(
        Proposal(
            "bring the data into the range that the generator can make, -1 to 1 behind a tanh",
            "values that the generator cannot reach give every fake away",
            "the AUC falls below 0.95 within some hundred steps",
        ),
        Proposal(
            "crop frames and padding, and decode and resize reals and fakes in one way",
            "a border, a grid of compression or another filter is seen before any content",
            "the AUC falls below 0.95 within some hundred steps",
        ),
        Proposal(
            "put instance noise on all that is scored",
            "it hides what is small, until the data are mended",
            "the AUC falls while the noise lasts",
            lambda recipe: {"augmentations.instance-noise.deviation": 0.1},
            share=0.2,
        ),
    ),
    source="Chintala et al. 2016 (ganhacks), on ranges; Sønderby et al. 2016 on instance noise",
    warm_up=20,
    trouble_after=6,
    explains=(
        "discriminator-dominates",
        "not-learning",
        "mode-collapse",
        "mode-hopping",
        "oscillation",
        "quality-regressed",
    ),
)
