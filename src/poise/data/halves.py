"""Images that hold a pair side by side, as two collections of halves."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Literal

from PIL import ImageOps

from poise.data.collection import Collection, Listing
from poise.data.conversion import RefusedError, eight_bits, open_checked
from poise.data.dataset import Array
from poise.errors import PoiseError

Side = Literal["left", "right"]


@dataclass(frozen=True)
class HalfCollection:
    """One half of every image of a collection, as if it were a file of its own.

    Args:
        whole: The collection.
        side: Which half.
    """

    whole: Collection
    side: Side

    @property
    def origin(self) -> str:
        """That of the whole."""
        return self.whole.origin

    @property
    def location(self) -> str:
        """That of the whole, with the side."""
        return f"{self.whole.location}#{self.side}"

    def listing(self) -> Listing:
        """That of the whole."""
        return self.whole.listing()

    def head(self, name: str) -> bytes:
        """The first bytes of the whole image."""
        return self.whole.head(name)

    def read(self, name: str) -> bytes:
        """The half as a PNG file.

        Raises:
            RefusedError: The image cannot be read, or its width cannot be halved.
        """
        image = open_checked(io.BytesIO(self.whole.read(name)))
        image.load()
        upright = ImageOps.exif_transpose(image)
        width, height = upright.size
        if width % 2:
            raise RefusedError(f"its width of {width} pixels cannot be halved")
        left = 0 if self.side == "left" else width // 2
        half = eight_bits(upright).crop((left, 0, left + width // 2, height))
        file = io.BytesIO()
        half.save(file, format="PNG", compress_level=1)
        return file.getvalue()


def half_of(array: Array, side: Side, name: str) -> Array:
    """One half of every image of an array, a view.

    Args:
        array: `(N, H, W)`, `(N, H, W, C)` or `(N, C, H, W)`.
        side: Which half.
        name: What the person named.

    Raises:
        PoiseError: The width is odd, or the array holds no images.

    Example:
        >>> import numpy as np
        >>> half_of(np.zeros((5, 8, 16, 3)), "left", "array").shape
        (5, 8, 8, 3)
    """
    if array.ndim not in (3, 4):
        raise PoiseError(f"'{name}' holds no images that could be halved", why=f"its shape is {array.shape}")
    across = 2 if array.ndim == 3 or array.shape[3] <= 4 else 3
    width = array.shape[across]
    if width % 2:
        raise PoiseError(
            f"The images of '{name}' are {width} pixels wide, which cannot be halved",
            hint="give images that hold source and target side by side, each as wide as the other",
        )
    chosen = slice(0, width // 2) if side == "left" else slice(width // 2, width)
    return array[(*[slice(None)] * across, chosen)]
