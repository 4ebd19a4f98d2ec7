"""What is known of the data before the first check: reals, held-out reals, and facts fitted to them once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from poise.diagnosis.appearance import grid_of, simple_statistics, summary_of
from poise.diagnosis.distances import (
    Nearest,
    apart,
    cell_centres,
    cell_shares,
    class_means,
    copied_share,
    distances,
    energy_distance,
    features_of,
    labels_followed,
    mean_distance,
    nearest_other_training,
    nearest_others,
    nearest_training,
)
from poise.diagnosis.leaks import Direction, directions

MOST_TRAINING = 2_048  # Training samples among which nearest neighbours are looked for
MOST_PROBED = 256  # Samples of each kind that are compared at a check
MOST_SCORED = 128  # Samples of each kind that the discriminator scores at a check
LEAST = 8  # Fewer reals than this are not compared
LEAST_OTHERS = 32  # Of fewer reals than this no distribution is compared
LEAST_HELD_OUT = 8  # Fewer held-out reals than this are not ranked among others
OTHERS = 4.0  # Standard deviations of chance from which held-out reals are of another distribution
CELLS = 16
DIRECTIONS = 4
# What a check needs of the reals, each of which is worked out once
FITTED = (
    "closeness", "floor", "simple", "summary", "grid", "shares", "directions", "unseen_copied",
    "held_out_apart", "labels_followed",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Reference:
    """Reals to compare with; everything else is worked out on first use."""

    real: Tensor  # `(N, ...)`, training reals in the space that the discriminator sees
    held_out: Tensor | None = None  # `(M, ...)`, reals that are not trained on
    conditions: Tensor | None = None  # `(N,)`, the label of each of `real`
    seed: int = 0  # Decides which of them are used if there are many
    from_loop: bool = False  # Whether they are the loop's own, and were not handed over as the data

    def fit(self) -> Reference:
        """Work out now what checks need, so that none of them has to; but for what augmentations do."""
        if len(self.real) >= LEAST:
            for name in FITTED:
                getattr(self, name)
        return self

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
    def simple(self) -> dict[str, Tensor]:
        """Simple statistics of each of them."""
        return simple_statistics(self.probed)

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
    def summary(self) -> dict[str, float]:
        """Simple statistics of the reals."""
        return summary_of(self.probed)

    @cached_property
    def held_out_apart(self) -> float | None:
        """By how many standard deviations of chance held-out reals differ from training reals."""
        if self.held_out is None or min(len(self.held_out), len(self.training)) < LEAST_OTHERS:
            return None
        return apart(self.compared, self.rows(self.held_out[:MOST_PROBED]))

    @cached_property
    def grid(self) -> float | None:
        """How much of a grid the reals show; `None` if they are no images, or small ones."""
        return grid_of(self.probed)

    @cached_property
    def augmented(self) -> dict[str, Direction]:
        """The ways from these reals to augmented ones; none if they are no images, or small ones."""
        return directions(self.real[self.order[:MOST_PROBED].to(self.real.device)])

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
    def unseen_nearest(self) -> Nearest | None:
        """Where reals lie among the training reals that they are not themselves; `None` of fewer than eight.

        Those are the held-out ones; if there are too few, or if they are of another distribution, each
        training real is left out once, which gives the same law up to one sample.
        """
        fit = (self.held_out_apart or 0.0) <= OTHERS
        if fit and self.held_out is not None and len(self.held_out) >= LEAST_HELD_OUT:
            return nearest_training(self.rows(self.held_out[:MOST_PROBED]), self.training)
        return nearest_other_training(self.training, MOST_PROBED) if len(self.training) >= LEAST else None

    @cached_property
    def unseen_copied(self) -> float | None:
        """The share of unseen reals that would pass for copies: what chance gives."""
        return None if self.unseen_nearest is None else copied_share(self.unseen_nearest)

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
