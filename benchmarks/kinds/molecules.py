"""Molecules of QM9: `python -m benchmarks.kinds.molecules FOLDER --seconds 600`.

Each call trains FOLDER on for a while, then evaluates 10,000 samples: shares that are valid, different and
new, and all three at once, beside the floor of molecules that were held out; distances of degrees, orbits and
their like beside graphs whose edges are drawn one by one.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from pathlib import Path
from typing import Any

import poise
from poise.data import Files
from poise.training import Request, StepContext

DATA = Path("/work/shared/data/qm9/smiles.txt.gz")
SAMPLES = 10_000
METRICS = ["graph-novelty", "graph-distances"]


def main() -> None:
    """Train on, evaluate and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    data, out = Files(asked.data, kind="graph"), asked.folder / "run"
    began: list[float] = []

    def enough(context: StepContext) -> Request | None:
        began.append(time.monotonic())
        return "stop" if began[-1] - began[0] > asked.seconds else None

    if asked.seconds and (out / "recipe.json").exists():
        poise.resume(out, callbacks=[enough])
    elif asked.seconds:
        changes: dict[str, Any] = {"held_out": 0.1} | dict(one.split("=", 1) for one in asked.set)
        poise.train(data, out=out, callbacks=[enough], **changes)
    run = poise.open_run(out)
    found = poise.evaluate(run, data, metrics=METRICS, samples=SAMPLES)
    numbers = {name: round(value, 4) for one in found.results for name, value in one.values.items()}
    floors = {name: round(value, 4) for one in found.results for name, value in one.floors.items()}
    print(json.dumps({"steps": run.generator.description["step"], "samples": numbers, "floors": floors}))
    pictures = sorted((out / "samples").glob("*.png"))
    shutil.copy(pictures[-1], asked.folder / "molecules.png")


if __name__ == "__main__":
    main()
