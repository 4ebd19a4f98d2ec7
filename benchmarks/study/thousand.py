"""How long the plan, the status and the report of a study of 1,000 trials take, each as a command.

    python -m benchmarks.study.thousand

The results are made up: nothing is trained. Each command is a process of its own, its start included.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from poise.studies.asking import Request
from poise.studies.folder import StudyFolder
from poise.studies.preparing import prepare

RECIPES = ("lucic/minimax", "lucic/non-saturating", "lucic/least-squares", "lucic/wasserstein")


def made_up(path: Path) -> StudyFolder:
    """A study of 1,000 trials of which all have a result."""
    folder = StudyFolder(path)
    plan = prepare(Request("digits", RECIPES, "wide", trials=250, seeds=0, stack=1), folder)
    stream = np.random.default_rng(0)
    for trial in plan.search():
        lost = stream.random() < 0.1
        folder.write_result(trial.name, {
            "name": trial.name, **trial.model_dump(), "folder": f"trials/{trial.name}",
            "findings": ["mode-collapse"] if stream.random() < 0.1 else [], "images_seen": 1_000_000,
            "discriminator_steps": 15_625, "generator_steps": 15_625, "seconds": 60.0,
            "score": None if lost else 10 + float(np.exp(stream.standard_normal())), "why": "not finite",
        })  # fmt: skip
    return folder


def processor_seconds() -> float:
    """What all processes that were started and have ended took so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """The processor time of each command, the least of two: a wall clock would count who else is here."""
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "study"
        made_up(out)
        again = ["digits", "--recipes", *RECIPES, "--space", "wide", "--trials", "250", "--seeds", "0"]
        commands = {
            "plan": [*again, "--stack", "1", "--out", str(out), "--dry-run"],
            "status": ["status", str(out)],
            "report": ["report", str(out)],
            "help, which only starts": ["--help"],
        }
        for name, words in commands.items():
            spent = []
            for _ in range(2):
                began = processor_seconds()
                subprocess.run(
                    [sys.executable, "-m", "poise", "study", *words], check=True, stdout=subprocess.DEVNULL
                )
                spent.append(processor_seconds() - began)
            print(f"{name}: {min(spent):.2f} s", flush=True)


if __name__ == "__main__":
    main()
