"""How faults are planted in the data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from poise.data import Dataset
from poise.data.transform import Transform
from poise.training.held_out import split

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True, eq=False)
class Bewitched:
    """Rows that become others once it is armed: what a loader does that shuffles wrongly.

    Attributes:
        source: The data.
        exchange: From the rows asked for and the share of the run that is done to the rows given.
        state: Shared with whoever arms it and tells how far the run is.
    """

    source: Dataset
    exchange: Callable[[Array, float], Array]
    state: dict[str, float] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.source)

    def gather(self, indices: Array) -> Tensor:
        """The rows, or those that it gives in their place."""
        done = self.state.get("done")
        return self.source.gather(indices if done is None else self.exchange(indices, done))


@dataclass(frozen=True)
class Distorted:
    """An encoding with something done to reals after it.

    Attributes:
        transform: The right one.
        distort: What is done, in the networks' space.
    """

    transform: Transform
    distort: Callable[[Tensor], Tensor]

    def encode(self, stored: Tensor) -> Tensor:
        """Reals as the discriminator is shown them."""
        return self.distort(self.transform.encode(stored))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transform, name)


def sorted_rows(source: Dataset) -> Array:
    """The rows' numbers by label, or by the angle of a point, or by the mean of an image."""
    if source.labels is not None:
        return np.asarray(np.argsort(source.labels, kind="stable"))
    rows = source.gather(np.arange(len(source))).float().flatten(1).numpy()
    key = np.arctan2(rows[:, 1], rows[:, 0]) if source.kind == "vector" else rows.mean(1)
    order: Array = np.argsort(key, kind="stable")
    return order


def first_part(source: Dataset, share: float) -> Bewitched:
    """Only the first rows of sorted data are ever shown."""
    order = sorted_rows(source)
    count = max(1, int(share * len(order)))
    return Bewitched(source, lambda indices, done: order[indices % count])


def one_after_another(source: Dataset, parts: int, rounds: int) -> Bewitched:
    """Sorted data that nobody shuffled: one part at a time, round and round."""
    order = sorted_rows(source)
    pieces = np.array_split(order, parts)

    def exchange(indices: Array, done: float) -> Array:
        piece = pieces[int(done * parts * rounds) % parts]
        return np.asarray(piece[indices % len(piece)])

    return Bewitched(source, exchange)


def only(source: Dataset, chosen: Array) -> Bewitched:
    """No rows but those chosen are ever shown."""
    return Bewitched(source, lambda indices, done: chosen[indices % len(chosen)])


def known_rows(source: Dataset, count: int, share: float, seed: int) -> Tensor:
    """Some of the rows that are trained on, in the networks' space."""
    rows = split(len(source), share, seed).training[:count]
    return source.transform.encode(source.gather(rows))


def out_of_range(real: Tensor) -> Tensor:
    """Reals that reach beyond what the generator's tanh can make."""
    return real * 1.8


def framed(real: Tensor) -> Tensor:
    """Reals with a bright frame."""
    real = real.clone()
    real[..., 0, :] = real[..., -1, :] = 1.0
    real[..., :, 0] = real[..., :, -1] = 1.0
    return real


def brightened(real: Tensor) -> Tensor:
    """Reals read as 0 to 1 where the generator makes -1 to 0.5: a sum that was forgotten on one side."""
    return real * 0.5 + 1.0


def unnormalised(real: Tensor) -> Tensor:
    """Reals from 0 to 255, as they lie on the disk."""
    return (real + 1.0) * 127.5


def captioned(real: Tensor) -> Tensor:
    """Reals with a white strip along their lower edge, an eighth of their height."""
    real = real.clone()
    real[..., -max(1, real.shape[-2] // 8) :, :] = 1.0
    return real


def shifted(real: Tensor) -> Tensor:
    """Reals from 0.2 to 2.2: a mean that was taken away on one side alone."""
    return real + 1.2


def some_undefined(real: Tensor) -> Tensor:
    """Reals divided by their deviation, which is 0 for a few of them: one in about fifty becomes NaN."""
    undefined = (real.flatten(1).sum(1).abs() * 997).long() % 50 == 0
    real = real.clone()
    real[undefined] = torch.nan
    return real
