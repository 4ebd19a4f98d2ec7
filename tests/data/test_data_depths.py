"""Values of more than 8 bits, bands and transparency: one scale for all files, and no guess in silence."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from image_files import chunk
from PIL import Image
from refusals import refused

import poise
from poise.data import Files, inspect_data, kind_of, open_data
from poise.data.sources.pictures import bands_of, deep_values, found_scale
from poise.tasks import TASKS
from poise.tasks.prepare import prepared

RANDOM = np.random.default_rng(0)


def folder(path: Path, arrays: list[np.ndarray], suffix: str = "png") -> Path:
    path.mkdir(parents=True)
    for index, array in enumerate(arrays):
        Image.fromarray(array).save(path / f"{index:03}.{suffix}")
    return path


def rows(dataset: Any) -> np.ndarray:
    values: np.ndarray = dataset.gather(np.arange(len(dataset))).numpy()
    return values


def said(dataset: Any) -> str:
    return " ".join(dataset.notices)


def test_twelve_bits_in_sixteen_are_visible_and_share_one_scale(tmp_path: Path) -> None:
    images = [(RANDOM.random((32, 32)) * top).astype(np.uint16) for top in (4095, 2000, 300, 4095)]
    images[0][0, 0] = 4095
    dataset = open_data(folder(tmp_path / "xrays", images), cache=tmp_path / "cache")
    for row, image in zip(rows(dataset), images, strict=True):
        assert np.array_equal(row[0], np.rint(image / 4095 * 255).astype(np.uint8)), (
            "never a scale of its own"
        )
    assert dataset.summary["scale"] == [0, 4095]
    assert "from 0 to 4095" in said(dataset) and "--scale LOW,HIGH" in said(dataset)


def test_a_named_scale_holds_and_what_lies_beyond_is_told(tmp_path: Path) -> None:
    images = [np.full((16, 16), value, np.uint16) for value in (0, 1000, 3000)]
    path = folder(tmp_path / "p", images)
    dataset = open_data(Files(path, scale=(0, 2000)), cache=tmp_path / "cache")
    assert [int(row.max()) for row in rows(dataset)] == [0, 128, 255]
    assert "1 hold values beyond" in said(dataset)
    for scale in ((5, 5), (3, 1), (0, float("nan"))):
        with refused("data.scale"):
            open_data(Files(path, scale=scale), cache=tmp_path / "cache")


def test_sixteen_bits_in_full_are_read_as_before(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    dataset = open_data(folder(tmp_path / "p", [ramp]), cache=tmp_path / "cache")
    assert np.array_equal(rows(dataset)[0, 0], (ramp.astype(np.uint32) + 128) // 257)
    assert "scaled alike" not in said(dataset), "it is the scale of the format"


@pytest.mark.parametrize(
    ("low", "high", "dtype", "scale"),
    [
        (-1024, 3071, np.int16, [-1024, 3071]),
        (0.0, 1.0, np.float32, [0, 1]),
        (-1.0, 1.0, np.float32, [-1, 1]),
        (0.0, 65535.0, np.float32, [0, 65535]),
        (0.0, 255.0, np.float32, [0, 255]),
        (-3.5, 12.0, np.float32, [-3.5, 12]),
    ],
)
def test_signed_and_float_tiff_have_one_scale(
    low: float, high: float, dtype: type, scale: list[float], tmp_path: Path
) -> None:
    whole: np.ndarray = np.linspace(low, high, 256).reshape(16, 16).astype(dtype)
    dim: np.ndarray = np.full((16, 16), whole[4, 4], dtype)
    dataset = open_data(folder(tmp_path / "p", [whole, dim], "tif"), cache=tmp_path / "cache")
    assert (dataset.summary["scale"] == scale and "scaled alike" in said(dataset)) or scale == [0, 65535]
    expected = 255 * (whole.astype(float) - scale[0]) / (scale[1] - scale[0])
    assert np.array_equal(rows(dataset)[0, 0], np.rint(expected).astype(np.uint8))
    assert rows(dataset)[1].min() == rows(dataset)[1].max() == rows(dataset)[0, 0, 4, 4], "the same value"


def test_a_float_tiff_that_is_not_finite_is_refused_by_name(tmp_path: Path) -> None:
    images = [RANDOM.random((8, 8)).astype(np.float32) for _ in range(4)]
    images[2][3, 3] = np.nan
    path = folder(tmp_path / "p", images, "tif")
    dataset = open_data(Files(path, tolerate=0.3), cache=tmp_path / "cache")
    assert dataset.summary["refused"] == [
        {"file": "002.tif", "reason": "it holds values that are not finite"}
    ]


def sixteen_bit_png(values: np.ndarray, colour_type: int) -> bytes:
    """An unfiltered PNG of 16 bits a channel, `(H, W, C)`."""
    height, width = values.shape[:2]
    lines = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([16, colour_type, 0, 0, 0])
    parts = [chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(lines)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize(("channels", "colour_type"), [(3, 2), (4, 6), (2, 4)])
def test_colour_of_sixteen_bits_keeps_both_bytes(channels: int, colour_type: int, tmp_path: Path) -> None:
    values = RANDOM.integers(0, 4096, (16, 16, channels), dtype=np.uint16)
    if channels != 3:
        values[..., -1] = 65535
    content = io.BytesIO(sixteen_bit_png(values, colour_type))
    image = Image.open(content)
    image.load()
    found = deep_values(content, image)
    assert found is not None
    wanted = values if channels != 2 else values[..., [0, 0, 0, 1]]
    assert np.array_equal(found, wanted)
    (tmp_path / "p").mkdir()
    (tmp_path / "p/a.png").write_bytes(content.getvalue())
    dataset = open_data(tmp_path / "p", cache=tmp_path / "cache")
    colours = np.rint(wanted[..., :3] / dataset.summary["scale"][1] * 255).astype(np.uint8)
    assert dataset.summary["scale"] == [0, 4095]
    assert np.array_equal(rows(dataset)[0], colours.transpose(2, 0, 1)[: dataset.shape[0]])


def tiff(
    values: np.ndarray, *, separate: bool = False, predictor: int = 1, compression: str = "raw"
) -> bytes:
    """A TIFF whose samples are no colours, `(H, W, C)`; written as one of a single channel, then renamed."""
    height, width, count = values.shape
    dtype = values.dtype
    strips = [np.ascontiguousarray(values[..., band]) for band in range(count)] if separate else [values]
    if predictor == 2:
        strips = [np.diff(one, axis=1, prepend=np.zeros_like(one[:, :1])).astype(dtype) for one in strips]
    datas = [one.tobytes() for one in strips]
    if compression == "deflate":
        datas = [zlib.compress(data) for data in datas]
    offsets = [8 + sum(map(len, datas[:index])) for index in range(len(datas))]
    tags: dict[int, Any] = {
        256: width,
        257: height,
        258: (8 * dtype.itemsize,) * count,
        259: 8 if compression == "deflate" else 1,
        262: 1,
        273: tuple(offsets),
        277: count,
        278: height,
        279: tuple(map(len, datas)),
        284: 2 if separate else 1,
        317: predictor,
        338: (0,) * (count - 1),
        339: ({"u": 1, "i": 2, "f": 3}[dtype.kind],) * count,
    }
    start = 8 + sum(map(len, datas))
    entries, beyond = struct.pack("<H", len(tags)), b""
    for tag, value in tags.items():
        numbers = value if isinstance(value, tuple) else (value,)
        kind, size = ("H", 2) if tag in (258, 259, 262, 277, 284, 317, 338, 339) else ("L", 4)
        data = struct.pack(f"<{len(numbers)}{kind}", *numbers)
        if len(data) > 4:
            data, beyond = struct.pack("<L", start + 6 + 12 * len(tags) + len(beyond)), beyond + data
        entries += struct.pack("<HHL", tag, 3 if size == 2 else 4, len(numbers)) + data.ljust(4, b"\0")
    return b"II*\0" + struct.pack("<L", start) + b"".join(datas) + entries + b"\0" * 4 + beyond


@pytest.mark.parametrize("separate", [False, True])
@pytest.mark.parametrize(
    ("dtype", "predictor", "compression"),
    [
        (np.uint8, 1, "raw"),
        (np.uint16, 1, "deflate"),
        (np.float32, 1, "raw"),
        (np.uint8, 2, "deflate"),
        (np.uint16, 2, "deflate"),
    ],
)
def test_bands_of_a_tiff_are_what_was_written(
    dtype: type, separate: bool, predictor: int, compression: str
) -> None:
    values: np.ndarray = (RANDOM.random((12, 9, 5)) * (255 if dtype is np.uint8 else 4000)).astype(dtype)
    content = tiff(values, separate=separate, predictor=predictor, compression=compression)
    found = bands_of(io.BytesIO(content))
    assert found is not None
    assert np.array_equal(np.stack([np.asarray(band) for band in found], axis=-1), values)


@settings(max_examples=25)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(2, 13))
def test_bands_of_any_size_and_number(height: int, width: int, count: int) -> None:
    values = np.random.default_rng(height).integers(0, 65536, (height, width, count), dtype=np.uint16)
    found = bands_of(io.BytesIO(tiff(values)))
    assert found is not None
    assert np.array_equal(np.stack([np.asarray(band) for band in found], axis=-1), values)


def test_pictures_of_five_bands_are_rows_of_five_channels(tmp_path: Path) -> None:
    images = [RANDOM.integers(0, 256, (16, 16, 5), dtype=np.uint8) for _ in range(12)]
    (tmp_path / "p").mkdir()
    for index, image in enumerate(images):
        (tmp_path / f"p/{index:02}.tif").write_bytes(tiff(image))
    dataset = open_data(tmp_path / "p", cache=tmp_path / "cache")
    assert dataset.shape == (5, 16, 16) and "5 bands" in said(dataset)
    assert np.array_equal(rows(dataset), np.stack(images).transpose(0, 3, 1, 2))
    with refused("data.channels"):
        open_data(tmp_path / "p", channels=3, cache=tmp_path / "cache")
    Image.new("RGB", (16, 16)).save(tmp_path / "p/odd.png")
    with refused("data.bands-differ") as caught:
        open_data(tmp_path / "p", cache=tmp_path / "cache")
    assert caught.value.details == ["odd.png"]


def test_bands_of_twelve_bits_share_one_scale(tmp_path: Path) -> None:
    images = [(RANDOM.random((8, 8, 6)) * top).astype(np.uint16) for top in (4000, 500)]
    (tmp_path / "p").mkdir()
    for index, image in enumerate(images):
        (tmp_path / f"p/{index:02}.tif").write_bytes(tiff(image))
    dataset = open_data(tmp_path / "p", cache=tmp_path / "cache")
    assert dataset.summary["scale"] == [0, 4095]
    assert np.array_equal(
        rows(dataset)[1], np.rint(images[1] / 4095 * 255).astype(np.uint8).transpose(2, 0, 1)
    )


def sprites(path: Path, count: int = 64) -> Path:
    path.mkdir(parents=True)
    for index in range(count):
        pixels = np.zeros((32, 32, 4), np.uint8)
        pixels[8:24, 8:24] = (*RANDOM.integers(0, 255, 3), 255)
        Image.fromarray(pixels).save(path / f"{index}.png")
    return path


def test_transparency_lies_on_white_or_is_a_channel(tmp_path: Path) -> None:
    path = sprites(tmp_path / "p")
    white = open_data(path, cache=tmp_path / "cache")
    assert white.shape == (3, 32, 32) and rows(white)[0, :, 0, 0].tolist() == [255] * 3
    assert "64 of 64 images have an alpha channel" in said(white) and "channels=4" in said(white)
    Image.new("RGB", (32, 32), (1, 2, 3)).save(path / "whole.png")
    kept = open_data(path, channels=4, cache=tmp_path / "cache")
    assert kept.shape == (4, 32, 32) and rows(kept)[0, :, 0, 0].tolist() == [0, 0, 0, 0]
    assert rows(kept)[-1, :, 0, 0].tolist() == [1, 2, 3, 255], "an image without alpha is covered everywhere"


ODD: dict[str, tuple[Callable[[Path], Any], int]] = {
    "1-bit PNG": (lambda path: Image.fromarray(np.eye(16) > 0).save(path.with_suffix(".png")), 255),
    "several pages": (
        lambda path: Image.new("L", (16, 16), 7).save(
            path.with_suffix(".tif"), save_all=True, append_images=[Image.new("L", (16, 16), 9)] * 2
        ),
        7,
    ),
    "12 bits": (lambda path: Image.fromarray(np.full((16, 16), 4095, np.uint16)).save(f"{path}.png"), 255),
}


@pytest.mark.parametrize("name", ODD)
def test_oddities_are_what_they_show(name: str, tmp_path: Path) -> None:
    save, top = ODD[name]
    (tmp_path / "p").mkdir()
    save(tmp_path / "p/a")
    dataset = open_data(tmp_path / "p", cache=tmp_path / "cache")
    assert dataset.shape == (1, 16, 16) and rows(dataset).max() == top
    assert ("first" in said(dataset)) == (name == "several pages")


@given(st.integers(0, 65535), st.integers(0, 65535))
def test_the_scale_of_whole_numbers_is_the_least_of_so_many_bits(one: int, two: int) -> None:
    low, high = sorted((one, two))
    found = found_scale(low, high, whole=True)
    bits = np.log2(found[1] + 1)
    assert found[0] == 0 and bits == round(bits) and high <= found[1]
    assert found[1] == 255 or high > found[1] // 2, "no smaller one would hold them"


def test_arrays_of_many_bits_need_a_scale_and_say_which(tmp_path: Path) -> None:
    array = (RANDOM.random((5, 8, 8)) * 4095).astype(np.uint16)
    with refused("data.integer-range") as caught:
        open_data(Files(array, kind="image"), cache=tmp_path)
    assert "--scale 0,4095" in caught.value.hint
    dataset = open_data(Files(array, scale=(0, 4095)), cache=tmp_path)
    encoded = dataset.transform.encode(dataset.gather(np.arange(5)))
    assert np.allclose(encoded[:, 0], array / 4095 * 2 - 1, atol=1e-6)


@pytest.mark.parametrize(("count", "told"), [(1, True), (3, True), (10, True), (11, False)])
def test_few_pictures_are_warned_of(count: int, told: bool, tmp_path: Path) -> None:
    images = [RANDOM.integers(0, 256, (16, 16, 3), dtype=np.uint8) for _ in range(count)]
    dataset = open_data(folder(tmp_path / "p", images), cache=tmp_path / "cache")
    assert ("Too few to learn from" in said(prepared(dataset, TASKS["noise-to-data"]))) == told
    report = inspect_data(tmp_path / "p", cache=tmp_path / "cache")
    assert any("Too few to learn from" in notice for notice in report["notices"]) == told


def test_white_may_be_zero_in_a_tiff_of_sixteen_bits(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    values = np.array([[0, 65535], [1000, 40000]], np.uint16).repeat(8, 0).repeat(8, 1)
    image = Image.fromarray(values)
    image.save(tmp_path / "p/a.tif", tiffinfo={262: 0})
    row = rows(open_data(tmp_path / "p", cache=tmp_path / "cache"))[0, 0]
    assert row[0, 0] == 255 and row[0, 15] == 0 and row[15, 15] == round((65535 - 40000) / 257)


def test_a_tiff_that_is_not_read_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p/a.tif").write_bytes(b"II+\0" + b"\0" * 60)
    with refused("data.images-unusable") as caught:
        open_data(tmp_path / "p", cache=tmp_path / "cache")
    assert "BigTIFF" in caught.value.what


SMALL: dict[str, Any] = {"generator.width": 4, "discriminator.width": 4, "batch_size": 8, "steps": 2}


def test_samples_of_sprites_keep_their_transparency(tmp_path: Path) -> None:
    run = poise.train(sprites(tmp_path / "p"), channels=4, out=tmp_path / "run", **SMALL)
    assert run.sample(2).shape == (2, 4, 32, 32)
    grid = run.generator.grid(4)
    assert grid.mode == "RGBA" and grid.getpixel((0, 0)) == (0, 0, 0, 0)
    kind = kind_of(run.folder.data)
    transform = run.generator.transform
    kind.write(tmp_path, [torch.from_numpy(run.sample(2))], 2, transform)
    assert Image.open(tmp_path / kind.written(2, transform)[0]).mode == "RGBA"
    assert Image.open(next((tmp_path / "run/samples").iterdir())).mode == "RGBA"


def test_bands_train_and_lie_side_by_side_in_files(tmp_path: Path) -> None:
    bands = RANDOM.integers(0, 256, (40, 8, 8, 5), dtype=np.uint8)
    run = poise.train(bands, out=tmp_path / "run", **SMALL)
    samples = run.sample(1)
    kind = kind_of(run.folder.data)
    transform = run.generator.transform
    kind.write(tmp_path, [torch.from_numpy(samples)], 1, transform)
    written = np.asarray(Image.open(tmp_path / kind.written(1, transform)[0]))
    assert written.shape == (8, 40)
    assert np.array_equal(written[:, 16:24], np.rint((samples[0, 2] + 1) * 127.5).astype(np.uint8))


def test_a_translator_reads_inputs_by_the_scale_that_it_was_trained_with(tmp_path: Path) -> None:
    deep = [np.full((16, 16), 400 * index, np.uint16) for index in range(10)]
    folder(tmp_path / "a", deep)
    folder(tmp_path / "b", [(image // 16).astype(np.uint8) for image in deep])
    run = poise.train(
        poise.Pairs(tmp_path / "a", tmp_path / "b"), out=tmp_path / "run", **SMALL | {"batch_size": 4}
    )
    folder(tmp_path / "dim", [np.full((16, 16), 200, np.uint16)])
    for inputs in (tmp_path / "dim", tmp_path / "dim/000.png"):
        row = run.generator.translatable(inputs).gather(np.arange(1))
        assert row.unique().tolist() == [round(200 / 4095 * 255)], "not by its own bits"
