"""What a game needs of the data: is it there, and is it of use?"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from poise.data import Condition, Dataset, Labelled, beside_folders, digest_of, survey
from poise.errors import PoiseError
from poise.tasks import Task
from poise.tasks.task import Needs
from poise.text import first_few

NAMED = 5
"""How many names a message lists."""


def prepared(source: Dataset, task: Task, settings: Mapping[str, Any] = MappingProxyType({})) -> Dataset:
    """The source with the conditions that the game needs, and no others.

    Args:
        source: The data, opened.
        task: The kind of game.
        settings: What a person set of the game's own.

    Raises:
        PoiseError: The data have no labels, a class has one sample, there are no pairs or no second domain.
    """
    if task.prepare is not None:
        made: Dataset = task.prepare(source, **task.prepare_settings(settings))
        return made
    return PREPARED[task.needs](source)


def _rows(source: Dataset) -> Dataset:
    if source.condition is not None and source.condition.of_images:
        holds = "pairs of images" if source.condition.paired else "two domains"
        raise PoiseError(
            f"'{source.name}' holds {holds}, and this game makes samples from noise alone",
            code="tasks.condition-not-wanted",
            hint="leave --recipe out, or name one folder without --pairs and --domains",
        )
    return dataclasses.replace(source, condition=None)


def _labels(source: Dataset) -> Dataset:
    condition = source.condition
    if condition is not None and not condition.of_classes and not condition.of_images:
        return source
    return _classes(source)


def _classes(source: Dataset) -> Dataset:
    if source.labels is None:
        raise _unlabelled(source)
    counts = np.bincount(source.labels, minlength=len(source.label_names))
    names = source.label_names or tuple(str(label) for label in range(len(counts)))
    if "" in names:
        bare = [source.files[row] for row in np.flatnonzero(source.labels == names.index("")) if source.files]
        raise PoiseError(
            f"{counts[names.index('')]:,} of the {len(source):,} samples of '{source.name}' have an empty "
            "label",
            code="tasks.empty-label",
            hint="fill them in, or take the samples out",
            details=bare,
        )
    if len(counts) < 2:
        raise PoiseError(
            f"'{source.name}' has a single class, '{names[0]}'",
            code="tasks.single-class",
            why="a condition that never changes says nothing",
            hint="give at least two classes, or leave the condition out: --recipe non-saturating",
        )
    rare = [f"'{name}' ({count})" for name, count in zip(names, counts, strict=True) if count < 2]
    if rare:
        more = f" and {len(rare) - NAMED} more" if len(rare) > NAMED else ""
        raise PoiseError(
            f"{len(rare)} of the {len(counts)} classes of '{source.name}' have fewer than two samples: "
            + ", ".join(rare[:NAMED])
            + more,
            code="tasks.rare-classes",
            hint="give them more, merge them, or take them out",
            details=rare,
        )
    condition = Condition("label", (len(counts),), source.labels.astype(np.int64), names=names)
    return conditioned(source, condition)


def _unlabelled(source: Dataset) -> PoiseError:
    beside = beside_folders(source.files)
    if beside:
        return PoiseError(
            f"{len(beside):,} of the {len(source):,} images of '{source.name}' lie beside the folders of "
            f"classes: {first_few(beside)}",
            code="tasks.images-beside-classes",
            hint="put each into the folder of its class, or take it out",
            details=beside,
        )
    by_folder = "put each class into a folder of its own, or give --labels FILE.csv --label-column NAME"
    return PoiseError(
        f"'{source.name}' has no labels, and this game is played with a condition for each sample",
        code="tasks.no-labels",
        hint=by_folder if source.files else "give one a row: --labels FILE.npy",
    )


def unused_labels(source: Dataset, data: Any, task: Task) -> Dataset:
    """The source with a notice, where somebody gave labels to a game that looks at none.

    Args:
        source: The data, opened.
        data: What a person gave.
        task: The kind of game.
    """
    if not isinstance(data, Labelled) or task.needs != "rows":
        return source
    notice = "The labels do not enter this game, which has no conditions; --recipe conditional has."
    return dataclasses.replace(source, notices=(*source.notices, notice))


def conditioned(source: Dataset, condition: Condition) -> Dataset:
    """The source with a condition for each row, which counts as part of its content.

    Args:
        source: The data.
        condition: What each row is made from.
    """
    facts = [source.fingerprint, list(condition.names), survey(condition.array).digest]
    fingerprint = digest_of(facts)
    return dataclasses.replace(source, condition=condition, fingerprint=fingerprint)


def _pairs(source: Dataset) -> Dataset:
    if source.condition is None or not source.condition.of_images or not source.condition.paired:
        raise PoiseError(
            f"'{source.name}' holds no pairs of images, and this game translates one into the other",
            code="tasks.no-pairs",
            hint="give two folders with the same names: --pairs line/ colour/",
        )
    return source


def _domains(source: Dataset) -> Dataset:
    if source.condition is None or not source.condition.of_images or source.condition.paired:
        raise PoiseError(
            f"'{source.name}' is a single domain, and this game translates between two",
            code="tasks.single-domain",
            hint="give two folders: --domains horses/ zebras/",
        )
    return source


PREPARED: Mapping[Needs, Callable[[Dataset], Dataset]] = {
    "rows": _rows,
    "labels": _labels,
    "classes": _classes,
    "pairs": _pairs,
    "domains": _domains,
}
