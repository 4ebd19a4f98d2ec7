"""What holds in training only: samples that are copies, scores of known data, the mode of training."""

from __future__ import annotations

import math
import statistics

from poise.diagnosis.finding import Evidence
from poise.diagnosis.findings.settings import adaptive, differentiable, mirrored, smoother, width_times
from poise.diagnosis.reference import LEAST_HELD_OUT, LEAST_OTHERS, MOST_SCORED, OTHERS
from poise.diagnosis.rule import HEALTHY, Measurements, Proposal, Rule, Unchecked, Verdict
from poise.diagnosis.trends import came_from, median, values

COPIES = -4.0  # C_T below which samples lie nearer to the training data than new data do; its authors take -3
ON_TOP = 0.1  # Share of samples, beyond chance, that lie right on one training sample
# C_T below which no samples on top of one training sample are asked for. Samples that are merely blurred
# reach -8 against pictures as small as these
HUGS = -9.0
MOST = 0.5  # Share of samples, beyond chance, right on one training sample that one look cannot mistake
NEAR = 0.85  # Share of unseen data's distance to the training data below which samples are near
SPAN = 4  # Spans, sixtieths of a run, that are looked back on

AUGMENTED = (
    Proposal(
        "turn on adaptive augmentation (ADA)",
        "each image is then seen in many ways, as many as the overfitting asks for",
        "r_t falls to 0.6 or below, and held-out data score nearer to training data",
        adaptive,
        share=0.2,
    ),
    Proposal(
        "turn on DiffAugment",
        "each image is then seen in many ways at once; a run as short as this ends before ADA has adapted",
        "held-out data score nearer to training data",
        differentiable,
        share=0.2,
    ),
)


def of_another_distribution(apart: float) -> str:
    """The sentence that says that held-out data are not drawn from the training distribution."""
    return (
        f"the held-out data are of another distribution than the training data ({apart:.1f} standard "
        "deviations of chance apart), so that they cannot tell what the networks know by heart; draw them by "
        "lot from the same data"
    )


def certainty(held_out: int | None) -> float:
    """How sure it can be of what so many held-out samples agree on.

    Source: Laplace's rule of succession.

    Example:
        >>> certainty(8), round(certainty(90), 2)
        (0.9, 0.99)
    """
    return 1.0 if held_out is None else 1 - 1 / (held_out + 2)


def _held_out_apart(measurements: Measurements) -> float:
    """By how many standard deviations of chance held-out data differ from training data; 0 if unknown."""
    known = (one.held_out_apart for one in reversed(measurements) if one.held_out_apart is not None)
    return next(known, 0.0)


def _memorisation(measurements: Measurements) -> Verdict | Unchecked:
    """Nearer to the training data than unseen data are, for some time."""
    last = measurements[-1]
    chance = last.copied_held_out or 0.0
    clear = (last.copying or 0.0) < HUGS and (last.copied or 0.0) > chance + MOST
    score, copied, nearness = (
        statistics.median(
            ([getattr(last, name) or 0.0] if clear else values(measurements, name, SPAN)) or [0.0]
        )
        for name in ("copying", "copied", "nearness")
    )
    evidence = Evidence.of(
        ("C_T", round(score, 2), COPIES, "above 0"),
        ("copied", round(copied, 3), round(chance + ON_TOP, 3), f"{chance:.2g}, as held-out data"),
        ("nearness", round(nearness, 3), NEAR, "near 1"),
    )
    enough = last.held_out_count is None or last.held_out_count >= LEAST_HELD_OUT
    held_out = enough and _held_out_apart(measurements) <= OTHERS
    others = "data do that were held out" if held_out else "these lie to each other"
    copies = score < COPIES and copied > chance + ON_TOP
    if copies or (score < HUGS and nearness < NEAR):
        return Verdict(
            "trouble" if score < 1.2 * HUGS or copied > chance + 3 * ON_TOP else "watch",
            f"The samples lie nearer to the training data than {others}: C_T is "
            f"{score:.1f}, and {100 * copied:.0f} % lie right on one training sample.",
            evidence,
            beyond=score / COPIES,
            sure=clear,
            certainty=certainty(last.held_out_count if held_out else last.training_count),
        )
    return HEALTHY


