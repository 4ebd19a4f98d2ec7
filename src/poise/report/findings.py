"""What the doctor found, made ready to be read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from poise.report.columns import Json
from poise.report.wording import plain
from poise.text import label, number

Severity = Literal["info", "watch", "trouble"]


@dataclass(frozen=True)
class Evidence:
    """One quantity that speaks for a finding.

    Attributes:
        quantity: Its name; empty where the finding has but one.
        measured: What it was.
        threshold: Where the finding begins.
        healthy: What it is in a run that goes well.
    """

    quantity: str
    measured: str
    threshold: str
    healthy: str


@dataclass(frozen=True)
class Remedy:
    """Something to try: what to change, why, the command for it, what to expect and after how many steps."""

    change: str
    why: str
    command: str
    expect: str = ""
    after_steps: int = 0


@dataclass(frozen=True)
class Card:
    """A finding as a report shows it.

    Attributes:
        number: Its number on the page and on the charts, from 1.
        title: Its name in words.
        severity: How bad.
        recovered: Whether it is over.
        first_step: Where it begins.
        last_step: Where it was last seen.
        confidence: As a share, or empty.
        sentence: What is wrong.
        evidence: The numbers behind it.
        remedies: What to try, in order.
    """

    number: int
    title: str
    severity: Severity
    recovered: bool
    first_step: int
    last_step: int
    confidence: str
    sentence: str
    evidence: tuple[Evidence, ...]
    remedies: tuple[Remedy, ...]


def cards(lines: Iterable[Json]) -> list[Card]:
    """The findings of a run: open ones first, then the gravest, then the earliest.

    Args:
        lines: As the run folder gives them. A finding that changed was written again: of lines with one
            name and one first step the last counts.

    Example:
        >>> opened = {"name": "mode-collapse", "severity": "trouble", "status": "open", "first_step": 100}
        >>> [card.recovered for card in cards([opened, opened | {"status": "recovered"}])]
        [True]
    """
    latest: dict[tuple[str, int], Json] = {}
    for line in lines:
        latest[str(line.get("name", "")), _step(line.get("first_step"))] = line
    ordered = sorted(latest.values(), key=_rank)
    return [_card(place, line) for place, line in enumerate(ordered, start=1)]


def gravest(found: Iterable[Card]) -> str:
    """How bad the worst finding that is open is: `trouble`, `watch`, or nothing.

    Example:
        >>> gravest(cards([{"name": "oscillation", "severity": "watch", "status": "open"}]))
        'watch'
    """
    still = {card.severity for card in found if not card.recovered}
    return next((one for one in ("trouble", "watch") if one in still), "")


def _rank(line: Json) -> tuple[bool, int, int]:
    gravity = ("trouble", "watch", "info").index(_severity(line))
    return line.get("status") == "recovered", gravity, _step(line.get("first_step"))


def _card(place: int, line: Json) -> Card:
    first = _step(line.get("first_step"))
    confidence = line.get("confidence")
    is_share = (
        isinstance(confidence, int | float) and not isinstance(confidence, bool) and 0 <= confidence <= 1
    )
    return Card(
        number=place,
        title=label(str(line.get("name", "finding"))),
        severity=_severity(line),
        recovered=line.get("status") == "recovered",
        first_step=first,
        last_step=max(first, _step(line.get("last_step"))),
        confidence=f"{confidence:.0%}" if is_share else "" if confidence is None else plain(confidence),
        sentence=str(line.get("sentence", "")),
        evidence=tuple(_evidence(line.get("evidence"))),
        remedies=tuple(_remedies(line.get("remedies"))),
    )


def _severity(line: Json) -> Severity:
    said = line.get("severity")
    return said if said in ("info", "watch", "trouble") else "info"


def _step(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _evidence(found: Any) -> list[Evidence]:
    """Rows of measured, threshold and healthy, each of which may be one value or several by name."""
    if not isinstance(found, Mapping):
        return []
    sides = [found.get(side) for side in ("measured", "threshold", "healthy")]
    names = dict.fromkeys(name for side in sides if isinstance(side, Mapping) for name in side)
    if not names:
        return [Evidence("", *map(_said, sides))] if any(side is not None for side in sides) else []
    rows = []
    for place, name in enumerate(names):
        # A side with one value for all quantities stands in the first row.
        cells = [
            side.get(name) if isinstance(side, Mapping) else (side if place == 0 else None) for side in sides
        ]
        rows.append(Evidence(label(name), *map(_said, cells)))
    return rows


def _said(value: Any) -> str:
    if value is None:
        return "–"
    return number(value) if isinstance(value, float) else plain(value)


def _remedies(found: Any) -> list[Remedy]:
    if not isinstance(found, list):
        return []
    return [
        Remedy(
            change=str(one.get("change") or ""),
            why=str(one.get("why") or ""),
            command=str(one.get("command") or ""),
            expect=str(one.get("expect") or ""),
            after_steps=_step(one.get("after_steps")),
        )
        for one in found
        if isinstance(one, Mapping)
    ]
