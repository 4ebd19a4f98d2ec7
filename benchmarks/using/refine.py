"""What refined sampling does to the measures of a run: distance, precision and recall, before and after.

    python -m benchmarks.using.refine RUN [--against DATA] [--count 1000] [--methods reject chain ...]

The measures are against the run's own data, or against data that it was not trained on.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

import poise
from poise.generator import Generator
from poise.generator.refining import REFINEMENTS
from poise.generator.run_data import data_of_run

METRICS = ("frechet-distance", "precision-recall-density-coverage")
SHOWN = ("frechet-distance", "precision", "recall")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--against", help="data that the run was not trained on")
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--methods", nargs="*", default=[*REFINEMENTS])
    asked = parser.parse_args()
    generator = Generator.load(asked.run)
    assert generator.run is not None
    data = data_of_run(generator.run)
    reference: Any = asked.against or data.measured(np.arange(len(data.dataset)))
    print(f"{asked.run.name}, {asked.count:,} samples; calibration {generator.ratio.calibration}")
    print(f"  {generator.ratio.bounds}")
    for method in (None, *asked.methods):
        started = time.process_time()
        latents, text = generator.latents(asked.count, seed=1), ""
        conditions = generator.conditions(asked.count, seed=1)
        if method is not None:
            chosen = generator.refined(asked.count, method, seed=1)
            latents, conditions, text = chosen.latents, chosen.conditions, chosen.text
        seconds = time.process_time() - started
        found = poise.evaluate(generator.data(latents, conditions), reference, metrics=METRICS)
        intervals = {name: ends for result in found for name, ends in result.intervals.items()}
        shown = ", ".join(
            f"{name} {found.values[name]:.4g} [{intervals[name][0]:.4g}, {intervals[name][1]:.4g}]"
            for name in SHOWN
        )
        print(f"  {method or 'plain':9s} {shown}  {text}  {seconds:.1f} s")


if __name__ == "__main__":
    main()
