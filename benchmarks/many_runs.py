"""Runs of a benchmark: begun, gone on with where they were interrupted, or read where they are finished."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from poise.recipes import Recipe
from poise.run_folder import RunFolder, game_folders
from poise.training import Resumption
from poise.training.vectorised import EnsembleContext, begin_many, plan_many, resume_many


def seeds_trained(
    path: Path, data: Any, recipe: Recipe, device: torch.device, *, seeds: int, told: str
) -> list[RunFolder]:
    """All seeds of a recipe, trained side by side; what is there already is not trained again.

    Args:
        path: The folder above the runs.
        data: What they are trained on.
        recipe: With what.
        device: Where.
        seeds: How many, from 0.
        told: What to call it while it trains.
    """

    def watch(context: EnsembleContext) -> None:
        if context.line is not None and context.step % (recipe.log_every * 10) == 0:
            print(f"  {told}: step {context.step} of {context.steps}, {context.seconds:.0f} s", flush=True)

    def notify(sentence: str) -> None:
        print(f"  {told}: {sentence}", flush=True)

    if not RunFolder(path).is_many:
        begin_many(plan_many(data, recipe, device, seeds=seeds), path, watch=watch, notify=notify)
    elif RunFolder.open(path).status != "finished":
        again = None if isinstance(data, str) else data
        resume_many(Resumption(path, device, data=again), watch=watch, notify=notify)
    return [run for run in game_folders(path) if run.status == "finished"]


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """The mean and its standard error."""
    error = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return statistics.fmean(values), error
