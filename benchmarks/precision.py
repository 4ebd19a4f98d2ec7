"""Whether runs in bfloat16 end as those in float32 do: equal steps, several seeds, the distance to the data.

    python -m benchmarks.precision [--data digits FOLDER] [--seeds 5] [--runs FOLDER] [--emulated]

Each seed is trained once in each precision, one after the other, with the default recipe. At the end the
Fréchet distance to the data is measured, with its interval; over seeds the mean, the standard error, and the
interval of the difference of pairs are written. A pair has the same seed, so the same weights at the start,
the same batches and the same latents. Steps are timed apart, both precisions in turn on the same networks.
Interrupted, the same command goes on where it stopped. `--emulated` compares on hardware that has no
instructions for bfloat16, where a run refuses it because it is slow: values are rounded alike, and steps
are not timed.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch

import poise
from poise.recipes import RECIPES, recipe_with
from poise.training import engine, pick_device, plan
from poise.training.batches import training_batches

PRECISIONS = ("float32", "bf16")
METRIC = "frechet-distance"
# Quantiles of Student's t at 97.5 %, by degrees of freedom (Student 1908)
STUDENT = {1: 12.71, 2: 4.30, 3: 3.18, 4: 2.78, 5: 2.57, 6: 2.45, 7: 2.36, 8: 2.31, 9: 2.26}


class Row(NamedTuple):
    """What is trained on, and how."""

    data: str
    settings: dict[str, Any]
    steps: int


def row_of(data: str) -> Row:
    """Built-in data at their size and the default width; folders of images at 32 x 32, a quarter as wide."""
    if not Path(data).exists():
        return Row(data, {}, 600)
    narrow = {f"{player}.width": 16 for player in ("generator", "discriminator")}
    return Row(data, {"resolution": 32, **narrow}, 700)


def trained(row: Row, precision: str, seed: int, runs: Path) -> dict[str, Any]:
    """One run and what was measured at its end; what is there already is read."""
    file = runs / f"{Path(row.data).name}-{precision}-{seed}.json"
    if file.is_file():
        return dict(json.loads(file.read_text(encoding="utf-8")))
    folder = file.with_suffix("")
    settings = {"seed": seed, "precision": precision, "evaluate_every": 0, "sample_every": row.steps}
    recipe = recipe_with(RECIPES["non-saturating"], {**row.settings, **settings})
    if not folder.is_dir():
        poise.train(row.data, recipe, steps=row.steps, out=folder, doctor="watch")
    elif poise.open_run(folder).status != "finished":
        poise.resume(folder)
    run = poise.open_run(folder)
    if run.status != "finished":
        raise SystemExit(f"{folder} was {run.status}; the same command goes on with it")
    result = poise.evaluate(run, metrics=[METRIC]).results[0]
    found = {
        "data": Path(row.data).name,
        "precision": precision,
        "seed": seed,
        "steps": row.steps,
        "value": result.value,
        "interval": result.interval,
        "floor": result.floor,
    }
    file.write_text(json.dumps(found), encoding="utf-8")
    return found


def speeds(row: Row, device: torch.device, *, rounds: int = 6, steps: int = 4) -> dict[str, float]:
    """Seconds of a step in each precision, the median of rounds in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in PRECISIONS}
    games = {}
    for name in PRECISIONS:
        recipe = recipe_with(RECIPES["non-saturating"], {**row.settings, "precision": name, "steps": 1_000})
        planned = plan(row.data, recipe, device)
        games[name] = planned.components, training_batches(planned.recipe, planned.dataset, device, drawn=0)
    number = 1
    for turn in range(rounds + 1):
        for name, (components, sampler) in games.items():
            start = time.perf_counter()
            for step in range(number, number + steps):
                components.dynamics.step(components.players, partial(sampler.next, step), step)
            if turn:  # the first allocates
                seconds[name].append((time.perf_counter() - start) / steps)
        number += steps
    return {name: statistics.median(values) for name, values in seconds.items()}


def paired(differences: Sequence[float]) -> tuple[float, float, float]:
    """The mean of differences and its 95 % interval, by Student's t."""
    mean, count = statistics.fmean(differences), len(differences)
    if count < 2:
        return mean, -math.inf, math.inf
    half = STUDENT.get(count - 1, 1.96) * statistics.stdev(differences) / math.sqrt(count)
    return mean, mean - half, mean + half


def table(found: Sequence[dict[str, Any]], timed: dict[str, dict[str, float]]) -> str:
    """The rows as Markdown: a line for each set of data."""
    lines = [
        "| data | steps | seeds | float32 | bf16 | bf16 less float32, 95 % interval | spread of seeds | "
        "seconds of a step, float32 / bf16 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for data in dict.fromkeys(one["data"] for one in found):
        values = {
            name: {
                one["seed"]: one["value"] for one in found if (one["data"], one["precision"]) == (data, name)
            }
            for name in PRECISIONS
        }
        seeds = sorted(set(values["float32"]) & set(values["bf16"]))
        both = {name: [values[name][seed] for seed in seeds] for name in PRECISIONS}
        mean, low, high = paired([b - a for a, b in zip(*both.values(), strict=True)])
        cells = [f"{statistics.fmean(of):.3g} ± {_error(of):.2g}" for of in both.values()]
        speed, steps = timed.get(data), next(one["steps"] for one in found if one["data"] == data)
        words = (
            f"{1000 * speed['float32']:.0f} / {1000 * speed['bf16']:.0f} ms: "
            f"{speed['float32'] / speed['bf16']:.2f} x"
            if speed
            else "not timed"
        )
        spread = statistics.stdev(both["float32"]) if len(seeds) > 1 else math.nan
        lines.append(
            f"| {data} | {steps:,} | {len(seeds)} | {cells[0]} | {cells[1]} | "
            f"{mean:+.2g} ({low:+.2g} to {high:+.2g}) | {spread:.2g} | {words} |"
        )
    return "\n".join(lines)


def _error(values: Sequence[float]) -> float:
    return statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0


def main() -> None:
    """Train, measure, time, and print the table."""
    parser = argparse.ArgumentParser(description="Float32 against bfloat16 over seeds.")
    parser.add_argument("--data", nargs="+", default=["digits"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--runs", type=Path, default=Path("runs/precision"))
    parser.add_argument("--no-timing", action="store_true", help="leave the timing of steps out")
    parser.add_argument("--emulated", action="store_true", help="also where bfloat16 is slow; untimed")
    given = parser.parse_args()
    if given.emulated:
        engine.multiplies_in_bfloat16 = lambda device: True
    given.runs.mkdir(parents=True, exist_ok=True)
    rows = [row_of(data) for data in given.data]
    found = []
    for row in rows:
        for seed in range(given.seeds):
            for precision in PRECISIONS:
                found.append(trained(row, precision, seed, given.runs))
                print(json.dumps(found[-1]), flush=True)
    timed = {}
    if not (given.no_timing or given.emulated):
        timed = {Path(row.data).name: speeds(row, pick_device("cpu")) for row in rows}
    print(table(found, timed))


if __name__ == "__main__":
    main()
