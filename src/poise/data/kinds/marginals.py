"""Rows of a table as a picture: the shares of each column's cells, and how its pairs of columns differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from poise.data.kinds.drawing import Canvas
from poise.data.rows import Array
from poise.data.tables import TableTransform

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage
    from matplotlib.patches import StepPatch
    from matplotlib.text import Text

_MOST_PANELS, _ACROSS = 15, 4
_ABOVE = 2.5  # How high a panel is, in the largest share of the reals; what is higher is cut off there
_ROOM = 1.1  # The same in the largest share of samples, if there are no reals


@dataclass(frozen=True)
class _Panel:
    """What the panel of a column always shows: its name, the texts of its cells, and the shares of reals."""

    name: str
    texts: tuple[str, ...]
    real: tuple[float, ...] | None
    top: float  # The share that is as high as the panel


def marginals_picture(made: Array, real: Array | None, table: TableTransform) -> Image.Image:
    """A panel for each column with the shares of its cells, reals in grey; and how pairs differ.

    Args:
        made: Samples as shares of cells, `(N, table.numbers)`.
        real: The same of reals, if they may be shown.
        table: Their transform.
    """
    shown = table.columns[:_MOST_PANELS]
    parts = [slice(*table.starts[number : number + 2]) for number in range(len(shown))]
    shares = [made[:, part].mean(0) for part in parts]
    reals = [None if real is None else real[:, part].mean(0) for part in parts]
    panels = tuple(
        _Panel(
            _shortened(column.name, 30),
            column.labels,
            None if known is None else tuple(known.tolist()),
            min(1.05, float(_ROOM * own.max() if known is None else _ABOVE * known.max())),
        )
        for column, own, known in zip(shown, shares, reals, strict=True)
    )
    differ = None if real is None or len(table.columns) < 2 else pair_distances(made, real, table.starts)
    drawn = _drawn(panels, 0 if differ is None else len(differ))
    for stairs, values in zip(drawn.stairs, shares, strict=True):
        stairs.set_data(values)
    if drawn.pairs is not None and differ is not None:
        image, title = drawn.pairs
        image.set_data(differ)
        title.set_text(f"pairs differ by {differ[np.triu_indices(len(differ), 1)].mean():.3f}")
    return drawn.canvas.picture()


@dataclass(frozen=True)
class _Table:
    """A canvas with what of it shows samples: a line for each column, and the map of pairs."""

    canvas: Canvas
    stairs: Sequence[StepPatch]
    pairs: tuple[AxesImage, Text] | None


@lru_cache(maxsize=2)
def _drawn(panels: tuple[_Panel, ...], pairs: int) -> _Table:
    """The reals in grey within their frames, drawn once."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow to import, seldom needed

    down = math.ceil((len(panels) + bool(pairs)) / _ACROSS)
    figure = Figure(figsize=(2.6 * _ACROSS, 1.9 * down), dpi=100)
    # a fixed layout: a fitted one measures every text, which takes longer than the drawing
    figure.subplots_adjust(
        left=0.05, right=0.99, top=1 - 0.16 / down, bottom=0.17 / down, wspace=0.3, hspace=0.5
    )
    places = [figure.add_subplot(down, _ACROSS, number + 1) for number in range(len(panels) + bool(pairs))]
    stairs = [_framed(axes, panel) for axes, panel in zip(places, panels, strict=False)]
    if panels[0].real is not None:
        places[0].legend(loc="upper right", frameon=False, fontsize="x-small")
    beside = _pairs(places[-1], pairs) if pairs else None
    return _Table(Canvas.drawn(figure, [*stairs, *(beside or ())]), stairs, beside)


def _framed(axes: Axes, panel: _Panel) -> StepPatch:
    """The axes of a column, with the reals; and the line of samples, which is drawn later."""
    edges = np.arange(len(panel.texts) + 1) - 0.5
    if panel.real is not None:
        axes.stairs(panel.real, edges, fill=True, color="0.75", label="real")
    stairs = axes.stairs(np.zeros(len(panel.texts)), edges, color="C0", linewidth=1.2, label="generated")
    few = len(panel.texts) <= 3
    ticks = range(len(panel.texts)) if few else (0, len(panel.texts) - 1)
    axes.set_xticks(list(ticks), [_shortened(panel.texts[tick], 14) or "empty" for tick in ticks])
    axes.set_ylim(0, panel.top)
    axes.set_title(panel.name, loc="left", fontsize="small")
    axes.tick_params(labelsize="x-small")
    return stairs


def _pairs(axes: Axes, count: int) -> tuple[AxesImage, Text]:
    """The map of the total variation of each pair's joint table, and its title."""
    image = axes.imshow(np.zeros((count, count)), vmin=0.0, vmax=0.3, cmap="magma_r")
    axes.set_xticks([])
    axes.set_yticks([])
    return image, axes.set_title("", loc="left", fontsize="small")


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def pair_distances(made: Array, real: Array, starts: tuple[int, ...]) -> Array:
    """The total variation between the joint shares of each pair of columns, `(columns, columns)`."""
    end = starts[-1]
    joint = [rows[:, :end].T @ rows[:, :end] / len(rows) for rows in (made, real)]
    differ = np.abs(joint[0] - joint[1]) / 2
    edges = np.array(starts[:-1])
    folded: Array = np.add.reduceat(np.add.reduceat(differ, edges, axis=0), edges, axis=1)
    return folded