MEMORISATION = Rule(
    name="memorisation",
    summary="The samples are copies of training data.",
    judge=_memorisation,
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
        *AUGMENTED,
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


AHEAD = 0.65  # Chance that a training real scores above a held-out one, beyond which they are told apart
KNOWN = 0.8  # The same for trouble
SCORES_SPAN = 5  # Spans, sixtieths of a run, that are looked back on
CHANCE = 3.0  # Standard errors of a rank by which few held-out samples must differ, if that is more
SURE_OF_REALS = (
    0.9  # r_t beyond which reals are known by heart if there are too few to hold any out; ADA's is 0.6
)
TELLS_APART = 0.95  # The AUC that goes with it
FEW_REALS = 640  # With at least this many reals, r_t alone is no evidence
# Energy distance below which samples are those of the data: what a discriminator then knows by heart has not
# kept them from getting there. That of unseen data is near 0
ARRIVED = 0.02
BY_SIGNS = 0.6  # How sure it can be at most by r_t alone: a discriminator may also win for other reasons


def _discriminator_overfits(measurements: Measurements) -> Verdict | Unchecked:
    """Training reals score above held-out ones, for some time, and are not of another distribution."""
    if (apart := _held_out_apart(measurements)) > OTHERS:
        return Unchecked(of_another_distribution(apart))
    last = measurements[-1]
    ahead = statistics.median(values(measurements, "training_above_held_out", SCORES_SPAN))
    least = max(AHEAD, 0.5 + CHANCE * _rank_error(last.training_count, last.held_out_count))
    few = last.held_out_count is not None and last.held_out_count < LEAST_OTHERS
    gaps = values(measurements, "held_out_gap", SCORES_SPAN)
    gap = statistics.median(gaps) if gaps else 0.0
    evidence = Evidence.of(
        ("training above held out", round(ahead, 3), round(least, 3), "0.45 to 0.58"),
        ("held-out gap", round(gap, 3), 0.2, "below 0.15"),
    )
    grave = ahead > KNOWN and gap > 0.3
    near = median(measurements, "distance", SCORES_SPAN, 0)
    arrived = near is not None and near < ARRIVED
    if ahead > least and gap > 0.1 and (grave or not arrived):
        return Verdict(
            "trouble" if grave else "watch",
            f"The discriminator scores {100 * ahead:.0f} % of its training data above data that it has not "
            f"seen, which have fallen {100 * gap:.0f} % of the way to fakes"
            f"{f', judged by {last.held_out_count} held-out samples' if few else ''}.",
            evidence,
            beyond=(ahead - 0.5) / (AHEAD - 0.5),
            certainty=certainty(last.held_out_count),
        )
    return HEALTHY


def _rank_error(training: int | None, held_out: int | None) -> float:
    """The standard error of the chance that one of few scores above another, if both are alike.

    Source: Mann and Whitney 1947, of U over the number of pairs.
    """
    n, m = min(training or MOST_SCORED, MOST_SCORED), min(held_out or MOST_SCORED, MOST_SCORED)
    return math.sqrt((n + m + 1) / (12 * n * m))


def _by_signs(measurements: Measurements) -> Verdict | None:
    """Of too few data to hold any out: the discriminator is sure of nearly all of them, for some time."""
    last = measurements[-1]
    found, areas = (values(measurements, name, SCORES_SPAN) for name in ("r_t", "auc"))
    if last.r_t is None or not areas or last.held_out_count is None or last.held_out_count >= LEAST_HELD_OUT:
        return None
    if (last.training_count or FEW_REALS) >= FEW_REALS:
        return None
    r_t = statistics.median(found)
    if r_t <= SURE_OF_REALS or statistics.median(areas) <= TELLS_APART:
        return HEALTHY
    return Verdict(
        "watch",
        f"The discriminator takes nearly each of its {last.training_count} training samples for real: r_t is "
        f"{r_t:.2f}. They are too few to hold any out, so that it only seems to know them by heart.",
        Evidence.of(("r_t", round(r_t, 3), SURE_OF_REALS, "near 0.6 or below")),
        beyond=(1 - SURE_OF_REALS) / max(1 - r_t, 0.01),
        certainty=BY_SIGNS,
    )


DISCRIMINATOR_OVERFITS = Rule(
    name="discriminator-overfits",
    summary="The discriminator knows its training data by heart.",
    judge=_discriminator_overfits,
    needs=("training_above_held_out",),
    otherwise=_by_signs,
    proposals=(
        *AUGMENTED,
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


APART = 0.2  # Energy distance by which the two differ in how far they are from the data
TIMES = 2.5  # Times that one must be as far as the other
NEARING = 0.8  # Share of what the distance was ten spans ago, below which an average catches up
MODES_SPAN = 4  # Spans, sixtieths of a run, that are looked back on


def _modes_apart(measurements: Measurements) -> Verdict | Unchecked:
    """Samples in eval mode lie much farther from the data than the fakes of the loop, and come no nearer.

    An average of weights lags behind at first, and makes better samples than the loop later on: neither is a
    fault.
    """
    if measurements[-1].movement is None:
        return Unchecked(measurements[-1].missing.get("movement", "the generator itself was not sampled"))
    own, handed = (
        median(measurements, "distance", MODES_SPAN, 0),
        median(measurements, "fake_distance", MODES_SPAN, 0),
    )
    if own is None or handed is None:
        return HEALTHY
    before = came_from(measurements, "distance", 3 * MODES_SPAN, 2 * MODES_SPAN)
    nearing = before is not None and own < NEARING * before
    if own - handed > APART and own > TIMES * handed and not nearing:
        return Verdict(
            "watch",
            "The generator's samples in eval mode are farther from the data than the fakes of the loop: "
            f"{own:.2f} against {handed:.2f}. Running statistics, dropout or an average may be off.",
            Evidence.of(
                ("distance in eval mode less that in training", round(own - handed, 3), APART, "near 0")
            ),
            beyond=(own - handed) / APART,
        )
    return HEALTHY


MODES_APART = Rule(
    name="modes-apart",
    summary="The generator's samples in eval mode are not those that it is trained on.",
    judge=_modes_apart,
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
