import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from image_files import gif, png, png_of_sixteen_bits
from PIL import Image, ImageFile

from poise.data.sources.decoding import (
    RefusedError,
    Target,
    as_channels,
    eight_bits,
    fitted,
    is_animated,
    open_checked,
)
from poise.data.sources.pictures import read_image

WHITE = 255


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def read(content: bytes, resolution: int = 2) -> Image.Image:
    return read_image(io.BytesIO(content), target=square(resolution))


def square(side: int) -> Target:
    return Target(side, side)


def on_white(value: float, alpha: float) -> int:
    return round((value * alpha + WHITE * (WHITE - alpha)) / WHITE)


def four(mode: str, *values: Any) -> Image.Image:
    image = Image.new(mode, (2, 2))
    image.putdata(values)
    return image


def palette(*, transparent: Any = None) -> bytes:
    image = four("P", 0, 1, 2, 1)
    image.putpalette([10, 20, 30, 200, 100, 50, 0, 255, 0] + [0] * 759)
    options = {} if transparent is None else {"transparency": transparent}
    return saved(image, "PNG", **options)


RGB = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (9, 99, 199)]
GREY = [0, 100, 200, 255]
ALPHA = [255, 0, 128, 51]


def grey(*values: int) -> list[tuple[int, ...]]:
    return [(value,) for value in values]


