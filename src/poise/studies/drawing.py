"""Pictures of a study as SVG, which a page shows without a script."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from poise.studies.statistics import Marginal
from poise.text import number

WIDTH, HEIGHT = 720.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 64.0, 16.0, 12.0, 40.0


@dataclass(frozen=True)
class Axis:
    """What lies along the horizontal axis: a name, and how many of it a trial is."""

    name: str
    each: float


@dataclass(frozen=True)
class Mark:
    """A trial in a strip."""

    value: float
    default: bool
    title: str


@dataclass(frozen=True)
class Scale:
    """From values to places, linear or logarithmic."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    @staticmethod
    def over(values: Sequence[float], start: float, end: float, *, logarithmic: bool = False) -> Scale:
        """A scale that holds all finite values, with a little room."""
        known = [value for value in values if math.isfinite(value) and (value > 0 or not logarithmic)]
        low, high = (min(known), max(known)) if known else (0.0, 1.0)
        if logarithmic:
            room = (high / low) ** 0.04 if high > low else 1.2
            return Scale(low / room, high * room, start, end, True)
        room = 0.04 * (high - low) or abs(high) * 0.1 or 1.0
        return Scale(low - room, high + room, start, end)

    def at(self, value: float) -> float:
        """The place of a value."""
        if self.logarithmic:
            share = math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)

    def ticks(self, most: int = 5) -> list[float]:
        """Round values within the scale."""
        if self.logarithmic:
            first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
            for steps in ((1,), (1, 3), (1, 2, 5)):
                found = [step * 10.0**power for power in range(first, last + 1) for step in steps]
                found = [value for value in found if self.low <= value <= self.high]
                if len(found) >= 3:
                    break
            if len(found) >= 2:
                return found[:: max(1, math.ceil(len(found) / (most + 1)))]
        raw = (self.high - self.low) / most
        size = 10.0 ** math.floor(math.log10(raw))
        step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= raw)
        return [index * step for index in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]


def wants_logarithm(values: Sequence[float]) -> bool:
    """Whether values span more than a factor of 20, and none is below 0."""
    known = [value for value in values if math.isfinite(value)]
    return bool(known) and min(known) > 0 and max(known) / min(known) > 20


def tick_text(value: float) -> str:
    """A tick as people read it.

    Example:
        >>> tick_text(2_000_000), tick_text(0.05), tick_text(20)
        ('2M', '0.05', '20')
    """
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= 10 * size or (abs(value) >= size and value % (size / 10) == 0):
            return f"{value / size:g}{unit}"
    return number(float(f"{value:.3g}"))


def _svg(width: float, height: float, parts: Sequence[str], name: str) -> str:
    inside = "".join(parts)
    return (
        f'<svg class="study" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="{html.escape(name)}">{inside}</svg>'
    )


def _text(x: float, y: float, text: str, anchor: str = "middle", kind: str = "tick") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str = "grid") -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _path(points: Sequence[tuple[float, float]], kind: str) -> str:
    written = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline class="{kind}" points="{written}"/>'


def best_curves(
    curves: Sequence[tuple[str, int, Sequence[float], Sequence[Sequence[float]]]], axis: Axis
) -> str:
    """The expected best of k, with bands where they hold; a curve is a name, a colour, values and bands."""
    values = [
        value for _, _, own, bands in curves for value in (*own, *(end for band in bands for end in band))
    ]
    log = wants_logarithm(values)
    most = max((len(own) for _, _, own, _ in curves), default=1) * axis.each
    width, left = 480.0, 50.0
    across = Scale(axis.each, max(most, axis.each * 1.001), left, width - RIGHT, axis.each < most)
    up = Scale.over(values, HEIGHT - BOTTOM, TOP, logarithmic=log)
    parts = [_line(left, up.at(tick), width - RIGHT, up.at(tick)) for tick in up.ticks()]
    parts += [_text(left - 8, up.at(tick) + 4, tick_text(tick), "end") for tick in up.ticks()]
    parts += [_text(across.at(tick), HEIGHT - BOTTOM + 18, tick_text(tick)) for tick in across.ticks()]
    for _, colour, own, bands in curves:
        if len(bands) > 1:
            places = [axis.each * k for k in range(1, len(bands) + 1)]
            low = [(across.at(x), up.at(band[0])) for x, band in zip(places, bands, strict=True)]
            high = [(across.at(x), up.at(band[1])) for x, band in zip(places, bands, strict=True)]
            written = " ".join(f"{x:.1f},{y:.1f}" for x, y in [*low, *reversed(high)])
            parts.append(f'<polygon class="band c{colour}" points="{written}"/>')
        points = [(across.at(axis.each * k), up.at(value)) for k, value in enumerate(own, 1)]
        parts.append(_path(points, f"curve c{colour}"))
    parts.append(_text((left + width - RIGHT) / 2, HEIGHT - 4, axis.name, kind="axis"))
    return _svg(width, HEIGHT, parts, f"expected best by {axis.name}")


