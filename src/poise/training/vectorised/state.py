"""The state of stacked games as tensors, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from poise.training.vectorised.stack import StackedState


def tensors(stack: StackedState) -> dict[str, Tensor]:
    """Every tensor of the games' state, `(G, ...)` each, by the names of a single run's state."""
    players = stack.players
    found: dict[str, Tensor] = {}
    for player, own in players.parameters.items():
        for name, value in {**own, **players.game.buffers[player]}.items():
            found[f"network/{player}/{name}"] = value.detach()
    found |= {f"ema/generator/{name}": value for name, value in stack.ema.current().items()}
    found |= {f"game/{name}": value for name, value in players.state.items()}
    for player, own in players.parameters.items():
        for number, name in enumerate(own):
            slots: dict[str, list[Tensor]] = {}
            for share in players.optimisers[player]:
                state: Mapping[str, Any] = share.optimiser.state.get(share.parameters[number], {})
                for key, value in state.items():
                    if isinstance(value, Tensor):
                        games = share.end - share.first
                        slots.setdefault(key, []).append(value if value.dim() else value.repeat(games))
            found |= {f"optimiser/{player}/{name}/{key}": torch.cat(rows) for key, rows in slots.items()}
    return found


@torch.no_grad()
def set_values(stack: StackedState, saved: Mapping[str, Tensor]) -> None:
    """Put a state of `tensors` into the games.

    Raises:
        KeyError: The state is of other networks.
    """
    players = stack.players
    for player, own in players.parameters.items():
        for name, value in {**own, **players.game.buffers[player]}.items():
            value.copy_(saved[f"network/{player}/{name}"])
    for name, value in stack.ema.own.items():
        value.copy_(saved[f"ema/generator/{name}"])
    for name, value in players.state.items():
        value.copy_(saved[f"game/{name}"])
    for player, own in players.parameters.items():
        for number, name in enumerate(own):
            prefix = f"optimiser/{player}/{name}/"
            slots = {
                key.removeprefix(prefix): value for key, value in saved.items() if key.startswith(prefix)
            }
            for share in players.optimisers[player]:
                parameter = share.parameters[number]
                if slots:
                    share.optimiser.state[parameter] = {
                        key: _slot(key, value[share.first : share.end], parameter)
                        for key, value in slots.items()
                    }


def _slot(key: str, value: Tensor, parameter: Tensor) -> Tensor:
    """One of an optimiser's tensors: as large as its parameter, or the one count of steps of all games."""
    return (value[0] if key == "step" else value).to(parameter.device).clone()
