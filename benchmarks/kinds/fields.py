"""Random fields of a known power spectrum: `python -m benchmarks.kinds.fields FOLDER [--steps N]`.

Gaussian fields of 32x32 places whose power falls by three decades from wave number 1 to 16, in units and a
type of their own (16 bits). A run is trained, or resumed, in FOLDER; then its spectrum is measured against
other fields of the same law, and the figure is drawn. The recipe `field` holds the spectrum by construction:
values, the spread of power over samples and a two-sample test say what else is right.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch

import poise
from poise.data import Array
from poise.metrics.classifiers import classifier_two_sample_test
from poise.metrics.features import extract, field_statistics
from poise.metrics.grids import power_spectrum, value_distribution
from poise.spectra import radial_power

SIDE, DECADES = 32, 3.2
MIDDLE, SPREAD = 30_000.0, 4_000.0
COUNT, MEASURED = 20_000, 5_000


def random_fields(count: int, seed: int, *, side: int = SIDE) -> Array:
    """Periodic Gaussian fields `(count, side, side)` uint16, their power a power law of the wave number."""
    random = np.random.default_rng(seed)
    numbers = np.fft.fftfreq(side) * side
    length = np.hypot(numbers[:, None], numbers[None, :])
    length[0, 0] = np.inf
    slope = DECADES / np.log10(side / 2)
    amplitude = length ** (-slope / 2)
    amplitude /= np.sqrt((amplitude**2).sum()) / side
    white = np.fft.fft2(random.standard_normal((count, side, side)))
    fields = np.fft.ifft2(white * amplitude).real
    return np.rint(MIDDLE + SPREAD * fields).clip(0, 65_535).astype(np.uint16)


def main() -> None:
    """Train, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=3_000)
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    data = asked.folder / "fields.npy"
    if not data.exists():
        np.save(data, random_fields(COUNT, 0))
    changes = dict(one.split("=", 1) for one in asked.set)
    out = asked.folder / "run"
    if (out / "recipe.json").exists():
        run = poise.resume(out, steps=asked.steps)
    else:
        run = poise.train(str(data), out=out, steps=asked.steps, **changes)
    print(json.dumps(measured(run, asked.folder)))


def measured(run: poise.Run, folder: Path) -> dict[str, object]:
    """Samples against other fields of the same law; draws both spectra, and samples below reals."""
    real, other = (
        torch.from_numpy(random_fields(MEASURED, seed).astype(np.float32))[:, None] for seed in (1, 2)
    )
    fake = torch.from_numpy(run.sample(MEASURED, seed=1))
    spectrum = power_spectrum(real, fake, held_out_samples=other)
    values = value_distribution(real, fake, held_out_samples=other)
    each = [radial_power(side.double())[:, 0] for side in (real, fake)]
    powers = [power.mean(0).numpy() for power in each]
    features = [extract(field_statistics(), (side - MIDDLE) / SPREAD) for side in (real, fake, other)]
    told = [round(float(classifier_two_sample_test(features[0], side)), 3) for side in features[1:]]
    draw(powers, folder / "spectrum.png")
    generator = run.generator
    some = generator.transform.encode(torch.cat([real[:8], fake[:8]]))
    generator.kind.picture(some, generator.transform, generator.shape, columns=8).save(folder / "fields.png")
    results = {result.metric: result.to_json() for result in (spectrum, values)}
    parts = ("value", "interval", "floor")
    plain = {name: {part: one[part] for part in parts} for name, one in results.items()}
    ratios = (powers[1] / powers[0]).round(3).tolist()
    return {
        "steps": run.generator.description["step"],
        **plain,
        "decades": float(np.log10(powers[0][0] / powers[0][-1])),
        "ratios": ratios,
        "spreads": (each[1].log().std(0) / each[0].log().std(0)).numpy().round(2).tolist(),
        "two_sample_accuracy": dict(zip(("samples", "other fields"), told, strict=True)),
    }


def draw(powers: list[Array], path: Path) -> None:
    """Both spectra, and their ratio."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4.5), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    numbers = np.arange(1, len(powers[0]) + 1)
    for power, name, style in zip(powers, ("real", "generated"), ("o-", "x--"), strict=True):
        above.loglog(numbers, power, style, label=name)
    above.set_ylabel("power")
    above.legend(frameon=False)
    below.semilogx(numbers, powers[1] / powers[0], "k.-")
    below.axhspan(0.9, 1.1, color="0.9")
    below.set_ylabel("generated / real")
    below.set_xlabel("wave number")
    canvas.print_figure(path)


if __name__ == "__main__":
    main()
