"""A sheet: a table of pictures with words beside its rows and above its columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from poise.data import Pixels, to_pillow, to_pixels

CELL = 72  # Pixels of a side up to which pictures are enlarged, by whole factors
GAP, MARGIN, LINE = 4, 8, 15
INK, PAPER = (32, 32, 32), (255, 255, 255)


def sheet(cells: Tensor, *, rows: Sequence[str], columns: Sequence[str] = ()) -> Image.Image:
    """A picture of images in rows and columns.

    Args:
        cells: `(R, C, channels, H, W)` in [-1, 1].
        rows: The words beside each row, of one or several lines.
        columns: The words above each column.

    Example:
        >>> import torch
        >>> sheet(torch.zeros(2, 3, 1, 8, 8), rows=["a", "b"], columns=["1", "2", "3"]).mode
        'RGB'
    """
    count, across, _, height, width = cells.shape
    factor = max(1, -(-CELL // max(height, width)))
    tall, wide = height * factor, width * factor
    font = ImageFont.load_default(12)
    words = max((font.getlength(line) for row in rows for line in row.split("\n")), default=0)
    left, top = MARGIN + round(words) + (MARGIN if words else 0), MARGIN + (LINE + GAP if columns else 0)
    size = left + across * (wide + GAP) + MARGIN - GAP, top + count * (tall + GAP) + MARGIN - GAP
    page = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(page)
    pixels = to_pixels(cells.flatten(0, 1), Pixels())
    for number, image in enumerate(pixels):
        row, column = divmod(number, across)
        cell = _enlarged(image, factor)
        page.paste(cell, (left + column * (wide + GAP), top + row * (tall + GAP)))
    for row, text in enumerate(rows):
        middle = top + row * (tall + GAP) + (tall - LINE * len(text.split("\n"))) / 2
        pen.multiline_text((MARGIN, middle), text, fill=INK, font=font, spacing=2)
    for column, text in enumerate(columns):
        place = left + column * (wide + GAP) + wide / 2
        pen.text((place, MARGIN), text, fill=INK, font=font, anchor="ma")
    return page


def _enlarged(image: np.ndarray, factor: int) -> Image.Image:  # (C, H, W) bytes
    """One image in RGB, each pixel a square of `factor` pixels; transparent parts are white."""
    shown = to_pillow(image.repeat(factor, 1).repeat(factor, 2)[None], columns=1)
    if shown.mode == "RGBA":
        paper = Image.new("RGBA", shown.size, (*PAPER, 255))
        shown = Image.alpha_composite(paper, shown)
    grown, (height, width) = shown.convert("RGB"), (side * factor for side in image.shape[1:])
    # The lines about the cell are the sheet's own
    across, down = (grown.width - width) // 2, (grown.height - height) // 2
    return grown.crop((across, down, across + width, down + height))
