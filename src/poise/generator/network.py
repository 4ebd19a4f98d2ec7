"""From a run's folder to its generator's network and weights."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from poise.data import described_spec
from poise.errors import PoiseError
from poise.extension import require_parts
from poise.recipes import saved_recipe
from poise.recipes.settings import Latent, Part
from poise.registry import checked_settings
from poise.run_folder import RunFolder
from poise.tasks import GIVEN, TASKS, Task

NETWORK_LIMIT = 2**31
"""Bytes of weights beyond which a description is taken for damage and nothing is allocated."""

ALLOCATING = torch.empty, torch.zeros, torch.ones, torch.randn, torch.rand
DRAWING = "normal_", "uniform_", "trunc_normal_", "kaiming_normal_", "kaiming_uniform_"


class _Undrawn(TorchFunctionMode):
    """Tensors without random numbers in them, since weights follow; beyond the limit none are allocated.

    Not the device `meta`: to divide a tensor there, PyTorch imports its compiler, which takes seconds.
    """

    def __init__(self) -> None:
        super().__init__()
        self.size = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        named = dict(kwargs or {})
        if func in ALLOCATING:
            empty = {name: value for name, value in named.items() if name != "generator"}
            self.size += torch.empty(*args, **{**empty, "device": "meta"}).nbytes
            if self.size > NETWORK_LIMIT:
                what = f"The generator.json claims a network of more than {NETWORK_LIMIT} bytes"
                raise PoiseError(what, code="generator.damaged-description", why="that is damage")
            if func in (torch.randn, torch.rand):
                return torch.empty(*args, **empty)
        if getattr(func, "__name__", "") in DRAWING:  # A method of tensors, or a function of torch.nn.init
            return args[0] if args else named["tensor"]
        return func(*args, **named)


def stored_generator(
    folder: RunFolder, which: int | Literal["best"] | None
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The newest generator's weights and description, or those of a checkpoint, averaged if the run averages.

    Raises:
        PoiseError: There is none, it is damaged, or its parts from outside are not there.
    """
    tensors, description = folder.load_generator()
    require_parts(folder.environment, description, run=folder.path)
    if which is None:
        return tensors, description
    checkpoint = folder.load_checkpoint(which)
    averaged = saved_recipe(folder.recipe).ema.half_life
    prefix = "ema/generator/" if averaged else "network/generator/"
    tensors = {
        name.removeprefix(prefix): value
        for name, value in checkpoint.tensors.items()
        if name.startswith(prefix)
    }
    seen = {"images_seen": checkpoint.state.get("images_seen", 0)}
    return tensors, {**description, "step": checkpoint.step, **seen}


def task_of(description: Mapping[str, Any]) -> Task:
    """The task that a generator was trained for."""
    game = description["game"]
    # The first version wrote only the name.
    return TASKS.named(str(game if isinstance(game, str) else game["name"]))


@contextmanager
def reading_description(folder: RunFolder) -> Iterator[None]:
    """Turn errors of a description that describes no generator into one sentence."""
    try:
        yield
    except (KeyError, TypeError, ValueError, OverflowError, RuntimeError) as error:
        what = f"The generator.json of '{folder.path}' describes no generator"
        why = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        raise PoiseError(what, code="generator.damaged-description", why=why) from None


def network_of(description: Mapping[str, Any], own: nn.Module | None, folder: RunFolder) -> nn.Module:
    """The network of a `generator.json`, whose weights follow: a described one, or a copy of your own module.

    Raises:
        PoiseError: The run was trained with an own module, and none is given.
    """
    part = description.get("network")
    if not isinstance(part, Mapping) or part.get("name") != GIVEN:
        return described_network(description)
    if own is None:
        what = f"The generator of '{folder.path}' is your own module '{description.get('class')}'"
        hint = f"load it in Python: poise.open_run({str(folder.path)!r}, generator=...)"
        raise PoiseError(what, code="generator.needs-module", hint=hint)
    # A copy, since a generator is frozen and the original may be trained further.
    return copy.deepcopy(own)


def fill(network: nn.Module, tensors: Mapping[str, Tensor], folder: RunFolder) -> None:
    """Load weights into the network that they belong to.

    Raises:
        PoiseError: They do not fit.
    """
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        what = f"The weights of '{folder.path}' do not fit its network"
        why = str(error).splitlines()[-1].strip()
        raise PoiseError(what, code="generator.other-weights", why=why) from None


def described_network(description: Mapping[str, Any]) -> nn.Module:
    """The network of a `generator.json`, without its weights; its size is checked before it is allocated."""
    part, latent = Part.model_validate(description["network"]), Latent.model_validate(description["latent"])
    task = task_of(description)
    network = task.generators.named(part.name)
    settings = checked_settings(part.options, network.build, owner=f"generator '{network.name}'")
    with _Undrawn():
        return task.generator(Part(name=part.name, **settings), described_spec(description), latent.size)
