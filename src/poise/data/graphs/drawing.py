"""Pictures of graphs: nodes in the colours of their types, atoms as chemists write them."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from poise.data.graphs.codes import GraphTransform
from poise.data.graphs.molecules import ATOM, BOND
from poise.data.rows import Array

SIDE = 112  # Pixels of a picture
FINER = 4  # Times that it is drawn larger, so that lines are smooth
_MARGIN = 0.14
_ROUNDS = 200
_SETTLED = 1e-3  # Of the length of an edge
_PAPER, _INK = (255, 255, 255), (60, 60, 60)
_COLOURS = ((31, 119, 180), (214, 39, 40), (44, 160, 44), (255, 127, 14), (148, 103, 189), (140, 86, 75))
_ATOMS = {"N": (40, 80, 220), "O": (210, 30, 30), "F": (20, 140, 40), "S": (160, 120, 0), "Cl": (20, 140, 40)}


def draw_graphs(whole: Array, transform: GraphTransform) -> Array:
    """Matrices of codes `(N, n, n)` as pictures `(N, 3, SIDE, SIDE)` uint8."""
    made = [np.asarray(_picture(matrix, transform)) for matrix in whole]
    return np.ascontiguousarray(np.moveaxis(np.stack(made), -1, 1))


def layout(joined: Array) -> Array:
    """Places `(k, 2)` in [0, 1] of nodes, those that are joined near each other; the same at every call.

    Distances in the plane are made alike to those along edges, by majorisation from a circle.

    Source: Gansner, Koren and North 2004, equation 9.

    Example:
        >>> layout(np.array([[0, 1], [1, 0]])).shape
        (2, 2)
    """
    count = len(joined)
    if count == 1:
        return np.full((1, 2), 0.5)
    far = _distances(joined)
    weights = np.where(far > 0, 1 / np.maximum(far, 1) ** 2, 0.0)
    inverse = np.linalg.pinv(np.diag(weights.sum(1)) - weights)
    angles = 2 * math.pi * np.arange(count) / count + 0.1
    places = np.stack([np.cos(angles), np.sin(angles)], 1) * far.max() / 2
    for _ in range(_ROUNDS):
        apart = np.linalg.norm(places[:, None] - places[None], axis=2)
        pulls = weights * far / np.maximum(apart, 1e-6)
        before, places = places, inverse @ ((np.diag(pulls.sum(1)) - pulls) @ places)
        if np.abs(places - before).max() < _SETTLED:
            break
    low, high = places.min(0), places.max(0)
    spread: Array = (places - (low + high) / 2) / max(float((high - low).max()), 1e-6)
    return spread * (1 - 2 * _MARGIN) + 0.5


def _distances(joined: Array) -> Array:
    """Edges between nodes, `(k, k)`; parts that are not joined are a little further than the longest way."""
    count = len(joined)
    far = np.where(joined > 0, 1.0, np.inf)
    np.fill_diagonal(far, 0.0)
    for node in range(count):
        far = np.minimum(far, far[:, node, None] + far[None, node])
    longest = far[np.isfinite(far)].max()
    return np.where(np.isfinite(far), far, longest + 1.5)


def _picture(matrix: Array, transform: GraphTransform) -> Image.Image:
    size = SIDE * FINER
    picture = Image.new("RGB", (size, size), _PAPER)
    pen = ImageDraw.Draw(picture)
    codes = matrix.diagonal()
    there = np.flatnonzero(codes)
    if len(there):
        part = matrix[np.ix_(there, there)].copy()
        np.fill_diagonal(part, 0)
        places = layout(part) * size
        for first, second in zip(*np.nonzero(np.triu(part)), strict=True):
            _edge(pen, places[first], places[second], int(part[first, second]), transform)
        for place, code in zip(places, codes[there], strict=True):
            _node(pen, place, int(code), transform, len(there))
    return picture.reduce(FINER)


def _edge(pen: ImageDraw.ImageDraw, start: Array, end: Array, code: int, transform: GraphTransform) -> None:
    """One line, as many as a bond is of, or a line in the colour of its type."""
    width = round(1.4 * FINER)
    lines, colour = 1, _INK
    if transform.edge_attribute == BOND:
        lines = int(transform.edge_types[code - 1] or 1)
    elif len(transform.edge_types) > 1:
        colour = _COLOURS[(code - 1) % len(_COLOURS)]
    along = end - start
    across = np.array([-along[1], along[0]]) / max(float(np.hypot(*along)), 1e-6)
    for line in range(lines):
        aside = across * (line - (lines - 1) / 2) * 3.2 * FINER
        pen.line([*(start + aside), *(end + aside)], fill=colour, width=width)


def _node(pen: ImageDraw.ImageDraw, place: Array, code: int, transform: GraphTransform, count: int) -> None:
    """A disc in the colour of its type; of an atom its symbol, unless it is plain carbon."""
    value = str(transform.node_types[code - 1])
    middle = (float(place[0]), float(place[1]))
    if transform.node_attribute == ATOM:
        if value == "C":
            return
        radius = 6.5 * FINER
        pen.ellipse(_box(place, radius), fill=_PAPER)
        font = ImageFont.load_default(size=11 * FINER)
        colour = _ATOMS.get(value.rstrip("+-"), _INK)
        pen.text(middle, value, fill=colour, font=font, anchor="mm")
        return
    radius = (4.5 if count <= 16 else 3.0) * FINER
    several = len(transform.node_types) > 1
    pen.ellipse(_box(place, radius), fill=_COLOURS[(code - 1) % len(_COLOURS)] if several else _COLOURS[0])


def _box(place: Array, radius: float) -> tuple[float, float, float, float]:
    return place[0] - radius, place[1] - radius, place[0] + radius, place[1] + radius
