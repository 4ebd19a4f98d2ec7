"""Folders as people have them: splits, shards, dataset.json, tables of pandas and Kaggle, data in Python."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from refusals import refused

import poise
from poise.cli.data_options import DataOptions, Reading
from poise.data import Domains, Files, Labelled, Pairs, data_of, open_data, origin_of, rejoined, spec_of
from poise.tasks import TASKS
from poise.tasks.prepare import prepared

RANDOM = np.random.default_rng(0)


def png(shade: int = 0) -> bytes:
    pixels = np.full((16, 16, 3), 40 + 80 * shade, np.uint8)
    pixels[4:12, 4:12] = RANDOM.integers(0, 255, 3)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def put(path: Path, content: bytes | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content or png())


def said(dataset: Any) -> str:
    return " ".join(dataset.notices)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def splits(tmp_path: Path) -> Path:
    """train, val and test with two classes each."""
    for split, count in (("train", 20), ("val", 6), ("test", 4)):
        for index in range(count):
            put(tmp_path / f"d/{split}/{'ab'[index % 2]}/{split}{index}.png", png(index % 2))
    return tmp_path / "d"


def test_one_split_is_trained_on_and_another_held_out(splits: Path, cache: Path) -> None:
    dataset = open_data(splits, cache=cache)
    assert len(dataset) == 20 and dataset.held_out is not None and len(dataset.held_out) == 6
    assert {file.split("/")[0] for file in dataset.files} == {"train"}
    assert {file.split("/")[0] for file in dataset.held_out.files} == {"val"}
    assert "train/ (20 files) is trained on, val/ (6) is held out" in said(dataset)
    assert "test/ (4) is left out" in said(dataset)
    assert dataset.class_counts == {"a": 10, "b": 10}, "splits are no classes"
    assert len(rejoined(dataset)) == 26


def test_a_split_may_be_named_and_is_recorded(splits: Path, cache: Path) -> None:
    tested = open_data(Files(splits, split="test"), cache=cache)
    assert len(tested) == 4 and tested.held_out is not None and len(tested.held_out) == 6
    whole = open_data(Files(splits, split="all"), cache=cache)
    assert len(whole) == 30 and whole.held_out is None
    again = open_data(data_of(origin_of(Files(splits, split="test"))), cache=cache)
    assert again.fingerprint == tested.fingerprint != whole.fingerprint
    for split, code in (("dev", "data.unknown-split"),):
        with refused(code):
            open_data(Files(splits, split=split), cache=cache)
    with refused("data.no-splits"):
        open_data(Files(splits / "train", split="val"), cache=cache)


def test_classes_of_both_parts_have_the_same_codes(splits: Path, cache: Path) -> None:
    put(splits / "train/c/only.png", png(2))
    put(splits / "train/c/other.png", png(2))
    dataset = prepared(open_data(splits, cache=cache), TASKS["conditional"])
    assert dataset.condition is not None and dataset.held_out is not None
    assert dataset.condition.counts == [10, 10, 2]
    apart = dataset.held_out.condition
    assert apart is not None and apart.counts == [3, 3, 0]
    whole = rejoined(dataset)
    assert whole.condition is not None and whole.labels is not None
    assert whole.condition.gather(np.arange(28)).tolist() == whole.labels.tolist()


def test_what_is_held_out_by_folders_is_not_trained_on(splits: Path, tmp_path: Path) -> None:
    small: dict[str, Any] = {"generator.width": 4, "discriminator.width": 4}
    run = poise.train(splits, out=tmp_path / "run", steps=2, batch_size=8, **small)
    assert run.folder.data["count"] == 20 and run.folder.recipe["held_out"] == 0
    assert poise.resume(run.path, steps=3).folder.data["count"] == 20


def test_pairs_and_domains_follow_their_splits(tmp_path: Path, cache: Path) -> None:
    for split, count in (("train", 8), ("val", 3), ("test", 2)):
        for index in range(count):
            wide = Image.fromarray(RANDOM.integers(0, 256, (16, 32, 3), dtype=np.uint8))
            (tmp_path / f"ab/{split}").mkdir(parents=True, exist_ok=True)
            wide.save(tmp_path / f"ab/{split}/{index}.png")
            put(tmp_path / f"a/{split}/{index}.png")
            put(tmp_path / f"b/{split}/{index}.png")
    for data in (
        Pairs(tmp_path / "ab"),
        Pairs(tmp_path / "a", tmp_path / "b"),
        Domains(tmp_path / "a", tmp_path / "b"),
    ):
        dataset = open_data(data, cache=cache)
        assert dataset.held_out is not None
        assert len(dataset) == 8 and len(dataset.held_out) == 3, "not a tenth, by the seed"
        assert "val/ (3) is held out" in said(dataset)


def test_folders_of_two_domains_are_no_classes(tmp_path: Path, cache: Path) -> None:
    for name in ("trainA", "trainB", "testA", "testB"):
        put(tmp_path / f"d/{name}/1.png")
    dataset = open_data(tmp_path / "d", cache=cache)
    assert dataset.labels is None and "--domains" in said(dataset)


def test_folders_that_may_be_two_domains_are_classes_and_it_is_said(tmp_path: Path, cache: Path) -> None:
    for name in ("summer_A", "summer_B"):
        put(tmp_path / f"d/{name}/1.png")
    dataset = open_data(tmp_path / "d", cache=cache)
    assert dataset.label_names == ("summer_A", "summer_B")
    assert "--domains summer_A summer_B" in said(dataset)
    for name in ("trainA", "trainB"):
        put(tmp_path / f"e/{name}/1.png")
    put(tmp_path / "f/cat/1.png")
    put(tmp_path / "f/dog_b/1.png")
    assert "--domains" not in said(open_data(tmp_path / "f", cache=cache))
    assert open_data(tmp_path / "e", cache=cache).labels is None


def shards(path: Path, labels: Any) -> Path:
    """What the tools of StyleGAN write."""
    with zipfile.ZipFile(path, "w") as file:
        for index in range(96):
            file.writestr(f"{index // 40:05}/img{index:08}.png", png(index % 2))
        file.writestr("dataset.json", json.dumps({"labels": labels}))
    return path


NAMES = [f"{index // 40:05}/img{index:08}.png" for index in range(96)]


@pytest.mark.parametrize("one_hot", [False, True])
def test_labels_are_those_of_dataset_json(one_hot: bool, tmp_path: Path, cache: Path) -> None:
    labels = [[name, [1.0 * (index % 2 == 0), 1.0 * (index % 2)] if one_hot else index % 2]
              for index, name in enumerate(NAMES)]  # fmt: skip
    path = shards(tmp_path / "sg.zip", labels)
    dataset = open_data(path, cache=cache)
    assert dataset.class_counts == {"0": 48, "1": 48} and "dataset.json" in said(dataset)
    assert dataset.labels is not None and dataset.labels.tolist() == [index % 2 for index in range(96)]
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": labels}))
    given = open_data(Labelled(path, tmp_path / "dataset.json"), cache=cache)
    assert given.labels is not None and given.labels.tolist() == dataset.labels.tolist()


def test_shards_are_no_classes_and_numbered_classes_are(tmp_path: Path, cache: Path) -> None:
    dataset = open_data(shards(tmp_path / "sg.zip", None), cache=cache)
    assert dataset.labels is None and "shards" in said(dataset)
    for index in range(9):
        put(tmp_path / f"signs/{min(index, 2):05}/{index % 3}.png", png(index % 3))
    signs = open_data(tmp_path / "signs", cache=cache)
    assert list(signs.class_counts) == ["00000", "00001", "00002"], "unlike numbers of files: classes"


def test_a_dataset_json_that_does_not_fit_is_told_and_does_not_stop(tmp_path: Path, cache: Path) -> None:
    dataset = open_data(shards(tmp_path / "sg.zip", [["other.png", 1]]), cache=cache)
    assert dataset.labels is None and "are not used" in said(dataset)
    (tmp_path / "bad.json").write_text("[1")
    with refused("data.labels-unreadable"):
        open_data(Labelled(tmp_path / "sg.zip", tmp_path / "bad.json"), cache=cache)


def test_numbers_in_dataset_json_are_continuous(tmp_path: Path, cache: Path) -> None:
    dataset = open_data(
        shards(tmp_path / "sg.zip", [[name, [index / 7, 3.0]] for index, name in enumerate(NAMES)]),
        cache=cache,
    )
    assert dataset.condition is not None and dataset.condition.shape == (2,)
    assert np.allclose(dataset.condition.array[:, 0], np.arange(96) / 7)
    assert "numbers and no classes" in said(dataset)


def test_folders_that_differ_in_case_or_are_empty_are_told(tmp_path: Path, cache: Path) -> None:
    for name in ("Cat", "cat", "dog"):
        put(tmp_path / f"d/{name}/1.png")
    (tmp_path / "d/owl").mkdir()
    dataset = open_data(tmp_path / "d", cache=cache)
    assert list(dataset.class_counts) == ["Cat", "cat", "dog"]
    assert "'Cat' and 'cat' differ in case" in said(dataset) and "owl" in said(dataset)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for index in range(12):
        put(tmp_path / f"pics/img {index}.PNG", png(index % 3))
    return tmp_path / "pics"


PLAIN = [f"img {index}.PNG" for index in range(12)]


def table(head: str, line: str) -> str:
    """A table with a line for each file; its place is `i`, its label `label`."""
    lines = (line.format(i=i, file=file, stem=file[:-4], small=file.lower(), label="abc"[i % 3])
             for i, file in enumerate(PLAIN))  # fmt: skip
    return "\n".join([head, *lines]) + "\n"


TABLES: dict[str, tuple[str, str]] = {
    "windows": (table("filename,label", "{file},{label}").replace("\n", "\r\n"), ""),
    "BOM and semicolons": ("\ufeff" + table("filename;label", "{file};{label}"), ""),
    "paths of another machine": (table("file,label", "C:\\Users\\x\\{file},{label}"), ""),
    "ids": (table("id,breed", "{stem},{label}"), "without suffix"),
    "other case": (table("file,label", "{small},{label}"), "case"),
    "index of pandas": (table(",filename,label", "{i},{file},{label}"), ""),
    "index of pandas, read again": (
        table("Unnamed: 0,image_id,label", "{i},{stem},{label}"),
        "without suffix",
    ),
    "labels first": (table("label,picture", "{label},{file}"), ""),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_as_people_have_them(name: str, pictures: Path, tmp_path: Path, cache: Path) -> None:
    text, told = TABLES[name]
    (tmp_path / "t.csv").write_bytes(text.encode())
    dataset = open_data(Labelled(pictures, tmp_path / "t.csv"), cache=cache)
    wanted = ["abc"[int(file[4:-4]) % 3] for file in dataset.files]
    assert dataset.labels is not None
    assert [dataset.label_names[label] for label in dataset.labels] == wanted
    assert ("found" in said(dataset)) == bool(told) and told in said(dataset)


def test_the_column_of_files_may_be_named(tmp_path: Path, cache: Path) -> None:
    for index in range(4):
        put(tmp_path / f"p/{index}.png")
    (tmp_path / "t.csv").write_text(
        "number,id,label\n" + "".join(f"{3 - i},{i},{'ab'[i % 2]}\n" for i in range(4))
    )
    by = {
        column: open_data(Labelled(tmp_path / "p", tmp_path / "t.csv", "label", column), cache=cache).labels
        for column in ("number", "id")
    }
    assert by["id"] is not None and by["id"].tolist() == [0, 1, 0, 1]
    assert by["number"] is not None and by["number"].tolist() == [1, 0, 1, 0]
    with refused("data.labels-unknown-column"):
        open_data(Labelled(tmp_path / "p", tmp_path / "t.csv", "label", "file"), cache=cache)


def test_labels_of_missing_files_name_the_option(pictures: Path, tmp_path: Path, cache: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\nx,1\ny,2\n")
    with refused("data.labels-of-strangers") as caught:
        open_data(Labelled(pictures, tmp_path / "t.csv", "b"), cache=cache)
    assert "--file-column" in caught.value.hint


IMAGES = RANDOM.integers(0, 256, (12, 8, 8), dtype=np.uint8)
CODES = [index % 3 for index in range(12)]


@pytest.mark.parametrize(
    "labels",
    [
        np.eye(3)[CODES],
        torch.nn.functional.one_hot(torch.tensor(CODES)),
        np.array(CODES, float)[:, None],
        torch.tensor(CODES)[:, None].float(),
        [[code] for code in CODES],
    ],
)
def test_one_hot_and_columns_of_floats_are_classes(labels: Any) -> None:
    dataset = open_data(Labelled(IMAGES, labels))
    assert dataset.labels is not None and dataset.labels.tolist() == CODES and dataset.condition is None
    if isinstance(labels, torch.Tensor):
        beside = open_data(torch.utils.data.TensorDataset(torch.from_numpy(IMAGES), labels))
        assert beside.labels is not None and beside.labels.tolist() == CODES


def test_numbers_condition_a_run_and_can_be_asked_for(tmp_path: Path) -> None:
    angles = np.linspace(0, 180, 12) + 0.5
    dataset = open_data(Labelled(IMAGES, angles))
    assert dataset.condition is not None and spec_of(dataset).condition == (1,)
    encoded = dataset.condition.encode(dataset.condition.gather(np.arange(12)))
    assert abs(float(encoded.mean())) < 1e-5 and abs(float(encoded.std(correction=0)) - 1) < 1e-5
    small: dict[str, Any] = {"generator.width": 4, "discriminator.width": 4, "batch_size": 4, "steps": 2}
    run = poise.train(IMAGES, "conditional", labels=angles, out=tmp_path / "run", **small)
    generator = run.generator
    one, same, other = (run.sample(3, label=label) for label in ("90", "90.0", "10.5"))
    assert np.array_equal(one, same) and not np.array_equal(one, other)
    assert run.sample(5).shape == (5, 1, 8, 8)
    wanted = generator.conditions(1, label="90")
    assert wanted is not None and abs(float(wanted) - (90 - angles.mean()) / angles.std()) < 1e-5
    for label in ("high", "1,2", "nan"):
        with refused("generator.no-numbers"):
            run.sample(3, label=label)
    with refused("tasks.labels-are-numbers"):
        prepared(dataset, TASKS["auxiliary-classifier"])


class Table:
    """What a Hugging Face data set is, as far as it is read."""

    column_names = ("image", "label")

    def __init__(self, images: list[Image.Image], labels: list[int]) -> None:
        self.rows: dict[str, Any] = {"image": images, "label": labels}

    def __len__(self) -> int:
        return len(self.rows["image"])

    def __getitem__(self, key: Any) -> Any:
        return (
            self.rows[key] if isinstance(key, str) else {name: part[key] for name, part in self.rows.items()}
        )


def mixed() -> list[Image.Image]:
    colours = [Image.fromarray(RANDOM.integers(0, 256, (16, 16, 3), dtype=np.uint8)) for _ in range(12)]
    return [image.convert(mode) for image, mode in zip(colours, ["L", "RGB", "RGBA", "P"] * 3, strict=True)]


def test_mixed_modes_become_colour_as_in_a_folder(tmp_path: Path, cache: Path) -> None:
    images = mixed()
    table: Any = Table(images, CODES)
    live = open_data(table)
    for index, image in enumerate(images):
        put(tmp_path / f"p/{index:02}.png", b"x")
        image.save(tmp_path / f"p/{index:02}.png")
    folder = open_data(tmp_path / "p", cache=cache)
    assert live.shape == folder.shape == (3, 16, 16)
    assert torch.equal(live.gather(np.arange(12)), folder.gather(np.arange(12)))
    assert live.labels is not None and live.labels.tolist() == CODES
    assert open_data(table, channels=4).shape == (4, 16, 16)


def test_a_dictionary_of_splits_asks_for_one() -> None:
    table = {"train": Table(mixed(), CODES), "test": Table(mixed(), CODES)}
    with refused("data.several-splits") as caught:
        open_data(table)  # type: ignore[arg-type]  # what people do
    assert "data['train']" in caught.value.hint
    assert len(open_data(Files(table, split="test"))) == 12
    with refused("unknown-split"):
        open_data(Files(table, split="dev"))


def test_items_keep_their_labels_when_a_game_needs_them() -> None:
    class Pairs:
        def __init__(self) -> None:
            self.read = 0

        def __len__(self) -> int:
            return 12

        def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
            self.read += 1
            return torch.from_numpy(IMAGES[index])[None], CODES[index]

    items: Any = Pairs()
    listed = [(IMAGES[i], CODES[i]) for i in range(12)]
    given: list[Any] = [items, torch.utils.data.Subset(items, range(12)), listed]
    for data in given:
        dataset = prepared(open_data(data), TASKS["conditional"])
        assert dataset.condition is not None and dataset.condition.array.tolist() == CODES


def test_the_options_of_the_command_line_say_how_files_are_read() -> None:
    options = DataOptions(data="d", reading=Reading(scale="0,4095", split="val", tolerate_bad="5%")).to_open()
    assert (options.scale, options.split, options.tolerate) == ((0, 4095), "val", 0.05)
    assert DataOptions(data="d").to_open() == "d"
    pairs = DataOptions(pairs=("a", "b"), reading=Reading(tolerate_bad="0.5")).to_open()
    assert pairs.source.tolerate == pairs.target.tolerate == 0.5
    for bad, code in (({"scale": "4095"}, "cli.scale"), ({"tolerate_bad": "some"}, "cli.tolerate-bad")):
        with refused(code):
            Reading(**bad).of("d")  # type: ignore[arg-type]


def test_bad_files_are_tolerated_as_far_as_is_asked_and_listed(tmp_path: Path, cache: Path) -> None:
    for index in range(100):
        put(tmp_path / f"p/{index:02}.png", png()[:-30] if index % 33 == 5 else png())
    with refused("data.too-many-refused") as caught:
        open_data(tmp_path / "p", cache=cache)
    assert "--tolerate-bad" in caught.value.hint
    dataset = open_data(Files(tmp_path / "p", tolerate=0.05), cache=cache)
    assert len(dataset) == 97 and len(dataset.summary["refused"]) == 3
    assert "05.png" in said(dataset)


def test_a_zip_with_a_folder_inside_is_that_folder(tmp_path: Path, cache: Path) -> None:
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as file:
        for index in range(6):
            file.writestr(f"my pictures/{'ab'[index % 2]}/{index}.png", png())
    assert list(open_data(tmp_path / "z.zip", cache=cache).class_counts) == ["a", "b"]


def test_a_picture_beside_the_splits_is_left_out_and_told(splits: Path, cache: Path) -> None:
    put(splits / "logo.png")
    dataset = open_data(splits, cache=cache)
    assert len(dataset) == 20 and dataset.held_out is not None and len(dataset.held_out) == 6
    assert "1 file beside these folders left out" in said(dataset)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("file,label\n" + "".join(f"{i}.png,{i % 2}\n" for i in range(8)), "data.labels-of-strangers"),
        ("file,label\n0.png,1\n", "data.labels-missing"),
        (
            "file,angle\n" + "".join(f"{i}.png,{i * 0.5 if i else ''}\n" for i in range(6)),
            "data.labels-not-finite",
        ),
        (
            "file,angle\n" + "".join(f"{i}.png,{i * 0.5 if i else 'nan'}\n" for i in range(6)),
            "data.labels-not-finite",
        ),
    ],
)
def test_tables_with_gaps_are_refused(text: str, code: str, tmp_path: Path, cache: Path) -> None:
    for index in range(6):
        put(tmp_path / f"p/{index}.png")
    (tmp_path / "t.csv").write_text(text)
    with refused(code):
        open_data(Labelled(tmp_path / "p", tmp_path / "t.csv"), cache=cache)


def test_a_decimal_comma_is_one(tmp_path: Path, cache: Path) -> None:
    for index in range(6):
        put(tmp_path / f"p/{index}.png")
    (tmp_path / "t.csv").write_text("file;angle\n" + "".join(f"{i}.png;{i},5\n" for i in range(6)))
    dataset = open_data(Labelled(tmp_path / "p", tmp_path / "t.csv"), cache=cache)
    assert dataset.condition is not None and dataset.condition.array[:, 0].tolist() == [
        0.5,
        1.5,
        2.5,
        3.5,
        4.5,
        5.5,
    ]


def test_a_folder_of_arrays_is_one_of_fields_and_as_images_says_how_to_make_one(
    tmp_path: Path, cache: Path
) -> None:
    (tmp_path / "p").mkdir()
    np.save(tmp_path / "p/a.npy", IMAGES[0])
    assert open_data(tmp_path / "p", cache=cache).kind == "field"
    with refused("data.no-images") as caught:
        open_data(Files(tmp_path / "p", kind="image"), cache=cache)
    assert "numpy.stack" in caught.value.hint