CASES: dict[str, tuple[Callable[[], bytes], list[tuple[int, ...]]]] = {
    "1": (lambda: saved(four("1", 0, 255, 255, 0), "PNG"), grey(0, 255, 255, 0)),
    "L": (lambda: saved(four("L", *GREY), "PNG"), grey(*GREY)),
    "L of 2 bits": (
        lambda: png(2, 2, depth=2, colour_type=0, lines=b"\0\x10\0\xb0"),
        grey(0, 85, 170, 255),
    ),
    "L with a transparent value": (
        lambda: saved(four("L", *GREY), "PNG", transparency=100),
        grey(0, 255, 200, 255),
    ),
    "LA": (
        lambda: saved(four("LA", *zip(GREY, ALPHA, strict=True)), "PNG"),
        grey(*(on_white(v, a) for v, a in zip(GREY, ALPHA, strict=True))),
    ),
    "P": (palette, [(10, 20, 30), (200, 100, 50), (0, 255, 0), (200, 100, 50)]),
    "P with a transparent entry": (
        lambda: palette(transparent=1),
        [(10, 20, 30), (255, 255, 255), (0, 255, 0), (255, 255, 255)],
    ),
    "P with half-transparent entries": (
        lambda: palette(transparent=bytes([51, 255, 0])),
        [
            (on_white(10, 51), on_white(20, 51), on_white(30, 51)),
            (200, 100, 50),
            (255, 255, 255),
            (200, 100, 50),
        ],
    ),
    "RGB": (lambda: saved(four("RGB", *RGB), "PNG"), list(RGB)),
    "RGB with a transparent colour": (
        lambda: saved(four("RGB", *RGB), "PNG", transparency=(0, 255, 0)),
        [RGB[0], (255, 255, 255), RGB[2], RGB[3]],
    ),
    "RGB in BMP": (lambda: saved(four("RGB", *RGB), "BMP"), list(RGB)),
    "RGB in WEBP": (lambda: saved(four("RGB", *RGB), "WEBP", lossless=True), list(RGB)),
    "RGB in GIF": (lambda: saved(four("RGB", *RGB), "GIF"), list(RGB)),
    "RGBA": (
        lambda: saved(four("RGBA", *((*c, a) for c, a in zip(RGB, ALPHA, strict=True))), "PNG"),
        [tuple(on_white(v, a) for v in c) for c, a in zip(RGB, ALPHA, strict=True)],
    ),
    "RGBA in WEBP": (
        lambda: saved(
            four("RGBA", *((*c, a) for c, a in zip(RGB, ALPHA, strict=True))),
            "WEBP",
            lossless=True,
            exact=True,
        ),
        [tuple(on_white(v, a) for v in c) for c, a in zip(RGB, ALPHA, strict=True)],
    ),
    "CMYK": (
        lambda: saved(four("CMYK", (0, 0, 0, 0), (255, 0, 0, 0), (0, 255, 255, 0), (0, 0, 0, 255)), "TIFF"),
        [(255, 255, 255), (0, 255, 255), (255, 0, 0), (0, 0, 0)],
    ),
    "I;16 in PNG": (
        lambda: png_of_sixteen_bits(
            np.array([[0, 128, 129], [32768, 65407, 65535], [257, 514, 25700]], np.uint16)
        ),
        grey(0, 0, 1, 128, 255, 255, 1, 2, 100),
    ),
    "I;16 in TIFF": (
        lambda: saved(Image.fromarray(np.array([[0, 25700], [51400, 65535]], np.uint16)), "TIFF"),
        grey(0, 100, 200, 255),
    ),
    "I;16B in TIFF": (
        lambda: saved(Image.frombytes("I;16B", (2, 2), np.array(GREY).astype(">u2").tobytes()), "TIFF"),
        grey(0, 0, 1, 1),
    ),
    "RGB of 16 bits": (
        lambda: png_of_sixteen_bits(np.array([[c, c[::-1]] for c in (RGB[0], RGB[3])], np.uint16) * 257),
        [RGB[0], RGB[0][::-1], RGB[3], RGB[3][::-1]],
    ),
    "I": (
        lambda: saved(Image.fromarray(np.array([[0, 25700], [51400, 65535]], np.int32)), "TIFF"),
        grey(0, 100, 200, 255),
    ),
    "F from 0 to 1": (
        lambda: saved(Image.fromarray(np.array([[0, 0.2], [0.5, 1]], np.float32)), "TIFF"),
        grey(0, 51, 128, 255),
    ),
    "F from 0 to 255": (
        lambda: saved(Image.fromarray(np.array([[0, 51.4], [127.6, 255]], np.float32)), "TIFF"),
        grey(0, 51, 128, 255),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_every_mode_becomes_known_pixels(case: str) -> None:
    make, expected = CASES[case]
    side = int(len(expected) ** 0.5)
    image = read(make(), side)
    assert image.mode == ("L" if len(expected[0]) == 1 else "RGB")
    values = as_channels(image, len(expected[0])).reshape(len(expected[0]), -1).T
    assert np.abs(values.astype(int) - np.array(expected)).max() <= (
        1 if "A" in case or "half" in case else 0
    )


@pytest.mark.parametrize("mode", ["PA", "La", "RGBa", "RGBX", "YCbCr", "HSV"])
def test_modes_that_files_seldom_have(mode: str) -> None:
    straight = four("RGB", (0, 0, 0), (255, 255, 255), (0, 0, 0), (255, 255, 255))
    through = {"PA": "LA", "La": "LA", "RGBa": "RGBA"}.get(mode, "RGB")
    image = straight.convert("L").convert(through) if through == "LA" else straight.convert(through)
    image = image.convert(mode)
    assert image.mode == mode
    assert as_channels(eight_bits(image), 1).ravel().tolist() == [0, 255, 0, 255]


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        (Image.fromarray(np.array([[np.nan, 1]], np.float32)), "not finite"),
        (Image.new("LAB", (2, 2)), "LAB"),
    ],
)
def test_values_without_a_known_meaning_are_refused(image: Image.Image, reason: str) -> None:
    with pytest.raises(RefusedError, match=reason):
        read(saved(image, "TIFF"))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0, 70_000]], np.int32), [0, 255]),
        (np.array([[-1024, 3071]], np.int16), [0, 255]),
        (np.array([[-1.0, 0.0]], np.float32), [0, 128]),
        (np.array([[0.0, 0.5]], np.float32), [0, 128]),
        (np.array([[0.0, 300.0]], np.float32), [0, round(255 * 300 / 511)]),
        (np.array([[0, 4095]], np.uint16), [0, 16]),
    ],
)
def test_a_single_image_of_other_values_has_the_scale_that_holds_them(
    values: np.ndarray, expected: list[int]
) -> None:
    file = io.BytesIO()
    Image.fromarray(values.repeat(2, 0)).save(file, "TIFF")
    assert as_channels(read(file.getvalue()), 1)[0, 0].tolist() == expected


def test_grey_stored_as_colour_stays_grey_whatever_the_number_of_channels() -> None:
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))
    for kind in ("PNG", "JPEG"):
        grey_file, colour_file = saved(ramp, kind), saved(ramp.convert("RGB"), kind)
        as_grey = as_channels(read(grey_file, 16), 1)
        as_colour = as_channels(read(colour_file, 16), 3)
        if kind == "PNG":
            assert np.array_equal(as_grey[0], np.arange(256).reshape(16, 16))
        assert (as_colour == as_colour[:1]).all()
        assert np.array_equal(as_channels(read(colour_file, 16), 1), as_colour[:1])


