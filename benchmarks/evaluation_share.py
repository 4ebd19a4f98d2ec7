"""How much of its time training spends on measuring its samples: it is to be less than a twentieth.

    python -m benchmarks.evaluation_share [--data digits ring FOLDER ...] [--intervals 4]

Trains with the default recipe for so many intervals between two measurements, in a folder that is removed
afterwards, and prints the interval that was chosen from the sizes, and the share.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import torch

from poise.recipes import DEFAULT_RECIPE, RECIPES, recipe_with
from poise.run_folder import RunFolder
from poise.training import begin, pick_device, plan
from poise.training.callbacks.callback import Request, StepContext
from poise.training.callbacks.quality import QualityWatch


def share(data: str, intervals: int, resolution: int | None, device: str, most: int) -> str:
    """One line for one set of data."""
    changes = {} if resolution is None else {"resolution": resolution}
    recipe = recipe_with(RECIPES[DEFAULT_RECIPE], changes)
    planned = plan(data, recipe, pick_device(device))
    every = planned.recipe.evaluate_every or 0
    # What a person would train with, but for the number of steps, which is not to change the interval. The
    # loop measures nothing itself: what measures is handed in as an observer, with a clock around it.
    steps = min(most, max(1, intervals * every))
    asked = {**changes, "steps": steps, "evaluate_every": min(every, steps)}
    measured_by = plan(data, recipe_with(RECIPES[DEFAULT_RECIPE], asked), pick_device(device))
    watch = QualityWatch(measured_by.components, measured_by.dataset, print)
    planned = plan(
        data, recipe_with(RECIPES[DEFAULT_RECIPE], {**asked, "evaluate_every": 0}), pick_device(device)
    )
    spent: list[float] = []

    def timed(context: StepContext) -> Request | None:
        start = time.perf_counter()
        request = watch(context)
        spent.append(time.perf_counter() - start)
        return request

    with tempfile.TemporaryDirectory() as folder:
        outcome = begin(planned, Path(folder) / "run", callbacks=[timed], notify=print)
        measured = len({line["step"] for line in RunFolder.open(outcome.run.path).lines("metrics")})
    seconds = outcome.position.seconds
    each = max(spent) if measured else 0.0
    scaled = sum(spent) / measured / (seconds / steps * every) if measured and every > steps else 0.0
    told = (
        f"{Path(data).name:<12} every {every:>6} steps; {measured} times in {steps:,} steps, {seconds:.1f} s"
    )
    return f"{told}: {sum(spent) / seconds:.1%} (at most {each:.2f} s at once)" + (
        f"; at its own interval {scaled:.1%}" if scaled else ""
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="The share of the time that measuring takes.")
    parser.add_argument("--data", nargs="+", default=["ring", "digits"])
    parser.add_argument("--intervals", type=int, default=4)
    parser.add_argument("--resolution", type=int)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--most", type=int, default=100_000, help="Steps beyond which an interval is cut.")
    given = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {given.device}")
    for data in given.data:
        print(share(data, given.intervals, given.resolution, given.device, given.most))


if __name__ == "__main__":
    main()
