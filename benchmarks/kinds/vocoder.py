"""A vocoder of spoken digits: `python -m benchmarks.kinds.vocoder FOLDER --steps 800 [--seconds 540]`.

Recordings of five speakers (Free Spoken Digit Dataset, CC BY-SA 4.0), in `/work/shared/data/spoken-digits` or
`--data`, are trained on but for a tenth; a sixth speaker is never seen. Each call trains FOLDER on for a
while. Then the tenth and the sixth speaker's recordings are made of their mel spectrograms, beside
Griffin-Lim.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch

import poise
from benchmarks.kinds.training_on import Stop, trained_on
from poise.api import Run
from poise.data import open_data
from poise.generator.vocoding import vocoder_of, waves_of_mels
from poise.metrics import vocoder_errors

DATA = Path("/work/shared/data/spoken-digits")
UNSEEN = "theo"
SETTINGS: dict[str, Any] = {
    "batch_size": 8,
    "held_out": 0.1,
    "encoding": "waveform,4096",
    "evaluate_every": 0,
    "optimisers.generator.learning_rate.start": 1e-3,
    "optimisers.generator.learning_rate.end": 1e-4,
    "optimisers.discriminator.learning_rate.start": 5e-4,
    "ema.half_life": 400,
}
"""For a run of half an hour: the recipe's own rates suit many times as many steps."""


def by_speakers(data: Path, folder: Path) -> tuple[Path, Path]:
    """Folders of the recordings of five speakers and of the sixth, each with its part of the index."""
    header, *rows = (data / "index.csv").read_text(encoding="utf-8").splitlines()
    made = folder / "five", folder / UNSEEN
    for part in made:
        part.mkdir(parents=True, exist_ok=True)
        own = [row for row in rows if row.startswith(UNSEEN) == (part.name == UNSEEN)]
        (part / "index.csv").write_text("\n".join([header, *own]) + "\n", encoding="utf-8")
        for speaker in {row.partition(",")[0] for row in own}:
            shutil.copy(data / f"{speaker}.flac", part)
    return made


def main() -> None:
    """Train on, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--seconds", type=float, default=540.0)
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE")
    asked = parser.parse_args()
    seen, unseen = by_speakers(asked.data, asked.folder)
    changes = SETTINGS | dict(one.split("=", 1) for one in asked.set)

    def begin(enough: Stop) -> None:
        out = asked.folder / "run"
        poise.train(str(seen), "mel-to-wave", out=out, steps=asked.steps, callbacks=[enough], **changes)

    print(json.dumps(measured(trained_on(asked.folder / "run", asked.seconds, begin, asked.steps), unseen)))


def measured(run: Run, unseen: Path) -> dict[str, Any]:
    """The errors on the recordings that were held out, and on those of the speaker that was not seen."""
    (held_out,) = poise.evaluate(run).results
    dataset = open_data(str(unseen), encoding="waveform,4096")
    waves = torch.from_numpy(np.asarray(dataset.array))[:, 0].float()
    mel = vocoder_of(run.generator)
    mels = mel(waves)
    others = vocoder_errors(waves_of_mels(run.generator, mels), waves, mel.waves(mels), mel)
    return {
        "steps": run.generator.description["step"],
        "seconds": run.history[-1]["seconds"],
        **{
            name: {number: [round(value, 4), *(round(end, 4) for end in result.intervals[number])]
                   for number, value in result.values.items()}
            for name, result in (("held_out", held_out), ("unseen_speaker", others))
        },
    }  # fmt: skip


if __name__ == "__main__":
    main()
