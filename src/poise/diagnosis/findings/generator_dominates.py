"""`generator-dominates`: the discriminator is fooled by samples that are far from the data."""

from __future__ import annotations

import statistics

from poise.diagnosis.finding import Evidence
from poise.diagnosis.findings.settings import (
    deepened,
    levelled,
    rates_times,
    single_steps,
    steps_of_players,
    width_times,
)
from poise.diagnosis.past import middle, unchecked, values
from poise.diagnosis.rule import HEALTHY, Proposal, Readings, Rule, Unchecked, Verdict

FOOLED = 0.6
"""Separation below which the discriminator can hardly tell."""

FAR = 0.25
"""Energy distance, in units of the reals' own, beyond which samples are far from the data."""

CATCHES_UP = 0.05
"""Rise of the separation by which the discriminator is seen to learn."""

SPAN = 8


def judge(measurements: Readings) -> Verdict | Unchecked:
    """Hardly told, and far away; near the data a low separation is success."""
    missing = unchecked(measurements[-1], "separation", "distance")
    if missing is not None:
        return missing
    told = statistics.median(values(measurements, "separation", SPAN))
    far = middle(measurements, "distance", 4, 0) or 0.0
    before = middle(measurements, "distance", 14, 8)
    nearing = before is not None and far < 0.85 * before
    found = values(measurements, "separation", 2 * SPAN)
    catching_up = statistics.median(found[-3:]) > CATCHES_UP + statistics.median(found[:SPAN])
    evidence = Evidence(
        {"separation": round(told, 3), "distance": round(far, 3)},
        {"separation": FOOLED, "distance": FAR},
        {"separation": "0.55 to 0.95", "distance": "falling, near 0 at the end"},
    )
    if told < FOOLED and far > FAR and not nearing and not catching_up:
        return Verdict(
            "trouble" if told < 0.52 and far > 0.4 else "watch",
            f"The discriminator tells only {100 * told:.0f} % of pairs rightly, although the samples are far "
            "from the data: the generator fools it with something else.",
            evidence,
            beyond=far / FAR,
        )
    return HEALTHY


RULE = Rule(
    name="generator-dominates",
    summary="The discriminator is fooled by samples that are far from the data.",
    judge=judge,
    proposals=(
        Proposal(
            "take one step of the generator for each of the discriminator's",
            "it has moved on before it is judged again",
            "separation rises above 0.6, then the distance falls",
            lambda recipe: single_steps(recipe, "generator"),
        ),
        Proposal(
            "raise the discriminator's rate to the generator's",
            "it learns many times more slowly than the player that it is to judge",
            "separation rises above 0.6, then the distance falls",
            lambda recipe: levelled(recipe, "discriminator"),
        ),
        Proposal(
            "make the discriminator's rate four times as high",
            "it has to follow before it can lead",
            "separation rises above 0.6, then the distance falls",
            lambda recipe: rates_times(recipe, 4.0, "discriminator"),
        ),
        Proposal(
            "give the discriminator three steps for one of the generator's",
            "its answer is then nearer to the best one",
            "separation rises above 0.6",
            lambda recipe: steps_of_players(recipe, 3),
        ),
        Proposal(
            "give the discriminator twice the width, or hidden layers where it has none",
            "it may lack the means to see the difference",
            "the distance falls",
            lambda recipe: deepened(recipe) or width_times(recipe, "discriminator", 2.0),
            restart=True,
        ),
    ),
    source="Heusel et al. 2017 (two time scales); Chintala et al. 2016 (ganhacks)",
    warm_up=24,
    watch_after=3,
    trouble_after=4,
    explains=("not-learning", "mode-collapse", "mode-hopping", "oscillation", "quality-regressed"),
)
