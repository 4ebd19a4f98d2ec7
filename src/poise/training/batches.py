"""Batches: reals and latents as functions of the seed and of how many came before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from poise.data import Condition, Dataset, Transform, kind_of, spec_of
from poise.dynamics import Batch
from poise.randomness import derive, numpy_stream, secret_stream
from poise.recipes import Recipe
from poise.recipes.settings import Jitter, Latent
from poise.tasks import TASKS
from poise.tasks.held_out import Indices, split
from poise.tasks.task import Drawing
from poise.training.components import run_images
from poise.training.jitter import draw_jitter, jittered, shifted

STILL = Jitter()


class Rows(Protocol):
    """Data whose rows can be had by number, stored as they came."""

    def __len__(self) -> int:
        """How many."""
        ...

    def gather(self, indices: Indices) -> Tensor:
        """The stored values of those rows."""
        ...


@dataclass(frozen=True)
class Draw:
    """What a batch is made of.

    Attributes:
        indices: The rows.
        latent: As many latents.
        condition: Conditions that were drawn with the rows, as they are stored.
        images_seen: Rows that were drawn before.
    """

    indices: Indices
    latent: Tensor
    condition: Tensor | None
    images_seen: int


class BatchSampler:
    """Draws batches for ever; its whole state is how many it has drawn.

    Args:
        rows: The data.
        transform: From stored values to the networks' space.
        samples: Samples in a batch: the batch size times the packing.
        latent: Where latents are drawn from.
        seed: The run's seed.
        device: Where batches are wanted.
        horizontal_flips: Whether half of the images are mirrored; a condition that is an image goes with its
            sample, or by a draw of its own if it has none.
        jitter: How far images are moved and scaled, conditions alike.
        drawn: How many batches came before.
        run_images: Samples in the whole run, for schedules.
        conditions: What samples are made from; beside the rows, or in an order of their own.
        chosen: The rows that are drawn, with their conditions, as if they were all.
        vary: What changes the stored values of reals in every batch, if they have several forms.
        drawing: Draws the rows of a batch and their conditions, in the place of epochs of all rows.
    """

    def __init__(
        self,
        rows: Rows,
        transform: Transform,
        *,
        samples: int,
        latent: Latent,
        seed: int,
        device: torch.device,
        horizontal_flips: bool = False,
        jitter: Jitter = STILL,
        drawn: int = 0,
        run_images: int = 0,
        conditions: Condition | None = None,
        chosen: Indices | None = None,
        vary: Callable[[Tensor, torch.Generator], Tensor] | None = None,
        drawing: Drawing | None = None,
    ) -> None:
        self.drawing = drawing
        self.rows, self.transform = rows, transform
        self.samples, self.latent = samples, latent
        self.seed, self.device = seed, device
        self.horizontal_flips = horizontal_flips
        self.jitter = jitter
        self.drawn, self.run_images = drawn, run_images
        self.conditions, self.chosen, self.vary = conditions, chosen, vary
        self._randomness = torch.Generator(device)
        self._orders: dict[tuple[str, int], Indices] = {}

    @property
    def epoch_steps(self) -> int:
        """Batches in an epoch."""
        return -(-self._count // self.samples)

    @property
    def _count(self) -> int:
        return len(self.rows) if self.chosen is None else len(self.chosen)

    def next(self, step: int) -> Batch:
        """The next batch: reals and as many latents, on the device; `step` is for schedules."""
        draw = self.draw()
        return self.batch(draw, self.encoded(draw.indices), step)

    def draw(self) -> Draw:
        """What the next batch is made of; many games have their rows fetched at once."""
        start = self.drawn * self.samples
        if self.drawing is None:
            indices = self._indices(start, self._count, "order")
            indices, drawn = indices if self.chosen is None else self.chosen[indices], None
        else:
            indices, drawn = self.drawing(self.drawn, self.samples)
        # One stream a batch: latents are drawn first, so that they do not depend on what penalties draw.
        self._randomness.manual_seed(derive(self.seed, self.drawn, "batch"))
        self.drawn += 1
        return Draw(indices, latents(self.samples, self.latent, self._randomness), drawn, start)

    def encoded(self, indices: Indices) -> Tensor:
        """Reals of some rows, on the device."""
        stored = self._moved(self.rows.gather(indices))
        stored = stored if self.vary is None else self.vary(stored, self._randomness)
        return self._laid_out(self.transform.encode(stored))

    def batch(self, draw: Draw, real: Tensor, step: int) -> Batch:
        """The batch of what was drawn and its reals, as `encoded` makes them."""
        if draw.condition is None:
            condition = self._conditions(draw.indices, draw.images_seen)
        else:
            condition = self._moved(draw.condition)
        real, condition = self._augmented(real, condition)
        return Batch(
            real=real,
            latent=draw.latent,
            step=step,
            generator=self._randomness,
            condition=condition,
            images_seen=draw.images_seen,
            run_images=self.run_images,
        )

    def _augmented(self, real: Tensor, condition: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Mirrored, moved and scaled; a condition that is an image goes with its sample."""
        image = condition if condition is not None and condition.dim() == 4 else None
        together = self.conditions is not None and self.conditions.paired
        drawn_for = [real] if image is None or together else [real, image]
        flips = [self._flip(len(one)) for one in drawn_for]
        places = [self._places(one) for one in drawn_for]
        real = self._changed(real, flips[0], places[0])
        return real, condition if image is None else self._changed(image, flips[-1], places[-1])

    def _changed(self, images: Tensor, flip: Tensor | None, places: Tensor | None) -> Tensor:
        if places is not None and not self.jitter.scale:
            return self._laid_out(shifted(images, places[:, 1:], flip))
        if flip is not None:
            images = torch.where(flip[:, :, None, None], images.flip(-1), images)
        return images if places is None else self._laid_out(jittered(images, places))

    def _flip(self, count: int) -> Tensor | None:
        if not self.horizontal_flips:
            return None
        return torch.rand((count, 1), generator=self._randomness, device=self.device) < 0.5

    def _places(self, images: Tensor) -> Tensor | None:
        if self.jitter == STILL:
            return None
        return draw_jitter(len(images), min(images.shape[-2:]), self.jitter, self._randomness)

    def _conditions(self, indices: Indices, start: int) -> Tensor | None:
        if self.conditions is None:
            return None
        if not self.conditions.paired:
            indices = self._indices(start, len(self.conditions), "order of conditions")
        return self._laid_out(self.conditions.encode(self._moved(self.conditions.gather(indices))))

    def _moved(self, stored: Tensor) -> Tensor:
        if self.device.type == "cuda":  # from other memory the copy would be waited for
            stored = stored.pin_memory()
        return stored.to(self.device, non_blocking=True)

    def _laid_out(self, values: Tensor) -> Tensor:
        return values.contiguous(memory_format=torch.channels_last) if values.dim() == 4 else values

    def _indices(self, start: int, size: int, purpose: str) -> Indices:
        """The rows at places `start` to `start + samples` of the endless row of shuffled epochs."""
        pieces: list[Indices] = []
        end = start + self.samples
        while start < end:
            epoch, offset = divmod(start, size)
            taken = self._order(epoch, size, purpose)[offset : offset + end - start]
            pieces.append(taken)
            start += len(taken)
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def _order(self, epoch: int, size: int, purpose: str) -> Indices:
        key = purpose, epoch
        if key not in self._orders:
            self._orders = {
                old: order for old, order in self._orders.items() if old[0] != purpose or old[1] == epoch - 1
            }
            self._orders[key] = numpy_stream(self.seed, epoch, purpose).permutation(size)
        return self._orders[key]


