"""Numbers, times, names and findings as people read them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from poise.diagnosis.finding import Evidence, Finding
from poise.text import label, number

MOST_ITEMS = 200
"""Entries of a long list that are shown; the others are counted."""


def moment(iso: str) -> str:
    """A point in time as people write it; any other text stays as it is."""
    try:
        time = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    zone = f" {time.tzname()}" if time.tzname() else ""
    return f"{time.day} {time:%B %Y, %H:%M}{zone}"


def size(count: float) -> str:
    """Bytes in a unit that fits."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return f"{count:.0f} B"


def plain(value: Any) -> str:
    """Any JSON value as a short text."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {plain(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value))
    return str(value)


@dataclass(frozen=True)
class Fact:
    """One line of a table of facts: its name, and a text or a list of them."""

    name: str
    text: str
    items: tuple[str, ...] = ()


def facts(values: Mapping[str, Any], prefix: str = "") -> list[Fact]:
    """Any JSON object as lines of a table; nested names become `outer inner`."""
    return list(_facts(values, prefix))


def _facts(values: Mapping[str, Any], prefix: str) -> Iterator[Fact]:
    for key, value in values.items():
        name = label(f"{prefix} {key}")
        if isinstance(value, Mapping):
            yield from _facts(value, f"{prefix} {key}")
        elif isinstance(value, list) and (len(value) > 8 or len(plain(value)) > 80):
            rest = len(value) - MOST_ITEMS
            more = (f"and {rest:,} more",) if rest > 0 else ()
            entries = "1 entry" if len(value) == 1 else f"{len(value):,} entries"
            yield Fact(name, entries, (*map(plain, value[:MOST_ITEMS]), *more))
        elif value not in (None, "", [], {}):
            yield Fact(name, plain(value))


SEVERITIES = ("trouble", "watch", "info")


def findings_of(lines: Iterable[Mapping[str, Any]]) -> list[Finding]:
    """The findings of a run: open ones first, then the most severe, then the earliest."""
    latest: dict[tuple[str, int], Finding] = {}
    for finding in map(Finding.from_json, lines):
        latest[finding.name, finding.first_step] = finding
    return sorted(
        latest.values(),
        key=lambda one: (one.status == "recovered", SEVERITIES.index(one.severity), one.first_step),
    )


def problems(found: Iterable[Finding]) -> list[Finding]:
    """The findings that are open and more than information."""
    return [one for one in found if one.status == "open" and one.severity != "info"]


def sentence(found: Sequence[Finding]) -> str:
    """The findings of a run in a sentence."""
    if grave := problems(found):
        names = [f"{_lower(label(one.name))} since step {one.first_step:,}" for one in grave]
        count = "One finding is" if len(grave) == 1 else f"{len(grave)} findings are"
        return f"{count} open: {', '.join(names)}."
    if not found:
        return "There are no findings."
    if all(one.status == "recovered" for one in found):
        return "All findings have recovered."
    return "No problem is open; the findings below are information."


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:]


def evidence_rows(evidence: Evidence) -> list[tuple[str, str, str, str]]:
    """A row for each quantity of a finding's evidence: its name, measured, threshold, healthy."""
    sides = evidence.measured, evidence.threshold, evidence.healthy
    names = dict.fromkeys(name for side in sides for name in side)
    return [(label(name), *(_cell(side.get(name)) for side in sides)) for name in names]  # type: ignore[misc]


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return number(value) if isinstance(value, float) else plain(value)
