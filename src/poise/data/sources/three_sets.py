"""Data divided once: rows to train on, rows to choose a checkpoint by, rows to score it on."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from poise.data.dataset import Dataset
from poise.data.rows import Array
from poise.data.sources.layout import rows_of
from poise.errors import PoiseError
from poise.randomness import numpy_stream

LEAST_TRAINED = 64
"""Rows that must be left to train on."""


@dataclass(frozen=True, eq=False)
class ThreeSets:
    """Data of which two parts are kept from training, so that neither choosing nor scoring is on seen rows.

    The division depends on this seed alone, and so does what is drawn of a built-in set: runs with other
    seeds share all three sets.

    Args:
        data: As `open_data` takes them; not pairs or domains.
        seed: Divides the rows.
        choosing: Rows by which a checkpoint is chosen.
        scoring: Rows on which it is scored.
        part: `"training"` are the rows that are trained on, with those for choosing held out; `"scoring"` are
            the rows for scoring.
        rows: How many of the rows that are trained on are used, with classes as often as in all of
            them; `None` for all. A smaller number takes a subset of what a larger one takes.

    Example:
        >>> from poise.data import open_data
        >>> sets = ThreeSets("digits", choosing=300, scoring=300)
        >>> dataset = open_data(sets)
        >>> len(dataset), len(dataset.held_out)
        (1197, 300)
        >>> len(open_data(dataclasses.replace(sets, part="scoring")))
        300
    """

    data: Any
    seed: int = 0
    choosing: int = 1_000
    scoring: int = 1_000
    part: Literal["training", "scoring"] = "training"
    rows: int | None = None


def part_of(dataset: Dataset, sets: ThreeSets) -> Dataset:
    """The part of some data that is asked for.

    Raises:
        PoiseError: They are too few for three sets, or translations, which have held-out data of their own.
    """
    condition = dataset.condition
    if condition is not None and condition.of_images:
        raise PoiseError(
            f"'{dataset.name}' holds images to be made into others, which are not divided into three sets",
            code="data.three-sets-of-translations",
            hint="give a folder of images, an array or a built-in set",
        )
    needed = sets.choosing + sets.scoring + LEAST_TRAINED
    if len(dataset) < needed:
        raise PoiseError(
            f"'{dataset.name}' holds {len(dataset):,} samples, too few for three sets",
            code="data.too-few-for-three-sets",
            why=f"{sets.choosing:,} choose a checkpoint, {sets.scoring:,} score it, and {LEAST_TRAINED} or "
            f"more are trained on: {needed:,} in all",
            hint=f"give {needed:,} samples or more",
        )
    order = numpy_stream(sets.seed, 0, "three sets").permutation(len(dataset))
    scoring, choosing, training = np.split(order, [sets.scoring, sets.scoring + sets.choosing])
    whole = dataclasses.replace(dataset, held_out=None)
    if sets.part == "scoring":
        return rows_of(whole, np.sort(scoring))
    if sets.rows is not None:
        training = _nested(training, dataset.labels)[: sets.rows]
    made = rows_of(whole, np.sort(training))
    notice = f"{len(choosing):,} rows are kept to choose checkpoints by, and {len(scoring):,} to score them."
    return dataclasses.replace(
        made, held_out=rows_of(whole, np.sort(choosing)), notices=(*made.notices, notice)
    )


def _nested(rows: Array, labels: Array | None) -> Array:
    """Rows in an order of which every beginning has each class about as often as all of them."""
    if labels is None or labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        return rows
    _, classes, counts = np.unique(labels[rows], return_inverse=True, return_counts=True)
    by_class = np.argsort(classes, kind="stable")
    places = np.empty(len(rows))
    starts = np.cumsum(counts) - counts
    ordered = classes[by_class]
    places[by_class] = (np.arange(len(rows)) - starts[ordered] + 0.5) / counts[ordered]
    return rows[np.argsort(places, kind="stable")]
