"""The content of a picture as rows: scales of more than 8 bits, halves, and bands that are no colours."""

import io
import struct
import sys
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, TiffImagePlugin

from poise.data.rows import Array
from poise.data.sources.decoding import (
    DEEP_MODES,
    RefusedError,
    Side,
    Target,
    check_png,
    eight_bits,
    fitted,
    open_checked,
    reason_of,
    upright,
)

Scale = tuple[float, float]
"""The value that becomes 0, and the one that becomes 255."""
FULL_SCALE: Scale = (0.0, 65535.0)


def read_image(
    file: BinaryIO,
    *,
    target: Target,
    half: Side | None = None,
    scale: Scale | None = None,
    alpha: bool = False,
) -> Image.Image:
    """Decodes an image whole and brings it, or one half, to a size.

    Args:
        file: Its content.
        target: The size, and what becomes of other proportions.
        half: Which half of the image is taken, if not the whole.
        scale: The values that become 0 and 255 if it has more than 8 bits; `None` for 0 to 65,535 of whole
            numbers, and for `found_scale` of others.
        alpha: Whether transparency is kept.

    Returns:
        The image in mode L or RGB; in mode RGBA if `alpha`.

    Raises:
        RefusedError: It is damaged, or no picture that can be shown; the message is why.
    """
    image = _loaded(file, 0 if half else max(target.height, target.width))
    values = deep_values(file, image)
    plain = eight_bits(upright(image), alpha=alpha) if values is None else _scaled(values, scale, alpha=alpha)
    return fitted(_half(plain, half), target)


def read_bands(
    file: BinaryIO, *, target: Target, half: Side | None = None, scale: Scale | None = None
) -> Array:
    """A channel for each sample of a pixel, `(bands, height, width)` uint8, as for `read_image`."""
    planes = [np.asarray(plane) for plane in bands_of(file) or []]
    plain = [plane if plane.dtype == np.uint8 else _to_bytes(plane, scale) for plane in planes]
    return np.stack([np.asarray(fitted(_half(Image.fromarray(one), half), target)) for one in plain])


def _loaded(file: BinaryIO, side: int = 0) -> Image.Image:
    file.seek(0)
    if file.read(8) == b"\x89PNG\r\n\x1a\n":
        check_png(file)
    file.seek(0)
    image = open_checked(file)
    try:
        if side:
            # the JPEG decoder can shrink by 2, 4 or 8 while it decodes; it stops at three times the target
            image.draft("", (3 * side, 3 * side))
        image.load()
    except Exception as error:
        raise RefusedError(reason_of(error)) from None
    return image


def is_deep(image: Any) -> bool:
    """Whether the values of an image that is not decoded yet have more than 8 bits."""
    return image.mode in DEEP_MODES or any(";16" in _raw_mode(tile) for tile in getattr(image, "tile", ()))


def deep_values(file: BinaryIO, image: Image.Image) -> Array | None:
    """Values of more than 8 bits, `(H, W)` or `(H, W, C)` with the alpha last; `None` if there are none."""
    if image.mode in DEEP_MODES:
        values = np.asarray(upright(image))
        white_is_0 = image.format == "TIFF" and getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == 0
        return np.invert(values) if white_is_0 and values.dtype == np.uint16 else values
    file.seek(0)
    opened: Any = open_checked(file)
    raw = {_raw_mode(tile) for tile in opened.tile}
    if not any(";16" in mode for mode in raw):
        return None
    if raw == {"LA;16B"}:  # four bytes a pixel, which is how four channels of 8 bits lie as well
        quads = np.asarray(upright(_with_raw_mode(file, {"LA;16B": "RGBA"}))).astype(np.uint16)
        grey = quads[..., 0] << 8 | quads[..., 1]
        return np.stack([grey, grey, grey, quads[..., 2] << 8 | quads[..., 3]], axis=-1)
    # Pillow keeps one byte of two; read in the other byte order it keeps the other
    native = "L" if sys.byteorder == "little" else "B"
    pairs = {mode: mode[:-1] + {"B": "L", "L": "B", "N": "LB"[native == "L"]}[mode[-1]] for mode in raw}
    low = np.asarray(upright(_with_raw_mode(file, pairs)))
    found: Array = np.asarray(upright(image)).astype(np.uint16) << 8 | low
    return found


