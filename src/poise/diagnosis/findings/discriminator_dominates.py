"""`discriminator-dominates`: it tells every fake, and the generator learns nothing from it."""

from __future__ import annotations

import statistics

from poise.diagnosis.finding import Evidence
from poise.diagnosis.findings.settings import rate_of, rates_times
from poise.diagnosis.past import middle, unchecked, values
from poise.diagnosis.rule import HEALTHY, Proposal, Readings, Rule, Unchecked, Verdict

APART = 0.99
"""Separation above which every fake is told."""

VANISHED = 0.05
"""Share of its own greatest median below which the generator's gradient has vanished."""

GONE, GROWN = 0.05, 3.0
"""Where there are losses alone: what is left of the discriminator's, how far the generator's has grown."""

HALTED = 0.25
"""Share of its usual movement below which the generator has come to a halt."""

SPAN = 10


def judge(readings: Readings) -> Verdict | Unchecked:
    """Wholly separated for some time, and samples that do not come nearer meanwhile."""
    missing = unchecked(readings[-1], "separation")
    if missing is not None:
        return _by_losses(readings) or missing
    span = values(readings, "separation", SPAN)
    apart = statistics.median(span[-5:])
    gradients = values(readings, "generator_gradient")
    usual = max(
        (statistics.median(gradients[place : place + 5]) for place in range(len(gradients))), default=0
    )
    pushed = gradients[-1] / usual if gradients and usual > 0 else 1.0
    near, before = middle(readings, "distance", 3, 0), middle(readings, "distance", SPAN, SPAN - 4)
    floor = readings[-1].distance_floor or 0.0
    stuck = near is None or before is None or (near > 0.9 * before and near > max(0.1, 5 * floor))
    moves, moved = middle(readings, "movement", 4, 0), middle(readings, "movement", 40, 8)
    halted = moves is not None and moved is not None and moves < HALTED * moved and stays(near, before)
    stuck = stuck or halted
    evidence = Evidence(
        {"separation": round(apart, 4), "generator's gradient over its greatest": round(pushed, 4)},
        {"separation": APART, "generator's gradient over its greatest": VANISHED},
        {"separation": "0.55 to 0.95", "generator's gradient over its greatest": "0.2 to 1"},
    )
    if apart < APART:
        return HEALTHY
    if pushed < VANISHED and stuck:
        return Verdict(
            "trouble",
            f"The discriminator tells {100 * apart:.1f} % of reals from fakes, and the generator's gradient "
            f"has fallen to {100 * pushed:.2g} % of what it was.",
            evidence,
            beyond=VANISHED / max(pushed, 1e-6),
        )
    if stuck:
        return Verdict(
            "trouble" if len(span) == SPAN and min(span) > APART else "watch",
            f"The discriminator tells {100 * apart:.1f} % of reals from fakes, and samples come no nearer.",
            evidence,
            beyond=1.0 + 10 * (apart - APART),
        )
    return HEALTHY


def _by_losses(readings: Readings) -> Verdict | None:
    """From losses alone: the discriminator's has all but gone, and the generator's has grown."""
    generator, discriminator = (
        values(readings, f"{player}_loss") for player in ("generator", "discriminator")
    )
    if len(generator) < 2 * SPAN or len(discriminator) < 2 * SPAN:
        return None
    left = statistics.median(discriminator[-SPAN:]) / max(abs(statistics.median(discriminator[:SPAN])), 1e-9)
    grown = statistics.median(generator[-SPAN:]) / max(abs(statistics.median(generator[:SPAN])), 1e-9)
    evidence = Evidence(
        {"discriminator's loss left": round(left, 4), "generator's loss grown": round(grown, 2)},
        {"discriminator's loss left": GONE, "generator's loss grown": GROWN},
        {"discriminator's loss left": "0.3 to 2", "generator's loss grown": "0.5 to 3"},
    )
    if 0 <= left < GONE and grown > GROWN:
        return Verdict(
            "watch",
            f"The discriminator's loss has fallen to {100 * left:.1f} % of what it was at first, and the "
            f"generator's has grown {grown:.1f} times.",
            evidence,
            beyond=GONE / max(left, 1e-6),
        )
    return HEALTHY


def stays(near: float | None, before: float | None) -> bool:
    """Whether the distance to the data has not fallen."""
    return near is not None and before is not None and near > 0.9 * before


RULE = Rule(
    name="discriminator-dominates",
    summary="The discriminator tells every fake, and the generator learns nothing from it.",
    judge=judge,
    proposals=(
        Proposal(
            "look at the data for what only reals have: range, padding, a grid of compression",
            "a discriminator that wins within some hundred steps has mostly found a shortcut",
            "separation falls below 0.95",
        ),
        Proposal(
            "take the non-saturating loss, one step of each player, and an R1 penalty",
            "the minimax loss gives the generator no gradient where it loses, and R1 keeps the score from "
            "becoming a cliff",
            "the generator's gradient comes back",
            lambda recipe: {
                "loss": "non-saturating",
                "penalties.r1.every": 1,
                **(
                    {"dynamics.discriminator_steps": 1}
                    if recipe.get("dynamics", {}).get("discriminator_steps", 1) > 1
                    else {}
                ),
            },
        ),
        Proposal(
            "set both rates to the same value, the discriminator's halved",
            "the player that learns faster wins before the other has learned from it",
            "separation falls below 0.95",
            lambda recipe: {
                f"optimisers.{player}.rate": rate_of(recipe, "discriminator") / 2
                for player in ("generator", "discriminator")
            },
        ),
        Proposal(
            "put instance noise on all that is scored",
            "it makes the two distributions overlap, so that a slope remains between them",
            "separation falls while the noise lasts",
            lambda recipe: {"instance_noise.deviation": 0.1, **rates_times(recipe, 1.0, "generator")},
            share=0.2,
        ),
    ),
    source="Arjovsky and Bottou 2017; Goodfellow et al. 2014, section 3; Chintala et al. 2016 (ganhacks)",
    warm_up=20,
    watch_after=3,
    trouble_after=5,
    explains=("not-learning", "mode-collapse"),
)
