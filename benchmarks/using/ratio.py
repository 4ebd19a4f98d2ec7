"""Density ratios of known normal distributions, refined samples of a known target, intervals and levels.

    python -m benchmarks.using.ratio [correlation recovery coverage level] [--densratio PYTHON]

`--densratio` names a Python that has the public package `densratio` (0.4.0), which then fits the same samples
in turn with ours; seconds are of the processor. The truth of every figure is a closed form or an integral, or
of a fitted function its mean over 200,000 fresh samples.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from scipy import stats
from torch import Tensor
from torch.nn.functional import logsigmoid

import poise
from poise.generator.refining import REFINEMENTS, Candidates
from poise.generator.sampling import sample_latents
from poise.metrics.calibration import Calibration, isotonic, platt
from poise.metrics.ratio import Form
from poise.recipes.settings import Latent

ROWS = 2_000
REPETITIONS = 200

OTHERS = """
import json, sys, time
import numpy as np
from densratio import densratio

given = np.load(sys.argv[1])
started = time.process_time()
made = densratio(given["p"], given["q"], method=sys.argv[3], verbose=False)
ratios = made.compute_density_ratio(given["x"])
print(json.dumps(time.process_time() - started))
np.save(sys.argv[2], ratios)
"""


def normal(count: int, size: int, seed: int, *, mean: float = 0.0) -> Tensor:
    stream = torch.Generator().manual_seed(seed)
    return torch.randn(count, size, generator=stream, dtype=torch.float64) + mean


def correlation(python: str | None) -> None:
    """Shifted normals with a Kullback-Leibler divergence of one half: log p - log q is linear."""
    print(f"correlation of log ratios, KL 0.5, {ROWS:,} + {ROWS:,} rows, 2,000 others")
    for size in (1, 5, 20, 64):
        mean = math.sqrt(1 / size)
        p, q = normal(ROWS, size, 1, mean=mean), normal(ROWS, size, 2)
        x = torch.cat([normal(1000, size, 3, mean=mean), normal(1000, size, 4)])
        truth = (mean * x - mean**2 / 2).sum(1).numpy()
        found: dict[str, tuple[np.ndarray[tuple[int], np.dtype[np.float64]], float]] = {}
        forms: tuple[Form, ...] = ("linear", "auto")
        for form in forms:
            started = time.process_time()
            made = poise.density_ratio(p, q, form=form).log_ratio(x)
            found[f"ours, {form}"] = made, time.process_time() - started
        if python is not None:
            for method in ("uLSIF", "KLIEP"):
                found[f"densratio, {method}"] = of_others(python, p, q, x, method)
        for name, (made, seconds) in found.items():
            both = np.corrcoef(made, truth)[0, 1], stats.spearmanr(made, truth)[0]
            told = f"correlation {both[0]:.3f}, of ranks {both[1]:.3f}, {seconds:5.2f} s"
            print(f"  d {size:2d}  {name:18s} {told}")


def of_others(
    python: str, p: Tensor, q: Tensor, x: Tensor, method: str
) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], float]:
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder) / "given.npz", Path(folder) / "made.npy"
        np.savez(given, p=p.numpy(), q=q.numpy(), x=x.numpy())
        done = subprocess.run(
            [python, "-c", OTHERS, str(given), str(made), method], capture_output=True, text=True, check=True
        )
        seconds = float(json.loads(done.stdout.splitlines()[-1]))
        ratios = np.load(made)
    return np.log(np.maximum(ratios, 1e-12)), seconds


MEAN, DEVIATION = 0.7, 1.3
COUNT = 4_000


def exact(x: Tensor) -> Tensor:
    """The log ratio of N(0, 1) over N(0.7, 1.3)."""
    return ((x - MEAN) / DEVIATION).square() / 2 - x.square() / 2 + math.log(DEVIATION)


def three_times(x: Tensor) -> Tensor:
    return 3 * exact(x)


def recovery() -> None:
    """N(0, 1) from samples of N(0.7, 1.3)."""
    print(f"mean and deviation of N(0, 1) from N(0.7, 1.3), {COUNT:,} samples (error of the mean 0.016)")
    p, q = normal(2_000, 1, 5)[:, 0], MEAN + DEVIATION * normal(2_000, 1, 6)[:, 0]
    fitted = {
        name: fit(three_times(p), three_times(q)) for name, fit in (("platt", platt), ("isotonic", isotonic))
    }
    ratios: dict[str, Callable[[Tensor], Tensor]] = {"exact ratio": exact, "score x 3": three_times}
    ratios |= {f"score x 3, {name}": after(line) for name, line in fitted.items()}
    for name, ratio in ratios.items():
        for method in REFINEMENTS:
            if "isotonic" in name and method == "langevin":
                continue  # steps have no slope to follow
            x, text = refined(ratio, method)
            print(f"  {name:22s} {method:9s} {float(x.mean()):6.3f} {float(x.std()):6.3f}  {text}")


def after(line: Calibration) -> Callable[[Tensor], Tensor]:
    return lambda x: line(three_times(x))


def refined(ratio: Callable[[Tensor], Tensor], method: str) -> tuple[Tensor, str]:
    latent = Latent(size=1)
    largest = float(ratio(MEAN + DEVIATION * normal(2_000, 1, 7)[:, 0]).max())
    given = Candidates(
        lambda count: (sample_latents(count, latent, seed=8), None),
        lambda latents, condition: ratio(MEAN + DEVIATION * latents[:, 0].double()),
        largest,
        latent,
        8,
    )
    made = REFINEMENTS[method](given, COUNT)
    return MEAN + DEVIATION * made.latents[:, 0].double(), made.text


def coverage() -> None:
    """How often the interval of the Jensen-Shannon bound holds the bound's value on endless data."""
    for form in ("linear", "squares"):
        held, below = 0, 0
        for seed in range(REPETITIONS):
            p, q = normal(300, 5, 2 * seed, mean=0.4), normal(300, 5, 2 * seed + 1)
            ratio = poise.density_ratio(p, q, form=form, seed=seed)
            low, high = ratio.divergences.intervals["jensen_shannon"]
            fresh = normal(200_000, 5, 10_000 + seed)
            terms = [
                logsigmoid(sign * ratio.tested(fresh + shift)).mean() for sign, shift in ((1, 0.4), (-1, 0))
            ]
            value = math.log(2) + float(sum(terms)) / 2
            held += low <= value <= high
            below += low <= TRUE_DIVERGENCE
        print(
            f"coverage, d 5, 300 + 300 rows, {form}: the bound's own value in {held / REPETITIONS:.1%} of "
            f"{REPETITIONS} intervals, their lower end below the divergence in {below / REPETITIONS:.1%}"
        )


