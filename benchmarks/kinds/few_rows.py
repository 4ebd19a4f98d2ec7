"""Tables of few rows: `python -m benchmarks.kinds.few_rows FOLDER [--rows 300 1000 3000] [--seeds 2]`.

Each number of rows is drawn from the training part of Adult by the seed, and `auto` is trained on them. The
generator is measured after its first step, when it is the fitted mixture, and at the end of its training.
5,000 fakes are compared with 5,000 rows of the official test part, and trees that are trained on the fakes
are tested on all of that part, beside trees that are trained on the drawn rows. Each subject is a line of
FOLDER/few-rows.jsonl; a subject whose line is there is not measured again.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

import poise
from benchmarks.kinds.adult import DATA, measured_before, rows_of
from poise.data import TableTransform, open_data
from poise.evaluation.tables import row_set
from poise.metrics import METRICS

MADE = 5_000


def main() -> None:
    """Measure every subject that is not measured yet, and print its line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--rows", type=int, nargs="+", default=[300, 1_000, 3_000])
    parser.add_argument("--seeds", type=int, default=2)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    record = asked.folder / "few-rows.jsonl"
    for rows, seed, subject in product(asked.rows, range(asked.seeds), ("start", "trained")):
        name = f"{rows} rows, seed {seed}, {subject}"
        if name in measured_before(record):
            continue
        line = {"name": name, **measured(rows, seed, subject, asked.folder, asked.data)}
        with record.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)


def measured(rows: int, seed: int, subject: str, folder: Path, data: Path) -> dict[str, Any]:
    """What is measured of a subject: the generator after its first step, or at the end of its training."""
    path = drawn(data / "train.csv.gz", rows, seed, folder)
    train = open_data(path)
    test = open_data(data / "test.csv.gz", like=train.transform)
    real, unseen = (rows_of(one) for one in (train, test))
    began = time.perf_counter()
    where, steps = folder / f"{path.stem}-{subject}", 1 if subject == "start" else None
    run = poise.train(str(path), steps=steps, seed=seed, out=where, evaluate_every=0)
    seconds = time.perf_counter() - began
    assert isinstance(train.transform, TableTransform)
    latents = run.generator.latents(MADE, seed=seed + 1)
    fake = row_set(run.generator.data(latents).numpy(), train.transform)
    line: dict[str, Any] = {"rows": rows, "seed": seed, "steps": run.recipe.steps, "seconds": round(seconds)}
    others = unseen.taken(np.arange(MADE))
    for metric in ("column-shapes", "pair-trends", "boosted-detection"):
        line[metric] = round(float(METRICS[metric].measure(others, fake, seed=seed)), 4)
    learnt = METRICS["trained-on-fakes"].measure(real, fake, unseen, seed=seed)
    line["auc"] = round(learnt.values["trained_on_fakes_auc"], 4)
    line["auc of the rows"] = round(learnt.floors["trained_on_fakes_auc"], 4)
    return line


def drawn(path: Path, rows: int, seed: int, folder: Path) -> Path:
    """A file of `rows` rows of a gzipped table, drawn by the seed."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        head, *all_rows = file.read().splitlines()
    places = np.random.default_rng(seed).permutation(len(all_rows))[:rows]
    few = folder / f"adult-{rows}-{seed}.csv"
    few.write_text("\n".join([head, *(all_rows[place] for place in places)]) + "\n", encoding="utf-8")
    return few


if __name__ == "__main__":
    main()
