"""Private Adult: `python -m benchmarks.kinds.private FOLDER [--epsilon 3] [--seeds 3]`.

Trains in private on the 32,561 rows of the training part and makes as many; trees that are trained on these
are tested on the official test part. Beside it a plain rival of the same budget: all columns one by one, and
a tree of pairs whose shares are noised. Both begin with the same noised columns, so that they differ in what
they make of the rest. Each subject is a line of FOLDER/private.jsonl; one whose line is there is skipped.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import poise
from benchmarks.kinds.adult import DATA
from poise.data import Array, Dataset, Table, TableTransform, open_data
from poise.data.tables import read_frame
from poise.data.tables.private import Privately, private_rows
from poise.evaluation.tables import row_set
from poise.metrics import METRICS
from poise.randomness import numpy_stream
from poise.recipes.settings import Private
from poise.training.budget import Budget, Looks, solved

DELTA = 1e-5


def main() -> None:
    """Measure every subject that is not measured yet, and print its line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--epsilon", type=float, default=3.0)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=["one by one", "pairs", "start", "trained"])
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    path = asked.folder / "private.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    done = {(line["name"], line["seed"], line["epsilon"]) for line in map(json.loads, lines)}
    for seed in range(asked.seeds):
        for name in asked.only:
            if (name, seed, asked.epsilon) in done:
                continue
            line = {"name": name, "seed": seed, "epsilon": asked.epsilon, **measured(name, seed, asked)}
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            print(json.dumps(line), flush=True)


def measured(name: str, seed: int, asked: argparse.Namespace) -> dict[str, Any]:
    """What trees that are trained on a subject's rows score, and how long it took to make them."""
    began = time.perf_counter()
    if name in ("start", "trained"):
        where = asked.folder / f"{name}-{seed}-{asked.epsilon:g}"
        # what the run does not spend on updates is spent on the start
        budget = {"epsilon": asked.epsilon, "delta": DELTA, **({"start": 0.79} if name == "start" else {})}
        steps = 1 if name == "start" else asked.steps
        run = poise.train(str(asked.data / "train.csv.gz"), private=budget, steps=steps, seed=seed, out=where)
        about = json.loads((where / "generator" / "generator.json").read_text())["private"]
        transform = run.generator.transform
        made = run.generator.data(run.generator.latents(32_561, seed=seed + 1)).numpy()
    else:
        about, transform, made = rival(name, seed, asked)
    seconds = time.perf_counter() - began
    assert isinstance(transform, TableTransform)
    real, unseen = (
        row_set(private_rows(read_frame(None, asked.data / f"{part}.csv.gz", part), transform), transform)
        for part in ("train", "test")
    )
    fake = row_set(made, transform)
    learnt = METRICS["trained-on-fakes"].measure(real, fake, unseen, seed=seed)
    assert isinstance(learnt.floor, dict)
    return {
        "auc": round(learnt.values["trained_on_fakes_auc"], 4),
        "auc interval": [round(bound, 4) for bound in learnt.intervals["trained_on_fakes_auc"]],
        "auc of real rows": round(learnt.floor["trained_on_fakes_auc"], 4),
        "shapes": round(float(METRICS["column-shapes"].measure(real, fake, seed=seed)), 4),
        "spent": about["spent_epsilon"],
        "seconds": round(seconds, 1),
    }


def rival(name: str, seed: int, asked: argparse.Namespace) -> tuple[dict[str, Any], TableTransform, Array]:
    """Rows of noised shares: of single columns, or of a tree of pairs that noised shares chose, too."""
    settings = Private(epsilon=asked.epsilon, delta=DELTA)
    budget = Budget(settings)
    privately = Privately(seed, budget.columns, budget.delta_of_values)
    data = open_data(Table(str(asked.data / "train.csv.gz"), privately=privately))
    assert isinstance(data.transform, TableTransform)
    noise = solved(lambda noise: budget.cost(Looks(budget.columns, noise)), asked.epsilon)
    spent = {"spent_epsilon": round(budget.cost(Looks(budget.columns, noise)), 4)}
    stream = numpy_stream(seed, 0, "noised shares")
    if name == "one by one":
        return spent, data.transform, _independent(data, noise, stream)
    return spent, data.transform, _tree(data, noise, stream)