def jensen_shannon(distance: float) -> float:
    """Of two unit normals so far apart."""
    x = np.linspace(-12, 12 + distance, 200_001)
    one, other = stats.norm.pdf(x, distance), stats.norm.pdf(x)
    middle = (one + other) / 2
    terms = one * np.log(np.maximum(one, 1e-300) / middle) + other * np.log(
        np.maximum(other, 1e-300) / middle
    )
    return float(np.trapezoid(terms, x)) / 2


TRUE_DIVERGENCE = jensen_shannon(0.4 * math.sqrt(5))


def level() -> None:
    """How often equal distributions are told apart at 5 %."""
    for form in ("linear", "squares"):
        found = [
            poise.density_ratio(
                normal(200, 5, 2 * seed), normal(200, 5, 2 * seed + 1), form=form, seed=seed
            ).p_value
            for seed in range(REPETITIONS)
        ]
        rejected = sum(p_value < 0.05 for p_value in found)
        low, high = stats.binom.interval(0.95, REPETITIONS, 0.05)
        print(
            f"level, p = q, d 5, 200 + 200 rows, {form}: {rejected} of {REPETITIONS} below 0.05 "
            f"({low:.0f} to {high:.0f} are expected)"
        )


PARTS: dict[str, Callable[[], None]] = {"recovery": recovery, "coverage": coverage, "level": level}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", default=["correlation", *PARTS])
    parser.add_argument("--densratio", help="a Python with the package densratio")
    asked = parser.parse_args()
    for part in asked.parts:
        if part == "correlation":
            correlation(asked.densratio)
        else:
            PARTS[part]()


if __name__ == "__main__":
    main()
