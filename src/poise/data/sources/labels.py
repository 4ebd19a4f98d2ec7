"""Labels beside data: a table or JSON by file, an array with one a row, classes, or numbers."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from poise.data.dataset import Condition, Dataset
from poise.data.rows import Array
from poise.data.sources.label_tables import counted_rows, matched, of_table, read_labels_file
from poise.data.sources.tag_texts import texts_of_flags, texts_of_lists
from poise.data.transform import Standardised
from poise.errors import PoiseError, system_reason
from poise.text import counted, first_few

_EXAMPLES = 256


@dataclass(frozen=True, eq=False)
class Labelled:
    """Data with a label for each sample.

    Args:
        data: Whatever else can be trained on.
        labels: The path of a CSV file, of a `dataset.json`, or of a `.npy` file with one a row; or, one a
            row, an array, a tensor or a list of numbers or names, or one-hot rows; or a mapping from file to
            label. Numbers that are not whole, and rows of numbers, are continuous conditions; lists of names,
            and rows of 0 and 1, are tags.
        column: Which column of the file holds the labels, if there are more than two; with commas between
            them, several that hold tags.
        file_column: Which column names the files, if it is not found by itself.

    Example:
        >>> from poise.data import open_data
        >>> points = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], dtype=np.float32)
        >>> open_data(Labelled(points, ["sun", "moon", "sun"])).label_names
        ('moon', 'sun')
        >>> open_data(Labelled(points, [0.5, 90.0, 12.25])).condition.shape
        (1,)
    """

    data: Any
    labels: Any
    column: str | None = None
    file_column: str | None = None


def labelled(dataset: Dataset, labels: Any, column: str | None, file_column: str | None = None) -> Dataset:
    """The data set with a person's own labels."""
    path = Path(labels).expanduser() if isinstance(labels, str | Path) else None
    notices: tuple[str, ...] = ()
    if path is not None and path.suffix.lower() == ".npy":
        labels, path = _read_rows(path), None
    if path is not None and path.suffix.lower() == ".json":
        labels, path = labels_of_json(read_labels_file(path), path.name), None
    if path is not None:
        by_row, notices = of_table(dataset, path, column, file_column)
    elif isinstance(labels, Mapping):
        if not dataset.files:
            what = f"The rows of '{dataset.name}' have no file names"
            raise PoiseError(what, code="data.labels-by-file", hint="give one label a row")
        named = [(str(file), label) for file, label in labels.items()]
        by_row, notices = matched(dataset, "labels", named)
    elif dataset.files:
        what = f"Labels for the files in '{dataset.name}' were given without file names"
        hint = "give a CSV file, or a mapping from file to label"
        raise PoiseError(what, code="data.labels-without-files", hint=hint)
    else:
        by_row = counted_rows(dataset, labels, "labels")
    made = with_labels(dataset, by_row)
    return dataclasses.replace(made, notices=(*made.notices, *notices))


def with_labels(dataset: Dataset, labels: Any) -> Dataset:
    """The data set with one label a row: classes, or a condition of numbers if they are continuous.

    Lists of tags become texts with a separator between tags; `poise.tasks` makes conditions of them.
    """
    labels = _as_texts(labels)
    numbers = continuous(labels, dataset.name)
    if numbers is None:
        codes, names = coded(labels, dataset.name)
        return dataclasses.replace(dataset, labels=codes, label_names=names, condition=None)
    spread = numbers.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    transform = Standardised(tuple(numbers.mean(axis=0).tolist()), tuple(scale.tolist()))
    lows, highs = numbers.min(axis=0), numbers.max(axis=0)
    spans = ", ".join(f"{low:g} to {high:g}" for low, high in zip(lows, highs, strict=True))
    notice = f"The labels of '{dataset.name}' are numbers and no classes: {first_few(spans.split(', '))}."
    examples = numbers[np.unique(np.linspace(0, len(numbers) - 1, _EXAMPLES).astype(int))].tolist()
    condition = Condition(
        "vector", numbers.shape[1:], numbers.astype(np.float32), transform, about={"examples": examples}
    )
    return dataclasses.replace(
        dataset, labels=None, label_names=(), condition=condition, notices=(*dataset.notices, notice)
    )


def _as_texts(labels: Any) -> Any:
    """Lists of tags as texts, and other labels as they are."""
    texts = texts_of_lists(labels)
    if texts is not None:
        return texts
    try:
        rows = _array(labels)
    except ValueError:  # rows of different lengths
        return labels
    if rows.ndim != 2 or rows.dtype.kind not in "buif" or _one_hot(rows):
        return labels
    texts = texts_of_flags(rows)
    return labels if texts is None else texts


