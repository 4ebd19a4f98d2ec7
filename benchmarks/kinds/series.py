"""Series beside floors and baselines: `python -m benchmarks.kinds.series births FOLDER --seconds 35`.

Births: 51 states by 260 times four weeks, the last 52 held out, each scaled by its own; `weather`:
three airports by day, 24 hours of temperature, dew point, humidity, wind and visibility. Each call trains
FOLDER on for a while, 0 seconds not at all. Samples (as many as there are training series, and as there are
held-out ones), held-out reals, blocks of training series in another order, and series with the phases of
training series drawn at random are measured alike against the training series.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import poise
from benchmarks.kinds.training_on import Stop, trained_on
from poise.data import Files, Table, kind_of, open_data
from poise.metrics.classifiers import classifier_two_sample_test
from poise.metrics.features import extract, field_statistics
from poise.metrics.grids import autocorrelation, power_spectrum, value_distribution
from poise.spectra import radial_power

DATA = Path("/work/shared/data")
WEEKS, WEEK = 4, 7
COLUMNS = ("temp", "dewp", "humid", "wind_speed", "visib")
MEASURED, DRAWS = 800, 5


def births(data: Path, folder: Path) -> tuple[Files, str]:
    """`(51, days)`, and the length of windows: four weeks."""
    path = folder / "births.npy"
    if not path.exists():
        np.save(path, np.load(data / "us-births/births.npz")["births"].T)
    return Files(path, kind="series"), str(WEEKS * WEEK)


def weather(data: Path, folder: Path) -> tuple[Files, str]:
    """Three airports by the hour, as the table has them; windows of a day."""
    path = data / "nyc-weather/weather.csv.gz"
    with gzip.open(path, "rt") as file:
        names = next(csv.reader(file))
    dropped = {name: "drop" for name in names if name not in (*COLUMNS, "origin", "time_hour")}
    return Files(Table(path, dropped), kind="series"), "24"


def blocks(real: Tensor, length: int) -> Tensor:
    """Series whose blocks are those of series drawn at random, each at its own place in time."""
    stream = torch.Generator().manual_seed(0)
    made = real.clone()
    for start in range(0, real.shape[-1], length):
        rows = torch.randint(len(real), (len(real),), generator=stream)
        made[..., start : start + length] = real[rows][..., start : start + length]
    return made


def surrogates(real: Tensor) -> Tensor:
    """Series with the same power at each frequency and phases drawn at random, alike in all channels."""
    spectrum = torch.fft.rfft(real)
    turns = (
        torch.rand(len(real), 1, spectrum.shape[-1], generator=torch.Generator().manual_seed(0))
        * 2
        * torch.pi
    )
    turns[..., 0] = 0
    made: Tensor = torch.fft.irfft(spectrum * torch.polar(torch.ones_like(turns), turns), n=real.shape[-1])
    return made


SETS = {"births": births, "weather": weather}


def main() -> None:
    """Train on, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=SETS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--seconds", type=float, default=35.0)
    parser.add_argument("--steps", type=int, default=20_000, help="of the whole run, which rates follow")
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    data, window = SETS[asked.name](asked.data, asked.folder)
    out = asked.folder / "run"
    changes = dict(one.split("=", 1) for one in asked.set)

    def begin(enough: Stop) -> None:
        whole = {"steps": asked.steps, "held_out": 0, **changes}
        poise.train(data, out=out, encoding=window, callbacks=[enough], **whole)

    run = trained_on(out, asked.seconds, begin, asked.steps)
    print(json.dumps(measured(run, data, window, asked.folder)))


def measured(run: poise.Run, data: Files, window: str, folder: Path) -> dict[str, object]:
    """Every candidate by the same measures against the training series, on the networks' scale."""
    dataset = open_data(data, encoding=window)
    assert dataset.held_out is not None
    kind, transform = kind_of(dataset), dataset.transform
    known, apart = (transform.encode(one.gather(np.arange(len(one)))) for one in (dataset, dataset.held_out))
    generator = run.generator
    fake = transform.encode(generator.data(generator.latents(len(known), seed=1)))
    still = [span.name.startswith("attribute") for span in kind.spec(dataset.shape, transform).spans]
    moving = [number for number, one in enumerate(still) if not one]
    candidates = {
        "samples": fake,
        "as many samples as held-out": fake[: len(apart)],
        "held-out": apart,
        "blocks": torch.cat(
            [blocks(known[:, moving], 7 if known.shape[2] % WEEK == 0 else 6), known[:, len(moving) :]], 1
        ),
        "phases": torch.cat([surrogates(known[:, moving]), known[:, len(moving) :]], 1),
    }
    rows: dict[str, object] = {"steps": generator.description["step"]}
    for name, one in candidates.items():
        sides = known[:, moving], one[:, moving]
        numbers: dict[str, float] = {}
        for metric in (autocorrelation, power_spectrum, value_distribution):
            numbers |= metric(*sides, replicates=0).values
        numbers["two_sample_accuracy"] = told_apart(known, one)
        rows[name] = {key: round(value, 4) for key, value in numbers.items()}
    if known.shape[2] == WEEKS * WEEK:
        weekly = [float(weekly_share(side[:, :1])) for side in (known, fake, apart)]
        rows["weekly_share"] = dict(
            zip(("real", "samples", "held-out"), np.round(weekly, 3).tolist(), strict=True)
        )
    kind.picture(
        torch.cat([fake[:8], known[:: len(known) // 8][:8]]), transform, dataset.shape, columns=4
    ).save(folder / "series.png")
    return rows


def told_apart(known: Tensor, others: Tensor) -> float:
    """The accuracy of a classifier, a mean over draws.

    Drawn at random: every 13th window of the births would be of the same weeks in each year.
    """
    found = []
    for seed in range(DRAWS):
        stream = torch.Generator().manual_seed(seed)
        some = [side[torch.randperm(len(side), generator=stream)[:MEASURED]] for side in (known, others)]
        features = [extract(field_statistics(), side[:, :, None, None]) for side in some]
        found.append(float(classifier_two_sample_test(*features, seed=seed)))
    return sum(found) / DRAWS


def weekly_share(values: Tensor) -> Tensor:
    """The share of the power that lies at the week and its harmonics."""
    power = radial_power(values.double()).mean((0, 1))
    return power[[WEEKS * harmonic - 1 for harmonic in (1, 2, 3)]].sum() / power.sum()


if __name__ == "__main__":
    main()
