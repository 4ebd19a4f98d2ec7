"""Which files of `src/poise` a batch passes from `poise train FOLDER` to `report.html`.

    python -m benchmarks.files_of_a_batch

A file counts if one of its functions is called. All modules are imported first, so that what runs at
import (class bodies, decorators, rows of tables) does not count. The data are a folder of 400 small images;
a run has 200 steps of the default recipe, and `poise report` follows in the same process: once with all
callbacks, once without the doctor and the measurements.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from PIL import Image

import poise

ROOT = Path(poise.__file__).parent
PHASES = ("before the first step", "in the loop", "after the last step", "report")


BARE = ("--doctor", "off", "--set", "evaluate_every=0")
"""What leaves the doctor and the measurements out."""


def main() -> None:
    """Print the files by the phase in which each was first called, and how many there are."""
    import_all()
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder, "my-photos")
        photos.mkdir()
        draw = np.random.default_rng(0)
        for number in range(400):
            Image.fromarray(draw.integers(0, 256, (16, 16), dtype=np.uint8)).save(photos / f"{number}.png")
        for title, words in (("everything", ()), (" ".join(BARE), BARE)):
            run = str(Path(folder, f"run-{len(words)}"))
            print_files(
                title,
                traced(["train", str(photos), "--steps", "200", "--out", run, *words], ["report", run]),
            )


def import_all() -> None:
    """Import every module but those that need a package that is not here: no batch passes them here."""
    for module in pkgutil.walk_packages([str(ROOT)], "poise."):
        if not module.name.endswith("__main__"):
            try:
                importlib.import_module(module.name)
            except ModuleNotFoundError as error:
                if error.name is None or error.name.startswith("poise"):
                    raise
                print(f"not imported: {module.name}, which needs {error.name}")


def print_files(title: str, found: dict[str, set[str]]) -> None:
    """The files of a run by the phase in which each was first called."""
    print(f"== {title}")
    for phase in PHASES:
        files = sorted(file for file, phases in found.items() if phase in phases)
        new = [file for file in files if phase == next(one for one in PHASES if one in found[file])]
        print(f"{phase}: {len(files)} files, {len(new)} for the first time")
        print("".join(f"  {file}\n" for file in new), end="")
    passed = [file for file, phases in found.items() if {"in the loop", "report"} & phases]
    print(f"called in the loop or by the report: {len(passed)} files")
    print(f"called at all: {len(found)} files")


def traced(*commands: list[str]) -> dict[str, set[str]]:
    """The files whose functions the commands call, each with the phases in which it was called."""
    from poise.cli.entry import main as command_line

    found: dict[str, set[str]] = {}
    phase = PHASES[0]

    def profile(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal phase
        path = frame.f_code.co_filename
        if event not in ("call", "return") or not path.startswith(str(ROOT)) or not path.endswith(".py"):
            return
        if frame.f_code.co_name == "train_loop":
            phase = PHASES[1] if event == "call" else PHASES[2]
        if event == "call" and frame.f_code.co_name != "<module>":
            found.setdefault(str(Path(path).relative_to(ROOT)), set()).add(phase)

    watch(profile)
    for command in commands:
        phase = PHASES[3] if command[0] == "report" else PHASES[0]
        status = command_line(command)
        assert status == 0, f"poise {command[0]} ended with {status}"
    watch(None)
    return found


def watch(profile: Callable[[FrameType, str, Any], None] | None) -> None:
    """Have every call of every thread reported, or none."""
    threading.setprofile(profile)
    sys.setprofile(profile)


if __name__ == "__main__":
    main()