# where the first stored row and the first stored column are seen: the table of the EXIF standard, tag 274
SEEN = {
    1: ("top", "left"),
    2: ("top", "right"),
    3: ("bottom", "right"),
    4: ("bottom", "left"),
    5: ("left", "top"),
    6: ("right", "top"),
    7: ("right", "bottom"),
    8: ("left", "bottom"),
}


def as_seen(stored: np.ndarray, orientation: int) -> np.ndarray:
    row_side, column_side = SEEN[orientation]
    height, width = stored.shape[:2]
    upright = row_side in ("top", "bottom")
    seen = np.empty((height, width, 3) if upright else (width, height, 3), stored.dtype)
    for row in range(height):
        for column in range(width):
            along_rows = row if row_side in ("top", "left") else height - 1 - row
            along_columns = column if column_side in ("top", "left") else width - 1 - column
            seen[(along_rows, along_columns) if upright else (along_columns, along_rows)] = stored[
                row, column
            ]
    return seen


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_once(orientation: int, kind: str) -> None:
    stored = np.array([RGB[:2], RGB[2:]], np.uint8).repeat(16, axis=0).repeat(16, axis=1)
    exif = Image.Exif()
    exif[0x0112] = orientation
    exact: dict[str, dict[str, Any]] = {
        "JPEG": {"quality": 100, "subsampling": 0},
        "WEBP": {"lossless": True},
    }
    content = saved(Image.fromarray(stored), kind, exif=exif, **exact.get(kind, {}))
    found = as_channels(read(content, 32), 3).transpose(1, 2, 0).astype(int)
    assert np.abs(found - as_seen(stored, orientation)).max() <= (6 if kind == "JPEG" else 0)


def test_orientation_comes_before_the_crop() -> None:
    stored = np.zeros((8, 24), np.uint8)
    stored[:, 8:16] = np.arange(64).reshape(8, 8)
    exif = Image.Exif()
    exif[0x0112] = 6
    content = saved(Image.fromarray(stored), "PNG", exif=exif)
    assert np.array_equal(as_channels(read(content, 8), 1)[0], np.rot90(np.arange(64).reshape(8, 8), -1))


def test_a_damaged_exif_block_loses_the_rotation_and_not_the_picture() -> None:
    content = saved(four("RGB", *RGB), "PNG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\xff\xff\xff\xff")
    with pytest.warns(UserWarning, match="Corrupt EXIF"):
        assert as_channels(read(content), 3).reshape(3, -1).T.tolist() == [list(c) for c in RGB]


def test_the_first_frame_of_an_animation_is_taken() -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "lime", "blue")]
    for kind in ("GIF", "WEBP", "PNG", "TIFF"):
        options: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {}
        content = saved(frames[0], kind, save_all=True, append_images=frames[1:], **options)
        assert is_animated(open_checked(io.BytesIO(content))), kind
        assert (as_channels(read(content, 4), 3)[:, 0, 0] == [255, 0, 0]).all(), kind
    assert not is_animated(open_checked(io.BytesIO(saved(frames[0], "GIF"))))
    many = gif(50_000)
    assert is_animated(open_checked(io.BytesIO(many))) and read(many, 1).size == (1, 1)


@pytest.mark.parametrize("size", [(9, 4), (4, 9), (8, 5), (5, 8)])
def test_the_centre_is_cropped(size: tuple[int, int]) -> None:
    width, height = size
    values = RANDOM.integers(0, 256, (height, width), dtype=np.uint8)
    side = min(size)
    top, left = (height - side) // 2, (width - side) // 2
    cropped = values[top : top + side, left : left + side]
    image = Image.fromarray(values)
    assert np.array_equal(np.asarray(fitted(image, square(side))), cropped)
    assert np.array_equal(
        np.asarray(fitted(image, square(3))), np.asarray(fitted(Image.fromarray(cropped), square(3)))
    )


RANDOM = np.random.default_rng(0)


def test_resizing_is_antialiased() -> None:
    stripes = np.tile(np.array([0, 255], np.uint8), (256, 128))
    small = np.asarray(fitted(Image.fromarray(stripes), square(16))).astype(int)
    assert np.abs(small - 127.5).max() < 3, "stripes finer than a pixel become grey and no moire"


