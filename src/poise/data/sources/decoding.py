"""One table from every kind of image file content to 8-bit grey or colour, and one size policy.

| mode | becomes |
|---|---|
| 1 | grey, 0 or 255 |
| L | grey |
| I;16 in any byte order | grey, 0..65535 scaled to 0..255 and rounded |
| I (32-bit integers) | grey, taken as 16-bit; refused if a value is not in 0..65535 |
| F (floats) | grey: values in [0, 1] are scaled by 255, values in [0, 255] are rounded; others are refused |
| LA, La, or L with a transparent value | grey, laid on white |
| RGBA, RGBa, PA, or P and RGB with transparency | colour, laid on white |
| P, RGB, RGBX, CMYK, YCbCr, HSV | colour |
| anything else | refused |

Colour profiles are ignored. Of an animation the first frame is taken. The orientation in EXIF is applied.
"""

import zlib
from collections.abc import Callable
from typing import BinaryIO, Literal

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from poise.data.rows import Array

VERSION = 2
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
MOST_PIXELS = 64 * 1024 * 1024
MOST_BYTES = 256 * 1024 * 1024


Side = Literal["left", "right"]


class RefusedError(Exception):
    """An image that is not taken; the message is the reason, for a list of such files."""


def open_checked(file: BinaryIO) -> Image.Image:
    """Reads the header of an image and refuses what would cost too much to decode."""
    try:
        image = Image.open(file, formats=FORMATS)
    except Image.DecompressionBombError:
        raise RefusedError(f"more than {MOST_PIXELS:,} pixels") from None
    except UnidentifiedImageError:
        raise RefusedError(_unreadable(file)) from None
    except Exception as error:  # decoders raise whatever a damaged header leads them to
        raise RefusedError(reason_of(error)) from None
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise RefusedError(f"{width}x{height} is more than {MOST_PIXELS:,} pixels")
    if width < 1 or height < 1:
        raise RefusedError(f"{width}x{height} holds no pixel")
    return image


def _unreadable(file: BinaryIO) -> str:
    file.seek(0)
    start = file.read(16)
    if not start:
        return "the file is empty"
    if start[4:8] == b"ftyp":
        return "HEIF and AVIF are not read; convert it to PNG or JPEG"
    return f"it is no readable image in one of the formats {', '.join(FORMATS)}"


def format_of(image: Image.Image) -> str:
    """The format by content; a JPEG that carries further pictures (MPO) is a JPEG."""
    name = image.format or "?"
    return "JPEG" if name == "MPO" else name


def is_animated(image: Image.Image) -> bool:
    """Whether there are more frames or pages than the first, which is the one that is read."""
    return format_of(image) != "JPEG" and bool(getattr(image, "is_animated", False))


