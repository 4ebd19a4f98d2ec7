"""Translations while they are learnt: pictures of held-out images, and their quality."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor, nn

from poise.data import Condition, Dataset, to_pillow, to_pixels
from poise.generator.translating import translated
from poise.metrics.frechet import distance_of
from poise.metrics.lines import better_side
from poise.metrics.translation_errors import errors_of
from poise.randomness import numpy_stream, torch_stream
from poise.recipes import Recipe
from poise.tasks import TASKS
from poise.training.batches import latents
from poise.training.callbacks.callback import CallbackContext, CallbackRow, Notify, Request, StepContext
from poise.training.callbacks.pictures import is_due, save_picture
from poise.training.callbacks.quality import BestSoFar, rank, write_lines

Rows = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

MOST_MEASURED = 256
"""How many of the held-out images, and of those trained on, are measured at most."""

ROWS = 8
"""Pairs in either half of a picture."""

CAPTION = 14
MARGIN = 6
LEAST_WIDTH = 200
"""Pixels that the longest caption takes; narrower pictures are enlarged."""


@dataclass(frozen=True)
class Shown:
    """Images of both sides, in the networks' space, `(N, C, H, W)`."""

    first: Tensor  # Sources, or images of the first domain
    second: Tensor  # Targets, or images of the second domain


@dataclass(frozen=True)
class Translator:
    """Translates images by a module, the same way at every step of a run."""

    recipe: Recipe
    purpose: str  # Of the latents

    def __call__(self, module: nn.Module, direction: str, images: Tensor, device: torch.device) -> Tensor:
        """As many images, on the CPU."""
        directions = TASKS.named(self.recipe.game.name).directions
        assert directions is not None
        seed = self.recipe.seed
        latent = latents(len(images), self.recipe.latent, torch_stream(seed, 0, self.purpose))
        return translated(directions(module)[direction], latent.to(device), images.to(device), seed=seed)


class TranslationPictures:
    """Writes `samples/step-*.png`: what goes in, what comes out, and what it should be, or the way back.

    Pairs: eight that are trained on beside eight that are held out. Domains: held-out images of either, their
    translation, and that translated back.
    """

    def __init__(self, recipe: Recipe, dataset: Dataset, notify: Notify) -> None:
        self.notify, self.every = notify, recipe.sample_every or 1
        self.translate = Translator(recipe, "fixed latents")
        condition = condition_of(dataset)
        self.transforms = condition.transform, dataset.transform
        self.paired = condition.paired
        self.parts = {"training": shown_of(dataset, ROWS), "held out": shown_of(held_out_of(dataset), ROWS)}

    def __call__(self, context: StepContext) -> Request | None:
        """Write the picture of this step if one is due."""
        if context.last or is_due(context.step, self.every):
            image = self.picture(context.generator(), context.components.device)
            save_picture(image, context, self.notify)
        return None

    def finish(self, context: StepContext) -> None:
        """Write the picture of a step that has become the last."""
        self(context)

    def picture(self, module: nn.Module, device: torch.device) -> Image.Image:
        """Two blocks of rows side by side, each under a line that says what its columns are."""
        if self.paired:
            blocks = [
                (f"{name}: source, output, target", self._paired(module, part, device))
                for name, part in self.parts.items()
            ]
        else:
            part = self.parts["held out"]
            blocks = [
                ("held out: a, a to b, back", self._there_and_back(module, ("a", "b"), part.first, device)),
                ("held out: b, b to a, back", self._there_and_back(module, ("b", "a"), part.second, device)),
            ]
        return side_by_side([(caption, _block(columns)) for caption, columns in blocks])

    def _paired(self, module: nn.Module, part: Shown, device: torch.device) -> list[Tensor]:
        made = self.translate(module, "a-to-b", part.first, device)
        return [self._pixels(part.first, "a"), self._pixels(made, "b"), self._pixels(part.second, "b")]

    def _there_and_back(
        self, module: nn.Module, way: tuple[str, str], images: Tensor, device: torch.device
    ) -> list[Tensor]:
        start, end = way
        there = self.translate(module, f"{start}-to-{end}", images, device)
        back = self.translate(module, f"{end}-to-{start}", there, device)
        return [self._pixels(images, start), self._pixels(there, end), self._pixels(back, start)]

    def _pixels(self, images: Tensor, domain: str) -> Tensor:
        transform = self.transforms["ab".index(domain)]
        assert transform is not None
        return torch.from_numpy(to_pixels(images, transform))


