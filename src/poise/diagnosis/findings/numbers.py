"""The numbers themselves: values that are not finite, scores that grow."""

from __future__ import annotations

import statistics
from itertools import pairwise

from poise.diagnosis.finding import Evidence
from poise.diagnosis.findings.settings import rates_times, smoother
from poise.diagnosis.rule import HEALTHY, Measurements, Proposal, Rule, Unchecked, Verdict
from poise.diagnosis.trends import values


def _non_finite(measurements: Measurements) -> Verdict:
    """Trouble at once."""
    culprit = measurements[-1].non_finite
    if culprit is None:
        return HEALTHY
    return Verdict(
        "trouble",
        f"A value that is not finite came up in the {culprit}.",
        Evidence.of(("first tensor", culprit, "finite", "finite")),
        beyond=100.0,
    )


NON_FINITE = Rule(
    name="non-finite",
    summary="A NaN or an infinity in scores, losses, gradients or samples.",
    judge=_non_finite,
    proposals=(
        Proposal(
            "halve both learning rates, and begin from before it came up",
            "values that overflow come most often from steps that are too large",
            "gradient norms stay level instead of growing",
            lambda recipe: rates_times(recipe, 0.5),
        ),
        Proposal(
            "add an R1 penalty on every step",
            "it keeps the discriminator's gradient from growing without bound",
            "the discriminator's gradient norm stays level",
            smoother,
        ),
        Proposal(
            "look at the data for values that are not finite, and compute in 32 or bfloat16 bits",
            "one NaN in a batch spoils every weight; 16-bit floats end at 65,504",
            "it does not come up again",
        ),
    ),
    source="Micikevicius et al. 2018, section 3.2, on the range of half precision",
    warm_up=0,
    watch_after=1,
    trouble_after=1,
    explains=(
        "mode-collapse",
        "mode-hopping",
        "discriminator-dominates",
        "generator-dominates",
        "oscillation",
        "quality-regressed",
        "not-learning",
        "data-shortcut",
        "no-gradient",
        "latent-ignored",
        "diverging",
        "modes-apart",
        "data-mismatch",
    ),
)


# Energy distance in units of the data's own beyond which samples have run away, times what it was at first
FLED, FLED_TIMES, FLED_CHECKS = 8.0, 2.0, 2
GROWN = 100.0  # Times what losses and scores were at first
LARGE = 200.0  # Size below which neither is large in any loss
USUAL = 3.0  # Times what they were at first, above which they have left what is usual
PIECES = 3  # Pieces of the time since then, in each of which they must have grown
FASTER = 1.15  # Times that they must have grown in each
LEAST = 4  # Checks that there must be since then


def _diverging(measurements: Measurements) -> Verdict | Unchecked:
    """The greatest of losses and scores is a hundred times what it was, and goes on growing."""
    if (fled := _fled(measurements)) is not None:
        return fled
    sizes = values(measurements, "greatest")
    if not sizes:
        return Unchecked("no losses and no scores were given")
    if len(sizes) < LEAST:
        return HEALTHY
    first = max(statistics.median(sizes[: max(2, len(sizes) // 6)]), 0.5)
    since = next((place for place in range(len(sizes), 0, -1) if sizes[place - 1] <= USUAL * first), 0)
    grown = sizes[since:]
    if len(grown) < LEAST:
        return HEALTHY
    pieces = [
        grown[len(grown) * place // PIECES : len(grown) * (place + 1) // PIECES] for place in range(PIECES)
    ]
    medians = [statistics.median(piece) for piece in pieces]
    grows = all(after > FASTER * before for before, after in pairwise(medians))
    now = statistics.median(sizes[-3:])
    if now > LARGE and now > GROWN * first and grows:
        return Verdict(
            "trouble",
            f"Losses or scores have grown from {first:.3g} to {now:.3g}, and go on growing.",
            Evidence.of(
                (
                    "greatest of losses and scores",
                    float(f"{now:.4g}"),
                    float(f"{max(LARGE, GROWN * first):.3g}"),
                    "below 50",
                )
            ),
            beyond=now / max(LARGE, GROWN * first),
        )
    return HEALTHY


def _fled(measurements: Measurements) -> Verdict | None:
    """Samples that are many times as far from the data as the data are wide, and farther than at first."""
    far = values(measurements, "distance")
    lately = far[-FLED_CHECKS:]
    if len(far) <= FLED_CHECKS or min(lately) < max(FLED, FLED_TIMES * far[0]):
        return None
    return Verdict(
        "trouble",
        f"The samples have run away from the data: their distance is {lately[-1]:.3g}, and was {far[0]:.3g} "
        "at first.",
        Evidence.of(("distance", round(lately[-1], 3), FLED, "falling, near 0 at the end")),
        beyond=lately[-1] / FLED,
    )


DIVERGING = Rule(
    name="diverging",
    summary="Losses or scores grow without end.",
    judge=_diverging,
    proposals=(
        Proposal(
            "add an R1 penalty on every step, or clip a Wasserstein critic's weights",
            "a Wasserstein loss has no end of its own: only a bound on the critic's slope gives it one",
            "scores and losses stay level",
            lambda recipe: smoother(recipe, heavy=True),
        ),
        Proposal(
            "look whether the gradient is set to zero before each step, and the sign of each loss",
            "gradients that add up make longer and longer steps",
            "scores and losses stay level",
        ),
        Proposal(
            "halve both learning rates",
            "steps that are too large leave any equilibrium",
            "scores and losses stay level",
            lambda recipe: rates_times(recipe, 0.5),
        ),
    ),
    source="Arjovsky et al. 2017, algorithm 1; Gulrajani et al. 2017, section 3; Mescheder et al. 2018",
    warm_up=8,
    watch_after=2,
    trouble_after=3,
    explains=(
        "no-gradient",
        "latent-ignored",
        "data-shortcut",
        "oscillation",
        "quality-regressed",
        "not-learning",
        "mode-collapse",
        "mode-hopping",
        "discriminator-dominates",
        "generator-dominates",
    ),
)
