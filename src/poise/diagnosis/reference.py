"""What is known of the data before the first check: reals, held-out reals, and facts fitted to them once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from poise.diagnosis.samples import (
    Nearest,
    cell_centres,
    cell_shares,
    class_means,
    copied_share,
    distances,
    energy_distance,
    features_of,
    labels_followed,
    mean_distance,
    nearest_others,
    nearest_training,
)

MOST_TRAINING = 2_048  # Training samples among which nearest neighbours are looked for
MOST_PROBED = 256  # Samples of each kind that are compared at a check
MOST_SCORED = 128  # Samples of each kind that the discriminator scores at a check
LEAST = 8  # Fewer reals than this are not compared
LEAST_OTHERS = 32  # Fewer held-out reals than this are not compared
CELLS = 16
DIRECTIONS = 4


@dataclass(frozen=True, eq=False)
class Reference:
    """Reals to compare with; everything else is worked out on first use."""

    real: Tensor  # `(N, ...)`, training reals in the space that the discriminator sees
    held_out: Tensor | None = None  # `(M, ...)`, reals that are not trained on
    conditions: Tensor | None = None  # `(N,)`, the label of each of `real`
    seed: int = 0  # Decides which of them are used if there are many

    @cached_property
    def order(self) -> Tensor:
        """Numbers of the reals that are used, in an order of chance."""
        stream = torch.Generator().manual_seed(self.seed)
        return torch.randperm(len(self.real), generator=stream)[:MOST_TRAINING]

    @cached_property
    def probed(self) -> Tensor:
        """Training reals that are scored and probed, as they are."""
        return self.real[self.order[:MOST_SCORED].to(self.real.device)]

    @cached_property
    def probed_held_out(self) -> Tensor | None:
        """The same of the held-out reals."""
        return None if self.held_out is None else self.held_out[:MOST_SCORED]

    @cached_property
    def _raw(self) -> Tensor:
        return features_of(self.real[self.order.to(self.real.device)])

    @cached_property
    def scale(self) -> float:
        """What features are divided by: their deviation over all columns."""
        return max(float(self._raw.std()), 1e-6)

    def rows(self, samples: Tensor) -> Tensor:
        """Samples as the rows that are compared."""
        return features_of(samples) / self.scale

    @cached_property
    def training(self) -> Tensor:
        """Rows of all training reals that are used."""
        return self._raw / self.scale

    @cached_property
    def compared(self) -> Tensor:
        """Rows of those that fakes are compared with at a check."""
        return self.training[:MOST_PROBED]

    @cached_property
    def pairs(self) -> Tensor:
        """The distances between them."""
        return distances(self.compared, self.compared)

    @cached_property
    def mean_distance(self) -> float:
        """The mean distance of two reals."""
        return max(mean_distance(self.pairs), 1e-9)

    @cached_property
    def closeness(self) -> float:
        """Below this distance two samples are twins: a tenth of the usual one to a real's nearest other."""
        return 0.1 * max(float(nearest_others(self.pairs).median()), 1e-3 * self.mean_distance)

    @cached_property
    def floor(self) -> float | None:
        """The energy distance of other reals; `None` if there are too few."""
        others = self.training[MOST_PROBED : 2 * MOST_PROBED]
        if len(others) < LEAST_OTHERS and self.held_out is not None:
            others = self.rows(self.held_out[:MOST_PROBED])
        return self.distance_to(others, distances(others, others)) if len(others) >= LEAST_OTHERS else None

    def distance_to(self, rows: Tensor, pairs: Tensor) -> float:
        """The energy distance of rows, whose distances are `pairs`, to the reals."""
        return energy_distance(distances(rows, self.compared), mean_distance(pairs), self.mean_distance)

    @cached_property
    def centres(self) -> Tensor:
        """Centres of the cells."""
        return cell_centres(self.training[: 4 * MOST_PROBED], min(CELLS, max(2, len(self.training) // 4)))

    @cached_property
    def shares(self) -> tuple[float, ...]:
        """The share of the reals in each cell."""
        return cell_shares(self.training[: 4 * MOST_PROBED], self.centres)

    @cached_property
    def directions(self) -> tuple[Tensor, Tensor, Tensor]:
        """The reals' mean, their main directions `(d, k)`, and their deviation along each."""
        rows = self.training
        mean = rows.mean(0)
        values, vectors = torch.linalg.eigh((rows - mean).T @ (rows - mean) / (len(rows) - 1))
        count = min(DIRECTIONS, len(values))
        return mean, vectors[:, -count:].flip(1), values[-count:].flip(0).clamp_min(1e-12).sqrt()

    def centre_of(self, rows: Tensor) -> tuple[float, ...]:
        """The mean of rows along the main directions, in the reals' deviations."""
        mean, vectors, deviations = self.directions
        return tuple((((rows.mean(0) - mean) @ vectors) / deviations).tolist())

    @cached_property
    def held_out_nearest(self) -> Nearest | None:
        """Where held-out reals lie among the training reals."""
        if self.held_out is None or len(self.held_out) < LEAST_OTHERS:
            return None
        return nearest_training(self.rows(self.held_out[:MOST_PROBED]), self.training)

    @cached_property
    def held_out_copied(self) -> float | None:
        """The share of held-out reals that would pass for copies: what chance gives."""
        return None if self.held_out_nearest is None else copied_share(self.held_out_nearest)

    @cached_property
    def labels(self) -> Tensor | None:
        """The label of each of the rows, if conditions are labels."""
        if self.conditions is None or self.conditions.dim() != 1 or self.conditions.is_floating_point():
            return None
        return self.conditions[self.order.to(self.conditions.device)].cpu()

    @cached_property
    def classes(self) -> tuple[Tensor, Tensor] | None:
        """Labels and class means, of the half of the rows that the judge learns from."""
        if self.labels is None:
            return None
        half = len(self.training) // 2
        return class_means(self.training[:half], self.labels[:half])

    @cached_property
    def labels_followed(self) -> float | None:
        """The share of the other half of the reals that the judge assigns rightly."""
        if self.classes is None or self.labels is None:
            return None
        half = len(self.training) // 2
        return labels_followed(self.training[half:], self.labels[half:], *self.classes)


Note = Callable[[str, str], None]  # Takes the name of what could not be used, and why


def samples_of(name: str, given: Any, note: Note) -> Tensor | None:
    """Samples as a detached tensor `(N, ...)`; `None`, and a note, if they are none."""
    if given is None:
        return None
    try:
        found = given if isinstance(given, Tensor) else torch.as_tensor(given)
    except Exception as error:
        note(name, f"it is no tensor ({type(error).__name__}: {error})")
        return None
    if found.dim() and len(found):
        return found.detach()
    note(name, f"it holds no samples: its shape is {tuple(found.shape)}")
    return None


def only_samples(made: Any) -> Tensor:
    """The samples that a generator returned, as a detached tensor; of a tuple or a list, its first entry."""
    if isinstance(made, tuple | list) and made:
        made = made[0]
    if isinstance(made, Tensor):
        return made.detach()
    try:
        return torch.as_tensor(made)
    except Exception:
        raise TypeError(f"samples of type {type(made).__name__}") from None


def reference_of(
    real: Tensor | None, held_out: Tensor | None, conditions: Tensor | None, note: Note
) -> Reference | None:
    """The reference of reals that are fit for it; the rest is noted.

    Args:
        real: Reals `(N, ...)`; rows that are not finite are left out.
        held_out: Held-out reals `(M, ...)`, of the same shape.
        conditions: The label of each of `real`, `(N,)` integers.
        note: Takes what is left out.
    """
    if real is None:
        return None
    if conditions is not None and (why := _no_labels(conditions, len(real))):
        note("conditions", why)
        conditions = None
    if held_out is not None and held_out.shape[1:] != real.shape[1:]:
        shapes = f"{tuple(held_out.shape[1:])} and reals {tuple(real.shape[1:])}"
        note("held_out", f"held-out samples have the shape {shapes}")
        held_out = None
    sound = _finite_rows("real", real, note)
    if sound is not None:
        real = real[sound]
        conditions = None if conditions is None else conditions[sound.to(conditions.device)]
    if held_out is not None and (sound := _finite_rows("held_out", held_out, note)) is not None:
        held_out = held_out[sound]
    return Reference(real, held_out, conditions) if len(real) else None


def _no_labels(conditions: Tensor, count: int) -> str | None:
    if conditions.dim() != 1 or conditions.is_floating_point() or conditions.is_complex():
        kind = f"{tuple(conditions.shape)} of {str(conditions.dtype).removeprefix('torch.')}"
        return f"a whole number for each of the reals is wanted, and its shape is {kind}"
    return None if len(conditions) == count else f"there are {len(conditions)} for {count} reals"


def _finite_rows(name: str, samples: Tensor, note: Note) -> Tensor | None:
    """Which rows hold finite values alone; `None` if all do."""
    sound = torch.isfinite(samples).reshape(len(samples), -1).all(1)
    broken = len(samples) - int(sound.sum())
    if not broken:
        return None
    note(name, f"{broken} of {len(samples)} samples hold values that are not finite, and are left out")
    return sound