def read_image(file: BinaryIO, *, resolution: int, half: Side | None = None) -> Image.Image:
    """Decodes an image whole and brings it, or one half, to `resolution` pixels a side, in mode L or RGB."""
    if file.read(8) == b"\x89PNG\r\n\x1a\n":
        _check_png(file)
    file.seek(0)
    image = open_checked(file)
    try:
        if half is None:
            # the JPEG decoder can shrink by 2, 4 or 8 while it decodes; it stops at three times the target
            image.draft("", (3 * resolution, 3 * resolution))
        image.load()
    except Exception as error:
        raise RefusedError(reason_of(error)) from None
    plain = eight_bits(_upright(image))
    if half is not None:
        width, height = plain.size
        if width % 2:
            raise RefusedError(f"its width of {width} pixels cannot be halved")
        left = 0 if half == "left" else width // 2
        plain = plain.crop((left, 0, left + width // 2, height))
    return fitted(plain, resolution)


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Width and height once the orientation in EXIF is applied."""
    try:
        turned = image.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8)
    except Exception:  # a damaged EXIF block is no reason to lose the picture
        turned = False
    return (image.height, image.width) if turned else image.size


def _check_png(file: BinaryIO) -> None:
    """Checks every chunk against its check sum, as decoding does not, and that the last one is there."""
    file.seek(8)
    kind = b""
    while kind != b"IEND":
        head = file.read(8)
        kind, length = head[4:], int.from_bytes(head[:4], "big")
        if len(head) < 8 or length > MOST_BYTES:
            raise RefusedError("the file is truncated or damaged")
        content, written = file.read(length), file.read(4)
        if len(content) < length or len(written) < 4:
            raise RefusedError("the file is truncated")
        if zlib.crc32(content, zlib.crc32(kind)) != int.from_bytes(written, "big"):
            raise RefusedError(f"a check sum does not fit, in the part {kind.decode('latin-1')}")
    file.seek(0)


def reason_of(error: Exception) -> str:
    """Why a file cannot be used, in a few words."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    if isinstance(error, MemoryError):
        return "not enough memory to decode it"
    text = str(error).strip().rstrip(".").splitlines()
    return text[0][:200] if text and text[0] else type(error).__name__


def eight_bits(image: Image.Image) -> Image.Image:
    """The image in mode L or RGB, by the table above."""
    converter = _CONVERTERS.get(image.mode)
    if converter is None:
        raise RefusedError(f"the mode {image.mode} is not read; convert it to RGB")
    return converter(image)


def _from_sixteen_bits(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    if values.min() < 0 or values.max() > 65535:
        raise RefusedError(f"integers from {values.min()} to {values.max()}, and only 0 to 65535 is read")
    return Image.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8))


def _from_floats(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RefusedError("it holds values that are not finite")
    if low < 0 or high > 255:
        raise RefusedError(f"floats from {low:g} to {high:g}, and only 0 to 1 or 0 to 255 is read")
    return Image.fromarray(np.rint(values * (255 if high <= 1 else 1)).astype(np.uint8))


def _to_grey(image: Image.Image) -> Image.Image:
    return (_on_white(image) if _transparent(image) else image).convert("L")


def _to_colour(image: Image.Image) -> Image.Image:
    return _on_white(image) if _transparent(image) else image.convert("RGB")


def _transparent(image: Image.Image) -> bool:
    return image.mode in ("La", "RGBa") or image.has_transparency_data


def _on_white(image: Image.Image) -> Image.Image:
    straight = image.convert("LA") if image.mode == "La" else image  # nothing else leads on from La
    layer = straight.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, (255, 255, 255, 255)), layer).convert("RGB")


_CONVERTERS: dict[str, Callable[[Image.Image], Image.Image]] = {
    **dict.fromkeys(("1", "L", "LA", "La"), _to_grey),
    **dict.fromkeys(("I", "I;16", "I;16L", "I;16B", "I;16N"), _from_sixteen_bits),
    "F": _from_floats,
    **dict.fromkeys(("P", "PA", "RGB", "RGBX", "RGBA", "RGBa", "CMYK", "YCbCr", "HSV"), _to_colour),
}
GREY_MODES = frozenset(mode for mode, converter in _CONVERTERS.items() if converter is not _to_colour)


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # a damaged EXIF block is no reason to lose the picture
        return image


def fitted(image: Image.Image, resolution: int) -> Image.Image:
    """The centre square of the image at the given size: antialiased bicubic if the size differs."""
    width, height = image.size
    side = min(width, height)
    if width != height:  # cropped first: given a box alone, resizing would let in what lies around it
        left, top = (width - side) // 2, (height - side) // 2
        image = image.crop((left, top, left + side, top + side))
    if side == resolution:
        return image
    return image.resize((resolution, resolution), Image.Resampling.BICUBIC)


def as_channels(image: Image.Image, channels: int) -> Array:
    """An image in mode L or RGB as (channels, H, W) uint8, with one channel or three."""
    values = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    return values[None] if channels == 1 else np.ascontiguousarray(values.transpose(2, 0, 1))
