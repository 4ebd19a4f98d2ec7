"""Pictures for the report that need the data or the networks: truncation, nearest pictures, data beside."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from poise.augment import AUGMENTATIONS, AugmentContext
from poise.augment.augmentation import unchanged
from poise.data import Array, Dataset, kind_of
from poise.games import AdversarialGame
from poise.games.view import own_part
from poise.generator.sampling import generate
from poise.metrics.features import EXTRACTORS, Extractor, extract
from poise.metrics.neighbours import nearest
from poise.randomness import numpy_stream, torch_stream
from poise.recipes import Recipe
from poise.registry import takes
from poise.run_folder.files import write_whole
from poise.tasks import TASKS
from poise.tasks.held_out import examined
from poise.training.callbacks.callback import CallbackContext, CallbackRow, Notify, StepContext
from poise.training.callbacks.pictures import Preview, make_preview
from poise.training.components import run_images

FOLDER = "close-look"
COLUMNS = 8
TRUNCATIONS = (1.0, 0.7, 0.5)
COMPARED = 5_000  # Training pictures among which the nearest are looked for; fewer if they are large
NUMBERS = 250_000_000  # Of all these pictures together
AT_ONCE = 25_000_000  # Numbers of the pictures that are read at once
JUDGED = 200  # Held-out pictures that say how near is usual


@dataclass(frozen=True)
class Drawn:
    """Images in the networks' space, row by row, with a title and a caption."""

    title: str
    caption: str
    rows: Sequence[Tensor]


