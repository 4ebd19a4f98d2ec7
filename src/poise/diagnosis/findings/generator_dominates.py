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
from poise.diagnosis.rule import HEALTHY, Measurements, Proposal, Rule, Unchecked, Verdict
from poise.diagnosis.trends import median, values

FOOLED = 0.6  # AUC below which the discriminator can hardly tell
FAR = 0.25  # Energy distance, in units of the reals' own, beyond which samples are far from the data
CATCHES_UP = 0.05  # Rise of the AUC that shows that the discriminator learns
SPAN = 8  # Spans, sixtieths of a run, that are looked back on


def judge(measurements: Measurements) -> Verdict | Unchecked:
    """Fakes are hardly recognised and far from the data; near the data a low AUC is success."""
    area = statistics.median(values(measurements, "auc", SPAN))
    far = median(measurements, "distance", 4, 0) or 0.0
    before = median(measurements, "distance", 14, 8)
    nearing = before is not None and far < 0.85 * before
    recent, earlier = median(measurements, "auc", 2, 0), median(measurements, "auc", 2 * SPAN - 1, SPAN)
    if earlier is None:
        earlier = statistics.median(values(measurements, "auc")[:SPAN])
    catching_up = recent is not None and recent > CATCHES_UP + earlier
    evidence = Evidence.of(
        ("auc", round(area, 3), FOOLED, "0.55 to 0.95"),
        ("distance", round(far, 3), FAR, "falling, near 0 at the end"),
    )
    if area < FOOLED and far > FAR and not nearing and not catching_up:
        return Verdict(
            "trouble" if area < 0.52 and far > 0.4 else "watch",
            f"The discriminator tells only {100 * area:.0f} % of pairs rightly, although the samples are far "
            "from the data: the generator fools it with something else.",
            evidence,
            beyond=far / FAR,
        )
    return HEALTHY


RULE = Rule(
    name="generator-dominates",
    summary="The discriminator is fooled by samples that are far from the data.",
    judge=judge,
    needs=("auc", "distance"),
    proposals=(
        Proposal(
            "take one step of the generator for each of the discriminator's",
            "it has moved on before it is judged again",
            "the AUC rises above 0.6, then the distance falls",
            lambda recipe: single_steps(recipe, "generator"),
        ),
        Proposal(
            "raise the discriminator's rate to the generator's",
            "it learns many times more slowly than the player that it is to judge",
            "the AUC rises above 0.6, then the distance falls",
            lambda recipe: levelled(recipe, "discriminator"),
        ),
        Proposal(
            "make the discriminator's rate four times as high",
            "it has to follow before it can lead",
            "the AUC rises above 0.6, then the distance falls",
            lambda recipe: rates_times(recipe, 4.0, "discriminator"),
        ),
        Proposal(
            "give the discriminator three steps for one of the generator's",
            "its answer is then nearer to the best one",
            "the AUC rises above 0.6",
            lambda recipe: steps_of_players(recipe, 3),
        ),
        Proposal(
            "give the discriminator twice the width, or hidden layers if it has none",
            "it may lack the means to see the difference",
            "the distance falls",
            lambda recipe: deepened(recipe) or width_times(recipe, "discriminator", 2.0),
            restart=True,
        ),
    ),
    source="Heusel et al. 2017 (two time scales); Chintala et al. 2016 (ganhacks)",
    warm_up=24,
    trouble_after=4,
    explains=("not-learning", "mode-collapse", "mode-hopping", "oscillation", "quality-regressed"),
)
