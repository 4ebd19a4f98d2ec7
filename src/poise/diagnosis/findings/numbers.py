"""The numbers themselves: values that are not finite, weights that do not change, scores that grow."""

from __future__ import annotations

import statistics
from itertools import pairwise

from poise.diagnosis.finding import Evidence
from poise.diagnosis.findings.settings import levelled, rates_times, smoother
from poise.diagnosis.rule import HEALTHY, Measurements, Proposal, Rule, Unchecked, Verdict, unchecked
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


CHECKS = 2  # Checks in a row since which no weight has changed
FIRST_STEPS = 20  # Steps within which a rate may still begin at 0, or a scaler of 16-bit losses skip
# Share of a player's weights that still change, below which its steps are lost in rounding, and the share
# that must have changed before: sparse networks never change in most places
FEW, MANY = 0.05, 0.5
PLAYERS = ("generator", "discriminator")
LONGER = 2.0  # Times an earlier turn up to which a player stands still because it is the other's turn


def _no_gradient(measurements: Measurements) -> Verdict | Unchecked:
    """Not one of the weights that are looked at has changed by a bit since the last two checks."""
    now = measurements[-1]
    if (now.observed or now.step) < FIRST_STEPS:
        return HEALTHY
    for player in PLAYERS:
        moved = [
            share
            for one in measurements[-2 * CHECKS :]
            if (share := getattr(one, f"{player}_moved")) is not None
        ][-CHECKS:]
        if len(moved) < CHECKS:
            continue
        if any(moved):
            if max(moved) < FEW and _once(measurements, player):
                return _ended(player, max(moved))
            continue
        if _in_turns(measurements, player):
            continue
        pushed = now.generator_gradient if player == "generator" else now.discriminator_gradient
        why = (
            "no gradient reaches them, or none is left after the step"
            if not pushed
            else "a gradient reaches them, but its optimiser does not step, or holds other weights"
        )
        return Verdict(
            "trouble",
            f"The {player}'s weights have not changed by a bit since the last checks: {why}.",
            Evidence.of((f"share of the {player}'s weights that changed", 0.0, "above 0", "near 1")),
            beyond=100.0,
            sure=True,
            given=_of_the_loop(measurements, player),
        )
    if missing := unchecked(now, "generator_moved"):
        return missing
    return HEALTHY


def _of_the_loop(measurements: Measurements, player: str) -> bool:
    """Whether nothing but the loop keeps a player from moving, and no other finding explains it.

    It never moved, or its gradient was there and is gone. One that dies away while the other player wins, or
    behind units that are all saturated, is still there, and is 0.
    """
    if not any(values(measurements, f"{player}_moved")):
        return True
    now = measurements[-1]
    gone = now.generator_gradient is None and bool(values(measurements, "generator_gradient"))
    return player == "generator" and gone and now.non_finite is None


def _in_turns(measurements: Measurements, player: str) -> bool:
    """Whether a player stands still while the other moves, as that did for it, and not much longer than then.

    One that never moved alone waits for no turn, however often the other has paused.
    """
    turns: list[float] = []  # How long one player moved alone, each time
    movers: set[str] = set()
    before, since, alone = 0.0, 0.0, ""
    for time, one in zip(measurements.times, measurements, strict=True):
        shares = {player: getattr(one, f"{player}_moved") for player in PLAYERS}
        moved = [player for player in PLAYERS if shares[player]]
        now = moved[0] if len(moved) == 1 and None not in shares.values() else ""
        if now and now != alone:
            turns.append(0.0)
            movers.add(now)
            since = before
        if now:
            turns[-1] = time - since
        before, alone = time, now
    return player in movers and alone not in ("", player) and turns[-1] <= LONGER * max(turns[:-1])


def _once(measurements: Measurements, player: str) -> bool:
    """Whether most of a player's weights changed from check to check at some time."""
    return max(values(measurements, f"{player}_moved")) > MANY


def _ended(player: str, share: float) -> Verdict:
    """Steps that round most weights back to what they were."""
    return Verdict(
        "trouble",
        f"Only {100 * share:.1f} % of the {player}'s weights still change between two checks: its steps have "
        "become smaller than the last bit of a weight, so that training has ended.",
        Evidence.of((f"share of the {player}'s weights that changed", round(share, 4), FEW, "near 1")),
        beyond=FEW / max(share, 1e-3),
    )


NO_GRADIENT = Rule(
    name="no-gradient",
    summary="The weights of a player do not change at all.",
    judge=_no_gradient,
    proposals=(
        Proposal(
            "look whether the loss reaches the weights: detach, no_grad, item() or numpy() on the way",
            "a sample that was cut off from its graph gives the generator no gradient",
            "the weights change at the next step",
        ),
        Proposal(
            "look whether each optimiser holds the weights of its own player, and steps",
            "an optimiser of the other player's weights moves the other player twice",
            "the weights change at the next step",
        ),
        Proposal(
            "raise the rate of the player that does not move to the other's",
            "its steps are smaller than the last bit of a weight, and the other's are not",
            "the weights change at the next step",
            lambda recipe: levelled(recipe, "generator") or levelled(recipe, "discriminator"),
        ),
        Proposal(
            "make both rates ten times as high",
            "a step that is smaller than the last bit of a weight is none",
            "the weights change at the next step",
            lambda recipe: rates_times(recipe, 10.0),
        ),
    ),
    source="Goodfellow et al. 2014, algorithm 1: both players descend their own gradient",
    warm_up=0,
    recovered_after=1,
    explains=(
        "not-learning",
        "mode-collapse",
        "latent-ignored",
        "discriminator-dominates",
        "generator-dominates",
        "quality-regressed",
        "oscillation",
        "mode-hopping",
        "data-shortcut",
        "condition-ignored",
        "discriminator-overfits",
        "diverging",
        "modes-apart",
        "augmentation-leaks",
        "checkerboard",
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
