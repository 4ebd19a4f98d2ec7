"""The picture of a toy game: where one step leads from everywhere, and the paths."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from poise.errors import report_system_errors
from poise.games.lab import FAR, Array, Row, Trial, displacements
from poise.games.toys import Toy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, QUIET, PAPER = "#22262e", "#8a919e", "#ffffff"
COLOURS = {"converges": "#14804a", "circles": "#b26a00", "diverges": "#c0262d"}
ARROWS = 19
NEAR = 3.5
"""Paths are shown within so many units of the equilibrium."""


def draw(toy: Toy, played: Sequence[tuple[Trial, Row]], path: Path) -> None:
    """Draw one panel for each row into a PNG.

    Arrows show the direction of a step and their darkness its length; the path goes from pale to dark.

    Args:
        toy: The game.
        played: Rows with the trials that they were played in.
        path: Where to write.

    Raises:
        PoiseError: The file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - only where asked for
    from matplotlib.figure import Figure  # noqa: PLC0415

    columns = min(3, len(played))
    lines = math.ceil(len(played) / columns)
    figure = Figure(figsize=(3.9 * columns + 0.3, 4.15 * lines + 0.75), facecolor=PAPER, dpi=130)
    FigureCanvasAgg(figure)
    panels = figure.subplots(lines, columns, squeeze=False).flatten()
    half = _half_width([row for _, row in played])
    grid = _grid(half)
    fields: dict[int, Array] = {}
    for panel, (trial, row) in zip(panels, played, strict=False):
        if id(trial) not in fields:
            fields[id(trial)] = displacements(trial, grid)
        _panel(panel, trial, row, grid, fields[id(trial)][trial.methods.index(row.method)], half)
    for panel in panels[len(played) :]:
        panel.set_axis_off()
    moved = f", {played[0][1].dynamics} moves" if toy.schedules else ""
    figure.suptitle(
        f"{toy.summary}  {toy.steps} steps from ({toy.start[0]:g}, {toy.start[1]:g}){moved}",
        x=0.02, y=0.995, ha="left", va="top", fontsize=11, color=INK,
    )  # fmt: skip
    figure.tight_layout(rect=(0, 0, 1, 1 - 0.35 / figure.get_figheight()), h_pad=1.6, w_pad=1.2)
    what = f"The picture cannot be written to '{path}'"
    with report_system_errors(what, hint="name another place with --out"):
        figure.savefig(path, format="png", facecolor=PAPER)


def _panel(panel: Axes, trial: Trial, row: Row, grid: Array, field: Array, half: float) -> None:
    from matplotlib.collections import LineCollection  # noqa: PLC0415 - as above
    from matplotlib.colors import LinearSegmentedColormap  # noqa: PLC0415

    lengths = np.hypot(field[:, 0], field[:, 1])
    unit = field / np.maximum(lengths, 1e-12)[:, None]
    share = (lengths / max(float(np.quantile(lengths, 0.95)), 1e-12)).clip(0.12, 1.0) ** 0.7
    spacing = 2 * half / (ARROWS - 1)
    arrows = panel.quiver(
        grid[:, 0], grid[:, 1], *(unit * spacing * 0.62).T,
        angles="xy", scale_units="xy", scale=1, pivot="mid", width=0.0042,
        headwidth=3.6, headlength=4.2, headaxislength=3.8, color="#6f7d95", linewidth=0, zorder=1,
    )  # fmt: skip
    arrows.set_alpha((0.15 + 0.6 * share).tolist())

    path = row.path[np.hypot(row.path[:, 0], row.path[:, 1]) < FAR / 2]
    pieces = np.stack([path[:-1], path[1:]], axis=1)
    colour = COLOURS[row.verdict]
    shades = LinearSegmentedColormap.from_list("path", [_pale(colour), colour])
    halo: Any = LineCollection(list(pieces), colors=PAPER, linewidths=3.0, alpha=0.65, zorder=2)
    panel.add_collection(halo)
    line: Any = LineCollection(list(pieces), cmap=shades, linewidths=1.5, capstyle="round", zorder=3)
    line.set_array(np.hypot(*np.diff(path, axis=0).T).cumsum())
    panel.add_collection(line)
    panel.plot(0, 0, marker="+", color=INK, markersize=9, markeredgewidth=1.4, zorder=4)
    panel.plot(*path[0], marker="o", color=PAPER, markeredgecolor=INK, markersize=6, zorder=5)
    panel.plot(*path[-1], marker="o", color=colour, markeredgecolor=PAPER, markersize=7, zorder=5)

    panel.set_xlim(-half, half)
    panel.set_ylim(-half, half)
    panel.set_aspect("equal")
    panel.set_xlabel(trial.labels[0], color=QUIET, labelpad=1)
    panel.set_ylabel(trial.labels[1], color=QUIET, labelpad=1, rotation=0)
    panel.tick_params(colors=QUIET, labelsize=8, length=2.5)
    for spine in panel.spines.values():
        spine.set_color("#d5d9e0")
    panel.set_title(row.method, loc="left", fontsize=11, fontweight="bold", color=INK, pad=18)
    radius = row.spectral_radius
    predicted = "" if radius is None else f", predicted {radius:.4f}"
    panel.text(
        0.0, 1.025, f"{row.verdict}  ·  rate {row.observed_rate:.4f}{predicted}",
        transform=panel.transAxes, fontsize=8.5, color=colour,
    )  # fmt: skip


def _half_width(rows: Sequence[Row]) -> float:
    """Half the side of every panel: room for the paths, as far as they stay near."""
    reached = max(min(float(np.abs(row.path).max()), NEAR) for row in rows)
    return 1.08 * max(reached, 1.0)


def _grid(half: float) -> Array:
    across = np.linspace(-half, half, ARROWS)
    x, y = np.meshgrid(across, across)
    return np.stack([x.ravel(), y.ravel()], axis=1)


def _pale(colour: str) -> str:
    channels = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    return "#" + "".join(f"{round(value + 0.62 * (255 - value)):02x}" for value in channels)