def _array(labels: Any) -> Array:
    return labels.detach().cpu().numpy() if isinstance(labels, torch.Tensor) else np.asarray(labels)


def continuous(labels: Any, name: str = "labels") -> Array | None:
    """Labels that are numbers and no classes, `(N, d)`: not all whole, or several a row and not one-hot.

    Raises:
        PoiseError: They are such numbers, and some are missing.
    """
    try:
        array = _array(labels)
    except ValueError:  # rows of different lengths
        return None
    if array.dtype.kind == "U" and array.ndim == 1:
        array = _numbers(array)
    if array.dtype.kind not in "fui" or array.ndim not in (1, 2):
        return None
    rows = array.reshape(len(array), -1).astype(np.float64)
    finite = np.isfinite(rows)
    if _one_hot(rows) or (rows.shape[1] == 1 and bool((rows == rows.round())[finite].all())):
        return None
    if not finite.all():
        missing = int((~finite.all(axis=1)).sum())
        what = (
            f"{counted(missing, 'label')} of the {len(rows):,} numbers of '{name}' are missing or not finite"
        )
        raise PoiseError(what, code="data.labels-not-finite", hint="fill them in, or take the samples out")
    return rows


def _numbers(texts: Array) -> Array:
    """Texts as numbers, an empty one as NaN; the texts themselves if one is none."""
    try:
        return np.array([float(text.replace(",", ".") or "nan") for text in texts.tolist()])
    except ValueError:
        return texts


def _one_hot(rows: Array) -> bool:
    return rows.shape[1] > 1 and bool(
        (((rows == 0) | (rows == 1)).all(axis=1) & (rows.sum(axis=1) == 1)).all()
    )


def coded(labels: Any, name: str) -> tuple[Array, tuple[str, ...]]:
    """Labels as integers from 0, and what they stand for."""
    array = _array(labels)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 2 and array.dtype.kind in "buif" and _one_hot(array):
        array = array.argmax(axis=1)
    if array.ndim != 1:
        what = f"The labels of '{name}' have the shape {array.shape}"
        raise PoiseError(what, code="data.labels-shape", hint="give one number or name a row: (N,)")
    if array.dtype.kind == "f" and bool(np.isfinite(array).all()) and bool((array == array.round()).all()):
        array = array.astype(np.int64)
    if array.dtype.kind not in "buiUO" or not all(isinstance(one, str | int) for one in array.tolist()):
        what = f"The labels of '{name}' are of type {array.dtype}"
        hint = "give whole numbers or names, and leave none out"
        raise PoiseError(what, code="data.labels-type", hint=hint)
    texts = [str(int(one)) if isinstance(one, bool) else str(one) for one in array.tolist()]
    names = sorted(set(texts), key=_order(texts))
    place = {one: code for code, one in enumerate(names)}
    return np.array([place[one] for one in texts], dtype=np.int64), tuple(names)


def _order(texts: Sequence[str]) -> Any:
    try:
        return {text: int(text) for text in texts}.__getitem__
    except ValueError:
        return str


def labels_of_json(content: bytes, name: str) -> dict[str, Any]:
    """The label of each file as dataset tools write them; empty if the file says that there are none.

    Raises:
        PoiseError: It is no such file.

    Example:
        >>> labels_of_json(b'{"labels": [["00000/a.png", 1], ["00000/b.png", 0]]}', "dataset.json")
        {'00000/a.png': 1, '00000/b.png': 0}
    """
    try:
        written = json.loads(content)
        if isinstance(written, dict) and "labels" in written:
            written = written["labels"] or {}
        return {str(file): label for file, label in dict(written).items()}
    except (ValueError, TypeError):
        what = f"'{name}' holds no labels"
        hint = 'write {"labels": [["file.png", 0], ...]}, as dataset tools do, or give a CSV file'
        raise PoiseError(what, code="data.labels-unreadable", hint=hint) from None


def _read_rows(path: Path) -> Array:
    try:
        array: Array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        why = system_reason(error) if isinstance(error, OSError) else "it is no array of numbers or texts"
        what = f"The labels '{path}' cannot be read"
        hint = "name a CSV file, or a .npy with one a row"
        raise PoiseError(what, code="data.labels-unreadable", why=why, hint=hint) from None
    return array
