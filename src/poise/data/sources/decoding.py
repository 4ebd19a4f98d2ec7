"""One table from every kind of image file content to 8-bit channels, and one size policy.

| mode | becomes |
|---|---|
| 1 | grey, 0 or 255 |
| L | grey |
| I;16 in any byte order, I (32-bit integers), F (floats) | grey, by the scale that all such files share |
| RGB, RGBA or LA of 16 bits | colour, by the same scale |
| LA, La, or L with a transparent value | grey, laid on white |
| RGBA, RGBa, PA, or P and RGB with transparency | colour, laid on white, or with alpha if that is asked for |
| P, RGB, CMYK, YCbCr, HSV | colour |
| TIFF with several samples a pixel that are no colours | a channel each; integers of 8 bits as they are |
| anything else | refused |

Colour profiles are ignored. Of an animation the first frame is taken. The orientation in EXIF is applied.
"""

import contextlib
import zlib
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from poise.data.rows import Array
from poise.spec import Fit, size_text

VERSION = 3
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
    if start[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "it is a TIFF of a kind that is not read; save it with 8, 16 or 32 bits, and not as a BigTIFF"
    return f"it is no readable image in one of the formats {', '.join(FORMATS)}"


def format_of(image: Image.Image) -> str:
    """The format by content; a JPEG that carries further pictures (MPO) is a JPEG."""
    name = image.format or "?"
    return "JPEG" if name == "MPO" else name


def is_animated(image: Image.Image) -> bool:
    """Whether there are more frames or pages than the first, which is the one that is read."""
    return format_of(image) != "JPEG" and bool(getattr(image, "is_animated", False))


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Width and height once the orientation in EXIF is applied."""
    turned = False
    if image.format != "PNG" or "exif" in image.info:  # Pillow would decode the whole of a PNG to look for it
        with contextlib.suppress(Exception):  # a damaged EXIF block is no reason to lose the picture
            turned = image.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8)
    return (image.height, image.width) if turned else image.size


def check_png(file: BinaryIO) -> None:
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


def eight_bits(image: Image.Image, *, alpha: bool = False) -> Image.Image:
    """An image of 8 bits in mode L or RGB, or RGBA if its transparency is kept, by the table above."""
    if image.mode not in _GREY | _COLOUR:
        raise RefusedError(f"the mode {image.mode} is not read; convert it to RGB")
    straight = image.convert("LA") if image.mode == "La" else image  # nothing else leads on from La
    if alpha:
        return straight.convert("RGBA")
    if is_transparent(image):
        layer = straight.convert("RGBA")
        straight = Image.alpha_composite(Image.new("RGBA", layer.size, (255, 255, 255, 255)), layer)
        straight = straight.convert("RGB")
    return straight.convert("L" if image.mode in _GREY else "RGB")


_GREY = frozenset(("1", "L", "LA", "La"))
_COLOUR = frozenset(("P", "PA", "RGB", "RGBX", "RGBA", "RGBa", "CMYK", "YCbCr", "HSV"))
DEEP_MODES = frozenset(("I", "I;16", "I;16L", "I;16B", "I;16N", "F"))
GREY_MODES = _GREY | DEEP_MODES


def is_transparent(image: Image.Image) -> bool:
    """Whether the image has an alpha channel or a transparent colour."""
    return image.mode in ("La", "RGBa") or image.has_transparency_data


def upright(image: Image.Image) -> Image.Image:
    """The image with the orientation in EXIF applied."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # a damaged EXIF block is no reason to lose the picture
        return image


@dataclass(frozen=True)
class Target:
    """The size that images are brought to, and what becomes of other proportions.

    Example:
        >>> Target(48, 64).middle(100, 100)
        (0, 12, 100, 87)
    """

    height: int
    width: int
    fit: Fit = "crop"

    @property
    def text(self) -> str:
        """The size for people: a square by its side."""
        square = self.height == self.width
        return str(self.height) if square else size_text(self.height, self.width)

    def middle(self, width: int, height: int) -> tuple[int, int, int, int]:
        """The largest box of these proportions in the middle of an image: left, top, right, bottom."""
        wide = min(width, max(1, round(height * self.width / self.height)))
        tall = min(height, max(1, round(width * self.height / self.width)))
        left, top = (width - wide) // 2, (height - tall) // 2
        return left, top, left + wide, top + tall

    def changes(self, width: int, height: int) -> bool:
        """Whether an image of that size has other proportions: over 1 % of it lies beside the middle."""
        left, top, right, bottom = self.middle(width, height)
        return (right - left) * (bottom - top) < 0.99 * width * height

    def enlarges(self, width: int, height: int) -> bool:
        """Whether an image of that size has fewer pixels along a side that decides."""
        smaller = width < self.width, height < self.height
        return all(smaller) if self.fit == "pad" else any(smaller)


def fitted(image: Image.Image, target: Target, *, white: float = 255) -> Image.Image:
    """The image at the given size: antialiased bicubic if the size differs.

    Args:
        image: Of any mode of one value a channel.
        target: The size, and the fit.
        white: The value of margins of floats; others are white, and clear if the image has alpha.
    """
    size = target.width, target.height
    if target.fit == "crop" and target.middle(*image.size) != (0, 0, *image.size):
        # cropped first: given a box alone, resizing would let in what lies around it
        image = image.crop(target.middle(*image.size))
    if target.fit != "pad" or not target.changes(*image.size):
        return image if image.size == size else image.resize(size, Image.Resampling.BICUBIC)
    scale = min(target.width / image.width, target.height / image.height)
    wide = min(target.width, max(1, round(image.width * scale)))
    tall = min(target.height, max(1, round(image.height * scale)))
    margins: dict[str, Any] = {"RGB": (255, 255, 255), "RGBA": (255, 255, 255, 0), "F": white}
    canvas = Image.new(image.mode, size, margins.get(image.mode, 255))
    small = image if image.size == (wide, tall) else image.resize((wide, tall), Image.Resampling.BICUBIC)
    canvas.paste(small, ((target.width - wide) // 2, (target.height - tall) // 2))
    return canvas


def as_channels(image: Image.Image, channels: int) -> Array:
    """An image as (channels, H, W) uint8: one channel, three, or four with alpha."""
    values = np.asarray(image.convert({1: "L", 3: "RGB", 4: "RGBA"}[channels]))
    return values[None] if channels == 1 else np.ascontiguousarray(values.transpose(2, 0, 1))
