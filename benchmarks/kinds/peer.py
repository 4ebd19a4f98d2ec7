"""Seconds beside the package `ctgan` on Adult: `python -m benchmarks.kinds.peer FOLDER --python INTERPRETER`.

The interpreter is one that has `ctgan` and torch. In each round the package and Poise's recipes train in
turn, in batches of 500 on one thread, on the training part of 32,561 rows. An epoch is 65 steps for all;
what comes before is reading, encoding, and whatever is fitted. Seconds of the processor say more than those
of the clock if the machine is shared. Each measurement is a line of FOLDER/peer.jsonl. `--samples EPOCHS`
trains the package for that long and measures what it makes, as `benchmarks.kinds.adult` does.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

import poise
from benchmarks.kinds.adult import DATA, judged, rows_of
from poise.data import TableTransform, open_data
from poise.evaluation.tables import row_set_of_texts
from poise.training import Request, StepContext

EPOCH = 65
"""Steps of 500 of the 32,561 rows."""

RECIPES = ("ctgan", "table")
SCRIPT = Path(__file__).with_name("peer_ctgan.py")


def main() -> None:
    """Measure in turn, or judge the package's samples."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--python", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3, help="epochs that are timed")
    parser.add_argument(
        "--samples", type=int, default=0, help="train the package for this number of epochs, and judge it"
    )
    asked = parser.parse_args()
    torch.set_num_threads(1)
    asked.folder.mkdir(parents=True, exist_ok=True)
    if asked.samples:
        told(asked.folder, judged_peer(asked.folder, asked.python, asked.data, asked.samples))
        return
    for _ in range(asked.rounds):
        told(asked.folder, timed_peer(asked.folder, asked.python, asked.data, asked.epochs))
        for recipe in RECIPES:
            told(asked.folder, timed_recipe(asked.data, recipe, asked.epochs))


def told(folder: Path, line: dict[str, Any]) -> None:
    """Print a line, and keep it."""
    with (folder / "peer.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    print(json.dumps(line), flush=True)


def trained_peer(folder: Path, python: Path, data: Path, epochs: str, rows: int) -> dict[str, Any]:
    """What `peer_ctgan.py` says; its samples are in `FOLDER/peer.csv`."""
    table = folder / "train.csv"
    table.write_bytes(gzip.decompress((data / "train.csv.gz").read_bytes()))
    transform = open_data(table).transform
    assert isinstance(transform, TableTransform)
    categories = [column.name for column in transform.columns if column.form is None]
    command = [str(python), str(SCRIPT), str(table), str(folder / "peer.csv"), str(rows), epochs, *categories]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def timed_peer(folder: Path, python: Path, data: Path, epochs: int) -> dict[str, Any]:
    """Seconds of the package: those of one epoch more or less, and the rest."""
    found = trained_peer(folder, python, data, f"1,{1 + epochs}", 0)
    first, last = found["seconds"]["1"], found["seconds"][str(1 + epochs)]
    epoch = [(more - less) / epochs for less, more in zip(first, last, strict=True)]
    before = [less - one for less, one in zip(first, epoch, strict=True)]
    return {"name": f"ctgan {found['version']}", **_seconds(epoch, before)}


def timed_recipe(data: Path, recipe: str, epochs: int) -> dict[str, Any]:
    """The same of a recipe."""
    clocks: list[tuple[float, float]] = [(time.perf_counter(), time.process_time())]

    def callback(context: StepContext) -> Request | None:
        if context.step in (1, 1 + epochs * EPOCH):
            clocks.append((time.perf_counter(), time.process_time()))
        return None

    with tempfile.TemporaryDirectory() as folder:
        options: dict[str, Any] = {"evaluate_every": 0, "sample_every": 10**6, "doctor": "off"}
        poise.train(
            data / "train.csv.gz", recipe, steps=1 + epochs * EPOCH, out=Path(folder) / "run",
            callbacks=[callback], **options,
        )  # fmt: skip
    began, first, last = clocks
    epoch = [(after - before) / epochs for before, after in zip(first, last, strict=True)]
    return {"name": recipe, **_seconds(epoch, [after - one for one, after in zip(began, first, strict=True)])}


def _seconds(epoch: list[float], before: list[float]) -> dict[str, Any]:
    named = zip(("clock", "processor"), epoch, before, strict=True)
    return {name: {"epoch": round(one, 2), "before": round(two, 2)} for name, one, two in named}


def judged_peer(folder: Path, python: Path, data: Path, epochs: int) -> dict[str, Any]:
    """The line of `benchmarks.kinds.adult` for the package's samples."""
    train = open_data(data / "train.csv.gz")
    found = trained_peer(folder, python, data, str(epochs), len(train))
    return {
        "name": f"ctgan {found['version']}",
        "epochs": epochs,
        "seconds": found["seconds"][str(epochs)],
        **judged_samples(folder / "peer.csv", data),
    }


def judged_samples(path: Path, data: Path) -> dict[str, Any]:
    """Measures of a file of samples."""
    train = open_data(data / "train.csv.gz")
    test = open_data(data / "test.csv.gz", like=train.transform)
    assert isinstance(train.transform, TableTransform)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    texts = {name: [row[name] for row in rows] for name in train.transform.order}
    return judged(rows_of(train), row_set_of_texts(texts, train.transform), rows_of(test), seed=0)


if __name__ == "__main__":
    main()
