"""Images that are not square: which size they get, what becomes of other proportions, and what is told."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from PIL import Image
from refusals import refused

from poise.data import Domains, Pairs, inspect_data, open_data
from poise.data.sources.decoding import Target, fitted
from poise.data.sources.image_arrays import fitted_text
from poise.spec import Fit, read_resolution, size_text

RANDOM = np.random.default_rng(0)
FITS: tuple[Fit, ...] = ("crop", "pad", "stretch")
SIDES = some.integers(1, 60)


def photos(path: Path, *sizes: tuple[int, int], mode: str = "RGB") -> Path:
    path.mkdir(parents=True, exist_ok=True)
    for number, (width, height) in enumerate(sizes):
        values = RANDOM.integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(values).convert(mode).save(path / f"{number:03}.png", compress_level=0)
    return path


def rows(source: Any) -> np.ndarray:
    values: np.ndarray = source.gather(np.arange(len(source))).numpy()
    return values


# What is asked for -----------------------------------------------------------------------------------------


@given(SIDES, SIDES)
def test_a_size_is_read_as_it_is_written(height: int, width: int) -> None:
    expected = height if height == width else (height, width)
    assert read_resolution(size_text(height, width)) == expected == read_resolution([height, width])
    assert read_resolution(str(width)) == width == read_resolution(np.int64(width))


@pytest.mark.parametrize(
    "given", ["", "x", "64x", "64x48x3", "-8", "0x8", "6.5", 0, True, 2.0, [], [1, 2, 3], None]
)
def test_what_is_no_size_is_refused(given: Any) -> None:
    with pytest.raises(ValueError):
        read_resolution(given)


# What becomes of other proportions --------------------------------------------------------------------------


@given(SIDES, SIDES, SIDES, SIDES, some.sampled_from(FITS))
def test_every_fit_gives_the_size(width: int, height: int, wide: int, tall: int, fit: Fit) -> None:
    target = Target(tall, wide, fit)
    made = fitted(Image.new("RGB", (width, height), (7, 7, 7)), target)
    assert made.size == (wide, tall)
    if not target.changes(width, height):
        assert (np.asarray(made) == 7).all(), "no margin"


def test_the_middle_is_cut_out_in_the_proportions() -> None:
    values = RANDOM.integers(0, 256, (10, 40), dtype=np.uint8)
    made = np.asarray(fitted(Image.fromarray(values), Target(10, 20)))
    assert np.array_equal(made, values[:, 10:30])
    assert np.array_equal(np.asarray(fitted(Image.fromarray(values.T), Target(20, 10))), values.T[10:30])


@pytest.mark.parametrize(("mode", "white"), [("L", 255), ("RGB", (255,) * 3), ("RGBA", (255, 255, 255, 0))])
def test_margins_are_white_or_clear_and_the_image_is_whole(mode: str, white: Any) -> None:
    image = Image.fromarray(RANDOM.integers(0, 255, (10, 20, 3), dtype=np.uint8)).convert(mode)
    made = fitted(image, Target(16, 20, "pad"))
    values = np.asarray(made)
    assert np.array_equal(values[3:13], np.asarray(image))
    assert (values[:3] == white).all() and (values[13:] == white).all()


def test_stretched_images_have_all_of_the_image_and_no_margin() -> None:
    halves = np.zeros((8, 8), np.uint8)
    halves[:, 4:] = 200
    made = np.asarray(fitted(Image.fromarray(halves), Target(8, 32, "stretch")))
    assert (made[:, :10] == 0).all() and (made[:, 22:] == 200).all()


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-1.0, 1.0)])
def test_margins_of_floats_have_the_value_of_white(low: float, high: float) -> None:
    values = np.full((3, 8, 8), low, np.float32)
    values[:, 2:4] = (low + high) / 2
    source = open_data(values, resolution="16x8", fit="pad")
    made = rows(source)
    assert source.shape == (1, 8, 16) and (made[..., :4] == high).all() and (made[..., 12:] == high).all()
    assert np.allclose(made[..., 4:12], values[:, None])


# Which size is taken ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([(160, 120)] * 4, (48, 64)),
        ([(120, 160)] * 4, (64, 48)),
        ([(480, 270)] * 4, (36, 64)),
        ([(640, 480), (320, 240), (100, 75)], (48, 64)),
        ([(150, 100)] * 4, (44, 64)),
        ([(40, 30)] * 4, (30, 40)),
        ([(40, 30), (48, 36)] * 3, (24, 32)),
        ([(160, 120)] * 19 + [(120, 160)], (48, 64)),
        ([(160, 120)] * 4 + [(120, 160)] * 4, (64, 64)),
        ([(250, 245)] * 4, (64, 64)),
        ([(640, 40)] * 4, (32, 32)),
    ],
)
def test_shared_proportions_are_kept(
    sizes: list[tuple[int, int]], expected: tuple[int, int], tmp_path: Path
) -> None:
    source = open_data(photos(tmp_path / "p", *sizes), cache=tmp_path / "cache")
    assert source.shape == (3, *expected)
    kept = any(" their proportions;" in notice for notice in source.notices)
    assert kept == (expected[0] != expected[1] and sizes[0] != expected[::-1])


def test_a_number_stays_a_square_and_every_way_of_writing_one_is_the_same(tmp_path: Path) -> None:
    folder = photos(tmp_path / "p", *[(40, 30)] * 3)
    found = [open_data(folder, cache=tmp_path / "c", resolution=one) for one in (16, "16", "16x16", (16, 16))]
    assert {one.shape for one in found} == {(3, 16, 16)}
    assert len({one.fingerprint for one in found}) == 1 and len(list((tmp_path / "c/images").iterdir())) == 1


def test_each_fit_has_rows_of_its_own(tmp_path: Path) -> None:
    folder = photos(tmp_path / "p", (40, 30), (30, 40))
    found = [open_data(folder, cache=tmp_path / "c", resolution="32x24", fit=fit) for fit in FITS]
    assert len({one.fingerprint for one in found}) == 3
    assert [one.summary["fitted"].split()[0] for one in found] == ["cropped", "padded", "stretched"]
    assert [one.summary.get("fit") for one in found] == [None, "pad", "stretch"]
    told = [" ".join(one.notices) for one in found]
    for sentence, words in zip(
        told, ("its centre is used", "it has white margins", "it is stretched"), strict=True
    ):
        assert words in sentence and "1 of 2 images" in sentence


def test_what_happens_is_told_in_few_words() -> None:
    assert fitted_text([(4032, 3024)], Target(48, 64)) == "resized from 4032x3024"
    assert fitted_text([(4032, 3024)], Target(64, 64)) == "cropped from 4032x3024"
    assert (
        fitted_text([(64, 48), (640, 480)], Target(64, 64, "pad"))
        == "padded from sizes between 64x48 and 640x480"
    )
    assert fitted_text([(64, 48)], Target(48, 64)) == ""
    assert fitted_text([(806, 604)], Target(48, 64)) == "resized from 806x604", "the rounding of a camera"


def test_a_size_that_lies_the_other_way_is_told(tmp_path: Path) -> None:
    folder = photos(tmp_path / "p", *[(40, 30)] * 3)

    def told(resolution: str) -> bool:
        notices = open_data(folder, cache=tmp_path / "c", resolution=resolution).notices
        return any("--resolution 32x24" in notice for notice in notices)

    assert told("24x32") and not told("32x24") and not told("24")


def test_smaller_images_are_told(tmp_path: Path) -> None:
    folder = photos(tmp_path / "p", (20, 48), (64, 48), (80, 60))
    told = " ".join(open_data(folder, cache=tmp_path / "c", resolution="64x48").notices)
    assert "1 of 3 images is smaller than 64x48" in told
    assert any(
        "enlarged to 64x48" in one for one in open_data(np.zeros((2, 9, 9)), resolution="64x48").notices
    )


# Arrays, live data and two kinds of images ------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(5, 24, 32), (5, 24, 32, 3), (5, 3, 24, 32), (5, 24, 32, 1)])
def test_arrays_keep_their_shape(shape: tuple[int, ...]) -> None:
    values = RANDOM.integers(0, 256, shape, dtype=np.uint8)
    source = open_data(values)
    assert source.shape[1:] == (24, 32)
    first = np.moveaxis(values, -1, 1) if shape[-1] <= 3 else values.reshape(5, -1, 24, 32)
    assert np.array_equal(rows(source), first)
    assert open_data(values, resolution=16).shape[1:] == (16, 16)


class Items:
    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Any:
        return self.items[index]


def test_live_data_keep_their_shape_or_take_another() -> None:
    arrays = [RANDOM.integers(0, 256, (24, 32, 3), dtype=np.uint8) for _ in range(5)]
    assert open_data(Items(arrays)).shape == (3, 24, 32)  # type: ignore[arg-type]
    pictures: Any = Items([Image.fromarray(one) for one in arrays])
    assert open_data(pictures).shape == (3, 24, 32)
    assert open_data(pictures, resolution="16x12").shape == (3, 12, 16)


def test_pairs_and_domains_keep_their_proportions(tmp_path: Path) -> None:
    line, colour = (photos(tmp_path / name, *[(160, 120)] * 6) for name in ("line", "colour"))
    pairs = open_data(Pairs(line, colour), cache=tmp_path / "c")
    assert pairs.shape == (3, 48, 64) and pairs.condition is not None and pairs.condition.shape == (3, 48, 64)
    squares = photos(tmp_path / "squares", *[(200, 200)] * 6)
    assert open_data(Domains(line, squares), cache=tmp_path / "c").shape == (3, 48, 64), "that of the first"
    wide = photos(tmp_path / "wide", *[(480, 270)] * 6)
    halving = open_data(Domains(wide, wide), cache=tmp_path / "c")
    assert halving.shape == (3, 32, 64), "sides that networks of pairs can halve"
    asked = open_data(Pairs(line, colour), cache=tmp_path / "c", resolution="32x16", fit="pad")
    assert asked.condition is not None and asked.condition.shape == (3, 16, 32)
    assert asked.condition.about["fit"] == "pad"


def test_inspection_tells_the_size_and_the_fit(tmp_path: Path) -> None:
    report = inspect_data(photos(tmp_path / "p", *[(640, 480)] * 4), cache=tmp_path / "c", fit="pad")
    assert report["resolution"] == (48, 64) and report["fitted"] == "resized from 640x480"


def test_an_unknown_fit_and_one_of_vectors_are_refused() -> None:
    with refused("unknown-fit"):
        open_data("digits", fit="squash")  # type: ignore[arg-type]
    with refused("data.vectors-are-no-images"):
        open_data("ring", fit="pad")
