"""Numbers, times and names as people read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from poise.text import label, number

MOST_ITEMS = 200
"""Entries of a long list that are shown; the others are counted."""


def moment(iso: str) -> str:
    """A point in time as people write it; any other text stays as it is.

    Example:
        >>> moment("2026-07-30T14:05:09+00:00")
        '30 July 2026, 14:05 UTC'
    """
    try:
        time = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    zone = f" {time.tzname()}" if time.tzname() else ""
    return f"{time.day} {time:%B %Y, %H:%M}{zone}"


def size(count: float) -> str:
    """Bytes in a unit that fits.

    Example:
        >>> size(812), size(4_200_000)
        ('812 B', '4.2 MB')
    """
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return f"{count:.0f} B"


def plain(value: Any) -> str:
    """Any JSON value as a short text.

    Example:
        >>> plain([3, 64, 64]), plain(None), plain({"a": 1, "b": True})
        ('3, 64, 64', 'none', 'a: 1; b: yes')
    """
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
    """One line of a table of facts: its name, and a text or a list of them.

    Attributes:
        name: What it is.
        text: Its value; if there are items, how many.
        items: The entries of a list that is too long for a line.
    """

    name: str
    text: str
    items: tuple[str, ...] = ()


def facts(values: Mapping[str, Any], prefix: str = "") -> list[Fact]:
    """Any JSON object as lines of a table; nested names become `outer inner`.

    Args:
        values: The object, of any keys.
        prefix: Words before each name.

    Example:
        >>> found = facts({"count": 1797, "range": [0, 255], "git": {"commit": "ab"}})
        >>> [f"{fact.name} = {fact.text}" for fact in found]
        ['Count = 1,797', 'Range = 0, 255', 'Git commit = ab']
    """
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
