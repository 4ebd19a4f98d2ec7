"""What a user is shown while translations are learnt: sources, outputs and targets side by side."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image, ImageDraw
from torch import Tensor, nn

from poise.data import Dataset, to_pillow, to_pixels
from poise.generator.sampling import translated
from poise.randomness import torch_stream
from poise.recipes import Recipe
from poise.tasks import TASKS
from poise.training.batches import latents
from poise.training.callbacks.callback import CallbackContext, CallbackRow, Notify, Request, StepContext
from poise.training.callbacks.pictures import is_due, save_picture
from poise.training.callbacks.translations import Shown, Ways, condition_of, held_out_of, shown_of

ROWS = 8
"""Pairs in either half of a picture."""

CAPTION = 14
MARGIN = 6


class TranslationPictures:
    """Writes `samples/step-*.png`: what goes in, what comes out, and what it should be, or the way back.

    Pairs: eight that are trained on beside eight that are held out. Domains: held-out images of either, their
    translation, and that translated back.

    Args:
        recipe: The resolved recipe.
        dataset: The data.
        notify: Reports that a picture could not be written.
    """

    def __init__(self, recipe: Recipe, dataset: Dataset, notify: Notify) -> None:
        self.task, self.notify, self.seed = TASKS.named(recipe.game.name), notify, recipe.seed
        self.every, self.latent = recipe.sample_every or 1, recipe.latent
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
        assert self.task.directions is not None
        ways = self.task.directions(module)
        if self.paired:
            blocks = [
                (f"{name}: source, output, target", self._paired(ways, part, device))
                for name, part in self.parts.items()
            ]
        else:
            part = self.parts["held out"]
            blocks = [
                ("held out: a, a to b, back", self._there_and_back(ways, ("a", "b"), part.first, device)),
                ("held out: b, b to a, back", self._there_and_back(ways, ("b", "a"), part.second, device)),
            ]
        return side_by_side([(caption, _block(columns)) for caption, columns in blocks])

    def _paired(self, ways: Ways, part: Shown, device: torch.device) -> list[Tensor]:
        made = self._translated(ways, "a-to-b", part.first, device)
        return [self._pixels(part.first, 0), self._pixels(made, 1), self._pixels(part.second, 1)]

    def _there_and_back(
        self, ways: Ways, names: tuple[str, str], images: Tensor, device: torch.device
    ) -> list[Tensor]:
        start, end = names
        there = self._translated(ways, f"{start}-to-{end}", images, device)
        back = self._translated(ways, f"{end}-to-{start}", there, device)
        place = 0 if start == "a" else 1
        return [self._pixels(images, place), self._pixels(there, 1 - place), self._pixels(back, place)]

    def _translated(self, ways: Ways, direction: str, images: Tensor, device: torch.device) -> Tensor:
        latent = latents(len(images), self.latent, torch_stream(self.seed, 0, "fixed latents"))
        return translated(ways[direction], latent.to(device), images.to(device), seed=self.seed)

    def _pixels(self, images: Tensor, place: int) -> Tensor:
        transform = self.transforms[place]
        assert transform is not None
        return torch.from_numpy(to_pixels(images, transform))


def side_by_side(blocks: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    """Pictures in a row, each under its caption.

    Args:
        blocks: Captions and pictures of one height.
    """
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


def _block(columns: Sequence[Tensor]) -> Image.Image:
    """Images row by row, one of each column in a row; grey ones shown among colours."""
    channels = max(column.shape[1] for column in columns)
    alike = [column.expand(-1, channels, -1, -1) if column.shape[1] == 1 else column for column in columns]
    return to_pillow(torch.stack(alike, 1).flatten(0, 1), columns=len(columns)).convert("RGB")


def _make(context: CallbackContext) -> TranslationPictures | None:
    if TASKS.named(context.recipe.game.name).directions is None:
        return None
    return TranslationPictures(context.recipe, context.dataset, context.notify)


TRANSLATION_PICTURES = CallbackRow(
    "translation-pictures", _make, "Pictures of held-out images and what is made of them.", default=True
)
