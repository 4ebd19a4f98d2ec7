"""What trials are ranked by: the lower, the better."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from poise.errors import PoiseError
from poise.registry import Registry

if TYPE_CHECKING:
    from poise.data import Dataset
    from poise.evaluation.subjects import Subject

FRECHET = "frechet-distance"

SAMPLES = 512
"""Samples and triangles of a trial; their latents are searched, which takes seconds."""


@dataclass(frozen=True)
class Criterion:
    """A row of `CRITERIA`.

    Attributes:
        name: What people type: the metric's name.
        words: What the score is, for the protocol.
        short: The same for the axis of a picture.
        suits: Whether it can be measured on these data.
        more: What it measures beyond the metrics that every trial has, by name: of a subject, the rows that
            score, and a seed. `None` for nothing.
        score: From all these numbers to the score.
    """

    name: str
    words: str
    short: str
    suits: Callable[[Dataset], bool]
    more: Callable[[Subject, Dataset, int], Mapping[str, float]] | None
    score: Callable[[Mapping[str, float]], float]


def _triangles(subject: Subject, scoring: Dataset, seed: int) -> Mapping[str, float]:
    from poise.evaluation.known_truth import measured_triangles  # noqa: PLC0415 - a status needs no torch

    return measured_triangles(subject, scoring, samples=SAMPLES, seed=seed, replicates=0).values


def _are_triangles(data: Dataset) -> bool:
    from poise.evaluation.known_truth import is_triangles  # noqa: PLC0415 - a status needs no torch

    return is_triangles(data)


CRITERIA: Registry[Criterion] = Registry(
    "criterion",
    [
        Criterion(
            FRECHET,
            "the Fréchet distance in the default features of the data: lower is better, and it is not "
            "comparable to distances in other features, such as published FIDs",
            "Fréchet distance",
            suits=lambda data: True,
            more=None,
            score=lambda values: values[FRECHET],
        ),
        Criterion(
            "triangle-f1",
            "1 - F1 of precision and recall to the manifold of triangles (Lucic et al. 2018): lower is "
            "better, and 0 is a generator of all triangles and of nothing else",
            "1 - F1",
            suits=_are_triangles,
            more=_triangles,
            score=lambda values: 1 - values["triangle_f1"],
        ),
    ],
)


def criterion_for(name: str, data: Dataset) -> Criterion:
    """The criterion of that name.

    Raises:
        PoiseError: There is none, or it cannot be measured on these data.
    """
    found = CRITERIA.named(name.replace("_", "-"))
    if not found.suits(data):
        raise PoiseError(
            f"Trials on '{data.name}' cannot be ranked by '{found.name}'",
            code="studies.criterion-unfit",
            why="it needs data whose truth is known: the built-in triangles",
            hint=f"leave --criterion out, for '{FRECHET}'",
        )
    return found
