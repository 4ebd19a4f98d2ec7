"""`condition-ignored`: the samples do not follow the condition that they are asked for."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from typing import Any

from poise.diagnosis.finding import Evidence
from poise.diagnosis.rule import HEALTHY, Measurements, Proposal, Rule, Unchecked, Verdict
from poise.diagnosis.trends import median, values

STILL = 0.05  # Response to an exchanged condition below which samples do not move
WAKES = 0.12  # Response from which a rise is one
SAMPLES = 256
SPAN = 5  # Spans, sixtieths of a run, that are looked back on


def judge(measurements: Measurements) -> Verdict | Unchecked:
    """Labels no better followed than by chance, or samples that do not move with their condition."""
    now = measurements[-1]
    moves = statistics.median(values(measurements, "condition_response", SPAN))
    response = ("response", round(moves, 3), STILL, "above 0.3")
    if now.condition_followed is None or now.condition_followed_real is None:
        if moves < STILL:
            return Verdict(
                "trouble",
                f"Samples hardly change with their condition: {100 * moves:.1f} % of the distance of two.",
                Evidence.of(response),
                beyond=STILL / max(moves, 1e-4),
            )
        return HEALTHY
    followed = statistics.median(values(measurements, "condition_followed", SPAN))
    chance = statistics.median(values(measurements, "condition_chance", 2 * SPAN))
    real = now.condition_followed_real
    # Two standard errors of a share among the samples of a check.
    doubt = 2 * math.sqrt(max(chance * (1 - chance), 0.01) / SAMPLES)
    half = chance + 0.5 * (real - chance)
    followers = ("labels followed", round(followed, 3), round(chance + doubt, 3), round(real, 3))
    if real < chance + 3 * doubt:
        return Unchecked("the classes of the data cannot be told apart by nearest class means")
    rising = _rises(measurements, "condition_followed", followed, chance + doubt) or _rises(
        measurements, "condition_response", moves, WAKES
    )
    if followed < half and not rising:
        at_chance = followed < chance + doubt
        return Verdict(
            "trouble" if at_chance else "watch",
            f"{100 * followed:.0f} % of the samples look like the class that was asked for; reals do in "
            f"{100 * real:.0f} %, chance gives {100 * chance:.0f} %.",
            Evidence.of(response, followers),
            beyond=(half - chance) / max(followed - chance, 0.02),
        )
    return HEALTHY


def _projection(recipe: Mapping[str, Any]) -> dict[str, Any] | None:
    """The projection game, if the recipe has the plain conditional one and a generator for it."""
    generator = recipe.get("generator", {})
    if recipe.get("game", {}).get("name") != "conditional" or "batch_norm" not in generator:
        return None
    return {"game": "projection", **({} if generator["batch_norm"] else {"generator.batch_norm": True})}


def _rises(measurements: Measurements, name: str, now: float, least: float) -> bool:
    """Whether a quantity is on its way up, and above what chance gives."""
    before = median(measurements, name, 16, 8)
    return before is not None and now > 1.2 * before and now > least


RULE = Rule(
    name="condition-ignored",
    summary="The samples do not follow the condition that they are asked for.",
    judge=judge,
    needs=("condition_response",),
    proposals=(
        Proposal(
            "look whether labels and samples still belong together after shuffling and augmentation",
            "labels that say nothing are rightly ignored",
            "the share of labels that are followed rises above chance",
        ),
        Proposal(
            "let the discriminator judge the label by projection",
            "a label that enters by an inner product with the features is harder to pass over than one "
            "beside many pixels",
            "the share of labels that are followed rises",
            _projection,
            restart=True,
        ),
        Proposal(
            "sample classes evenly, and train longer",
            "rare classes are learned last",
            "the share of labels that are followed rises",
        ),
    ),
    source="Mirza and Osindero 2014; Miyato and Koyama 2018; Ravuri and Vinyals 2019",
    warm_up=40,
    watch_after=4,
    trouble_after=6,
)