class TranslationQuality:
    """Measures translations of held-out images, and beside them those of images that are trained on.

    Pairs: the mean absolute error, the peak signal-to-noise ratio and the structural similarity to the
    target, each with its value on training pairs, whose gap to the held-out ones is the overfitting; and the
    Fréchet distance of outputs to targets in features of random convolutions. Domains: the mean absolute
    error after the way there and back, and the same distance. The state with the least distance is kept as
    the best; if only one image is held out there is no distance, and the least error decides.
    """

    def __init__(self, recipe: Recipe, dataset: Dataset, notify: Notify) -> None:
        from poise.metrics.features import random_convolutions  # noqa: PLC0415 - slow to import

        self.notify, self.translate = notify, Translator(recipe, "quality latents")
        self.every, self.steps = recipe.evaluate_every or 0, recipe.steps
        self.paired = condition_of(dataset).paired
        order = numpy_stream(recipe.seed, 0, "measured images").permutation(len(dataset))
        self.parts = {
            "held out": shown_of(held_out_of(dataset), MOST_MEASURED),
            "training": shown_of(dataset, MOST_MEASURED, order),
        }
        self.extractor = random_convolutions(dataset.shape[0])
        held_out, trained = self.parts["held out"], self.parts["training"].second
        self.wanted = self._features(held_out.second) if len(held_out.second) > 1 else None
        self.floor: dict[str, Any] = {}
        if self.wanted is not None and len(self.wanted) == len(trained):
            floor = distance_of(self.wanted, self._features(trained))
            method = f"held-out targets against {len(trained)} that are trained on"
            self.floor = {"floor": floor, "floor_method": method}
        self.protocol = {
            "by": "training",
            "images": f"{len(held_out.first)} held out",
            "reference": dataset.fingerprint[:16],
        }
        self.best = BestSoFar()
        self.state, self.load = self.best.state, self.best.load  # All that a checkpoint holds of it

    def __call__(self, context: StepContext) -> Request | None:
        """Measure if the step is due, and ask for the state to be kept if it is the best so far."""
        # Nothing of this depends on the clock: a resumed run measures the same steps.
        if not self.every or (context.step % self.every and context.step != self.steps):
            return None
        self.best.recall(context.run.lines("metrics"), before=context.step)
        lines = self.measured(context.generator(), context.components.device)
        write_lines(context, [{"step": context.step, **line, **self.protocol} for line in lines], self.notify)
        return "keep-best" if self.best.improved_by(rank(lines)) else None

    def measured(self, module: nn.Module, device: torch.device) -> list[dict[str, Any]]:
        """Everything that is measured at one step, the Fréchet distance last."""
        first = {name: part.first for name, part in self.parts.items()}
        made = {name: self._made(module, "a-to-b", images, device) for name, images in first.items()}
        if self.paired:
            measure, compared = "translation-errors", made
            wanted = {name: part.second for name, part in self.parts.items()}
        else:
            measure, wanted = "cycle-error", first
            compared = {name: self._made(module, "b-to-a", images, device) for name, images in made.items()}
        errors = {name: errors_of(measure, compared[name], wanted[name]) for name in self.parts}
        found = [
            {
                "metric": name.replace("-", "_"),
                "value": _finite(float(each.mean())),
                "training": _finite(float(errors["training"][name].mean())),
                "better": better_side(measure, name),
            }
            for name, each in errors["held out"].items()
        ]
        if self.wanted is None:
            return found
        distance = _finite(distance_of(self.wanted, self._features(made["held out"])))
        line = {"metric": "frechet_distance", "value": distance, "better": "lower"}
        return [*found, {**line, **self.floor, "features": self.extractor.name}]

    def _features(self, images: Tensor) -> Tensor:
        return self.extractor(images).double()

    def _made(self, module: nn.Module, direction: str, images: Tensor, device: torch.device) -> Tensor:
        return self.translate(module, direction, images, device).clamp(-1, 1)


def shown_of(dataset: Dataset, count: int, order: Rows | None = None) -> Shown:
    """At most `count` images of both sides: spread evenly over the rows, or the first of an order."""
    condition = condition_of(dataset)

    def rows(size: int) -> Rows:
        if order is None:
            return np.unique(np.linspace(0, size - 1, min(count, size)).astype(np.int64))
        return order[order < size][:count]

    second = rows(len(dataset))
    return images_of(dataset, second if condition.paired else rows(len(condition)), second)


def images_of(dataset: Dataset, first: Rows, second: Rows) -> Shown:
    """The images of some rows of both sides."""
    condition = condition_of(dataset)
    return Shown(condition.encode(condition.gather(first)), dataset.transform.encode(dataset.gather(second)))


def condition_of(dataset: Dataset) -> Condition:
    """What samples are made from."""
    assert dataset.condition is not None
    return dataset.condition


def held_out_of(dataset: Dataset) -> Dataset:
    """The part that is never trained on."""
    assert dataset.held_out is not None
    return dataset.held_out


def side_by_side(blocks: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    """Pictures of one height in a row, each under its caption."""
    times = max(-(-LEAST_WIDTH // image.width) for _, image in blocks)
    blocks = [(caption, _enlarged(image, times)) for caption, image in blocks]
    width = sum(image.width for _, image in blocks) + MARGIN * (len(blocks) + 1)
    height = max(image.height for _, image in blocks) + CAPTION + 2 * MARGIN
    canvas = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(canvas)
    left = MARGIN
    for caption, image in blocks:
        draw.text((left, MARGIN - 2), caption, fill=(64, 64, 64))
        canvas.paste(image, (left, MARGIN + CAPTION))
        left += image.width + MARGIN
    return canvas


def _enlarged(image: Image.Image, times: int) -> Image.Image:
    return image.resize((times * image.width, times * image.height), Image.Resampling.NEAREST)


def _block(columns: Sequence[Tensor]) -> Image.Image:
    """Images row by row, one of each column in a row; grey ones shown among colours."""
    channels = max(column.shape[1] for column in columns)
    alike = [column.expand(-1, channels, -1, -1) if column.shape[1] == 1 else column for column in columns]
    return to_pillow(torch.stack(alike, 1).flatten(0, 1), columns=len(columns)).convert("RGB")


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _make(context: CallbackContext, row: type[TranslationPictures | TranslationQuality]) -> Any:
    if TASKS.named(context.recipe.game.name).directions is None:
        return None
    return row(context.recipe, context.dataset, context.notify)


TRANSLATION_PICTURES = CallbackRow(
    "translation-pictures",
    lambda context: _make(context, TranslationPictures),
    "Pictures of held-out images and what is made of them.",
    default=True,
)

TRANSLATION_QUALITY = CallbackRow(
    "translation-quality",
    lambda context: _make(context, TranslationQuality),
    "Measures translations of held-out images, and keeps the best state.",
    default=True,
)
