"""Weights that do not change: a player whose loss does not reach them, or whose optimiser does not step."""

from __future__ import annotations

from poise.diagnosis.finding import Evidence
from poise.diagnosis.findings.settings import levelled, rates_times
from poise.diagnosis.rule import HEALTHY, Measurements, Proposal, Rule, Unchecked, Verdict, unchecked
from poise.diagnosis.trends import values

CHECKS = 2  # Checks in a row since which no weight has changed
FIRST_STEPS = 20  # Steps within which a rate may still begin at 0, or a scaler of 16-bit losses skip
# Share of a player's weights that still change, below which its steps are lost in rounding, and the share
# that must have changed before: sparse networks never change in most places
FEW, MANY = 0.05, 0.5
PLAYERS = ("generator", "discriminator")
SATISFIED = 1e-3  # Loss below which a discriminator that has learnt has no gradient left
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
        if player == "discriminator" and _is_satisfied(measurements):
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


def _is_satisfied(measurements: Measurements) -> bool:
    """Whether a discriminator has moved and its loss is nothing now.

    It rests then, and who wins has rules of its own.
    """
    losses = values(measurements, "discriminator_loss", 2, least=1)
    nothing = bool(losses) and max(map(abs, losses)) < SATISFIED
    return nothing and any(values(measurements, "discriminator_moved"))


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
