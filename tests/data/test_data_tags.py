"""Tags from tables, JSON, lists and flags: the right ones at each row, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from refusals import refused

from poise.data import Condition, Dataset, Labelled, inspect_data, open_data
from poise.tasks import TASKS
from poise.tasks.prepare import prepared

TRUTH = {0: {"blond", "smile"}, 1: {"smile"}, 2: set[str](), 3: {"hat"}, 4: {"blond", "hat", "smile"}}
ALL = ["blond", "hat", "smile"]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """An image for each row of the truth, whose shade is its number."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in TRUTH:
        Image.new("L", (8, 8), number * 10).save(folder / f"{number}.png")
    return folder


def found(dataset: Dataset) -> dict[int, set[str]]:
    """The tags of each row by its number, as the networks see them."""
    condition = dataset.condition
    assert condition is not None and condition.of_tags
    rows = np.arange(len(dataset))
    seen = condition.encode(condition.gather(rows)).numpy()
    assert seen.dtype == np.float32 and set(np.unique(seen)) <= {0.0, 1.0}
    shades = dataset.gather(rows)[:, 0, 0, 0].tolist()
    return {
        shade // 10: {name for name, there in zip(condition.names, row, strict=True) if there}
        for shade, row in zip(shades, seen, strict=True)
    }


def tagged(data: Any, game: str = "auxiliary-tags", **settings: Any) -> Dataset:
    return prepared(open_data(data), TASKS[game], {"least": 1, **settings})


def table(folder: Path, header: str, cells: Any) -> Path:
    path = folder.parent / "labels.csv"
    lines = [header, *(f"{number}.png,{cells(number)}" for number in TRUTH)]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("separator", [";", "|", " ; "])
def test_a_column_of_texts(pictures: Path, separator: str) -> None:
    path = table(pictures, "file,tags", lambda number: separator.join(TRUTH[number]))
    for game in ("auxiliary-tags", "conditional", "projection"):
        dataset = tagged(Labelled(pictures, path), game)
        assert found(dataset) == TRUTH
        condition = dataset.condition
        assert condition is not None
        assert (list(condition.names), condition.counts, condition.shape) == (ALL, [2, 2, 3], (3,))
        assert "3 tags" in dataset.notices[-1]


@pytest.mark.parametrize("none", ["0", "-1"])
def test_columns_of_flags(pictures: Path, none: str) -> None:
    def flags(number: int) -> str:
        return ",".join("1" if name in TRUTH[number] else none for name in ALL)

    path = table(pictures, "file," + ",".join(ALL), flags)
    assert found(tagged(Labelled(pictures, path))) == TRUTH
    two = {number: tags - {"hat"} for number, tags in TRUTH.items()}
    assert found(tagged(Labelled(pictures, path, "blond, smile"))) == two


def test_several_columns_of_flags_and_of_texts(pictures: Path) -> None:
    path = table(
        pictures, "file,hat,kind", lambda number: f"{int('hat' in TRUTH[number])},{'ab'[number % 2]}"
    )
    dataset = tagged(Labelled(pictures, path, "hat,kind"))
    assert found(dataset) == {number: {"ab"[number % 2], *({"hat"} & tags)} for number, tags in TRUTH.items()}
    with refused("data.labels-several-columns"):
        open_data(Labelled(pictures, path))
    with refused("data.labels-unknown-column") as caught:
        open_data(Labelled(pictures, path, "hat,kin"))
    assert "'kin'" in caught.value.what


def test_a_json_of_lists_beside_the_images_and_elsewhere(pictures: Path) -> None:
    written = json.dumps({"labels": [[f"{number}.png", sorted(tags)] for number, tags in TRUTH.items()]})
    elsewhere = pictures.parent / "labels.json"
    elsewhere.write_text(written, encoding="utf-8")
    assert found(tagged(Labelled(pictures, elsewhere))) == TRUTH
    (pictures / "dataset.json").write_text(written, encoding="utf-8")
    assert found(tagged(pictures)) == TRUTH
    assert inspect_data(pictures)["tags"] == {"smile": 3, "blond": 2, "hat": 2}


