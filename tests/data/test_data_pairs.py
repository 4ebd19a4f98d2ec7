"""Pairs and domains: what pairs, what is held out, and what is refused before training."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from PIL import Image
from refusals import refused

from poise.data import Dataset, Domains, Pairs, data_of, open_data, origin_of
from poise.data.sources.pairs import LEAST
from poise.errors import PoiseError

Array = np.ndarray[Any, np.dtype[Any]]


def shades(count: int, *shape: int, first: int = 0) -> Array:
    """Images that are each one shade, so that a row tells which image it is."""
    values = (first + np.arange(count)).astype(np.uint8).reshape(-1, *[1] * len(shape))
    return np.broadcast_to(values, (count, *shape)).copy()


def folder(
    path: Path, names: list[str], first: int = 0, size: tuple[int, int] = (8, 8), mode: str = "L"
) -> Path:
    for number, name in enumerate(names):
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new(mode, size, (first + number,) * len(Image.new(mode, (1, 1)).getbands())).save(file)
    return path


def numbers(count: int, suffix: str = ".png") -> list[str]:
    return [f"{number:03}{suffix}" for number in range(count)]


def values(source: Dataset) -> tuple[list[int], list[int]]:
    """The shade of every condition and of every row."""
    assert source.condition is not None
    conditions = source.condition.gather(np.arange(len(source.condition)))
    rows = source.gather(np.arange(len(source)))
    return [int(one.flatten()[0]) for one in conditions], [int(one.flatten()[0]) for one in rows]


def refusal(code: str, data: Any, **settings: Any) -> PoiseError:
    with refused(code) as caught:
        open_data(data, **settings)
    return caught.value


# What pairs ------------------------------------------------------------------------------------------------


@settings(max_examples=25)
@given(count=some.integers(LEAST, 60), share=some.floats(0.01, 0.5), seed=some.integers(0, 9))
def test_every_pair_is_trained_on_or_held_out_and_stays_a_pair(count: int, share: float, seed: int) -> None:
    source = open_data(
        Pairs(shades(count, 8, 8), shades(count, 8, 8, 3, first=100), held_out=share), seed=seed
    )
    assert source.held_out is not None
    lines, colours = values(source)
    apart_lines, apart_colours = values(source.held_out)
    assert [shade + 100 for shade in lines + apart_lines] == colours + apart_colours
    assert sorted(lines + apart_lines) == list(range(count))
    assert len(apart_lines) == max(1, round(share * count)) == source.summary["held_out_count"]
    again = open_data(
        Pairs(shades(count, 8, 8), shades(count, 8, 8, 3, first=100), held_out=share), seed=seed
    )
    assert again.held_out is not None and values(again.held_out) == (apart_lines, apart_colours)


def test_folders_pair_by_names_whatever_their_suffix(tmp_path: Path) -> None:
    line = folder(tmp_path / "line", [f"{name}.png" for name in "abcdef"])
    colour = folder(tmp_path / "colour", [f"{name}.bmp" for name in "abcdef"], first=50, mode="RGB")
    source = open_data(Pairs(line, colour))
    assert (source.name, source.shape) == ("line-to-colour", (1, 8, 8)), "grey in three channels is grey"
    lines, colours = values(source)
    assert [shade + 50 for shade in lines] == colours


def test_names_that_end_in_the_letter_of_their_side_pair(tmp_path: Path) -> None:
    line = folder(tmp_path / "A", [f"{index:03}_A.png" for index in range(6)])
    colour = folder(tmp_path / "B", [f"{index:03}_B.png" for index in range(6)], first=50)
    dataset = open_data(Pairs(line, colour))
    assert dataset.condition is not None and len(dataset) + len(dataset.held_out or ()) == 6
    ours, theirs = values(dataset)
    assert [one - 50 for one in theirs] == ours
    refusal(
        "data.pairs-names", Pairs(line, folder(tmp_path / "C", [f"{index:03}_A.jpg" for index in range(5)]))
    )


def test_zips_and_sub_folders_pair_like_folders(tmp_path: Path) -> None:
    names = [f"{place}/{name}.png" for place in ("x", "y") for name in "abc"]
    line = folder(tmp_path / "line", names)
    colour = folder(tmp_path / "colour", names, first=50)
    archive = tmp_path / "colour.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name in names:
            file.write(colour / name, name)
    first, second = open_data(Pairs(line, colour)), open_data(Pairs(line, archive))
    assert values(first) == values(second)
    assert first.fingerprint == second.fingerprint


@pytest.mark.parametrize(("side", "step"), [("left", 100), ("right", -100)])
def test_images_side_by_side_are_halved(tmp_path: Path, side: Any, step: int) -> None:
    both = tmp_path / "both"
    both.mkdir()
    for number in range(6):
        image = np.full((8, 16), number, np.uint8)
        image[:, 8:] += 100
        Image.fromarray(image).save(both / f"{number}.png")
    of_files = open_data(Pairs(both, source_side=side))
    whole = np.concatenate([shades(6, 8, 8), shades(6, 8, 8, first=100)], axis=2)
    of_array = open_data(Pairs(whole, source_side=side))
    for source in (of_files, of_array):
        lines, colours = values(source)
        assert [shade + step for shade in lines] == colours
    assert values(of_files) == values(of_array)


def test_a_pair_with_a_damaged_image_is_left_out_and_told(tmp_path: Path) -> None:
    line = folder(tmp_path / "line", numbers(150))
    colour = folder(tmp_path / "colour", numbers(150))
    (line / "007.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    source = open_data(Pairs(line, colour))
    assert source.held_out is not None
    lines, colours = values(source)
    assert lines == colours and 7 not in lines
    assert len(source) + len(source.held_out) == 149
    told = "Pairs left out, because one of their images cannot be read: 1."
    assert any(told in notice for notice in source.notices)


def test_the_fingerprint_covers_both_sides_and_which_belongs_to_which(tmp_path: Path) -> None:
    line, colour = shades(8, 8, 8), shades(8, 8, 8, first=50)
    marks = [
        open_data(Pairs(*sides)).fingerprint
        for sides in ((line, colour), (line, colour[::-1]), (line[::-1], colour), (colour, line))
    ]
    assert len(set(marks)) == 4
    assert open_data(Domains(line, colour)).fingerprint not in marks
    names = [f"{name}.png" for name in "abcdef"]
    first = folder(tmp_path / "a", names)
    second = folder(tmp_path / "b", names[::-1])
    assert (
        open_data(Pairs(first, second)).fingerprint
        != open_data(Pairs(first, folder(tmp_path / "c", names))).fingerprint
    )


# Domains ---------------------------------------------------------------------------------------------------


def test_domains_of_any_numbers_are_divided_each(tmp_path: Path) -> None:
    source = open_data(Domains(shades(20, 8, 8, 3), shades(30, 8, 8, 3, first=100), held_out=0.2))
    assert source.held_out is not None and source.condition is not None
    assert not source.condition.paired
    first, second = values(source)
    apart_first, apart_second = values(source.held_out)
    assert (len(first), len(second), len(apart_first), len(apart_second)) == (16, 24, 4, 6)
    assert sorted(first + apart_first) == list(range(20))
    assert sorted(second + apart_second) == list(range(100, 130))


# Where they come from --------------------------------------------------------------------------------------


def test_what_is_recorded_opens_the_same_again(tmp_path: Path) -> None:
    line = folder(tmp_path / "line", numbers(6))
    colour = folder(tmp_path / "colour", numbers(6), first=50)
    both = tmp_path / "both.npy"
    np.save(both, np.concatenate([shades(6, 8, 8), shades(6, 8, 8, first=9)], axis=2))
    wholes = (Pairs(line, colour, held_out=0.4), Pairs(both, source_side="right"), Domains(line, str(colour)))
    for data in wholes:
        again = open_data(data_of(origin_of(data)))
        assert again.fingerprint == open_data(data).fingerprint
        assert values(again) == values(open_data(data))
    for given_in_memory in (Pairs(shades(6, 8, 8), line), Domains(line, shades(6, 8, 8))):
        assert origin_of(given_in_memory)["kind"] == "given"
        assert data_of(origin_of(given_in_memory)) is None


# Bad input -------------------------------------------------------------------------------------------------


def test_names_that_do_not_pair_are_listed(tmp_path: Path) -> None:
    line = folder(tmp_path / "line", numbers(6))
    colour = folder(tmp_path / "colour", [*numbers(4), "x.png", "y.png", "z.png"])
    error = refusal("data.pairs-names", Pairs(line, colour))
    assert "004.png, 005.png" in error.what and "x.png, y.png, z.png" in error.what
    assert len(error.details) == 5


def test_pairs_of_different_sizes_are_refused(tmp_path: Path) -> None:
    line = folder(tmp_path / "line", numbers(6))
    colour = folder(tmp_path / "colour", numbers(5))
    folder(tmp_path / "colour", ["005.png"], size=(8, 16))
    error = refusal("data.pairs-sizes", Pairs(line, colour), resolution=8)
    assert error.details == ["005.png (8x8 and 8x16)"]
    of_arrays = refusal("data.pairs-sizes", Pairs(shades(6, 8, 8), shades(6, 16, 16)), resolution=8)
    assert len(of_arrays.details) == 6


def bad(name: str) -> Callable[[], Any]:
    grey, colour, vectors = shades(6, 8, 8), shades(6, 8, 8, 3), np.zeros((6, 4), np.float32)
    return {
        "fewer": lambda: Pairs(grey, grey[:5]),
        "few": lambda: Pairs(grey[:3], grey[:3]),
        "channels": lambda: Domains(grey, colour),
        "size": lambda: Domains(grey, shades(6, 16, 16)),
        "few of one": lambda: Domains(grey, grey[:2]),
        "odd": lambda: Pairs(shades(6, 8, 15)),
        "vectors": lambda: Pairs(grey, vectors),
        "flat": lambda: Pairs(vectors),
        "share": lambda: Pairs(grey, grey, held_out=0.0),
        "much": lambda: Domains(grey, grey, held_out=0.9),
        "nowhere": lambda: Pairs("no-such-folder", "nor-this"),
    }[name]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("fewer", "data.pairs-count"),
        ("few", "data.too-few-to-hold-out"),
        ("channels", "data.sides-differ"),
        ("size", "data.sides-differ"),
        ("few of one", "data.too-few-to-hold-out"),
        ("odd", "data.odd-width"),
        ("vectors", "data.sides-not-images"),
        ("flat", "data.halves-of-no-images"),
        ("share", "data.held-out-share"),
        ("much", "data.held-out-share"),
        ("nowhere", "data.not-found"),
    ],
)
def test_each_fault_is_one_sentence(name: str, code: str) -> None:
    refusal(code, bad(name)())


def test_an_odd_width_is_refused_by_the_files_name(tmp_path: Path) -> None:
    both = folder(tmp_path / "both", numbers(5), size=(15, 8))
    error = refusal("data.images-unusable", Pairs(both))
    assert "000.png (its width of 15 pixels cannot be halved)" in error.what
