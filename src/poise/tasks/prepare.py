"""Prepare the data for a game, and refuse data that do not fit it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from poise.data import (
    Condition,
    Dataset,
    Labelled,
    beside_folders,
    digest_of,
    kind_of,
    separator_of,
    survey,
    with_own_labels,
)
from poise.errors import PoiseError
from poise.tasks import Task
from poise.tasks.task import Needs
from poise.text import first_few

NAMED = 5
"""How many names a message lists."""


def prepared(dataset: Dataset, task: Task, settings: Mapping[str, Any] = MappingProxyType({})) -> Dataset:
    """The dataset with the conditions that the game needs, and no others.

    Args:
        dataset: The data, opened.
        task: The kind of game.
        settings: What a user set of the game's own.

    Raises:
        PoiseError: The data have no labels, a class has one sample, there are no pairs or no second domain.
    """
    advice = kind_of(dataset).advice(dataset)
    dataset = dataclasses.replace(dataset, notices=(*dataset.notices, *advice))
    if task.prepare is not None:
        dataset = task.prepare(dataset, **task.prepare_settings(settings))
        if dataset.condition is not None:
            return dataset
    return PREPARED[task.needs](dataset)


def _rows(dataset: Dataset) -> Dataset:
    if dataset.condition is not None and dataset.condition.of_images:
        holds = "pairs of images" if dataset.condition.paired else "two domains"
        raise PoiseError(
            f"'{dataset.name}' holds {holds}, and this game makes samples from noise alone",
            code="tasks.condition-not-wanted",
            hint="leave --recipe out, or name one folder without --pairs and --domains",
        )
    apart = None if dataset.held_out is None else dataclasses.replace(dataset.held_out, condition=None)
    return dataclasses.replace(dataset, condition=None, held_out=apart)


def _labels(dataset: Dataset) -> Dataset:
    dataset = with_own_labels(dataset)
    condition = dataset.condition
    if condition is not None and not condition.of_classes and not condition.of_images:
        return dataset
    return _conditioned_by_class(dataset)


def _classes(dataset: Dataset) -> Dataset:
    dataset = with_own_labels(dataset)
    separator = separator_of(dataset.label_names)
    if separator is not None:
        several = next(text for text in dataset.label_names if separator in text)
        raise PoiseError(
            f"The labels of '{dataset.name}' are lists of tags, and this game needs one class a sample",
            code="tasks.labels-are-tags",
            why=f"'{several}' holds several, separated by '{separator}'",
            hint="use --recipe anime or conditional, which take tags; if each text is the name of a class, "
            f"write it without '{separator}'",
        )
    return _conditioned_by_class(dataset)


def _conditioned_by_class(dataset: Dataset) -> Dataset:
    if dataset.labels is None:
        raise _unlabelled(dataset)
    counts = np.bincount(dataset.labels, minlength=len(dataset.label_names))
    names = dataset.label_names or tuple(str(label) for label in range(len(counts)))
    if "" in names:
        bare = [
            dataset.files[row] for row in np.flatnonzero(dataset.labels == names.index("")) if dataset.files
        ]
        raise PoiseError(
            f"{counts[names.index('')]:,} of the {len(dataset):,} samples of '{dataset.name}' have an empty "
            "label",
            code="tasks.empty-label",
            hint="fill them in, or take the samples out",
            details=bare,
        )
    if len(counts) < 2:
        raise PoiseError(
            f"'{dataset.name}' has a single class, '{names[0]}'",
            code="tasks.single-class",
            why="a condition that never changes says nothing",
            hint="give at least two classes, or leave the condition out: --recipe non-saturating",
        )
    rare = [f"'{name}' ({count})" for name, count in zip(names, counts, strict=True) if count < 2]
    if rare:
        more = f" and {len(rare) - NAMED} more" if len(rare) > NAMED else ""
        raise PoiseError(
            f"{len(rare)} of the {len(counts)} classes of '{dataset.name}' have fewer than two samples: "
            + ", ".join(rare[:NAMED])
            + more,
            code="tasks.rare-classes",
            hint="give them more, merge them, or take them out",
            details=rare,
        )
    held_out, labels = dataset.held_out, [dataset.labels]
    if held_out is not None and held_out.labels is not None:
        labels.append(held_out.labels)
    condition = Condition("label", (len(counts),), np.concatenate(labels).astype(np.int64), names=names)
    if held_out is None:
        return conditioned(dataset, condition)
    first, rest = np.split(np.arange(len(condition.array)), [len(dataset)])
    apart = dataclasses.replace(held_out, condition=dataclasses.replace(condition, rows=rest))
    made = conditioned(dataset, dataclasses.replace(condition, rows=first))
    return dataclasses.replace(made, held_out=apart)


def _unlabelled(dataset: Dataset) -> PoiseError:
    if dataset.condition is not None:
        return PoiseError(
            f"The labels of '{dataset.name}' are numbers, and this game needs classes",
            code="tasks.labels-are-numbers",
            hint="use --recipe conditional, which takes numbers, or name the classes",
        )
    beside = beside_folders(dataset.files)
    if beside:
        return PoiseError(
            f"{len(beside):,} of the {len(dataset):,} images of '{dataset.name}' lie beside the folders of "
            f"classes: {first_few(beside)}",
            code="tasks.images-beside-classes",
            hint="put each into the folder of its class, or take it out",
            details=beside,
        )
    by_folder = "put each class into a folder of its own, or give --labels FILE.csv --label-column NAME"
    return PoiseError(
        f"'{dataset.name}' has no labels, and this game needs a condition for each sample",
        code="tasks.no-labels",
        hint=by_folder if dataset.files else "give one a row: --labels FILE.npy",
    )


def unused_labels(dataset: Dataset, data: Any, task: Task) -> Dataset:
    """The dataset with a notice if labels were given to a game that uses none.

    Args:
        dataset: The data, opened.
        data: What a user gave.
        task: The kind of game.
    """
    if not isinstance(data, Labelled) or task.needs != "rows":
        return dataset
    notice = "The labels do not enter this game, which has no conditions; --set game=conditional has."
    return dataclasses.replace(dataset, notices=(*dataset.notices, notice))


def conditioned(dataset: Dataset, condition: Condition) -> Dataset:
    """The dataset with a condition for each row, which counts as part of its content.

    Args:
        dataset: The data.
        condition: What each row is made from.
    """
    facts = [dataset.fingerprint, list(condition.names), survey(condition.array).digest]
    fingerprint = digest_of(facts)
    return dataclasses.replace(dataset, condition=condition, fingerprint=fingerprint)


def _pairs(dataset: Dataset) -> Dataset:
    if dataset.condition is None or not dataset.condition.of_images or not dataset.condition.paired:
        raise PoiseError(
            f"'{dataset.name}' holds no pairs of images, and this game translates one into the other",
            code="tasks.no-pairs",
            hint="give two folders with the same names: --pairs line/ colour/",
        )
    return dataset


def _domains(dataset: Dataset) -> Dataset:
    if dataset.condition is None or not dataset.condition.of_images or dataset.condition.paired:
        raise PoiseError(
            f"'{dataset.name}' is a single domain, and this game translates between two",
            code="tasks.single-domain",
            hint="give two folders: --domains horses/ zebras/, or --domains data/trainA data/trainB",
        )
    return dataset


PREPARED: Mapping[Needs, Callable[[Dataset], Dataset]] = {
    "rows": _rows,
    "labels": _labels,
    "classes": _classes,
    "pairs": _pairs,
    "domains": _domains,
}