def test_lists_and_flags_in_memory() -> None:
    images = np.stack([np.full((1, 8, 8), number * 10, np.uint8) for number in TRUTH])
    assert found(tagged(Labelled(images, [sorted(tags) for tags in TRUTH.values()]))) == TRUTH
    flags = np.array([[name in tags for name in ALL] for tags in TRUTH.values()])
    by_number = {number: {str(ALL.index(tag)) for tag in tags} for number, tags in TRUTH.items()}
    for dtype in (bool, np.int64, np.float32):
        assert found(tagged(Labelled(images, flags.astype(dtype)))) == by_number
    places = [[ALL.index(tag) for tag in tags] for tags in TRUTH.values()]
    assert found(tagged(Labelled(images, places))) == by_number


def test_rare_tags_are_left_out_and_their_images_stay(pictures: Path) -> None:
    path = table(pictures, "file,tags", lambda number: ";".join([*TRUTH[number], f"only{number}"]))
    dataset = tagged(Labelled(pictures, path), least=2)
    assert found(dataset) == TRUTH
    assert dataset.summary["tags_dropped"] == 5 and dataset.summary["images_without_tags"] == 1
    with refused("tasks.too-few-tags"):
        tagged(Labelled(pictures, path), least=9)


def test_rows_that_are_held_out_have_their_own_tags(tmp_path: Path) -> None:
    lines = ["file,tags"]
    for number, tags in TRUTH.items():
        path = tmp_path / "all" / ("val" if number in (1, 4) else "train") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), number * 10).save(path)
        lines.append(f"{number}.png,{';'.join(tags)}")
    (tmp_path / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
    dataset = tagged(Labelled(tmp_path / "all", tmp_path / "labels.csv"))
    apart = dataset.held_out
    assert apart is not None
    assert found(dataset) == {number: TRUTH[number] for number in (0, 2, 3)}
    assert found(apart) == {number: TRUTH[number] for number in (1, 4)}


def test_the_fingerprint_covers_which_row_has_which_tags() -> None:
    images = np.stack([np.full((1, 8, 8), number, np.uint8) for number in range(4)])
    texts = ["a;b", "a", "b", "a;b"]
    first, second = (tagged(Labelled(images, labels)) for labels in (texts, texts[::-1]))
    assert first.fingerprint != second.fingerprint
    assert first.fingerprint == tagged(Labelled(images, list(texts))).fingerprint


def test_tags_are_refused_where_classes_are_needed_and_classes_taken_where_tags_are(pictures: Path) -> None:
    tags = table(pictures, "file,tags", lambda number: ";".join(TRUTH[number]))
    with refused("tasks.labels-are-tags") as caught:
        tagged_as_classes = open_data(Labelled(pictures, tags))
        prepared(tagged_as_classes, TASKS["auxiliary-classifier"])
    assert "anime" in caught.value.hint
    images = np.zeros((4, 1, 8, 8), np.uint8)
    condition = tagged(Labelled(images, ["a", "b", "a", "b"])).condition
    assert isinstance(condition, Condition) and condition.of_classes
    with refused("tasks.numbers-are-no-tags"):
        tagged(Labelled(images, [0.5, 1.5, 2.0, 3.0]))


def test_an_empty_separator_takes_texts_for_classes(pictures: Path) -> None:
    path = table(pictures, "file,kind", lambda number: ("animal|cat", "animal|dog")[number % 2])
    condition = prepared(
        open_data(Labelled(pictures, path)), TASKS["conditional"], {"separator": ""}
    ).condition
    assert condition is not None and condition.names == ("animal|cat", "animal|dog")


def test_a_text_that_was_not_split_is_refused(pictures: Path) -> None:
    path = table(pictures, "file,tags", lambda number: f"{'long words ' * 9}{number};b")
    with refused("tasks.tag-too-long"):
        tagged(Labelled(pictures, path))
    with refused("data.tags-hold-separators"):
        open_data(Labelled(np.zeros((2, 1, 8, 8), np.uint8), [["a;b"], ["a|b", "c"]]))