def test_jpegs_shrink_while_they_decode_without_a_visible_difference() -> None:
    smooth = Image.fromarray(RANDOM.integers(0, 256, (12, 12, 3), dtype=np.uint8)).resize((512, 512), 3)
    content = saved(smooth, "JPEG", quality=95)
    found = as_channels(read(content, 16), 3).astype(int)
    whole = as_channels(fitted(Image.open(io.BytesIO(content)).convert("RGB"), square(16)), 3).astype(int)
    assert np.abs(found - whole).mean() < 1 and np.abs(found - whole).max() <= 6


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_every_truncation_of_jpeg_and_png_is_refused(kind: str) -> None:
    noise = Image.fromarray(RANDOM.integers(0, 256, (24, 24, 3), dtype=np.uint8))
    content = saved(noise, kind)
    read(content, 8)
    for length in [*range(0, len(content) - 2, 37), len(content) - 3]:
        with pytest.raises(RefusedError):
            read(content[:length], 8)


@pytest.mark.parametrize("kind", ["WEBP", "GIF", "BMP", "TIFF"])
def test_half_of_any_other_file_is_refused(kind: str) -> None:
    content = saved(Image.fromarray(RANDOM.integers(0, 256, (64, 64, 3), dtype=np.uint8)), kind)
    read(content, 8)
    for share in (0.1, 0.5, 0.9):
        with pytest.raises(RefusedError):
            read(content[: int(share * len(content))], 8)


def test_every_flipped_byte_of_a_png_is_found() -> None:
    content = saved(Image.fromarray(RANDOM.integers(0, 256, (6, 6), dtype=np.uint8)), "PNG")
    for position in range(len(content)):
        flipped = bytearray(content)
        flipped[position] ^= 0x10
        with pytest.raises(RefusedError):
            read(bytes(flipped), 6)


@pytest.mark.filterwarnings("ignore")
def test_damage_of_any_kind_ends_in_an_image_or_a_refusal() -> None:
    noise = Image.fromarray(RANDOM.integers(0, 256, (20, 24, 3), dtype=np.uint8))
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("JPEG", {"progressive": True}),
        ("WEBP", {}),
        ("GIF", {"save_all": True, "append_images": [noise.rotate(90)] * 2}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("PNG", {"save_all": True, "append_images": [noise.rotate(90)]}),
    ]
    for kind, options in kinds:
        whole = saved(noise, kind, **options)
        refused = 0
        for _ in range(60):
            damaged = bytearray(whole)
            for position in RANDOM.integers(0, min(len(whole), 300), 3):
                damaged[position : position + 4] = RANDOM.bytes(int(RANDOM.integers(0, 6)))
            try:
                assert read(bytes(damaged), 16).size == (16, 16)
            except RefusedError:
                refused += 1
        assert refused > 0, kind


def test_what_follows_the_last_chunk_of_a_png_does_no_harm() -> None:
    assert read(saved(four("L", *GREY), "PNG") + b"\0" * 100).size == (2, 2)


def bomb(width: int, height: int) -> bytes:
    """A small file whose header promises that many pixels."""
    return png(width, height, depth=8, colour_type=2, lines=b"\0")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (bomb(100_000, 100_000), "pixels"),
        (bomb(2**31 - 1, 2**31 - 1), "pixels"),
        (bomb(8193, 8192), "8193x8192 is more than 67,108,864 pixels"),
        (
            b"BM" + b"\0" * 12 + b"\x28\0\0\0" + b"\xff\xff\xff\x7f" * 2 + b"\x01\0\x18\0" + b"\0" * 24,
            "pixels",
        ),
        (b"", "empty"),
        (b"<html>404</html>", "it is no readable image"),
        (b"\0\0\0\x20ftypavif" + b"\0" * 40, "HEIF and AVIF"),
        (b"P6 2 2 255 " + b"\0" * 12, "it is no readable image"),
    ],
    ids=[
        "huge",
        "largest",
        "one row too many",
        "BMP",
        "empty",
        "HTML",
        "AVIF",
        "PPM",
    ],
)
def test_bombs_and_strangers_are_refused_before_they_are_decoded(
    content: bytes, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", never)
    with pytest.raises(RefusedError, match=reason):
        open_checked(io.BytesIO(content))
