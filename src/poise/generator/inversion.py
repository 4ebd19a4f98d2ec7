"""Inversion: from pictures to the latents or styles whose samples are nearest to them.

Many starts of each picture are searched at once, as rows of one batch that do not depend on each other. An
encoder that was trained on the generator's own samples gives the first start. Steps of Gauss-Newton often
take it all of the way. If they do not, samples that resemble the picture give half of the other starts,
chance gives the rest, and all are searched by Adam: half of them are dropped, and half again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from poise.generator.encoder import STEPS, Encoder, trained_encoder
from poise.generator.gauss_newton import ITERATIONS, MOST_COORDINATES, refined
from poise.generator.likeness import Likeness
from poise.generator.spaces import Space, samples_of
from poise.randomness import derive, torch_stream

if TYPE_CHECKING:
    from pathlib import Path

POOL = 1024  # Samples among which those that resemble a picture are looked for
COMPARED = 16  # Pixels of a side at which they are compared
HALVE_EVERY = 50  # Steps after which the worse half of the starts is dropped
FINALISTS = 2  # Starts that are refined: the better one after Adam may have the worse end
WARM_UP, COOL_DOWN = 0.05, 0.5  # The shares of the steps over which the step size rises and falls
BETAS = 0.9, 0.99
ROWS = 512  # Starts that are searched at once, of images of 32x32
LEVEL = 2 / 255  # A level of 8 bits in the networks' space
TOLERANCE = 0.5
"""Levels of 8 bits: what rounding changes at most. A picture is found if its error is no larger."""

OnStep = Callable[[float], None]
"""Called with the share that is done, from 0 to 1."""


@dataclass(frozen=True)
class Search:
    """How pictures are searched for.

    Attributes:
        starts: Starts for each picture.
        steps: Updates of a start that is never dropped.
        learning_rate: Of Adam, in standard deviations of a coordinate.
        encoder_steps: Batches that the encoder is trained for; 0 for no encoder.
        refinements: Steps of Gauss-Newton from the encoder's guess, and at the end, if there are few enough
            coordinates.
        seed: Draws the starts.
    """

    starts: int = 8
    steps: int = 200
    learning_rate: float = 0.1
    encoder_steps: int = STEPS
    refinements: int = ITERATIONS
    seed: int = 0

    def rate(self, step: int) -> float:
        """The learning rate of a step: it rises, stays, and falls to 0 as a cosine.

        Example:
            >>> [round(Search(steps=100).rate(step), 3) for step in (0, 4, 50, 75, 99)]
            [0.02, 0.1, 0.1, 0.05, 0.0]
        """
        rise = min(1.0, (step + 1) / (WARM_UP * self.steps))
        fall = min(1.0, (self.steps - step) / (COOL_DOWN * self.steps))
        return self.learning_rate * rise * (0.5 - 0.5 * math.cos(math.pi * fall))

    def left(self, step: int) -> int:
        """How many starts of a picture are searched at a step."""
        return max(min(FINALISTS, self.starts), self.starts >> (step // HALVE_EVERY))

    @property
    def work(self) -> int:
        """Updates of starts for one picture."""
        return sum(map(self.left, range(self.steps)))


@dataclass(frozen=True)
class Found:
    """What a search found for each picture, by row."""

    coordinates: Tensor  # `(N, *space.shape)`
    condition: Tensor | None  # `(N, condition_size)`
    images: Tensor  # `(N, C, H, W)` in [-1, 1]
    loss: Tensor  # `(N,)`
    spread: Tensor  # `(N,)`: the deviation in decibels among the starts when the first half is dropped, or 0

    @staticmethod
    def joined(parts: list[Found]) -> Found:
        """The rows of several."""
        conditions = [part.condition for part in parts if part.condition is not None]
        return Found(
            torch.cat([part.coordinates for part in parts]),
            torch.cat(conditions) if conditions else None,
            torch.cat([part.images for part in parts]),
            torch.cat([part.loss for part in parts]),
            torch.cat([part.spread for part in parts]),
        )


@dataclass(frozen=True)
class Starts:
    """Where searches of a generator begin: its samples that resemble a picture, and an encoder."""

    space: Space
    coordinates: Tensor  # Of `POOL` samples
    condition: Tensor | None
    small: Tensor  # The samples, few pixels wide, `(POOL, numbers)`
    encoder: Encoder | None

    @staticmethod
    @torch.no_grad()
    def of(
        space: Space,
        search: Search,
        *,
        label: str | None = None,
        tags: str | None = None,
        cache: Path | None = None,
        on_step: OnStep | None = None,
    ) -> Starts:
        """Draw the samples, and train the encoder."""
        encoder = None
        if search.encoder_steps:
            report = None if on_step is None else (lambda done, total: on_step(done / total))
            encoder = trained_encoder(space, steps=search.encoder_steps, cache=cache, on_step=report)
        seed = derive(search.seed, 0, "starts") % 2**31
        latent, condition = samples_of(space.generator, POOL, seed=seed, label=label, tags=tags)
        coordinates = space.coordinates(latent, condition)
        small = torch.cat([_small(space.images(*piece)) for piece in _pieces(coordinates, condition)])
        return Starts(space, coordinates, condition, small, encoder)

    @torch.no_grad()
    def choose(self, targets: Tensor, count: int) -> tuple[Tensor, Tensor | None]:
        """Starts `(N, count, *shape)` and their conditions `(N, count, size)` for targets `(N, C, H, W)`."""
        apart = torch.cdist(_small(targets), self.small)
        near = apart.topk(max(1, count // 2), dim=1, largest=False).indices
        others = torch.arange(count, device=near.device).expand(len(near), -1)
        # The first start is the nearest sample, unless there is an encoder, whose class is that sample's
        places = torch.cat([near[:, :1], near, others], 1)[:, int(self.encoder is None) :][:, :count]
        starts = self.coordinates[places]
        if self.encoder is not None:
            guess = self.encoder(targets)
            starts[:, 0] = guess[:, None] if starts.dim() == 4 else guess
        return starts, None if self.condition is None else self.condition[places]


def find(
    starts: Starts,
    targets: Tensor,
    likeness: Likeness,
    search: Search,
    *,
    on_step: OnStep | None = None,
) -> Iterator[Found]:
    """What resembles targets `(N, C, H, W)` most, some pictures at a time."""
    pixels = targets.shape[2] * targets.shape[3]
    most = max(1, ROWS * 1024 // (pixels * search.starts))
    pieces = targets.split(min(most, ROWS // search.starts or 1))
    done = 0
    for piece in pieces:
        report = on_step and _of_part(on_step, done, len(piece), len(targets))
        yield search_rows(starts, piece, likeness, search, on_step=report)
        done += len(piece)


def _of_part(on_step: OnStep, before: int, size: int, whole: int) -> OnStep:
    """Reports the share of a part of so many pictures, after so many, as a share of the whole."""
    return lambda share: on_step((before + share * size) / whole)


def search_rows(
    starts: Starts,
    targets: Tensor,
    likeness: Likeness,
    search: Search,
    *,
    on_step: OnStep | None = None,
) -> Found:
    """Search for all targets at once; a row depends on its own target alone.

    What the encoder and steps of Gauss-Newton find up to rounding is not searched any further.
    """
    first = _at_once(starts, targets, likeness, search)
    if first is None:
        return _by_adam(starts, targets, likeness, search, on_step)
    missing = (levels_apart(first.images, targets) > TOLERANCE).nonzero()[:, 0]
    if not len(missing):
        return first
    return _nearer(first, _by_adam(starts, targets[missing], likeness, search, on_step), missing)


@torch.no_grad()
def _at_once(starts: Starts, targets: Tensor, likeness: Likeness, search: Search) -> Found | None:
    """What Gauss-Newton makes of the encoder's guess; `None` without an encoder or such steps."""
    if starts.encoder is None or not search.refinements or math.prod(starts.space.shape) > MOST_COORDINATES:
        return None
    guess, condition = starts.choose(targets, 1)
    kinds = None if condition is None else condition[:, 0]
    steps = search.refinements
    found, loss = refined(starts.space, guess[:, 0], kinds, targets, likeness, iterations=steps)
    images = starts.space.images(found, kinds).clamp(-1, 1)
    return Found(found, kinds, images, loss, torch.zeros_like(loss))