def _raw_mode(tile: Any) -> str:
    return str(tile.args if isinstance(tile.args, str) else tile.args[0])


def _with_raw_mode(file: BinaryIO, other: Mapping[str, str]) -> Image.Image:
    """The image decoded as if its values lay in memory in another way."""
    file.seek(0)
    image: Any = open_checked(file)
    image.tile = [
        tile._replace(
            args=other[tile.args] if isinstance(tile.args, str) else (other[tile.args[0]], *tile.args[1:])
        )
        for tile in image.tile
    ]
    image.load()
    made: Image.Image = image
    return made


_WIDTH, _BITS, _PHOTOMETRIC, _SAMPLES, _PLANAR = 256, 258, 262, 277, 284
_PREDICTOR, _TILE_WIDTH, _EXTRA, _FORMAT = 317, 322, 338, 339
_DATA = (273, 279, 324, 325)  # Where strips or tiles are, and of how many bytes
_KEPT = (_WIDTH, 257, _BITS, 259, 266, *_DATA, 278, _PREDICTOR, _TILE_WIDTH, 323, _FORMAT)
_COLOURS = {2: 3, 5: 4, 6: 3}  # RGB, CMYK and YCbCr; one sample otherwise


def bands_of(file: BinaryIO) -> list[Image.Image] | None:
    """The bands of a TIFF whose samples are no colours, each an image; `None` for any other file.

    Pillow opens no such file. Its bands are pictures of one channel once the directory says so: side by side
    in rows as wide as all of them, or each in strips of its own.
    """
    file.seek(0)
    content = file.read()
    if content[:4] not in (b"II*\0", b"MM\0*"):
        return None
    try:
        directory = TiffImagePlugin.ImageFileDirectory_v2(content[:8])
        file.seek(directory.next)
        directory.load(file)
        tags = {tag: value if isinstance(value, tuple) else (value,) for tag, value in directory.items()}
        (count,) = tags.get(_SAMPLES, (1,))
        colours = _COLOURS.get(tags.get(_PHOTOMETRIC, (1,))[0], 1)
        if count == colours or (count == colours + 1 and tags.get(_EXTRA) in ((1,), (2,))):
            return None
        return _bands(content, tags, count)
    except RefusedError:
        raise
    except Exception as error:
        raise RefusedError(f"its bands cannot be read: {reason_of(error)}") from None


