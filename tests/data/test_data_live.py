from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from refusals import refused
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from poise.data import Range, Standardised, open_data

RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 256, (20, 8, 8, 3), dtype=np.uint8)


class Items(Dataset[Any]):
    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Any:
        return self.items[index]


class Flipped(Items):
    """An augmentation of its own."""

    def __getitem__(self, index: int) -> Any:
        return self.items[index].flip(-1) if RANDOM.random() < 0.5 else self.items[index]


CHW = PIXELS.transpose(0, 3, 1, 2)


@pytest.mark.parametrize(
    "items",
    [
        list(torch.from_numpy(CHW.copy())),
        list(PIXELS),
        [(row, 3) for row in PIXELS],
        [[row] for row in PIXELS],
        [{"label": 3, "image": row} for row in PIXELS],
        [(Image.fromarray(row), 3) for row in PIXELS],
    ],
    ids=["tensors", "arrays", "tuples", "lists", "mappings", "pictures"],
)
def test_items_of_any_kind_give_the_same_rows(items: list[Any], tmp_path: Path) -> None:
    source = open_data(Items(items), cache=tmp_path)
    assert source.array is None and len(source) == 20 and source.shape == (3, 8, 8)
    assert source.transform.name == "pixels" and source.name == "Items"
    taken = source.gather(np.array([7, 0]))
    assert taken.dtype == torch.uint8 and np.array_equal(taken.numpy(), CHW[[7, 0]])
    assert source.fingerprint == open_data(Items(list(PIXELS)), cache=tmp_path).fingerprint


def test_the_fingerprint_says_what_it_covers(tmp_path: Path) -> None:
    rows = list(RANDOM.integers(0, 256, (300, 1, 4, 4), dtype=np.uint8))
    source = open_data(Items(rows), cache=tmp_path)
    assert "128 of 300 items" in source.summary["fingerprint_covers"]
    for index in (0, 299):
        changed = [row.copy() for row in rows]
        changed[index][0, 0, 0] ^= 1
        assert open_data(Items(changed), cache=tmp_path).fingerprint != source.fingerprint
    assert open_data(Items(rows[:-1]), cache=tmp_path).fingerprint != source.fingerprint


def test_augmentation_keeps_working_and_is_said(tmp_path: Path) -> None:
    source = open_data(Flipped(list(torch.from_numpy(CHW.copy()))), cache=tmp_path)
    drawn = torch.stack([source.gather(np.array([3]))[0] for _ in range(40)])
    assert len(torch.unique(drawn, dim=0)) == 2
    assert "differ each time" in source.notices[-1]
    assert "count, shape and type alone" in source.summary["fingerprint_covers"]
    again = open_data(Flipped(list(torch.from_numpy(CHW.copy()))), cache=tmp_path)
    assert again.fingerprint == source.fingerprint


def test_floats_vectors_and_grey_items(tmp_path: Path) -> None:
    floats = open_data(Items(list(torch.rand(5, 1, 8, 8))), cache=tmp_path)
    assert floats.transform == Range(0.0, 1.0)
    grey = open_data(Items(list(PIXELS[..., 0])), cache=tmp_path)
    assert grey.shape == (1, 8, 8) and grey.gather(np.array([2])).shape == (1, 1, 8, 8)
    values = RANDOM.normal(3.0, 2.0, (100, 4))
    vectors = open_data(Items(list(values)), cache=tmp_path)
    assert vectors.kind == "vector" and isinstance(vectors.transform, Standardised)
    assert np.allclose(vectors.transform.center, values.mean(axis=0), atol=1e-6)
    assert vectors.gather(np.array([1])).dtype == torch.float32


def test_pictures_of_many_sizes_need_a_resolution(tmp_path: Path) -> None:
    pictures = Items([Image.fromarray(PIXELS[0]).resize((8 + index, 8)) for index in range(5)])
    with refused("data.item-differs"):
        open_data(pictures, cache=tmp_path)
    assert open_data(pictures, resolution=4, cache=tmp_path).shape == (3, 4, 4)
    assert open_data(pictures, resolution=4, channels=1, cache=tmp_path).gather(np.arange(5)).shape == (
        5,
        1,
        4,
        4,
    )
    tensors = Items(list(torch.from_numpy(CHW.copy())))
    assert open_data(tensors, resolution=4, channels=1, cache=tmp_path).gather(np.arange(2)).shape == (
        2,
        1,
        4,
        4,
    )


def test_what_changes_later_is_told_when_it_is_read(tmp_path: Path) -> None:
    dataset = Items(list(torch.rand(4, 1, 8, 8)))
    source = open_data(dataset, cache=tmp_path)
    faults: list[tuple[Any, str]] = [
        (torch.rand(1, 8, 7), "data.item-differs"),
        (torch.zeros(1, 8, 8, dtype=torch.uint8), "data.item-differs"),
        (torch.full((1, 8, 8), 3.0), "data.item-out-of-range"),
        (torch.full((1, 8, 8), torch.nan), "data.item-not-finite"),
    ]
    for item, code in faults:
        dataset.items[2] = item
        with refused(code):
            source.gather(np.array([1, 2]))


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Iterator[torch.Tensor]:
        yield torch.zeros(3)


class Endless(Dataset[Any]):
    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.zeros(3)


class Failing(Items):
    def __getitem__(self, index: int) -> Any:
        raise KeyError("no such file")


class Frame:
    def to_numpy(self) -> np.ndarray:
        return np.zeros((3, 2))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (Stream(), "data.iterable"),
        (DataLoader(Items(list(PIXELS))), "data.iterable"),
        (Endless(), "data.no-length"),
        (Items([]), "data.empty"),
        (Failing([1]), "data.item-unreadable"),
        (Items(["text"]), "data.item-type"),
        (Items([{"text": 3}]), "data.item-type"),
        (Items([torch.zeros(3, 4, 5, 6)]), "data.fields-not-live"),
        (Items([torch.zeros(3, 4, 5, 6, 7)]), "data.too-many-axes"),
        (Items([np.full((3,), np.nan)]), "data.not-finite"),
        (Items([np.array(["a"])]), "data.not-numbers"),
        (Frame(), "data.not-an-array"),
        (object(), "data.unknown-type"),
    ],
)
def test_what_cannot_be_read_by_number_is_refused(data: Any, code: str, tmp_path: Path) -> None:
    with refused(code):
        open_data(data, cache=tmp_path)


def test_tensor_datasets_are_arrays(tmp_path: Path) -> None:
    tensor = torch.from_numpy(CHW.copy())
    source = open_data(TensorDataset(tensor, torch.arange(20)), cache=tmp_path)
    assert source.array is not None and source.fingerprint == open_data(tensor, cache=tmp_path).fingerprint