def _nearer(first: Found, other: Found, rows: Tensor) -> Found:
    """The first, with what the other found for these rows if its loss is smaller, and with its spread."""
    better = other.loss < first.loss[rows]

    def put(value: Tensor, instead: Tensor) -> Tensor:
        return value.index_copy(0, rows[better], instead[better])

    kinds, instead = first.condition, other.condition
    return Found(
        put(first.coordinates, other.coordinates),
        None if kinds is None or instead is None else put(kinds, instead),
        put(first.images, other.images),
        put(first.loss, other.loss),
        first.spread.index_copy(0, rows, other.spread),
    )


def _by_adam(
    starts: Starts, targets: Tensor, likeness: Likeness, search: Search, on_step: OnStep | None
) -> Found:
    """Search from all starts by Adam, then refine the last ones.

    Adam's update is written out, since the rows of its state are dropped with their starts.

    Source: Kingma and Ba 2015, algorithm 1; Bora et al. 2017, section 6, for restarts.
    """
    space, count, work = starts.space, len(targets), 0
    chosen, condition = starts.choose(targets, search.starts)
    values, kinds = chosen.flatten(0, 1), None if condition is None else condition.flatten(0, 1)
    wanted = targets.repeat_interleave(search.starts, 0)
    mean, square = torch.zeros_like(values), torch.zeros_like(values)
    best, least = values.clone(), torch.full((len(values),), math.inf).to(values)
    spread = torch.zeros(count).to(values)
    for step in range(search.steps + 1):
        with torch.enable_grad():
            variable = values.detach().requires_grad_()
            made = space.images(variable, kinds)
            loss = likeness(made, wanted, kinds)
            # The sum: a row's slope does not depend on how many others there are
            slope = torch.autograd.grad(loss.sum(), variable)[0] if step < search.steps else None
        better = loss.detach() < least
        least = torch.where(better, loss.detach(), least)
        best[better] = values[better]
        if slope is None:
            break
        before, left = len(values) // count, search.left(step)
        if left < before:
            if step == HALVE_EVERY:
                spread = (10 * torch.log10(least.clamp(min=1e-12))).reshape(count, before).std(1)
            order = least.reshape(count, before).argsort(1)[:, :left]
            rows = (order + before * torch.arange(count, device=order.device)[:, None]).flatten()
            values, mean, square, best, least, wanted, slope = (
                part[rows] for part in (values, mean, square, best, least, wanted, slope)
            )
            kinds = None if kinds is None else kinds[rows]
        mean = BETAS[0] * mean + (1 - BETAS[0]) * slope
        square = BETAS[1] * square + (1 - BETAS[1]) * slope.square()
        unbiased = square / (1 - BETAS[1] ** (step + 1))
        moved = mean / (1 - BETAS[0] ** (step + 1)) / (unbiased.sqrt() + 1e-12)
        values = space.held(values - search.rate(step) * moved, _redraws(values, count, search, step))
        work += left
        if on_step is not None:
            on_step(work / search.work)
    if search.refinements and best[0].numel() <= MOST_COORDINATES:
        best, least = refined(space, best, kinds, wanted, likeness, iterations=search.refinements)
    left = len(best) // count
    rows = least.reshape(count, left).argmin(1) + left * torch.arange(count, device=best.device)
    found, loss, final = best[rows], least[rows], None if kinds is None else kinds[rows]
    with torch.no_grad():
        images = space.images(found, final).clamp(-1, 1)
    return Found(found, final, images, loss, spread)


