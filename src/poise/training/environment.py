"""The environment of a run, by which it can be repeated."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from poise.extension import changed_since, used
from poise.version import VERSION


def environment_record(
    device: torch.device, *, seed: int, command: list[str] | None = None
) -> dict[str, Any]:
    """Versions, device, threads, the commit of the folder that the user works in, the command line.

    Args:
        device: Where the run trains.
        seed: The run's seed.
        command: The command line; that of this process if none is given.
    """
    name = (
        torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else platform.processor() or platform.machine()
    )
    return {
        "poise": VERSION,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device": str(device),
        "device_name": name,
        "threads": torch.get_num_threads(),
        "command": sys.argv if command is None else command,
        "cwd": str(Path.cwd()),
        "git": _git(Path.cwd()),
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "seed": seed,
        "parts": used(),
    }


def lost_guarantees(recorded: dict[str, Any], device: torch.device) -> list[str]:
    """The differences to the machine on which a run began, each as a sentence on what is lost."""
    now = {"torch": torch.__version__, "device": str(device), "threads": torch.get_num_threads()}
    differs = [
        f"The run began with {name} {recorded[name]} and goes on with {value}: it stays a sound run, "
        "but no longer the same bits as one that was never interrupted."
        for name, value in now.items()
        if name in recorded and recorded[name] != value
    ]
    return [*differs, *changed_since(recorded)]


def _git(folder: Path) -> dict[str, Any] | None:
    git = shutil.which("git")
    if git is None:
        return None

    def ask(*arguments: str) -> str | None:
        try:
            done = subprocess.run(
                [git, "-C", str(folder), *arguments], capture_output=True, text=True, timeout=5, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    commit = ask("rev-parse", "HEAD")
    return None if not commit else {"commit": commit, "dirty": bool(ask("status", "--porcelain"))}
