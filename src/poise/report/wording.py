"""How numbers, times and names read in a report."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

MOST_ITEMS = 200
"""Entries of a long list (refused files, say) that are shown; the rest is counted."""


def number(value: float) -> str:
    """A number with as many digits as a person reads.

    Example:
        >>> number(256000), number(0.69314), number(0.00002), number(1.5e9)
        ('256,000', '0.6931', '2e-5', '1,500,000,000')
    """
    if not math.isfinite(value):
        return {math.inf: "infinity", -math.inf: "-infinity"}.get(value, "not a number")
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if 1e-3 <= abs(value) < 1e6:
        text = f"{value:,.0f}" if abs(value) >= 1e4 else f"{float(f'{value:.4g}'):,}"
        return text.removesuffix(".0")
    mantissa, exponent = f"{value:.3g}".split("e") if "e" in f"{value:.3g}" else (f"{value:.3g}", "")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


def duration(seconds: float) -> str:
    """A time span in its two largest units.

    Example:
        >>> duration(4.31), duration(723), duration(7300), duration(200_000)
        ('4.3 s', '12 min 3 s', '2 h 1 min', '2 d 7 h')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    parts = []
    for unit, size in units:
        count, whole = divmod(whole, size)
        parts.append((count, unit))
    first = next(place for place, (count, _) in enumerate(parts) if count)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count)


def moment(iso: str) -> str:
    """A point in time as people write it; what is no ISO time stays as it is.

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


def label(name: str) -> str:
    """A plain name as words.

    Example:
        >>> label("discriminator_gradient_norm"), label("penalty_r1")
        ('Discriminator gradient norm', 'Penalty r1')
    """
    words = name.replace("_", " ").replace("-", " ").strip()
    words = " ".join({"frechet": "Fréchet", "kl": "KL"}.get(word, word) for word in words.split(" "))
    return words[:1].upper() + words[1:]


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
        text: Its value; where there are items, how many.
        items: The entries of a list that is too long for a line.
    """

    name: str
    text: str
    items: tuple[str, ...] = ()


def facts(values: Mapping[str, Any], prefix: str = "") -> list[Fact]:
    """Any JSON object as lines of a table; what is nested becomes `outer inner`.

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
