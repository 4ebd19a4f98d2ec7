"""The network that a run describes, and its weights at a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn

from poise.errors import PoiseError
from poise.recipes.settings import Latent, Part
from poise.registry import checked_settings
from poise.run_folder import RunFolder
from poise.spec import DataSpec
from poise.tasks import TASKS, Task

NETWORK_LIMIT = 2**31
"""Bytes of weights beyond which a description is taken for damage and nothing is allocated."""


def of_checkpoint(
    folder: RunFolder, which: int | Literal["best"], description: Mapping[str, Any]
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The generator of a checkpoint: its average where the run keeps one."""
    checkpoint = folder.load_checkpoint(which)
    averaged = folder.recipe.get("ema", {}).get("half_life", 1)
    prefix = "ema/generator/" if averaged else "network/generator/"
    tensors = {
        name.removeprefix(prefix): value
        for name, value in checkpoint.tensors.items()
        if name.startswith(prefix)
    }
    seen = {"images_seen": checkpoint.state.get("images_seen", 0)}
    return tensors, {**description, "step": checkpoint.step, **seen}


def setup_of(description: Mapping[str, Any]) -> Task:
    """The kind of game in which a described generator was trained."""
    played = description["game"]
    # Before there were others, `game` was the name of the only one.
    return TASKS.named(str(played if isinstance(played, str) else played["name"]))


def described(description: Mapping[str, Any]) -> nn.Module:
    """The network of a `generator.json`, weights not filled; allocated once its size is known.

    Raises:
        PoiseError: It is larger than any that Poise writes, or has settings that no network takes.
    """
    part, latent = Part.model_validate(description["network"]), Latent.model_validate(description["latent"])
    task, condition = setup_of(description), description.get("condition")
    network = task.generators.named(part.name)
    settings = checked_settings(part.options, network.build, owner=f"generator '{network.name}'")
    shapes = DataSpec(
        str(description["kind"]),
        tuple(description["shape"]),
        None if condition is None else tuple(condition["shape"]),
    )
    with torch.device("meta"):
        module = task.generator(Part(name=part.name, **settings), shapes, latent.size)
    size = sum(value.numel() * value.element_size() for value in module.state_dict().values())
    if size > NETWORK_LIMIT:
        raise PoiseError(f"The generator.json claims a network of {size} bytes", why="that is damage")
    return module.to_empty(device="cpu")