def levels_apart(made: Tensor, wanted: Tensor) -> Tensor:
    """The root mean square difference in levels of 8 bits, `(N,)`, of images in [-1, 1].

    Example:
        >>> levels_apart(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2) - 2 / 255)
        tensor([1.0000], dtype=torch.float64)
    """
    return (made.double() - wanted.double()).square().flatten(1).mean(1).sqrt() / LEVEL


def _redraws(values: Tensor, count: int, search: Search, step: int) -> Tensor:
    """Uniform numbers in [-1, 1], the same for every picture."""
    left = len(values) // count
    stream = torch_stream(search.seed, step, "redraws")
    drawn = torch.rand((left, *values.shape[1:]), generator=stream, dtype=values.dtype) * 2 - 1
    return drawn.to(values.device).repeat(count, *[1] * (values.dim() - 1))


def _small(images: Tensor) -> Tensor:
    sides = min(COMPARED, images.shape[2]), min(COMPARED, images.shape[3])
    return adaptive_avg_pool2d(images.clamp(-1, 1), sides).flatten(1)


def _pieces(coordinates: Tensor, condition: Tensor | None) -> Iterator[tuple[Tensor, Tensor | None]]:
    for start in range(0, len(coordinates), 256):
        part = slice(start, start + 256)
        yield coordinates[part], None if condition is None else condition[part]
