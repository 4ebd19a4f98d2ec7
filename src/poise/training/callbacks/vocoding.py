"""A vocoder while it learns: pictures, errors and sounds of held-out recordings, beside Griffin-Lim."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from poise.data import Condition, Dataset, kind_of
from poise.data.mel import MelSpectrogram
from poise.generator.vocoding import remade
from poise.metrics.lines import better_side
from poise.metrics.vocoder_errors import wave_errors
from poise.recipes import Recipe
from poise.run_folder.files import write_whole
from poise.tasks.held_out import examined
from poise.training.callbacks.callback import CallbackContext, CallbackRow, Notify, Request, StepContext
from poise.training.callbacks.pictures import is_due, save_picture
from poise.training.callbacks.quality import BestSoFar, rank, write_lines

SHOWN, MEASURED = 8, 64
SIDES = ("recording", "vocoder", "griffin-lim")
INTERVALS = 20  # Measurements in a run, if the recipe names no interval


class VocoderWatch:
    """Draws `samples/step-*.png`, measures held-out recordings, and writes `sounds/*.wav` at the end.

    The state whose waves have the least error of the logarithms of mel spectrograms is kept as the best. If
    no recordings are held out, those that are trained on are shown and measured, and the lines say so.
    """

    def __init__(self, recipe: Recipe, dataset: Dataset, notify: Notify, *, most: int) -> None:
        self.recipe, self.dataset, self.notify, self.most = recipe, dataset, notify, most
        self.kind = kind_of(dataset)
        condition = condition_of(dataset)
        self.condition, self.mel = condition, MelSpectrogram.from_json(condition.about["mel"])
        _, split = examined(recipe, dataset)
        self.held_out = len(split.held_out) > 1
        rows = split.held_out if self.held_out else split.training
        self.rows = rows[np.unique(np.linspace(0, len(rows) - 1, most).astype(np.int64))]
        steps = recipe.steps or 0
        every = recipe.evaluate_every
        self.every = max(1, steps // INTERVALS) if every is None else every
        self.best = BestSoFar()
        self.state, self.load = self.best.state, self.best.load  # All that a checkpoint holds of it

    @cached_property
    def recordings(self) -> Tensor:
        """The recordings `(N, T)` that are shown and measured."""
        return self.dataset.transform.encode(self.dataset.gather(self.rows))[:, 0].float()

    @cached_property
    def mels(self) -> Tensor:
        """The logarithms of their mel spectrograms, `(N, bands, frames)`."""
        return self.condition.gather(self.rows).float()

    @cached_property
    def plain(self) -> Tensor:
        """What Griffin-Lim makes of these, `(N, T)`."""
        return self.mel.waves(self.mels)

    def __call__(self, context: StepContext) -> Request | None:
        """Draw, measure and write what is due."""
        if context.last or is_due(context.step, self.recipe.sample_every or 1):
            self._draw(context)
        if context.last:
            self._write_sounds(context)
        if not self.every or (context.step % self.every and context.step != self.recipe.steps):
            return None
        self.best.recall(context.run.lines("metrics"), before=context.step)
        lines = self.measured(context.generator())
        write_lines(context, [{"step": context.step, **line} for line in lines], self.notify)
        return "keep-best" if self.best.improved_by(rank(lines)) else None

    def finish(self, context: StepContext) -> None:
        """Draw and write those of a step that has become the last."""
        self._draw(context)
        self._write_sounds(context)

    def measured(self, module: nn.Module) -> list[dict[str, Any]]:
        """The errors of the waves, each beside that of Griffin-Lim."""
        errors = wave_errors(self._made(module, self.mels), self.recordings, self.mel)
        about = {
            "by": "training",
            "recordings": f"{len(self.rows)} {'held out' if self.held_out else 'that are trained on'}",
            "reference": self.dataset.fingerprint[:16],
        }
        return [
            {
                "metric": name,
                "value": value if np.isfinite(value := float(each.mean())) else None,
                "better": better_side("vocoder-errors", name),
                "griffin_lim": self._plain_errors[name],
                **about,
            }
            for name, each in errors.items()
        ]

    @cached_property
    def _plain_errors(self) -> dict[str, float]:
        errors = wave_errors(self.plain, self.recordings, self.mel)
        return {name: float(each.mean()) for name, each in errors.items()}

    def _made(self, module: nn.Module, mels: Tensor) -> Tensor:
        assert self.condition.transform is not None
        return remade(module, mels, self.condition.transform.encode)

    def _shown(self, module: nn.Module) -> list[Tensor]:
        """Some recordings, what is made of them, and what Griffin-Lim makes of them, `(n, T)` each."""
        few = torch.linspace(0, len(self.rows) - 1, min(SHOWN, len(self.rows))).long()
        return [self.recordings[few], self._made(module, self.mels[few]), self.plain[few]]

    def _draw(self, context: StepContext) -> None:
        rows = self._shown(context.generator())
        transform, shape = self.dataset.transform, self.dataset.shape
        picture = self.kind.picture(torch.cat(rows)[:, None], transform, shape, columns=len(rows[0]))
        save_picture(picture, context, self.notify)

    def _write_sounds(self, context: StepContext) -> None:
        assert self.kind.play is not None
        folder = context.run.path / "sounds"
        rows = zip(*(self._played(waves) for waves in self._shown(context.generator())), strict=True)
        try:
            folder.mkdir(exist_ok=True)
            for number, contents in enumerate(rows, 1):
                for name, content in zip(SIDES, contents, strict=True):
                    write_whole(folder / f"{number:02}-{name}.wav", content)
        except OSError as error:
            self.notify(f"Could not write the sounds of step {context.step}: {error.strerror or error}.")

    def _played(self, waves: Tensor) -> list[bytes]:
        assert self.kind.play is not None
        return self.kind.play(waves[:, None], self.dataset.transform)


def condition_of(dataset: Dataset) -> Condition:
    """The spectrograms of recordings."""
    assert dataset.condition is not None
    return dataset.condition


def is_of_sounds(dataset: Dataset) -> bool:
    """Whether samples are made of mel spectrograms, and so have a recording each to be compared with."""
    return dataset.condition is not None and dataset.condition.of_sounds


def _make(context: CallbackContext) -> VocoderWatch | None:
    if context.games > 1 or not is_of_sounds(context.dataset):
        return None
    return VocoderWatch(context.recipe, context.dataset, context.notify, most=MEASURED)


VOCODER = CallbackRow(
    "vocoder",
    _make,
    "Pictures, errors and sounds of held-out recordings that a vocoder makes again; keeps the best state.",
    default=True,
)
