"""`no-gradient`: the weights of a player do not change at all."""

from __future__ import annotations

from poise.diagnosis.finding import Evidence
from poise.diagnosis.findings.settings import rates_times
from poise.diagnosis.rule import HEALTHY, Measurements, Proposal, Rule, Unchecked, Verdict, unchecked

CHECKS = 2  # Checks in a row since which no weight has changed
FIRST_STEPS = 20  # Steps within which a rate may still begin at 0, or a scaler of 16-bit losses skip
PLAYERS = ("generator", "discriminator")


def judge(measurements: Measurements) -> Verdict | Unchecked:
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
        if len(moved) < CHECKS or any(moved):
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
        )
    if missing := unchecked(now, "generator_moved"):
        return missing
    return HEALTHY


RULE = Rule(
    name="no-gradient",
    summary="The weights of a player do not change at all.",
    judge=judge,
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
    ),
)
