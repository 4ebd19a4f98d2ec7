"""The metrics against their peers: speed, memory, exactness, and honest intervals.

    python -m benchmarks.metrics [--quick] [--only frechet bootstrap prdc memory coverage training]

Both sides run in this process, in turn, round by round; medians of seconds, and the median of the ratios of
the rounds.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import scipy.linalg
import torch
from prdc import compute_prdc
from torch import Tensor
from torchmetrics.image.fid import _compute_fid

from poise.metrics import cheap_evaluation, frechet_distance, precision_recall_density_coverage, reference_of
from poise.metrics.frechet import distance_of, spread_of_halves
from poise.metrics.intervals import interval_of_distance
from poise.metrics.neighbours import NAMES
from poise.metrics.neighbours import prdc as four_of

Run = Callable[[], Any]


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def in_turn(ways: dict[str, Run], rounds: int) -> dict[str, list[float]]:
    """Seconds of each way, round by round, after one round that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - start)
    return {name: values[1:] for name, values in seconds.items()}


def show(seconds: dict[str, list[float]], peer: str) -> None:
    """Medians, and how many times as fast as the peer each is."""
    for name, values in seconds.items():
        ratio = statistics.median(old / new for old, new in zip(seconds[peer], values, strict=True))
        print(f"  {name:<44} {statistics.median(values):8.3f} s   {ratio:5.2f} x")


def correlated(samples: int, width: int) -> tuple[Tensor, Tensor]:
    """Two sets of features that are correlated, and a little apart."""
    mixing = normal(0, width, width) / width**0.5
    real = normal(1, samples, width) @ mixing
    return real, normal(2, samples, width) @ (mixing + 0.1 * normal(3, width, width) / width**0.5) + 0.05


def eigenvalue_form(real: Tensor, fake: Tensor) -> float:
    """The Fréchet distance as torchmetrics computes it."""
    return float(_compute_fid(real.mean(0), torch.cov(real.T), fake.mean(0), torch.cov(fake.T)))


def frechet(quick: bool) -> None:
    samples, width, rounds = (1500, 512, 3) if quick else (5000, 2048, 3)
    print(f"\nFréchet distance, N = {samples:,}, d = {width:,}, float64")
    real, fake = correlated(samples, width)
    seconds = in_turn(
        {
            "eigenvalues of the product (torchmetrics)": lambda: eigenvalue_form(real, fake),
            "poise, the distance": lambda: distance_of(real, fake),
            "poise, the result (replicates=0)": lambda: frechet_distance(real, fake, replicates=0),
        },
        rounds,
    )
    show(seconds, "eigenvalues of the product (torchmetrics)")
    start = time.perf_counter()
    covariances = np.cov(real.numpy().T), np.cov(fake.numpy().T)
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1])
    exact = float(((real.mean(0) - fake.mean(0)) ** 2).sum()) + sum(np.trace(part) for part in covariances)
    exact -= 2 * float(np.trace(root).real)
    took = time.perf_counter() - start
    print(
        f"  scipy.linalg.sqrtm: {exact:.10g} in {took:.1f} s; poise differs by "
        f"{abs(distance_of(real, fake) / exact - 1):.1e} of it"
    )
    same = normal(5, 40, 64)
    print(
        f"  identical sets, N = 40, d = 64: poise {distance_of(same, same):.1e}, "
        f"eigenvalues of the product {eigenvalue_form(same, same):.1e}"
    )


def bootstrap(quick: bool) -> None:
    real, fake = correlated(2000, 64)
    seconds = in_turn({"whole": lambda: frechet_distance(real, fake, replicates=200)}, 3 if quick else 7)[
        "whole"
    ]
    print("\nFréchet distance with its interval by 200 half-samples and its floor, N = 2,000, d = 64")
    print(f"  {statistics.median(seconds):.2f} s (of rounds: {min(seconds):.2f} to {max(seconds):.2f})")


def prdc(quick: bool) -> None:
    samples, width, rounds = (1000, 64, 3) if quick else (5000, 256, 5)
    real, fake = normal(0, samples, width), 0.95 * normal(1, samples, width) + 0.02

    def public() -> dict[str, float]:
        with contextlib.redirect_stdout(io.StringIO()):
            found = compute_prdc(real.numpy(), fake.numpy(), 5)
        return {name: float(found[name]) for name in NAMES}

    print(f"\nPrecision, recall, density, coverage, N = {samples:,}, d = {width}, k = 5")
    seconds = in_turn(
        {
            "prdc (public package)": public,
            "poise, values alone, as prdc gives": lambda: precision_recall_density_coverage(
                real, fake, replicates=0
            ),
        },
        rounds,
    )
    show(seconds, "prdc (public package)")
    apart = in_turn({"it": lambda: precision_recall_density_coverage(real, fake)}, 2)["it"]
    print(f"  with intervals and floors, which prdc has not   {statistics.median(apart):8.3f} s")
    expected, found = public(), dict(zip(NAMES, four_of(real, fake, 5).tolist(), strict=True))
    print(f"  largest difference: {max(abs(expected[name] - found[name]) for name in NAMES):.1e}")
    points = normal(2, 100, 8).repeat_interleave(10, 0)
    with contextlib.redirect_stdout(io.StringIO()):
        twice = compute_prdc(points.numpy(), points.numpy(), 5)
    print(
        "  100 points, each ten times, against themselves: coverage "
        f"{float(four_of(points, points, 5)[3]):.2f} (prdc: {float(twice['coverage']):.2f})"
    )