def _cells(data: Dataset) -> tuple[Array, list[int]]:
    """The cells of all rows, and how many each column has."""
    assert isinstance(data.transform, TableTransform)
    count = len(data.transform.columns)
    stored = data.gather(np.arange(len(data))).numpy()
    return stored[:, :count].astype(np.int64), [len(column.cells) for column in data.transform.columns]


def _shares(counts: Array) -> Array:
    clear = np.maximum(counts, 0) + 1e-9
    made: Array = clear / clear.sum()
    return made


def _independent(data: Dataset, noise: float, stream: np.random.Generator) -> Array:
    cells, sizes = _cells(data)
    deviation = noise * math.sqrt(len(sizes))
    made = []
    for index, size in enumerate(sizes):
        counts = np.bincount(cells[:, index], minlength=size) + stream.normal(0, deviation, size)
        made.append(stream.choice(size, len(cells), p=_shares(counts)))
    return _with_places(np.stack(made, 1), data, stream)


def _tree(data: Dataset, noise: float, stream: np.random.Generator) -> Array:
    """A third of the inverse variance chooses the pairs of the tree, and the rest measures them.

    As MST (McKenna, Miklau and Sheldon 2021) does, with noised joint counts in place of the exponential
    mechanism.
    """
    cells, sizes = _cells(data)
    count = len(sizes)
    pairs = [(one, two) for one in range(count) for two in range(one)]
    choosing = noise * math.sqrt(3) * math.sqrt(len(pairs))
    measuring = noise * math.sqrt(1.5) * math.sqrt(count - 1)
    weight = np.zeros((count, count))
    for one, two in pairs:
        joint = _joint(cells, sizes, one, two) + stream.normal(0, choosing, (sizes[one], sizes[two]))
        joint = np.where(joint > 2 * choosing, joint, 0)
        apart = np.outer(joint.sum(1), joint.sum(0)) / max(joint.sum(), 1)
        weight[one, two] = weight[two, one] = np.abs(joint - apart).sum()
    inside, tables = [0], {}
    while len(inside) < count:
        left = [index for index in range(count) if index not in inside]
        parent, child = max(((a, b) for a in inside for b in left), key=lambda pair: weight[pair])
        shares = _joint(cells, sizes, parent, child) + stream.normal(
            0, measuring, (sizes[parent], sizes[child])
        )
        tables[child] = (parent, np.where(shares > measuring, shares, 0))
        inside.append(child)
    made = np.zeros_like(cells)
    first = next(table for parent, table in tables.values() if parent == 0)
    made[:, 0] = stream.choice(sizes[0], len(cells), p=_shares(first.sum(1)))
    for child in inside[1:]:
        parent, table = tables[child]
        whole = _shares(table.sum(0))
        for value in range(sizes[parent]):
            here = np.flatnonzero(made[:, parent] == value)
            shares = _shares(table[value]) if table[value].sum() > 0 else whole
            made[here, child] = stream.choice(sizes[child], len(here), p=shares)
    return _with_places(made, data, stream)


def _joint(cells: Array, sizes: list[int], one: int, two: int) -> Array:
    flat = np.bincount(cells[:, one] * sizes[two] + cells[:, two], minlength=sizes[one] * sizes[two])
    return flat.reshape(sizes[one], sizes[two]).astype(np.float64)


def _with_places(cells: Array, data: Dataset, stream: np.random.Generator) -> Array:
    """Stored rows: cells, and places within them that are drawn evenly."""
    assert isinstance(data.transform, TableTransform)
    places = stream.random((len(cells), len(data.transform.ranged)))
    made: Array = np.concatenate([cells, places], 1).astype(np.float32)
    return made


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
