"""`mode-collapse`: the generator makes few different samples, or leaves parts of the data out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poise.diagnosis.finding import Evidence
from poise.diagnosis.findings.settings import rates_times
from poise.diagnosis.past import best, middle, unchecked, values
from poise.diagnosis.rule import HEALTHY, Proposal, Readings, Rule, Unchecked, Verdict

COMPLETE = 0.08
"""Below this spread all samples look the same."""

ALIKE = 0.15
"""Below this spread they look much the same; that is trouble where it lasts."""

EARLY = 28
"""Checks, of sixty in a run, before which a generator that has never spread out may still be on its way."""

LOST = 0.6
"""Spread or coverage below this share of what they were at their best have fallen."""

NARROW = 0.5
"""Below this they are low at any time."""

EMPTY = 0.35
"""Coverage below this, level over half a run, is trouble."""


def judge(readings: Readings) -> Verdict | Unchecked:
    """Low or fallen, and not on the way up."""
    now = readings[-1]
    missing = unchecked(now, "spread", "coverage")
    if missing is not None:
        return missing
    spread, coverage = now.spread or 0.0, now.coverage or 0.0
    best_spread, best_coverage = best(readings, "spread") or 0.0, best(readings, "coverage") or 0.0
    evidence = Evidence(
        {"spread": round(spread, 3), "coverage": round(coverage, 3)},
        {"spread": COMPLETE, "coverage": NARROW},
        {"spread": "0.8 to 1.1", "coverage": "0.8 to 1"},
    )
    before = middle(readings, "spread", 12, 6) or 0.0
    covered_before = middle(readings, "coverage", 12, 6) or 0.0
    rising = spread > 1.2 * before or coverage > 1.2 * covered_before
    alive = best_spread > 0.25
    if (spread < COMPLETE and alive) or (spread < ALIKE and len(readings) > EARLY and not rising):
        sentence = f"Two samples differ {spread:.0%} as much as two reals do: they all look the same."
        return Verdict("trouble", _percent(sentence), evidence, beyond=COMPLETE / max(spread, 1e-4))
    fallen = spread < LOST * min(best_spread, 1.0) or coverage < LOST * min(best_coverage, 1.0)
    steady = len(readings) > EARLY and not rising
    if (fallen and coverage < NARROW) or (steady and (spread < NARROW or coverage < NARROW)):
        sentence = f"The samples fall into parts that hold {coverage:.0%} of the data, and do not spread out."
        grave = (
            coverage < EMPTY
            and len(readings) > 30
            and not rising
            and max(values(readings, "coverage", 8)) < NARROW
        )
        return Verdict(
            "trouble" if grave else "watch", _percent(sentence), evidence, beyond=NARROW / max(coverage, 1e-3)
        )
    return HEALTHY


def _percent(sentence: str) -> str:
    return sentence.replace("%", " %")


def _smoother(recipe: Mapping[str, Any]) -> dict[str, Any]:
    return {"penalties.r1.every": 1}


def _slower(recipe: Mapping[str, Any]) -> dict[str, Any]:
    return rates_times(recipe, 0.5)


RULE = Rule(
    name="mode-collapse",
    summary="The generator makes few different samples, or leaves parts of the data out.",
    judge=judge,
    proposals=(
        Proposal(
            "add an R1 penalty on every step",
            "a smooth discriminator gives the generator a direction back to the parts that it left",
            "spread and coverage rise again",
            _smoother,
        ),
        Proposal(
            "let the discriminator see two samples at once",
            "samples that repeat each other then show",
            "duplicates disappear and coverage rises",
            lambda recipe: {"packing": 2},
            share=0.2,
            restart=True,
        ),
        Proposal(
            "halve both learning rates",
            "the generator then runs less far before the discriminator answers",
            "coverage stops falling",
            _slower,
            share=0.2,
        ),
        Proposal(
            "try the relativistic pairing loss with R1 and R2, from the start",
            "each fake is held against a real of its own, so that no part of the data is left out for free",
            "coverage near 1",
            lambda recipe: {"loss": "relativistic-pairing", "penalties.r1.every": 1, "penalties.r2.every": 1},
            share=0.3,
            restart=True,
        ),
    ),
    source="Srivastava et al. 2017 (VEEGAN); Richardson and Weiss 2018; Lin et al. 2018 (PacGAN)",
    warm_up=14,
    watch_after=3,
    trouble_after=3,
)
