"""`data-shortcut`: something simple that only reals have gives every fake away."""

from __future__ import annotations

import statistics

from poise.diagnosis.finding import Evidence
from poise.diagnosis.past import unchecked, values
from poise.diagnosis.rule import HEALTHY, Proposal, Readings, Rule, Unchecked, Verdict

APART = 0.95
"""Separation above which every fake is told."""

TELLS = 0.995
"""Area under the curve above which one statistic alone tells every fake."""

DEVIATIONS = 2.5
"""Standard deviations by which it must differ besides."""

STAYS = 0.8
"""Share of what it was ten checks ago that it must still be."""

MOVES = 0.01
"""Movement of the samples from which the generator has tried."""

SPAN = 10


def judge(readings: Readings) -> Verdict | Unchecked:
    """The discriminator tells every fake, and so does one simple statistic, check after check."""
    now = readings[-1]
    missing = unchecked(now, "separation") or (
        Unchecked(now.missing.get("distance", "no samples were given")) if not now.probes else None
    )
    if missing is not None:
        return missing
    apart = statistics.median(values(readings, "separation", SPAN))
    span = [one.probes for one in readings[-SPAN:] if one.probes]
    best, effect, area = "", 0.0, 0.5
    for name in now.probes:
        seen = [probes[name] for probes in span if name in probes]
        effects = [probe[1] for probe in seen]
        least_area = sorted(probe[0] for probe in seen)[len(seen) // 4]
        # What the generator is about to learn gets smaller; what it cannot make stays.
        stays = min(effects[-3:]) > STAYS * max(effects[:3])
        if least_area > TELLS and stays and min(effects) > effect:
            best, effect, area = name, min(effects), least_area
    evidence = Evidence(
        {"separation": round(apart, 4), f"{best or 'best statistic'} alone": round(area, 4),
         "apart, in deviations": round(min(effect, 1e4), 2)},
        {"separation": APART, f"{best or 'best statistic'} alone": TELLS, "apart, in deviations": DEVIATIONS},
        {"separation": "0.55 to 0.95", f"{best or 'best statistic'} alone": "0.5 to 0.9",
         "apart, in deviations": "below 1.5"},
    )  # fmt: skip
    moves = statistics.median(values(readings, "movement", SPAN) or [1.0])
    # A generator that stands still has not tried; one that moves and cannot get rid of it cannot make it.
    if moves > MOVES and apart > APART and best and effect > DEVIATIONS and len(span) >= SPAN // 2:
        return Verdict(
            "trouble",
            f"The {best} of a sample alone tells every fake from the data ({min(effect, 1e4):.0f} deviations "
            "apart), so the discriminator need not learn what they show.",
            evidence,
            beyond=effect / DEVIATIONS,
        )
    return HEALTHY


RULE = Rule(
    name="data-shortcut",
    summary="Something simple that only reals have gives every fake away.",
    judge=judge,
    proposals=(
        Proposal(
            "bring the data into the range that the generator can make, -1 to 1 behind a tanh",
            "values that the generator cannot reach give every fake away",
            "separation falls below 0.95 within some hundred steps",
        ),
        Proposal(
            "crop frames and padding, and decode and resize reals and fakes in one way",
            "a border, a grid of compression or another filter is seen before any content",
            "separation falls below 0.95 within some hundred steps",
        ),
        Proposal(
            "put instance noise on all that is scored",
            "it hides what is small, until the data are mended",
            "separation falls while the noise lasts",
            lambda recipe: {"instance_noise.deviation": 0.1},
            share=0.2,
        ),
    ),
    source="Chintala et al. 2016 (ganhacks), on ranges; Sønderby et al. 2016 on instance noise",
    warm_up=24,
    watch_after=3,
    trouble_after=6,
    explains=("discriminator-dominates", "not-learning", "mode-collapse"),
)
