"""Batches: reals, latents and randomness as functions of the seed and of how many came before."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from poise.dynamics import Batch
from poise.randomness import derive, numpy_stream
from poise.recipes.settings import Latent

Indices = np.ndarray[Any, np.dtype[np.int64]]


class Rows(Protocol):
    """Data whose rows can be had by number."""

    def __len__(self) -> int:
        """How many."""
        ...

    def gather(self, indices: Indices) -> Tensor:
        """The stored values of those rows."""
        ...


class Encodes(Protocol):
    """From stored values to the networks' space."""

    def encode(self, stored: Tensor) -> Tensor:
        """The values as the networks see them."""
        ...


class Feed:
    """Draws batches for ever; its whole state is how many it has drawn.

    Args:
        rows: The data.
        encoding: From stored values to the networks' space.
        samples: Samples in a batch: the batch size times the packing.
        latent: Where latents are drawn from.
        seed: The run's seed.
        device: Where batches are wanted.
        horizontal_flips: Whether half of the images are mirrored.
        drawn: How many batches came before.
    """

    def __init__(
        self,
        rows: Rows,
        encoding: Encodes,
        *,
        samples: int,
        latent: Latent,
        seed: int,
        device: torch.device,
        horizontal_flips: bool = False,
        drawn: int = 0,
    ) -> None:
        self.rows, self.encoding = rows, encoding
        self.samples, self.latent = samples, latent
        self.seed, self.device = seed, device
        self.horizontal_flips = horizontal_flips
        self.drawn = drawn
        self._randomness = torch.Generator(device)
        self._orders: dict[int, Indices] = {}

    @property
    def epoch_steps(self) -> int:
        """Batches in an epoch."""
        return -(-len(self.rows) // self.samples)

    def next(self, step: int) -> Batch:
        """The next batch.

        Args:
            step: The step of the run that asks, for schedules.

        Returns:
            Reals and as many latents, on the device.
        """
        indices = self._indices(self.drawn * self.samples)
        # One stream a batch: latents are drawn first, so that they do not depend on what penalties draw.
        self._randomness.manual_seed(derive(self.seed, self.drawn, "batch"))
        self.drawn += 1
        latent = latents(self.samples, self.latent, self._randomness)
        stored = self.rows.gather(indices).to(self.device, non_blocking=True)
        real = self.encoding.encode(stored)
        if real.dim() == 4:
            real = real.contiguous(memory_format=torch.channels_last)
        if self.horizontal_flips:
            flip = torch.rand((len(real), 1, 1, 1), generator=self._randomness, device=self.device) < 0.5
            real = torch.where(flip, real.flip(-1), real)
        return Batch(real=real, latent=latent, step=step, generator=self._randomness)

    def _indices(self, start: int) -> Indices:
        """The rows at places `start` to `start + samples` of the endless row of shuffled epochs."""
        size = len(self.rows)
        pieces: list[Indices] = []
        end = start + self.samples
        while start < end:
            epoch, offset = divmod(start, size)
            taken = self._order(epoch)[offset : offset + end - start]
            pieces.append(taken)
            start += len(taken)
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def _order(self, epoch: int) -> Indices:
        if epoch not in self._orders:
            self._orders = {old: order for old, order in self._orders.items() if old == epoch - 1}
            self._orders[epoch] = numpy_stream(self.seed, epoch, "order").permutation(len(self.rows))
        return self._orders[epoch]


def latents(count: int, latent: Latent, generator: torch.Generator) -> Tensor:
    """Draw latents on the generator's device.

    Args:
        count: How many.
        latent: Their size and distribution.
        generator: The randomness.

    Returns:
        `(count, size)`.
    """
    shape = (count, latent.size)
    if latent.distribution == "uniform":
        return torch.rand(shape, generator=generator, device=generator.device) * 2 - 1
    return torch.randn(shape, generator=generator, device=generator.device)
