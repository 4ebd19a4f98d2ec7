"""What a run folder records beside weights: the environment, the data, and a generator's description."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from poise.data import Dataset, kind_of
from poise.extension import changed_since, used
from poise.run_folder import RunFolder
from poise.spec import condition_kind
from poise.tasks import GIVEN
from poise.training.components import Components
from poise.training.private import guarantee, guarantee_text
from poise.training.state import Position
from poise.version import VERSION


def environment_record(device: torch.device, *, seed: int) -> dict[str, Any]:
    """Versions, device, threads, the commit of the folder that the user works in, the command line."""
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
        "command": sys.argv,
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


def data_record(dataset: Dataset, origin: Mapping[str, Any]) -> dict[str, Any]:
    """What `data.json` says."""
    return {
        "name": dataset.name,
        "origin": dict(origin),
        "kind": dataset.kind,
        "shape": list(dataset.shape),
        "count": len(dataset),
        "fingerprint": dataset.fingerprint,
        "encoding": dataset.transform.to_json(),
        "condition": None if dataset.condition is None else dataset.condition.to_json(),
        "summary": dataset.summary,
        "words": kind_of(dataset).words,
        "notices": list(dataset.notices),
    }


def describe_generator(
    components: Components, run: RunFolder, position: Position
) -> tuple[dict[str, Tensor], dict[str, Any], str]:
    """The averaged generator: tensors by name, an object for `generator.json`, Markdown for `card.md`."""
    recipe, data = components.recipe, run.data
    module = components.ema.current()
    tensors = {name: value.detach() for name, value in module.state_dict().items()}
    description = {
        "format": 1,
        "game": recipe.game.model_dump(),
        "network": recipe.generator.model_dump(),
        "class": type(module).__qualname__ if recipe.generator.name == GIVEN else None,
        "shape": data["shape"],
        "kind": data["kind"],
        "encoding": data["encoding"],
        "latent": recipe.latent.model_dump(),
        "condition": data.get("condition"),
        "data": data["name"],
        "recipe": recipe.name,
        "seed": recipe.seed,
        "step": position.step,
        "images_seen": position.images_seen,
    }
    if recipe.private is not None:
        description["private"] = guarantee(recipe, data["count"], position.step)
    return tensors, description, _card(description, data, run)


def _card(description: dict[str, Any], data: dict[str, Any], run: RunFolder) -> str:
    shape = " x ".join(map(str, description["shape"]))
    environment = run.environment
    condition = description["condition"]
    private = guarantee_text(description["private"]) if "private" in description else ""
    takes = f"{description['latent']['size']} numbers"
    use = f"To sample: `poise sample {run.path.name} -n 64`"
    if condition_kind(condition).images:
        takes = "images of " + " x ".join(map(str, condition["shape"]))
        use = f"To use it: `poise translate {run.path.name} inputs --out outputs`"
    if condition_kind(condition).sounds:
        takes = "mel spectrograms of " + " x ".join(map(str, condition["shape"]))
        use = f"To use it: `poise translate {run.path.name} recordings --out waves`"
    return f"""# A generator of {data["name"]}

Makes samples of {shape} from {takes}.
Made by Poise {environment.get("poise")}.

| | |
|---|---|
| data | {data["name"]}, {data["count"]} samples, fingerprint `{data["fingerprint"][:16]}` |
| recipe | {description["recipe"]}, seed {description["seed"]} |
| trained | {description["step"]} steps, {description["images_seen"]} samples seen |
| network | {description["network"]["name"]} |
| torch | {environment.get("torch")} |

`generator.safetensors` holds the weights and `generator.json` how to build the network and to decode what it
makes; neither holds code. {use}.

It can only make what resembles its data, with their gaps and their slant; see to the rights in the data
before you publish what it makes.
{private}"""


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