class PoissonBatches:
    """Draws batches in which each row is by itself, with the same probability; its state is how many.

    A batch has twice its share of latents: as many as are expected first, for the generator, and then one for
    each real. Everything is drawn from a secret, since who knows the draws can take the noise off.

    Args:
        rows: The data.
        transform: From stored values to the networks' space.
        samples: Reals in a batch, on average.
        latent: Where latents are drawn from.
        secret: What everything is drawn from.
        device: Where batches are wanted.
        drawn: How many batches came before.
        run_images: Samples in the whole run, for schedules.

    Source: Abadi et al. 2016, section 2.2; Mironov, Talwar and Zhang 2019 on what the sampling is worth.
    """

    def __init__(
        self,
        rows: Rows,
        transform: Transform,
        *,
        samples: int,
        latent: Latent,
        secret: int,
        device: torch.device,
        drawn: int = 0,
        run_images: int = 0,
    ) -> None:
        self.rows, self.transform = rows, transform
        self.samples, self.latent = samples, latent
        self.secret, self.device = secret, device
        self.drawn, self.run_images = drawn, run_images
        self._randomness = torch.Generator(device)

    @property
    def epoch_steps(self) -> int:
        """Batches in which as many reals are expected as there are."""
        return -(-len(self.rows) // self.samples)

    def next(self, step: int) -> Batch:
        """The next batch; `step` is for schedules."""
        stream = secret_stream(self.secret, self.drawn, "batch")
        chosen = np.flatnonzero(stream.random(len(self.rows)) < self.samples / len(self.rows))
        self._randomness.manual_seed(int(stream.integers(2**63)))
        start = self.drawn * self.samples
        self.drawn += 1
        return Batch(
            real=self.transform.encode(self.rows.gather(chosen).to(self.device)),
            latent=latents(self.samples + len(chosen), self.latent, self._randomness),
            step=step,
            generator=self._randomness,
            images_seen=start,
            run_images=self.run_images,
        )


def latents(count: int, latent: Latent, generator: torch.Generator) -> Tensor:
    """Draw latents `(count, latent.size)` on the generator's device."""
    shape = (count, latent.size)
    if latent.distribution == "uniform":
        return torch.rand(shape, generator=generator, device=generator.device) * 2 - 1
    return torch.randn(shape, generator=generator, device=generator.device)


def training_batches(recipe: Recipe, dataset: Dataset, device: torch.device, *, drawn: int) -> BatchSampler:
    """Batches of the rows that a run is trained on, after `drawn` others."""
    rows = split(len(dataset), recipe.held_out, recipe.seed)
    chosen = rows.training if len(rows.held_out) else None
    draws = TASKS.named(recipe.game.name).draws
    return BatchSampler(
        dataset,
        dataset.transform,
        samples=recipe.batch_size * recipe.packing,
        latent=recipe.latent,
        seed=recipe.seed,
        device=device,
        horizontal_flips=recipe.horizontal_flips,
        jitter=recipe.jitter,
        drawn=drawn,
        run_images=run_images(recipe),
        conditions=dataset.condition,
        chosen=chosen,
        vary=kind_of(dataset).vary,
        drawing=draws and draws(dataset, spec_of(dataset).spans, chosen, recipe.seed),
    )


def batches_of(
    recipe: Recipe, dataset: Dataset, device: torch.device, *, drawn: int
) -> BatchSampler | PoissonBatches:
    """The same for one run, whose rows may be private."""
    if dataset.secret is None:
        return training_batches(recipe, dataset, device, drawn=drawn)
    return PoissonBatches(
        dataset,
        dataset.transform,
        samples=recipe.batch_size,
        latent=recipe.latent,
        secret=dataset.secret,
        device=device,
        drawn=drawn,
        run_images=run_images(recipe),
    )
