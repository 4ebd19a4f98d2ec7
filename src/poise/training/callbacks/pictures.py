"""Pictures of the same latents as they grow."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image
from torch import Tensor

from poise.data import Array, Condition, Dataset, kind_of
from poise.generator.sampling import generate
from poise.randomness import torch_stream
from poise.recipes import Recipe
from poise.spec import shown_names
from poise.training.batches import latents
from poise.training.callbacks.callback import CallbackContext, CallbackRow, Notify, Request, StepContext

MOST_CLASSES = 16
COLUMNS = 8


@dataclass(frozen=True)
class Preview:
    """Inputs of the generator that stay the same through a run."""

    latent: Tensor  # (N, latent_size)
    condition: Tensor | None = None  # (N, ...) as the networks see them
    columns: int | None = None  # Images in a row of the picture; None for a square


def make_preview(recipe: Recipe, dataset: Dataset) -> Preview:
    """The same for every session of a run: as many samples as its kind shows, or a row of each class."""
    kind, columns, condition = kind_of(dataset), None, None
    count = kind.preview
    if dataset.condition is not None:
        rows = _rows(dataset.condition, count, COLUMNS if kind.gridded else None)
        condition = dataset.condition.encode(dataset.condition.gather(rows))
        count = len(rows)
        columns = COLUMNS if dataset.condition.of_classes or dataset.condition.of_tags else None
    latent = latents(count, recipe.latent, torch_stream(recipe.seed, 0, "fixed latents"))
    return Preview(latent, condition, columns)


def _rows(condition: Condition, count: int, each: int | None) -> Array:
    """A stretch of rows of each class or frequent tag, or rows that are spread evenly."""
    if condition.of_tags:
        shown = shown_names({"kind": "tags", "names": condition.names, "counts": condition.counts})
        holding = [_holding(condition, condition.names.index(name)) for name in shown]
        spread = [np.linspace(0, len(rows) - 1, each or COLUMNS).astype(np.int64) for rows in holding]
        return np.concatenate([rows[places] for rows, places in zip(holding, spread, strict=True)])
    if not condition.of_classes:
        return np.linspace(0, len(condition) - 1, min(count, len(condition))).astype(np.int64)
    classes = min(condition.shape[0], MOST_CLASSES)
    firsts = [int(np.argmax(condition.array == label)) for label in range(classes)]
    return np.repeat(firsts, each or count // classes)


def _holding(condition: Condition, tag: int) -> Array:
    """The rows that have a tag."""
    present = condition.array[:, tag]
    return np.flatnonzero(present if condition.rows is None else present[condition.rows])


class PictureSaver:
    """Writes `samples/step-*.png` of fixed latents: every so often, and more often at the start.

    Reals stand behind the fakes if the kind of data has no grid. With `only_last` there is only the picture
    of a session's last step.
    """

    def __init__(self, recipe: Recipe, dataset: Dataset, notify: Notify, *, only_last: bool = False) -> None:
        self.dataset, self.notify = dataset, notify
        self.every = 0 if only_last else recipe.sample_every or 1
        self.preview = make_preview(recipe, dataset)
        self.real = None
        self.kind = kind_of(dataset)
        if not self.kind.gridded and dataset.secret is None:
            rows = np.linspace(0, len(dataset) - 1, min(self.kind.preview, len(dataset))).astype(np.int64)
            self.real = dataset.transform.encode(dataset.gather(rows))

    def __call__(self, context: StepContext) -> Request | None:
        """Write the picture of this step if one is due."""
        if context.last or (self.every and is_due(context.step, self.every)):
            shown, device = self.preview, context.components.device
            condition = None if shown.condition is None else shown.condition.to(device)
            fakes = generate(context.generator(), shown.latent.to(device), condition)
            image = self.kind.picture(
                fakes, self.dataset.transform, self.dataset.shape, columns=shown.columns, real=self.real
            )
            save_picture(image, context, self.notify)
        return None

    def finish(self, context: StepContext) -> None:
        """Write the picture of a step that has become the last."""
        self(context)


def save_picture(image: Image.Image, context: StepContext, notify: Notify) -> None:
    """Save the picture of a step: whole, or not at all if the disk refuses it, which is reported."""
    path = context.run.sample_path(context.step)
    partial = path.with_name(f".partial-{path.name}")
    try:
        image.save(partial, format="PNG")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        notify(f"Could not write the picture of step {context.step}: {error.strerror or error}.")


def is_due(step: int, every: int) -> bool:
    """Whether a picture is due: at each multiple of `every`, and before the first at its halves, down to one.

    Example:
        >>> [step for step in range(1, 41) if is_due(step, 16)]
        [1, 2, 4, 8, 16, 32]
    """
    if step < every:
        return math.log2(every / step).is_integer()
    return step % every == 0


def _make(context: CallbackContext) -> PictureSaver | None:
    if context.has_targets:
        return None
    # Pictures of many games at every interval would take longer than their training.
    only_last = context.games > 1
    return PictureSaver(context.recipe, context.dataset, context.notify, only_last=only_last)


PICTURES = CallbackRow(
    "pictures",
    _make,
    "Pictures of the samples of fixed latents, more often at the start.",
    default=True,
    sees_rows=False,
)
