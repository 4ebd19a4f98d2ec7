"""Every recipe at the size of a test, with data that suit it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from graphs import file_of_graphs
from poise.data import KINDS, Domains, Pairs, open_data
from poise.recipes import RECIPES, Recipe, recipe_with
from poise.tasks import TASKS
from tones import folder_of_tones, series_of_tones

STEPS = 5
PEOPLE = Path(__file__).parent / "fixtures" / "people.csv"
TABLES = ("mixture", "ctgan")
FAMILIES = (
    "stylegan2", "r3gan", "srresnet", "fastgan", "progressive", "wavegan", "hifigan", "infogan",
    "doppelganger", "graph", "graph-mixture",
)  # fmt: skip


def tiny(name: str) -> Recipe:
    """The recipe at the size of a test; every part of it stays."""
    changes: dict[str, Any] = {
        "batch_size": 4,
        "steps": STEPS,
        "log_every": 2,
        "sample_every": 3,
        "checkpoints.every_steps": 2,
        "checkpoints.every_seconds": None,
    }
    if RECIPES[name].generator.name in ("auto", "mlp", *TABLES, *FAMILIES):
        changes["generator.width"] = 8
    if RECIPES[name].discriminator.name in ("auto", "autoencoder", "mlp", "rows", *FAMILIES):
        changes["discriminator.width"] = 8
    return recipe_with(RECIPES[name], changes)


def without_its_end(run: Path, copy: Path, step: int) -> Path:
    """A copy of a run that was killed before it saved this step: its checkpoint before is the last."""
    shutil.copytree(run, copy)
    shutil.rmtree(copy / "checkpoints" / f"step-{step:08}")
    return copy


def stored(name: str, folder: Path) -> Any:
    """Data on disk, or built in, that suit a recipe: a resume opens them again by their paths."""
    if RECIPES[name].encoding in KINDS["sound"].encodings:
        return folder_of_tones(folder / "tones")
    if RECIPES[name].generator.name in TABLES:
        return PEOPLE
    if RECIPES[name].generator.name == "doppelganger":
        return series_of_tones(folder / "series.npy")
    if RECIPES[name].generator.name == "graph-mixture":
        return file_of_graphs(folder / "graphs.g6")
    needs = TASKS[RECIPES[name].game.name].needs
    if needs not in ("pairs", "domains"):
        return "digits"
    digits = open_data("digits").array
    assert digits is not None
    first, second = folder / "first.npy", folder / "second.npy"
    np.save(first, digits[:40])
    np.save(second, 255 - digits[:40] if needs == "pairs" else 255 - digits[40:90])
    return Pairs(first, second) if needs == "pairs" else Domains(first, second)


def silent(sentence: str) -> None:
    """Nobody is told."""
