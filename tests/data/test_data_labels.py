"""Labels from sub-folders, tables and arrays: the right one at each row, and what is refused."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from refusals import refused

from poise.data import Dataset, Domains, Labelled, Pairs, open_data
from poise.data.sources.labels import coded
from poise.errors import PoiseError
from poise.tasks import TASKS
from poise.tasks.prepare import prepared, unused_labels

SHADES = {"a": 10, "b": 80, "c": 160, "d": 240}


def images(folder: Path, *names: str) -> Path:
    """An image for each name, of one shade by the first letter of its base name."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), SHADES[path.name[0]]).save(path)
    return folder


def by_shade(source: Dataset) -> dict[int, set[str]]:
    """Which labels the rows of each shade have."""
    assert source.labels is not None
    shades = source.gather(np.arange(len(source)))[:, 0, 0, 0].tolist()
    found: dict[int, set[str]] = {}
    for shade, label in zip(shades, source.labels.tolist(), strict=True):
        found.setdefault(shade, set()).add(source.label_names[label])
    return found


def table(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_sub_folders_are_classes(tmp_path: Path) -> None:
    folder = images(tmp_path, "sun/a1.png", "sun/deep/a2.png", "moon/b1.png", "moon/b2.png")
    source = open_data(folder)
    assert source.label_names == ("moon", "sun")
    assert by_shade(source) == {10: {"sun"}, 80: {"moon"}}


def test_a_file_beside_the_folders_leaves_no_labels(tmp_path: Path) -> None:
    assert open_data(images(tmp_path, "sun/a1.png", "moon/b1.png", "c.png")).labels is None
    assert open_data(images(tmp_path / "flat", "a1.png", "b1.png")).labels is None


def test_a_zip_has_classes_below_its_own_folder(tmp_path: Path) -> None:
    folder = images(tmp_path / "all", "sun/a1.png", "moon/b1.png")
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for path in sorted(folder.rglob("*.png")):
            archive.write(path, path.relative_to(tmp_path))
    assert by_shade(open_data(tmp_path / "all.zip")) == {10: {"sun"}, 80: {"moon"}}


def test_labels_do_not_change_what_unconditional_training_sees(tmp_path: Path) -> None:
    flat = open_data(images(tmp_path / "flat", "a.png", "b.png"))
    deep = open_data(images(tmp_path / "deep", "x/a.png", "y/b.png"))
    plain = TASKS["noise-to-data"]
    assert prepared(flat, plain).fingerprint == prepared(deep, plain).fingerprint


def test_a_table_names_files_by_path_or_by_base_name(tmp_path: Path) -> None:
    folder = images(tmp_path / "all", "1/a1.png", "2/b1.png", "2/a2.png", "c.png")
    text = "file,kind,more\n1/a1.png,sun,0\n./2/b1.png,moon,0\na2.png,sun,0\nelsewhere/c.png,star,0\n"
    source = open_data(Labelled(folder, table(tmp_path / "t.csv", text), column="kind"))
    assert source.label_names == ("moon", "star", "sun")
    assert by_shade(source) == {10: {"sun"}, 80: {"moon"}, 160: {"star"}}


def test_the_column_of_files_may_stand_anywhere_and_the_other_needs_no_name(tmp_path: Path) -> None:
    folder = images(tmp_path / "all", "a1.png", "b1.png")
    found = open_data(Labelled(folder, table(tmp_path / "t.csv", "\ufeffkind,Path\n7,a1.png\n12,b1.png\n")))
    assert found.label_names == ("7", "12"), "numbers are ordered as numbers"
    assert by_shade(found) == {10: {"7"}, 80: {"12"}}
    first = open_data(Labelled(folder, table(tmp_path / "u.csv", "picture,kind\na1.png,x\nb1.png,y\n")))
    assert by_shade(first) == {10: {"x"}, 80: {"y"}}


@pytest.mark.parametrize("between", [";", "\t"])
def test_columns_may_be_parted_as_spreadsheets_part_them(tmp_path: Path, between: str) -> None:
    folder = images(tmp_path / "all", "a1.png", "b1.png")
    text = "file,kind,more\na1.png,sun and moon,0\nb1.png,star,1\n".replace(",", between)
    found = open_data(Labelled(folder, table(tmp_path / "t.csv", text), column="kind"))
    assert by_shade(found) == {10: {"sun and moon"}, 80: {"star"}}


def test_images_beside_the_folders_of_classes_are_listed(tmp_path: Path) -> None:
    source = open_data(images(tmp_path / "all", "one/sun/a1.png", "one/moon/b1.png", "one/c1.png"))
    with pytest.raises(PoiseError, match=r"1 of the 3 images .* lie beside the folders of classes") as caught:
        prepared(source, TASKS["conditional"])
    assert caught.value.details == ["one/c1.png"]


def test_rows_without_labels_are_told_how_to_give_them() -> None:
    with pytest.raises(PoiseError, match=r"has no labels, .*; give one a row: --labels FILE\.npy"):
        prepared(open_data(points(4)), TASKS["conditional"])


@pytest.mark.parametrize(("two", "holds"), [(Pairs, "pairs of images"), (Domains, "two domains")])
def test_two_sides_are_not_played_from_noise_with_one_of_them_dropped(two: Any, holds: str) -> None:
    images = np.arange(20 * 64, dtype=np.uint8).reshape(20, 8, 8)
    with pytest.raises(PoiseError, match=f"holds {holds}, and this game makes samples from noise alone"):
        prepared(open_data(two(images, images[::-1])), TASKS["noise-to-data"])


def test_labels_for_a_game_without_conditions_are_told_to_be_unused() -> None:
    given = Labelled(points(4), ["a", "b", "a", "b"])
    for name, told in (("noise-to-data", 1), ("conditional", 0)):
        task = TASKS[name]
        source = unused_labels(prepared(open_data(given), task), given, task)
        assert len([one for one in source.notices if "labels do not enter" in one]) == told


def test_a_mapping_labels_files(tmp_path: Path) -> None:
    folder = images(tmp_path, "a1.png", "b1.png")
    assert by_shade(open_data(Labelled(folder, {"a1.png": 1, "b1.png": 0}))) == {10: {"1"}, 80: {"0"}}


def test_a_refused_file_may_stand_in_the_table(tmp_path: Path) -> None:
    folder = images(tmp_path / "all", "a1.png", "b1.png")
    (folder / "broken.png").write_bytes(b"no image")
    labels = table(tmp_path / "t.csv", "file,kind\na1.png,x\nb1.png,y\nbroken.png,x\n")
    assert len(open_data(Labelled(folder, labels), refuse_above=0.5)) == 2


@pytest.mark.parametrize(
    ("text", "column", "code"),
    [
        ("file,kind\na1.png,x\nb1.png,y\nz.png,x\n", None, "data.labels-of-strangers"),
        ("file,kind\na1.png,x\n", None, "data.labels-missing"),
        ("file,kind\na1.png,x\na1.png,y\nb1.png,y\n", None, "data.labels-twice"),
        ("file,kind\na1.png,x\nb1.png,y\n", "kin", "data.labels-unknown-column"),
        ("file,kind,more\na1.png,x,1\nb1.png,y,1\n", None, "data.labels-several-columns"),
        ("file,kind\na1.png\nb1.png,y\n", None, "data.labels-short-line"),
        ("a1.png,x\nb1.png,y\n", None, "data.labels-no-header"),
        ("file\na1.png\nb1.png\n", None, "data.labels-no-column"),
        ("file,kind\n", None, "data.labels-empty"),
        ("", None, "data.labels-empty"),
        ('file,kind\n\x00"a1.png,x\nb1.png', None, "data.labels-short-line"),
    ],
)
def test_tables_that_do_not_fit_are_refused(tmp_path: Path, text: str, column: str | None, code: str) -> None:
    folder = images(tmp_path / "all", "a1.png", "b1.png")
    with refused(code):
        open_data(Labelled(folder, table(tmp_path / "t.csv", text), column=column))


def test_other_mistakes_are_refused(tmp_path: Path) -> None:
    folder = images(tmp_path / "all", "1/a1.png", "2/a1.png", "b1.png")
    with refused("data.labels-ambiguous"):
        open_data(Labelled(folder, table(tmp_path / "t.csv", "file,kind\na1.png,x\nb1.png,y\n")))
    with refused("data.labels-unreadable"):
        open_data(Labelled(folder, tmp_path / "nowhere.csv"))
    with refused("data.labels-without-files"):
        open_data(Labelled(folder, [0, 1, 1]))
    (tmp_path / "latin.csv").write_bytes(b"file,kind\n\xff\xfe,x\n")
    with refused("data.labels-unreadable"):
        open_data(Labelled(folder, tmp_path / "latin.csv"))


def test_a_game_of_classes_refuses_an_empty_label(tmp_path: Path) -> None:
    folder = images(tmp_path / "all", "a1.png", "b1.png", "c1.png")
    source = open_data(
        Labelled(folder, table(tmp_path / "t.csv", "file,kind\na1.png,x\nb1.png,\nc1.png,x\n"))
    )
    with pytest.raises(PoiseError, match=r"1 of the 3 samples of .* have an empty label") as caught:
        prepared(source, TASKS["conditional"])
    assert caught.value.details == ["b1.png"]


def points(count: int) -> np.ndarray:
    return np.arange(2 * count, dtype=np.float32).reshape(count, 2)


@pytest.mark.parametrize(
    "labels",
    [
        ["sun", "moon", "sun"],
        np.array(["sun", "moon", "sun"]),
        np.array(["sun", "moon", "sun"], dtype=object),
        np.array([["sun"], ["moon"], ["sun"]]),
    ],
)
def test_arrays_take_names_a_row(labels: object) -> None:
    source = open_data(Labelled(points(3), labels))
    assert source.labels is not None and source.labels.tolist() == [1, 0, 1]
    assert source.label_names == ("moon", "sun")


def test_arrays_take_numbers_a_row_wherever_they_begin() -> None:
    for labels in (
        np.array([10, 2, 10]),
        torch.tensor([10, 2, 10]),
        np.array([10.0, 2.0, 10.0]),
        [10, 2, 10],
    ):
        source = open_data(Labelled(points(3), labels))
        assert source.labels is not None and source.labels.tolist() == [1, 0, 1]
        assert source.label_names == ("2", "10")


def test_an_array_file_labels_rows_in_order(tmp_path: Path) -> None:
    np.save(tmp_path / "codes.npy", [4, 1, 4])
    assert open_data(Labelled(points(3), tmp_path / "codes.npy")).label_names == ("1", "4")
    with refused("data.labels-unreadable"):
        open_data(Labelled(points(3), tmp_path / "none.npy"))
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    with refused("data.labels-unreadable"):
        open_data(Labelled(points(3), tmp_path / "objects.npy"))
    with refused("data.labels-without-files"):
        open_data(Labelled(images(tmp_path / "files", "a1.png", "b1.png"), tmp_path / "codes.npy"))


def test_archives_and_tensor_data_sets_bring_their_labels(tmp_path: Path) -> None:
    for name in ("labels", "y"):
        arrays: dict[str, Any] = {"x": points(3), name: np.array([4, 4, 1])}
        np.savez(tmp_path / "both.npz", **arrays)
        found = open_data(tmp_path / "both.npz")
        assert found.labels is not None and found.labels.tolist() == [1, 1, 0]
    both = torch.utils.data.TensorDataset(torch.from_numpy(points(3)), torch.tensor([4, 4, 1]))
    found = open_data(both)
    assert found.label_names == ("1", "4")
    targets = torch.utils.data.TensorDataset(torch.from_numpy(points(3)), torch.randn(3))
    assert open_data(targets).labels is None, "numbers that are not whole are no classes"


def test_a_table_without_file_names_labels_rows_in_order(tmp_path: Path) -> None:
    labels = table(tmp_path / "t.csv", "kind\nsun\nmoon\nsun\n")
    assert open_data(Labelled(points(3), labels)).label_names == ("moon", "sun")
    with refused("data.labels-count"):
        open_data(Labelled(points(4), labels))


@pytest.mark.parametrize(
    ("labels", "code"),
    [
        ([0, 1], "data.labels-count"),
        (np.zeros((3, 2, 1)), "data.labels-shape"),
        (np.array(["a", "b", "c"])[:, None].repeat(2, 1), "data.labels-shape"),
        ([0.5, float("nan"), 2.0], "data.labels-not-finite"),
        ([None, 1, 2], "data.labels-type"),
        (7, "data.labels-count"),
        ({"a": 1}, "data.labels-by-file"),
    ],
)
def test_labels_that_do_not_fit_an_array_are_refused(labels: object, code: str) -> None:
    with refused(code):
        open_data(Labelled(points(3), labels))


def test_the_content_of_labels_counts_where_the_game_uses_them() -> None:
    task = TASKS["conditional"]
    first, again, other = (
        prepared(open_data(Labelled(points(4), labels)), task).fingerprint
        for labels in ([0, 1, 0, 1], [0, 1, 0, 1], [0, 1, 1, 0])
    )
    assert first == again != other
    renamed = prepared(open_data(Labelled(points(4), ["a", "b", "a", "b"])), task).fingerprint
    assert renamed != first, "what a class is called decides what can be asked for"


def test_codes_stand_for_their_names() -> None:
    labels = np.random.default_rng(0).integers(-3, 9, 200)
    codes, names = coded(labels, "numbers")
    assert [int(names[code]) for code in codes] == labels.tolist()
    assert [int(name) for name in names] == sorted(set(labels.tolist()))
