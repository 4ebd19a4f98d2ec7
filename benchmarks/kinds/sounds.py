"""Spoken digits: `python -m benchmarks.kinds.sounds FOLDER --seconds 540 [--set PATH=VALUE]`.

1,500 recordings of ten digits by six speakers (Free Spoken Digit Dataset, CC BY-SA 4.0), in
`/work/shared/data/spoken-digits` or `--data`. Takes 5 to 24 are trained on; takes 0 to 4, the official test
part, judge the classifier. Each call trains FOLDER on for a while, then 1,000 samples are heard as waves:
recognised by a classifier of the recordings, and counted. Spectrograms are drawn, generated above real.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import poise
from benchmarks.kinds.training_on import Stop, trained_on
from poise.api import Run
from poise.data import Dataset, kind_of, open_data, to_pillow
from poise.data.kinds.drawing import in_colours
from poise.data.sources.sound_files import decoded, encoded_wave
from poise.data.spectrogram import log_magnitudes
from poise.metrics import wave_faults
from poise.metrics.features import ClassifierExtractor, small_classifier

DATA = Path("/work/shared/data/spoken-digits")
TEST_TAKES = 5
HEARD, SHOWN, EPOCHS = 1_000, 10, 30
STEPS = 100_000  # Of a run that its seconds end


def exported(data: Path, folder: Path) -> Path:
    """A WAV file for each recording: `train/7/theo-12.wav` and `test/...`."""
    recordings = folder / "recordings"
    if recordings.exists():
        return recordings
    waves = {path.stem: decoded(path.read_bytes(), ".flac") for path in data.glob("*.flac")}
    with (data / "index.csv").open() as file:
        for row in csv.DictReader(file):
            rate, whole = waves[row["speaker"]]
            start = int(row["start"])
            part = "test" if int(row["take"]) < TEST_TAKES else "train"
            out = recordings / part / row["digit"]
            out.mkdir(parents=True, exist_ok=True)
            wave = encoded_wave(whole[start : start + int(row["samples"])], rate)
            (out / f"{row['speaker']}-{row['take']}.wav").write_bytes(wave)
    return recordings


def main() -> None:
    """Train on, listen and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--recipe", default="conditional")
    parser.add_argument("--seconds", type=float, default=540.0)
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE")
    asked = parser.parse_args()
    recordings = exported(asked.data, asked.folder)
    out, changes = asked.folder / "run", dict(one.split("=", 1) for one in asked.set)

    def begin(enough: Stop) -> None:
        poise.train(
            str(recordings), asked.recipe, out=out, steps=STEPS, callbacks=[enough], held_out=0, **changes
        )

    print(json.dumps(heard(trained_on(out, asked.seconds, begin, STEPS), recordings)))


def heard(run: Run, recordings: Path) -> dict[str, object]:
    """What a classifier of the recordings makes of the samples as waves."""
    dataset = open_data(str(recordings))
    transform, test = dataset.transform, dataset.held_out
    assert test is not None
    sides = [
        kind_of(one).measured(transform.encode(one.gather(np.arange(len(one)))), transform)
        for one in (dataset, test)
    ]
    labels = [torch.from_numpy(np.asarray(one.labels)) for one in (dataset, test)]
    cache = recordings.parent / "classifier"
    classifier = small_classifier(sides[0], labels[0], epochs=EPOCHS, cache=cache)
    accuracy = float((named(classifier, sides[1]) == labels[1]).float().mean())
    generator = run.generator
    conditions = generator.conditions(HEARD, seed=1)
    waves = generator(generator.latents(HEARD, seed=1), conditions)
    spectra = log_magnitudes(waves)[:, None]
    known = named(classifier, transform.standardised(spectra)[:, :, None])  # type: ignore[attr-defined]
    found: dict[str, object] = {
        "steps": generator.description["step"],
        "seconds": json.loads((run.path / "status.json").read_text()).get("seconds"),
        "accuracy_on_test_recordings": round(accuracy, 4),
        "shares": (torch.bincount(known, minlength=10) / HEARD).tolist(),
        "faults": wave_faults(recorded(dataset, HEARD // 2), waves, replicates=0).value,
    }
    if conditions is not None:
        asked = conditions.argmax(1).cpu()
        found["recognised"] = float((known == asked).float().mean())
        found["recognised_by_digit"] = [
            round(float((known[asked == digit] == digit).float().mean()), 3) for digit in range(10)
        ]
        draw(run, dataset, recordings.parent / "digits.png")
    return found


def recorded(dataset: Dataset, count: int) -> Tensor:
    """The waves of recordings as they come back from what networks see, `(count, T)`."""
    rows = np.linspace(0, len(dataset) - 1, min(count, len(dataset))).astype(np.int64)
    return kind_of(dataset).sample(dataset.transform.encode(dataset.gather(rows)), dataset.transform)


def named(classifier: ClassifierExtractor, planes: Tensor) -> Tensor:
    """The digit that the classifier finds in each."""
    assert classifier.probabilities is not None
    with torch.no_grad():
        return torch.cat([classifier.probabilities(part).argmax(1) for part in planes.split(256)])


def draw(run: Run, dataset: Dataset, path: Path) -> None:
    """Spectrograms of every digit: two rows of samples, as they are heard, over two rows of recordings."""
    assert dataset.labels is not None
    rows = [np.flatnonzero(dataset.labels == digit)[:: max(1, 60)][:2] for digit in range(10)]
    reals = dataset.gather(np.array(rows).T.ravel())[:, 0]
    waves = [torch.from_numpy(run.sample(2, seed=3 + digit, label=str(digit))) for digit in range(10)]
    fakes = log_magnitudes(torch.stack(waves, 1).flatten(0, 1))
    planes = torch.cat([fakes, reals]).numpy()[:, ::-1]
    to_pillow(in_colours(planes, low=-7.0, high=-1.0), columns=10).save(path)


if __name__ == "__main__":
    main()
