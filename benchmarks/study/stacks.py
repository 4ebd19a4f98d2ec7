"""Trials side by side in one stack against one process a trial: processor time, through the command.

    python -m benchmarks.study.stacks

Random search over learning rates of MLPs of width 128 on the ring, the same trials both ways, everything
included: starting, measuring, the doctor, checkpoints, scoring.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.study.thousand import processor_seconds
from poise.studies.asking import Request
from poise.studies.folder import StudyFolder
from poise.studies.preparing import prepare

WIDTH = {"generator": "mlp", "discriminator": "mlp", "generator.width": 128, "discriminator.width": 128}
TOGETHER = 20


def spent(place: Path, *, trials: int, stack: int, budget: str) -> float:
    """Processor seconds of a study by one worker."""
    folder = StudyFolder(place / f"{trials}-{stack}-{budget}")
    asked = Request(
        "ring", ("lucic/least-squares",), "narrow", budget, trials, 0, 1, stack=stack, settings=WIDTH
    )
    prepare(asked, folder)
    before = processor_seconds()
    command = [sys.executable, "-m", "poise", "study", "resume", str(folder.path)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return processor_seconds() - before


def main() -> None:
    """Print both ways for one budget."""
    budget = sys.argv[1] if len(sys.argv) > 1 else "12800-images"
    with tempfile.TemporaryDirectory() as place:
        alone = spent(Path(place), trials=1, stack=1, budget=budget)
        three = spent(Path(place), trials=3, stack=1, budget=budget)
        stacked = spent(Path(place), trials=TOGETHER, stack=TOGETHER, budget=budget)
    in_turn, each = (three - alone) / 2, stacked / TOGETHER
    print(f"{budget}, seconds of processor time a trial: a process each {alone:.2f}, ", end="")
    print(f"in turn in one process {in_turn:.2f}, stacked {each:.2f}")
    print(f"stacked against a process each {alone / each:.1f} x, against in turn {in_turn / each:.1f} x")


if __name__ == "__main__":
    main()
