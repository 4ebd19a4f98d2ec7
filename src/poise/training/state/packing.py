"""The whole state of a run as tensors and numbers, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields

import torch
from torch import Tensor

from poise.dynamics import Players
from poise.dynamics.players import targets_of
from poise.errors import PoiseError
from poise.games.view import own_part
from poise.run_folder import Checkpoint
from poise.training.components import Components
from poise.training.state.train_state import Position


def position_of(checkpoint: Checkpoint) -> Position:
    """The position of a checkpoint."""
    known = {field.name for field in fields(Position)}
    return Position(**{name: value for name, value in checkpoint.state.items() if name in known})


def pack(components: Components, position: Position) -> Checkpoint:
    """Everything that the rest of the run depends on.

    Randomness is not among it: every draw is derived from the seed and the position. The tensors are the live
    ones; each is copied to the CPU when its turn to be written has come.
    """
    return Checkpoint(position.step, tensors_of(components), asdict(position))


def unpack(checkpoint: Checkpoint, components: Components) -> Position:
    """Restore a saved state of networks, average, optimisers and game.

    Raises:
        PoiseError: The checkpoint is of other networks.
    """
    saved = checkpoint.trained
    for player, optimiser in components.players.optimisers.items():
        _restore_optimiser(optimiser, components.players.parameters[player], player, saved)
    _restore_memory(components.players, saved)
    wanted = tensors_of(components)
    differing = sorted(set(saved) ^ set(wanted)) or [
        name for name, tensor in wanted.items() if saved[name].shape != tensor.shape
    ]
    if differing:
        raise PoiseError(
            f"The checkpoint of step {checkpoint.step} is of other networks",
            code="training.checkpoint-of-other-networks",
            why=f"they differ in '{differing[0]}'"
            + (f" and {len(differing) - 1} more" if differing[1:] else ""),
            hint="resume with the modules that the run began with",
        )
    with torch.no_grad():
        for name, tensor in wanted.items():
            tensor.copy_(saved[name])
    return position_of(checkpoint)


def non_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """The name of the first tensor that holds a NaN or an infinity; `None` if all are sound."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            return name
    return None


def tensors_of(components: Components) -> dict[str, Tensor]:
    """Every tensor of the state by its full name, the live ones."""
    found: dict[str, Tensor] = {}
    for player, module in components.modules.items():
        found |= {f"network/{player}/{name}": value for name, value in module.state_dict().items()}
    ema = components.ema.module.state_dict()
    found |= {f"ema/generator/{name}": value for name, value in ema.items()}
    found |= {f"game/{name}": value for name, value in components.players.state.items()}
    found |= {f"dynamics/{name}": value for name, value in components.players.memory.items()}
    for player, parameters in components.players.parameters.items():
        for name, slots in zip(parameters, components.players.slots(player), strict=True):
            found |= {f"optimiser/{player}/{name}/{key}": value for key, value in slots.items()}
    return {name: value.detach() for name, value in found.items()}


def _restore_optimiser(
    optimiser: torch.optim.Optimizer,
    parameters: Mapping[str, Tensor],
    player: str,
    saved: Mapping[str, Tensor],
) -> None:
    """Make the slots that a fresh optimiser lacks, each in the order of its parameters."""
    for (name, parameter), target in zip(parameters.items(), targets_of(optimiser), strict=True):
        slots = own_part(saved, f"optimiser/{player}/{name}")
        if slots:
            optimiser.state[target] = {key: _like(value, parameter, target) for key, value in slots.items()}


def _restore_memory(players: Players, saved: Mapping[str, Tensor]) -> None:
    """Make room for the memory of the dynamics, which is empty in fresh players."""
    players.memory = {}
    for name, value in own_part(saved, "dynamics").items():
        player, _, parameter_name = name.partition("/")[2].partition("/")
        parameter = players.parameters.get(player, {}).get(parameter_name)
        if parameter is not None:
            players.memory[name] = _like(value, parameter, parameter)


def _like(value: Tensor, parameter: Tensor, target: Tensor) -> Tensor:
    """Room for a value, laid out as the target if the value has the shape of its parameter."""
    if value.shape == parameter.shape:
        return torch.empty_like(target, dtype=value.dtype)
    return torch.empty_like(value, device=parameter.device)