def _bands(content: bytes, tags: Mapping[int, tuple[Any, ...]], count: int) -> list[Image.Image]:
    (width,), (predictor,) = tags[_WIDTH], tags.get(_PREDICTOR, (1,))
    if len(set(tags[_BITS])) != 1 or predictor == 3:
        raise RefusedError("its bands differ in their bits, or are predicted from floats; save them plain")
    plain = {tag: tags[tag] for tag in _KEPT if tag in tags}
    plain |= {
        _BITS: tags[_BITS][:1],
        _FORMAT: tags.get(_FORMAT, (1,))[:1],
        _SAMPLES: (1,),
        _PHOTOMETRIC: (1,),
    }
    if tags.get(_PLANAR) == (2,):
        each = {tag: len(plain[tag]) // count for tag in _DATA if tag in plain}
        parts = [
            {tag: plain[tag][band * size : (band + 1) * size] for tag, size in each.items()}
            for band in range(count)
        ]
        return [_single(content, plain | part) for part in parts]
    plain |= {_PREDICTOR: (1,), _WIDTH: (width * count,)}
    if _TILE_WIDTH in plain:
        plain[_TILE_WIDTH] = (plain[_TILE_WIDTH][0] * count,)
        if predictor == 2:
            raise RefusedError("its tiles are predicted; save it in strips, or without a predictor")
    wide = np.asarray(_single(content, plain))
    values = wide.reshape(len(wide), width, count)
    if predictor == 2:
        values = np.cumsum(values, axis=1, dtype=values.dtype)
    return [Image.fromarray(np.ascontiguousarray(values[..., band])) for band in range(count)]


def _single(content: bytes, tags: Mapping[int, tuple[int, ...]]) -> Image.Image:
    """The image of one channel that the tags describe, in a directory at the end of the file."""
    order = "<" if content[:2] == b"II" else ">"
    start = len(content) + len(content) % 2
    entries, beyond = struct.pack(f"{order}H", len(tags)), b""
    for tag, values in sorted(tags.items()):
        data = struct.pack(f"{order}{len(values)}L", *values)
        if len(data) > 4:
            place = start + 2 + 12 * len(tags) + 4 + len(beyond)
            data, beyond = struct.pack(f"{order}L", place), beyond + data
        entries += struct.pack(f"{order}HHL", tag, 4, len(values)) + data
    head = content[:4] + struct.pack(f"{order}L", start) + content[8:].ljust(start - 8, b"\0")
    image = open_checked(io.BytesIO(head + entries + b"\0" * 4 + beyond))
    image.load()
    return image


def _scaled(values: Array, scale: Scale | None, *, alpha: bool) -> Image.Image:
    """Values of more than 8 bits in mode L, RGB or RGBA; an alpha is always of 16 bits."""
    colour, cover = (values[..., :3], values[..., 3:]) if values.ndim == 3 else (values, values[..., :0])
    plain = _to_bytes(colour, scale)
    if cover.size and values.ndim == 3:
        plain = np.concatenate([plain, _to_bytes(cover, FULL_SCALE)], axis=-1)
    return eight_bits(Image.fromarray(plain), alpha=alpha)


def _to_bytes(values: Array, scale: Scale | None) -> Array:
    span = span_of(values)
    if scale is None:
        full = values.dtype.kind in "ui" and FULL_SCALE[0] <= span[0] and span[1] <= FULL_SCALE[1]
        scale = FULL_SCALE if full else found_scale(*span, whole=values.dtype.kind in "ui")
    shares: Array = (values.astype(np.float64) - scale[0]) / (scale[1] - scale[0])
    plain: Array = np.rint(255 * shares.clip(0, 1)).astype(np.uint8)
    return plain


def span_of(values: Array) -> Scale:
    """The smallest and the largest of an image's values; values that are not finite are refused."""
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RefusedError("it holds values that are not finite")
    return low, high


def found_scale(low: float, high: float, *, whole: bool) -> Scale:
    """The scale of all files together: the bits that hold their values, or the values' own span.

    Args:
        low: The smallest value of all.
        high: The largest.
        whole: Whether they are whole numbers.

    Example:
        >>> found_scale(3, 4093, whole=True), found_scale(-1024, 3071, whole=True)
        ((0.0, 4095.0), (-1024.0, 3071.0))
        >>> found_scale(0.0, 0.97, whole=False), found_scale(-0.9, 1.0, whole=False)
        ((0.0, 1.0), (-1.0, 1.0))
    """
    if not whole and low >= -1 and high <= 1:
        return (0.0 if low >= 0 else -1.0), 1.0
    if low >= 0 and high < 2**16:
        return 0.0, float(2 ** max(8, int(high).bit_length()) - 1)
    return float(low), float(high if low < high else low + 1)


def _half(image: Image.Image, half: Side | None) -> Image.Image:
    if half is None:
        return image
    width, height = image.size
    if width % 2:
        raise RefusedError(f"its width of {width} pixels cannot be halved")
    left = 0 if half == "left" else width // 2
    return image.crop((left, 0, left + width // 2, height))
