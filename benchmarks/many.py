"""Many games side by side against the same games one by one, in this project's own loops, in one process.

    python -m benchmarks.many [--device cpu|cuda] [--rounds 3] [--tiny]

Both sides are whole runs as `poise train` makes them (data, history, averaged generator) on the ring; what is
timed is what their histories tell of their second halves, twice: what happens once a run (networks, first
looks, what quality is measured against) is left out. In each round eight of the games are trained one by one,
which stand for all, and then all side by side, so that a machine whose speed drifts does so under both.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch

from poise.recipes import RECIPES, Recipe, recipe_with
from poise.run_folder import RunFolder
from poise.training import begin, plan
from poise.training.vectorised import begin_many, plan_many


@dataclass(frozen=True)
class Case:
    """Games of one size: networks' width, batch, how many, and for how many steps."""

    width: int
    batch_size: int
    games: int
    steps: int
    wanted: float


ALONE = 8
"""How many of the games are trained one by one; the others would take as long."""

CASES = (Case(64, 64, 40, 1000, 6.0), Case(128, 64, 40, 500, 2.0), Case(400, 100, 40, 200, 1.4))
ON_GPU = (Case(64, 64, 40, 200, 20.0), Case(400, 100, 40, 200, 20.0))
TINY = (Case(16, 16, 3, 6, 0.0),)


def recipe_of(case: Case) -> Recipe:
    """The non-saturating game with alternating Adam on multilayer perceptrons with three hidden layers."""
    return recipe_with(
        RECIPES["minimax"],
        {
            "loss": "non-saturating",
            "latent.size": 2,
            "batch_size": case.batch_size,
            "generator": {"name": "mlp", "width": case.width},
            "discriminator": {"name": "mlp", "width": case.width},
            "steps": case.steps,
            "log_every": case.steps // 2,
            "sample_every": case.steps,
            "checkpoints.every_seconds": None,
        },
    )


def one_by_one(case: Case, device: torch.device, folder: Path) -> float:
    """Seconds of steps for all games, each a run of its own; the first few stand for all."""
    total, timed = 0.0, min(case.games, ALONE)
    for seed in range(timed):
        planned = plan("ring", recipe_with(recipe_of(case), {"seed": seed}), device)
        outcome = begin(planned, folder / str(seed), notify=_silent)
        total += _seconds(outcome.run)
    return total * case.games / timed


def side_by_side(case: Case, device: torch.device, folder: Path) -> float:
    """Seconds of steps for all games at once."""
    planned = plan_many("ring", recipe_of(case), device, seeds=case.games)
    return _seconds(begin_many(planned, folder / "many", notify=_silent).parent)


def _seconds(run: RunFolder) -> float:
    middle, last = (float(line["seconds"]) for line in run.lines("history")[-2:])
    return 2 * (last - middle)


def _silent(sentence: str) -> None:
    """Nobody is told."""


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="Many games at once against one by one.")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--tiny", action="store_true", help="a few steps of three tiny games, to see that it runs"
    )
    parser.add_argument("--width", type=int, default=None, help="only the case of this width")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    cases = TINY if arguments.tiny else ON_GPU if device.type == "cuda" else CASES
    where = (
        torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    )
    print(f"torch {torch.__version__}, {device}, {where}; medians of {arguments.rounds} rounds")
    print("| width | batch | games | one by one, ms a step of all | side by side | times faster | wanted |")
    print("|---|---|---|---|---|---|---|")
    for case in cases:
        if arguments.width not in (None, case.width):
            continue
        alone, together = [], []
        for _ in range(arguments.rounds):
            with tempfile.TemporaryDirectory() as folder:
                alone.append(one_by_one(case, device, Path(folder)) / case.steps)
                together.append(side_by_side(case, device, Path(folder)) / case.steps)
        ratio = statistics.median(one / other for one, other in zip(alone, together, strict=True))
        print(
            f"| {case.width} | {case.batch_size} | {case.games} | {1e3 * statistics.median(alone):.1f} | "
            f"{1e3 * statistics.median(together):.1f} | {ratio:.1f} | {case.wanted or '-'} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