def memory(quick: bool) -> None:
    samples = 10_000 if quick else 50_000
    command = [sys.executable, "-m", "benchmarks.metrics", "--memory-of", str(samples)]
    print(subprocess.run(command, capture_output=True, text=True, check=True).stdout, end="")


def memory_of(samples: int) -> None:
    """In a process of its own: how far the call lifts the peak above what the process held before it."""
    real, fake = normal(0, samples, 64), normal(1, samples, 64)
    Path("/proc/self/clear_refs").write_text("5")  # the peak of the imports is forgotten
    before, start = megabytes("VmRSS"), time.perf_counter()
    precision_recall_density_coverage(real, fake)
    took, growth = time.perf_counter() - start, megabytes("VmHWM") - before
    verdict = "within 1 GB" if growth <= 1024 else "BEYOND 1 GB"
    print(f"\nPrecision, recall, density, coverage with intervals and floors, N = {samples:,}, d = 64")
    print(f"  {growth:,.0f} MB beyond the {before:,.0f} MB held before: {verdict}; {took:.0f} s")


def megabytes(name: str) -> float:
    """A line of this process's status (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


CASES: tuple[tuple[str, int, int, float, float, float], ...] = (
    # name, N, d, shift along one axis, scale of the fakes, power of the spectrum
    ("one distribution", 100, 8, 0.0, 1.0, 0.0),
    ("shifted", 100, 8, 1.0, 1.0, 0.0),
    ("one distribution", 500, 16, 0.0, 1.0, 0.0),
    ("shifted", 500, 16, 1.0, 1.0, 0.0),
    ("scaled", 500, 16, 0.0, 1.3, 0.0),
    ("one distribution, spectrum 1/i^2", 500, 16, 0.0, 1.0, 1.0),
    ("shifted, spectrum 1/i^2", 500, 16, 0.3, 1.0, 1.0),
    ("one distribution", 400, 64, 0.0, 1.0, 0.0),
    ("shifted", 400, 64, 1.0, 1.0, 0.0),
    ("one distribution, N < d", 40, 64, 0.0, 1.0, 0.0),
)


def coverage(quick: bool) -> None:
    repetitions = 50 if quick else 200
    print(f"\n95 % intervals of the Fréchet distance: how many of {repetitions} cover its expectation")
    for name, samples, width, shift, scale, power in CASES[:: 3 if quick else 1]:
        base = torch.arange(1, width + 1, dtype=torch.float64) ** -power
        apart = shift * torch.eye(1, width, dtype=torch.float64)

        def pair(
            seed: int,
            samples: int = samples,
            base: Tensor = base,
            scale: float = scale,
            apart: Tensor = apart,
        ) -> tuple[Tensor, Tensor]:
            first, second = normal(2 * seed, samples, len(base)), normal(2 * seed + 1, samples, len(base))
            return first * base, second * base * scale + apart

        many = 2000 if samples * width < 10_000 else 400
        expectation = statistics.fmean(distance_of(*pair(seed)) for seed in range(10**6, 10**6 + many))
        inside = 0
        for seed in range(repetitions):
            real, fake = pair(seed)
            value = distance_of(real, fake)
            low, high = interval_of_distance(value, spread_of_halves(value, real, fake, 100, seed))
            inside += low <= expectation <= high
        share = inside / repetitions
        sizes = f"N = {samples:<4} d = {width:<3}"
        print(f"  {name:<34} {sizes} expectation {expectation:8.4f}   covered {share:.1%}")


def training(quick: bool) -> None:
    print("\nThe evaluation for use while training, features and intervals included")
    for name, count, shape in (
        ("8 x 8 grey", 1000, (1, 8, 8)),
        ("32 x 32 colour", 1000, (3, 32, 32)),
        ("32 x 32 colour", 2000, (3, 32, 32)),
        ("vectors of 2", 2000, (2,)),
    ):
        real, fake = (torch.tanh(normal(seed, count, *shape)).float() for seed in (0, 1))
        reference = reference_of(real, fakes=count)
        seconds = in_turn({"it": partial(cheap_evaluation, reference, fake)}, 2 if quick else 5)["it"]
        print(f"  {name:<16} {count:,} reals, {count:,} fakes: {statistics.median(seconds):.2f} s")


SECTIONS: dict[str, Callable[[bool], None]] = {
    "frechet": frechet,
    "bootstrap": bootstrap,
    "prdc": prdc,
    "memory": memory,
    "coverage": coverage,
    "training": training,
}


def main() -> None:
    parser = argparse.ArgumentParser(description="The metrics against their peers.")
    parser.add_argument("--quick", action="store_true", help="Small sizes, a minute in all.")
    parser.add_argument("--only", nargs="+", choices=[*SECTIONS], default=[*SECTIONS])
    parser.add_argument("--memory-of", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.memory_of:
        memory_of(given.memory_of)
        return
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    for name, section in SECTIONS.items():
        if name in given.only:
            section(given.quick)
            sys.stdout.flush()


if __name__ == "__main__":
    main()
