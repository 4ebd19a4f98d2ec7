"""The picture of a toy game: the direction of a step from everywhere, and the paths."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from poise.errors import report_system_errors
from poise.toys.lab import FAR, Array, Row, Trial, displacements
from poise.toys.toys import Toy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, QUIET, PAPER = "#22262e", "#8a919e", "#ffffff"
COLOURS = {"converges": "#14804a", "circles": "#b26a00", "diverges": "#c0262d"}
STYLE: Any = {
    **{"text.color": INK, "axes.labelcolor": QUIET, "axes.edgecolor": "#d5d9e0"},
    **{"xtick.color": QUIET, "ytick.color": QUIET, "xtick.labelsize": 8, "ytick.labelsize": 8},
    **{"axes.titlelocation": "left", "axes.titlesize": 11, "axes.titleweight": "bold", "axes.titlepad": 18},
}
ARROWS = 19
NEAR = 3.5  # Paths are shown up to this distance from the equilibrium


def draw(toy: Toy, results: Sequence[tuple[Trial, Row]], path: Path) -> None:
    """Draw one panel for each row into a PNG.

    Arrows show the direction of a step, darker for longer steps; the path goes from pale to dark.

    Args:
        toy: The game.
        results: Rows, each with its trial.
        path: The file.

    Raises:
        PoiseError: The file cannot be written.
    """
    import matplotlib as mpl  # noqa: PLC0415 - slow to import, and only this needs it
    from matplotlib.figure import Figure  # noqa: PLC0415

    columns = min(3, len(results))
    lines = math.ceil(len(results) / columns)
    half = 1.08 * max(1.0, *(min(float(np.abs(row.path).max()), NEAR) for _, row in results))
    across = np.linspace(-half, half, ARROWS)
    grid = np.stack(np.meshgrid(across, across), axis=-1).reshape(-1, 2)
    fields: dict[int, Array] = {}
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(3.9 * columns + 0.3, 4.15 * lines + 0.75), facecolor=PAPER, dpi=130)
        panels = figure.subplots(lines, columns, squeeze=False).flatten()
        for panel, (trial, row) in zip(panels, results, strict=False):
            if id(trial) not in fields:
                fields[id(trial)] = displacements(trial, grid)
            _field(panel, grid, fields[id(trial)][trial.methods.index(row.method)])
            _path(panel, row)
            panel.set(xlim=(-half, half), ylim=(-half, half), aspect="equal", title=row.method)
            panel.set_xlabel(trial.labels[0], labelpad=1)
            panel.set_ylabel(trial.labels[1], labelpad=1, rotation=0)
        for panel in panels[len(results) :]:
            panel.set_axis_off()
        title = f"{toy.summary}  {toy.setting_text(results[0][1].dynamics)}"
        figure.suptitle(title, x=0.02, y=0.995, ha="left", va="top", fontsize=11)
        figure.tight_layout(rect=(0, 0, 1, 1 - 0.35 / figure.get_figheight()), h_pad=1.6, w_pad=1.2)
        with report_system_errors(
            f"The picture cannot be written to '{path}'",
            code="toys.unwritable-picture",
            hint="name another path with --out",
        ):
            figure.savefig(path, format="png", facecolor=PAPER)


def _field(panel: Axes, grid: Array, field: Array) -> None:
    lengths = np.hypot(*field.T)
    share = (lengths / max(float(np.quantile(lengths, 0.95)), 1e-12)).clip(0.12, 1.0) ** 0.7
    spacing = (grid.max() - grid.min()) / (ARROWS - 1)
    arrows = panel.quiver(
        *grid.T, *(field.T / np.maximum(lengths, 1e-12) * spacing * 0.62),
        angles="xy", scale_units="xy", scale=1, pivot="mid", width=0.0042,
        headwidth=3.6, headlength=4.2, headaxislength=3.8, color="#6f7d95", linewidth=0, zorder=1,
    )  # fmt: skip
    arrows.set_alpha((0.15 + 0.6 * share).tolist())


def _path(panel: Axes, row: Row) -> None:
    from matplotlib.collections import LineCollection  # noqa: PLC0415 - as above
    from matplotlib.colors import to_rgb  # noqa: PLC0415

    path = row.path[np.hypot(*row.path.T) < FAR / 2]
    pieces = list(np.stack([path[:-1], path[1:]], axis=1))
    along = np.hypot(*np.diff(path, axis=0).T).cumsum()
    shades = 0.38 + 0.62 * along / max(along[-1:].sum(), 1e-12)
    colour = COLOURS[row.verdict]
    colours = 1 - np.outer(shades, 1 - np.array(to_rgb(colour)))
    panel.add_collection(LineCollection(pieces, colors=PAPER, linewidths=3.0, alpha=0.65, zorder=2))
    panel.add_collection(LineCollection(pieces, colors=colours, linewidths=1.5, capstyle="round", zorder=3))
    panel.plot(0, 0, marker="+", color=INK, markersize=9, markeredgewidth=1.4, zorder=4)
    panel.plot(*path[0], marker="o", color=PAPER, markeredgecolor=INK, markersize=6, zorder=5)
    panel.plot(*path[-1], marker="o", color=colour, markeredgecolor=PAPER, markersize=7, zorder=5)
    predicted = "" if row.spectral_radius is None else f", predicted {row.spectral_radius:.4f}"
    words = f"{row.verdict}  ·  rate {row.observed_rate:.4f}{predicted}"
    panel.text(0.0, 1.025, words, transform=panel.transAxes, fontsize=8.5, color=colour)
