"""The generator wins: the discriminator is fooled by samples that are far from the data."""

from __future__ import annotations

import statistics

from poise.diagnosis.finding import Evidence
from poise.diagnosis.findings.discriminator_wins import LEAST, SPAN, VANISHED, push
from poise.diagnosis.findings.settings import (
    deepened,
    levelled,
    rates_times,
    single_steps,
    steps_of_players,
    width_times,
)
from poise.diagnosis.rule import HEALTHY, Measurements, Proposal, Rule, Unchecked, Verdict
from poise.diagnosis.trends import came_from, median, values

FOOLED = 0.6  # AUC below which the discriminator can hardly tell
AWAY = 0.25  # Energy distance, in units of the reals' own, beyond which samples are far from the data
GUESSES = 0.55  # AUC below which it guesses, and this far below a half it guesses, too
# Spans in which it only guesses, and the spread and share of the data below which it would not have to
LONG, NARROW, HOLDS = 20, 0.5, 0.4
# Energy distance, and times that of other reals, from which samples can be told from the data
APART_FROM_DATA, FLOORS = 0.04, 4.0
CATCHES_UP = 0.05  # Rise of the AUC that shows that the discriminator learns
# If there are losses alone: times that of fresh weights, above which a discriminator is led astray, and below
# which a generator has an easy life
ASTRAY, EASY = 1.15, 0.7
FOOLED_SPAN = 8  # Spans, sixtieths of a run, that are looked back on


def _generator_dominates(measurements: Measurements) -> Verdict | Unchecked:
    """Fakes are hardly recognised and far from the data; near the data a low AUC is success."""
    area = statistics.median(values(measurements, "auc", FOOLED_SPAN))
    far = median(measurements, "distance", 4, 0) or 0.0
    before = came_from(measurements, "distance", 14, 8)
    nearing = before is not None and far < 0.85 * before
    recent, earlier = (
        median(measurements, "auc", 2, 0),
        median(measurements, "auc", 2 * FOOLED_SPAN - 1, FOOLED_SPAN),
    )
    if earlier is None:
        earlier = statistics.median(values(measurements, "auc")[:FOOLED_SPAN])
    catching_up = recent is not None and recent > CATCHES_UP + earlier
    evidence = Evidence.of(
        ("auc", round(area, 3), FOOLED, "0.55 to 0.95"),
        ("distance", round(far, 3), AWAY, "falling, near 0 at the end"),
    )
    floor = next(
        (one.distance_floor for one in reversed(measurements) if one.distance_floor is not None), 0.0
    )
    pushed = push(measurements)
    # A small gradient that still brings samples nearer is that of a game near its end
    stands = pushed < VANISHED and not nearing
    if area < GUESSES and stands and far > max(APART_FROM_DATA, FLOORS * floor):
        return Verdict(
            "watch",
            f"The discriminator only guesses, with {100 * area:.0f} % of pairs right, and the generator's "
            f"gradient has fallen to {100 * pushed:.2g} % of what it was, although samples are not those of "
            "the data yet.",
            Evidence.of(
                ("auc", round(area, 3), GUESSES, "0.55 to 0.95"),
                ("generator's gradient over its greatest", float(f"{pushed:.2g}"), VANISHED, "0.2 to 1"),
                ("distance", round(far, 3), APART_FROM_DATA, "near 0"),
            ),
            beyond=VANISHED / max(pushed, 1e-6),
        )
    if (blind := _guesses(measurements)) is not None:
        return blind
    if area < FOOLED and far > AWAY and not nearing and not catching_up:
        return Verdict(
            "trouble" if area < 0.52 and far > 0.4 else "watch",
            f"The discriminator tells only {100 * area:.0f} % of pairs rightly, although the samples are far "
            "from the data: the generator fools it with something else.",
            evidence,
            beyond=far / AWAY,
        )
    return HEALTHY


def _guesses(measurements: Measurements) -> Verdict | None:
    """For a third of a run it guesses between reals and samples that are far narrower than they.

    Samples that come nearer all the same do not say that it leads them: whatever differs so much in spread
    can be told apart.
    """
    long = LONG if measurements.steps else 2 * LONG
    if measurements.now - measurements.times[0] < long:
        return None
    area, spread, covered = (median(measurements, name, long, 0) for name in ("auc", "spread", "coverage"))
    if area is None or spread is None or covered is None:
        return None
    if not 1 - GUESSES < area < GUESSES or spread >= NARROW or covered >= HOLDS:
        return None
    return Verdict(
        "watch",
        f"The discriminator has only guessed for a third of a run, with {100 * area:.0f} % of pairs right, "
        f"although samples hold {100 * covered:.0f} % of the data and differ from each other "
        f"{100 * spread:.0f} % as much as reals do: it could tell them.",
        Evidence.of(
            ("auc", round(area, 3), GUESSES, "0.6 to 0.95, if samples are narrower than the data"),
            ("spread", round(spread, 3), NARROW, "near 1"),
            ("coverage", round(covered, 3), HOLDS, "near 1"),
        ),
        beyond=NARROW / max(spread, 0.01),
    )


def _fooled_by_losses(measurements: Measurements) -> Verdict | None:
    """From losses alone: the discriminator's is higher than when it knew nothing, the generator's far lower.

    A discriminator that guesses has the loss of fresh weights; only one that is led astray has a higher one.
    """
    generator, discriminator = (
        values(measurements, f"{player}_loss") for player in ("generator", "discriminator")
    )
    if min(len(generator), len(discriminator)) < LEAST or min(*generator, *discriminator) <= 0:
        return None
    own, theirs = (
        statistics.median(values(measurements, f"{player}_loss", SPAN)) / first
        for player, first in (("generator", generator[0]), ("discriminator", discriminator[0]))
    )
    if theirs > ASTRAY and own < EASY:
        return Verdict(
            "watch",
            f"The discriminator's loss is {theirs:.2f} times that of fresh weights, which guess, and the "
            f"generator's {own:.2f} times: the generator fools it, whatever it makes.",
            Evidence.of(
                ("discriminator's loss over its first", round(theirs, 3), ASTRAY, "below 1"),
                ("generator's loss over its first", round(own, 3), EASY, "1 to 4"),
            ),
            beyond=theirs / ASTRAY,
        )
    return HEALTHY


GENERATOR_DOMINATES = Rule(
    name="generator-dominates",
    summary="The discriminator is fooled by samples that are far from the data.",
    judge=_generator_dominates,
    needs=("auc", "distance"),
    otherwise=_fooled_by_losses,
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
    explains=(
        "no-gradient",
        "not-learning",
        "mode-collapse",
        "mode-hopping",
        "oscillation",
        "quality-regressed",
    ),
)