class CloseLook:
    """Writes pictures of the last step of a session to `close-look/`, for the report."""

    def __init__(self, dataset: Dataset, recipe: Recipe, notify: Notify) -> None:
        self.dataset, self.recipe, self.notify = dataset, recipe, notify
        self.kind, (self.whole, self.rows) = kind_of(dataset), examined(recipe, dataset)
        self.preview = make_preview(recipe, dataset)
        self._extractor: Extractor | None = None  # Built for the first samples

    def __call__(self, context: StepContext) -> None:
        """Write them if no step follows."""
        if context.last:
            self.finish(context)

    def finish(self, context: StepContext) -> None:
        """Write the pictures of a step that has become the last."""
        of_images: dict[str, Callable[[StepContext], Drawn | None]] = {
            "truncation": self.truncated,
            "nearest": self.nearest,
            "augmented": self.augmented,
        }
        makers = of_images if self.kind.pictorial else {"beside": self.beside}
        made = {name: drawn for name, make in makers.items() if (drawn := make(context)) is not None}
        folder = context.run.path / FOLDER
        try:
            folder.mkdir(exist_ok=True)
            for name, drawn in made.items():
                write_whole(folder / f"{name}.png", self._png(drawn.rows))
            texts = {name: {"title": one.title, "caption": one.caption} for name, one in made.items()}
            context.run.write_json(f"{FOLDER}/captions", {"step": context.step, "pictures": texts})
        except OSError as error:
            self.notify(f"Could not write pictures for the report: {error.strerror or error}.")

    def truncated(self, context: StepContext) -> Drawn | None:
        """The same latents under less and less truncation; `None` for generators without styles."""
        if not takes(context.generator().forward, "truncation"):
            return None
        few = _first(self.preview, COLUMNS)
        rows = [self._made(context, few, truncation=psi) for psi in TRUNCATIONS]
        caption = (
            f"The same latents at truncation {', '.join(f'{psi:g}' for psi in TRUNCATIONS)}, from the top. "
            "Nearer to the mean style samples are more typical and more alike; --truncation 0.7 of poise "
            "sample does the same."
        )
        return Drawn("Truncation", caption, rows)

    def nearest(self, context: StepContext) -> Drawn | None:
        """Samples above the training pictures to which they are nearest; `None` for data read live."""
        data, rows = self.whole, self.rows
        if data.live is not None or len(rows.training) < 2:
            return None
        most = min(COMPARED, max(100, NUMBERS // math.prod(data.shape)))
        training = _some(rows.training, most, self.recipe.seed)
        fakes = self._made(context, self.preview)
        if not bool(torch.isfinite(fakes).all()):
            return None
        of_reals = self._features(data, training)
        of_fakes = self._extract(fakes)
        apart, which = nearest(of_fakes, of_reals)
        closest = apart.argsort()[:COLUMNS]
        below = data.transform.encode(data.gather(training[which[closest].numpy()]))
        usual, others = self._usual(data, rows.held_out, of_reals)
        total = len(rows.training)
        among = f"{len(training):,} of {total:,}" if len(training) < total else f"all {total:,}"
        middle = float(apart.median().sqrt())
        caption = (
            f"Top: the {len(closest)} of {len(fakes)} samples that are nearest to a training picture. Below: "
            f"that picture, among {among}. Their distance in the features '{self.kind.features}' is "
            f"{_span(apart[closest])}; that of the median sample is {middle:.3g}, and {others} it is "
            f"{usual:.3g}. These features compare colours and textures first: a pair is a copy only if its "
            "details agree."
        )
        return Drawn("Nearest training pictures", caption, [fakes[closest], below])

    def beside(self, context: StepContext) -> Drawn | None:
        """Samples above as many of the training data: few people know by heart what those look like."""
        data, rows = self.whole, self.rows
        if data.live is not None:
            return None
        reals = data.transform.encode(data.gather(_some(rows.training, COLUMNS, self.recipe.seed)))
        fakes = self._made(context, _first(self.preview, len(reals)))
        if len(fakes) < len(reals):
            return None
        wide = COLUMNS // 2 if len(reals) == COLUMNS else len(reals)
        caption = (
            f"Above: {len(fakes)} samples. Below: as many of the {self.kind.plural} that were trained on."
        )
        return Drawn("Beside the data", caption, [*fakes.split(wide), *reals.split(wide)])

    def augmented(self, context: StepContext) -> Drawn | None:
        """Reals and fakes, each above what the discriminator sees; `None` without such augmentations."""
        game, state = context.components.players.game, context.components.players.state
        chain = [
            one
            for one in (game.scoring.augmentations if isinstance(game, AdversarialGame) else ())
            if one.name != "packing" and AUGMENTATIONS.named(one.name).apply is not unchanged
        ]
        if not chain:
            return None
        data, rows = self.whole, self.rows
        device = context.components.device
        reals = data.transform.encode(data.gather(_some(rows.training, COLUMNS, self.recipe.seed)))
        fakes = self._made(context, _first(self.preview, len(reals)))
        seen = torch.cat([reals, fakes]).to(device)
        stream = torch_stream(self.recipe.seed, context.step, "augmented views", str(device))
        step, images, told = context.step, context.images_seen, []
        with torch.no_grad():
            for one in chain:
                own = own_part(state, one.name)
                there = AugmentContext(stream, step, images, run_images(self.recipe), own)
                seen = one.apply(seen, there)
                number = f" at probability {float(own['probability']):.2g}" if "probability" in own else ""
                told.append(f"{one.name}{number}")
        views = seen.float().cpu().split(len(reals))
        caption = (
            "From the top: training pictures; what the discriminator sees of them through "
            f"{', '.join(told)}; samples; what it sees of those. Each step draws other changes."
        )
        return Drawn("As the discriminator sees them", caption, [reals, views[0], fakes, views[1]])

    def _png(self, rows: Sequence[Tensor]) -> bytes:
        transform, shape = self.dataset.transform, self.dataset.shape
        buffer = io.BytesIO()
        self.kind.picture(torch.cat(list(rows)), transform, shape, columns=len(rows[0])).save(buffer, "PNG")
        return buffer.getvalue()

    def _made(self, context: StepContext, shown: Preview, **settings: float) -> Tensor:
        generator, device = context.generator(), context.components.device
        condition = None if shown.condition is None else shown.condition.to(device)
        return generate(partial(generator, **settings), shown.latent.to(device), condition)

    def _features(self, data: Dataset, rows: Array) -> Tensor:
        size = max(1, min(256, AT_ONCE // math.prod(data.shape)))
        parts = [rows[start : start + size] for start in range(0, len(rows), size)]
        return torch.cat([self._extract(data.transform.encode(data.gather(part))) for part in parts])

    def _extract(self, samples: Tensor) -> Tensor:
        plain = self.kind.measured(samples, self.dataset.transform)
        if self._extractor is None:
            self._extractor = EXTRACTORS.named(self.kind.features).plain(plain)
        return extract(self._extractor, plain, value_range=self.kind.value_range).double()

    def _usual(self, data: Dataset, held_out: Array, of_reals: Tensor) -> tuple[float, str]:
        """How near pictures that were not trained on lie, in the median, and what they are."""
        if len(held_out):
            apart, _ = nearest(self._features(data, held_out[:JUDGED]), of_reals)
            return float(apart.median().sqrt()), "of held-out pictures"
        apart, _ = nearest(of_reals[: 5 * JUDGED])
        return float(apart.median().sqrt()), "of training pictures among themselves"


def _first(preview: Preview, count: int) -> Preview:
    """Some of the inputs, spread evenly, so that several classes are among them."""
    places = torch.linspace(0, len(preview.latent) - 1, min(count, len(preview.latent))).long()
    condition = None if preview.condition is None else preview.condition[places]
    return Preview(preview.latent[places], condition, COLUMNS)


def _some(rows: Array, most: int, seed: int) -> Array:
    if len(rows) <= most:
        return rows
    return np.sort(numpy_stream(seed, 0, "close look").permutation(rows)[:most])


def _span(squared: Tensor) -> str:
    low, high = (round(float(value.sqrt()), 4) for value in (squared.min(), squared.max()))
    return f"{low:.3g} to {high:.3g}"


def _make(context: CallbackContext) -> CloseLook | None:
    directions = TASKS.named(context.recipe.game.name).directions
    kind = kind_of(context.dataset)
    if context.games > 1 or directions is not None or not kind.gridded:
        return None
    return CloseLook(context.dataset, context.recipe, context.notify)


CLOSE_LOOK = CallbackRow(
    "close-look",
    _make,
    "At the end, pictures for the report: truncation, nearest training pictures, augmented views; of data "
    "that are no pictures, some beside samples.",
    default=True,
)
