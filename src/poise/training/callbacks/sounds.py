"""Sounds of a run, for the report: what fixed latents make, beside recordings."""

from __future__ import annotations

import numpy as np

from poise.data import Dataset, kind_of
from poise.generator.sampling import generate
from poise.recipes import Recipe
from poise.run_folder.files import write_whole
from poise.training.callbacks.callback import (
    CallbackContext,
    CallbackRow,
    Notify,
    Request,
    StepContext,
)
from poise.training.callbacks.pictures import make_preview

FAKES, REALS = 16, 8


class SoundSaver:
    """Writes `sounds/generated-*.wav` of the latents of the pictures, and `sounds/real-*.wav`, at the end."""

    def __init__(self, recipe: Recipe, dataset: Dataset, notify: Notify) -> None:
        self.dataset, self.notify, self.kind = dataset, notify, kind_of(dataset)
        self.preview = make_preview(recipe, dataset)

    def __call__(self, context: StepContext) -> Request | None:
        """Write them if no step follows."""
        if context.last:
            shown, device = self.preview, context.components.device
            # of a preview with a row for each class, samples of as many classes as there are
            places = np.unique(np.linspace(0, len(shown.latent) - 1, FAKES).astype(int)).tolist()
            condition = None if shown.condition is None else shown.condition[places].to(device)
            fakes = generate(context.generator(), shown.latent[places].to(device), condition)
            rows = np.unique(np.linspace(0, len(self.dataset) - 1, REALS).astype(np.int64))
            reals = self.dataset.transform.encode(self.dataset.gather(rows))
            assert self.kind.play is not None
            files = {
                f"{name}-{number:02}.wav": content
                for name, samples in (("generated", fakes), ("real", reals))
                for number, content in enumerate(self.kind.play(samples, self.dataset.transform), 1)
            }
            self._write(context, files)
        return None

    def finish(self, context: StepContext) -> None:
        """Write those of a step that has become the last."""
        self(context)

    def _write(self, context: StepContext, files: dict[str, bytes]) -> None:
        folder = context.run.path / "sounds"
        try:
            folder.mkdir(exist_ok=True)
            for name, content in files.items():
                write_whole(folder / name, content)
        except OSError as error:
            self.notify(f"Could not write the sounds of step {context.step}: {error.strerror or error}.")


def _make(context: CallbackContext) -> SoundSaver | None:
    if context.games > 1 or context.has_targets or kind_of(context.dataset).play is None:
        return None
    return SoundSaver(context.recipe, context.dataset, context.notify)


SOUNDS = CallbackRow(
    "sounds", _make, "At the end, WAV files for the report, if samples can be heard.", default=True
)
