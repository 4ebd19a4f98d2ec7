"""Molecules of QM9: `python -m benchmarks.kinds.molecules FOLDER --seconds 600`.

Each call trains FOLDER on for a while, then evaluates 10,000 samples: shares that are valid, different and
new, and all three at once, beside the floor of molecules that were held out; distances of degrees, orbits and
their like beside graphs whose edges are drawn one by one.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import poise
from benchmarks.kinds.training_on import Stop, trained_on
from poise.data.graphs.molecules import smiles_of

DATA = Path("/work/shared/data/qm9/smiles.txt.gz")
SAMPLES = 10_000
METRICS = ["graph-novelty", "graph-distances"]


def main() -> None:
    """Train on, evaluate and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--every", type=int, default=1, help="take each so manyth molecule alone")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    path, out = asked.folder / "molecules.smi", asked.folder / "run"
    if not path.exists():
        rows = gzip.decompress(asked.data.read_bytes()).splitlines(keepends=True)
        path.write_bytes(b"".join(rows[:: asked.every]))
    changes: dict[str, Any] = {"held_out": 0.1} | dict(one.split("=", 1) for one in asked.set)

    def begin(enough: Stop) -> None:
        poise.train(path, out=out, callbacks=[enough], **changes)

    run = trained_on(out, asked.seconds, begin)
    found = poise.evaluate(run, path, metrics=METRICS, samples=SAMPLES)
    numbers = {name: round(value, 4) for one in found.results for name, value in one.values.items()}
    floors = {name: round(value, 4) for one in found.results for name, value in one.floors.items()}
    known = set(gzip.decompress(asked.data.read_bytes()).decode("ascii").split())
    made = smiles_of(run.generator.graphs(SAMPLES, seed=1))
    valid = {text for text, fits in made if fits and "." not in text}
    print(
        json.dumps(
            {
                "steps": run.generator.description["step"],
                "samples": numbers,
                "floors": floors,
                "valid_unique_and_not_in_the_whole_file": len(valid - known) / SAMPLES,
            }
        )
    )
    pictures = sorted((out / "samples").glob("*.png"))
    shutil.copy(pictures[-1], asked.folder / "molecules.png")


if __name__ == "__main__":
    main()