def strip(rows: Sequence[tuple[str, int, Sequence[Mark], Sequence[float]]], score: str) -> str:
    """Every trial as a tick, a row for each recipe; the default is marked, confirmed runs lie below."""
    values = [mark.value for _, _, marks, _ in rows for mark in marks]
    values += [value for *_, confirmed in rows for value in confirmed]
    left, lost = 190.0, 46.0
    across = Scale.over(values, left, WIDTH - RIGHT - lost, logarithmic=wants_logarithm(values))
    height = TOP + 34.0 * len(rows) + BOTTOM
    parts = [_line(across.at(tick), TOP, across.at(tick), height - BOTTOM) for tick in across.ticks()]
    parts += [_text(across.at(tick), height - BOTTOM + 18, tick_text(tick)) for tick in across.ticks()]
    for index, (name, colour, marks, confirmed) in enumerate(rows):
        middle = TOP + 34.0 * index + 15
        parts.append(_text(left - 12, middle + 4, name, "end", "name"))
        for mark in marks:
            if math.isfinite(mark.value):
                x = across.at(mark.value)
                parts.append(_line(x, middle - 8, x, middle + 3, f"mark c{colour}"))
                if mark.default:
                    parts.append(f'<circle class="default" cx="{x:.1f}" cy="{middle - 11:.1f}" r="3"/>')
        failed = sum(not math.isfinite(mark.value) for mark in marks)
        if failed:
            parts.append(_text(WIDTH - RIGHT, middle + 4, f"{failed} lost", "end"))
        for value in confirmed:
            if math.isfinite(value):
                x = across.at(value)
                parts.append(
                    f'<circle class="confirmed c{colour}" cx="{x:.1f}" cy="{middle + 8:.1f}" r="3"/>'
                )
    parts.append(_text((left + WIDTH) / 2, height - 4, f"{score}: lower is better", kind="axis"))
    return _svg(WIDTH, height, parts, "all trials")


def parallel(lines: Sequence[tuple[int, Mapping[str, Any], float]], axes: Sequence[tuple[str, bool]]) -> str:
    """Parallel coordinates: a line for each trial, the best drawn last and strongest."""
    places = [LEFT + index * (WIDTH - LEFT - 70) / len(axes) for index in range(len(axes) + 1)]
    scales: list[Scale | dict[Any, float]] = []
    for path, logarithmic in axes:
        found = [values[path] for _, values, _ in lines if path in values]
        if all(type(value) in (int, float) for value in found) and len(set(found)) > 3:
            scales.append(Scale.over(list(map(float, found)), HEIGHT - 34, TOP + 14, logarithmic=logarithmic))
        else:
            distinct = sorted(set(found), key=str)
            gap = (HEIGHT - 48 - TOP) / max(1, len(distinct) - 1) if len(distinct) > 1 else 0.0
            scales.append({value: HEIGHT - 34 - gap * place for place, value in enumerate(distinct)})
    scores = [score for *_, score in lines]
    up = Scale.over(scores, HEIGHT - 34, TOP + 14, logarithmic=wants_logarithm(scores))
    parts: list[str] = []
    for rank, (colour, values, score) in enumerate(sorted(lines, key=lambda line: -line[2])):
        if not math.isfinite(score):
            continue
        strength = "strong" if rank >= len(lines) - max(3, len(lines) // 20) else "weak"
        points = []
        for (path, _), scale, x in zip(axes, scales, places[:-1], strict=True):
            if path in values:
                own = values[path]
                points.append((x, scale.at(float(own)) if isinstance(scale, Scale) else scale[own]))
        points.append((places[-1], up.at(score)))
        parts.append(_path(points, f"{strength} c{colour}"))
    titled = [*zip([path for path, _ in axes], scales, places[:-1], strict=True), ("score", up, places[-1])]
    for index, (path, scale, x) in enumerate(titled):
        parts.append(_line(x, TOP + 14, x, HEIGHT - 34, "rule"))
        ticks = {tick: scale.at(tick) for tick in scale.ticks(4)} if isinstance(scale, Scale) else scale
        for tick, y in ticks.items():
            shown = tick_text(tick) if type(tick) in (int, float) else str(tick).lower()
            parts.append(_text(x + 5, y + 3, shown, "start", "tick small"))
        low = HEIGHT - (18 if index % 2 == 0 else 5)
        parts.append(_text(x, low, _short_path(path), "middle" if index else "start", "axis"))
    return _svg(WIDTH, HEIGHT + 4, parts, "settings and scores of all trials")


def _short_path(path: str) -> str:
    words = path.split(".")
    return words[-1].replace("_", " ") if words[0] != "regularisers" else f"{words[1]} {words[-1]}"


def marginal_bars(found: Sequence[Marginal], colour: int) -> str:
    """The median of each part of a setting's range, with its interval."""
    width, height, left = 300.0, 22.0 * len(found) + 30, 110.0
    values = [value for one in found for value in (one.median, *(one.interval or ()))]
    across = Scale.over(values, left, width - 12, logarithmic=wants_logarithm(values))
    parts = [_line(across.at(tick), 4, across.at(tick), height - 24) for tick in across.ticks(3)]
    parts += [_text(across.at(tick), height - 8, tick_text(tick)) for tick in across.ticks(3)]
    for index, one in enumerate(found):
        y = 16 + 22.0 * index
        parts.append(_text(left - 8, y + 4, one.label.lower(), "end"))
        if one.interval is not None and math.isfinite(one.interval[0]):
            parts.append(
                _line(across.at(one.interval[0]), y, across.at(one.interval[1]), y, f"span c{colour}")
            )
        if math.isfinite(one.median):
            parts.append(
                f'<circle class="confirmed c{colour}" cx="{across.at(one.median):.1f}" cy="{y}" r="4"/>'
            )
    return _svg(width, height, parts, "medians by parts of a range")
