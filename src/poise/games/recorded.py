"""A game's costs recorded once as tensor operations, and replayed: the same numbers in less time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.fx import GraphModule, Node
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.node import map_arg

from poise.dynamics import Batch, Cost, Game, Match
from poise.dynamics.game import Networks, Played, State

Replay = Callable[..., tuple[Tensor, ...]]


@dataclass(frozen=True)
class Recorded:
    """A game whose every step sees the same batch, with its costs and their gradients recorded.

    Of tiny games, most of the time goes into building graphs. Here each cost with its gradient is one list of
    tensor operations, taken down while the game itself ran; a dynamics sees no difference, but that costs can
    be differentiated once only, and by the player's own parameters only.

    Attributes:
        game: The game.
        parameters: Both players' parameters, by player.
        replays: From all parameters to a player's cost and its gradients.
    """

    game: Game
    parameters: Mapping[str, Mapping[str, Tensor]]
    replays: Mapping[str, Replay]

    @property
    def players(self) -> tuple[str, str]:
        """The game's players."""
        return self.game.players

    def initial_state(self) -> dict[str, Tensor]:
        """The game's own."""
        return self.game.initial_state()

    def play(self, networks: Networks, batch: Batch) -> Played:
        """Nothing: the record holds it all."""
        return {}

    def cost(self, player: str, networks: Networks, batch: Batch, played: Played, state: State) -> Cost:
        """The player's cost, replayed."""
        everything = [value.detach() for own in self.parameters.values() for value in own.values()]
        with torch.no_grad():
            value, *gradients = self.replays[player](*everything)
        own = self.parameters[player].values()
        return Cost(_Known.apply(value, gradients, *own), {})  # type: ignore[no-untyped-call]

    def costs(self, networks: Networks, batch: Batch, played: Played, state: State) -> Mapping[str, Cost]:
        """Both, replayed."""
        return {player: self.cost(player, networks, batch, played, state) for player in self.players}

    def lazy_cost(self, networks: Networks, batch: Batch, played: Played) -> Cost | None:
        """None: a record does not count steps."""
        return None

    def advance(self, state: State, cost: Cost) -> State:
        """The state as it is."""
        return state


def recorded(match: Match, batch: Batch) -> Recorded:
    """Run each player's cost once and take it down.

    Args:
        match: A game without a state and without lazy penalties, and its modules.
        batch: What every step sees.
    """
    game, parameters = match.game, match.parameters
    modules = {name: one for name, one in match.networks.items() if isinstance(one, nn.Module)}
    places = [(player, name) for player, own in parameters.items() for name in own]
    everything = [value.detach() for own in parameters.values() for value in own.values()]

    def record(player: str) -> Replay:
        def cost_and_gradients(*values: Tensor) -> tuple[Tensor, ...]:
            leaves = [value.detach().requires_grad_() for value in values]
            by_id = {
                id(parameters[who][name]): leaf for (who, name), leaf in zip(places, leaves, strict=True)
            }
            networks = {name: _at(module, by_id) for name, module in modules.items()}
            cost = game.cost(player, networks, batch, game.play(networks, batch), {})
            own = [leaf for (who, _), leaf in zip(places, leaves, strict=True) if who == player]
            return cost.value.detach(), *torch.autograd.grad(cost.value, own)

        module = make_fx(cost_and_gradients)(*everything)
        _settle_constants(module)
        replay: Replay = module.forward
        return replay

    return Recorded(game, parameters, {player: record(player) for player in game.players})


def _settle_constants(module: GraphModule) -> None:
    """Compute once what no parameter enters; drop what nothing needs, and what only matters to autograd."""
    values: dict[Node, Any] = {}
    for node in list(module.graph.nodes):
        if node.target is torch.ops.aten.detach.default:
            node.replace_all_uses_with(node.args[0])
        elif node.op == "get_attr":
            values[node] = getattr(module, str(node.target))
        elif node.op == "call_function" and all(before in values for before in node.all_input_nodes):
            arguments, keywords = map_arg((node.args, node.kwargs), values.__getitem__)
            values[node] = node.target(*arguments, **keywords)
            if isinstance(values[node], Tensor):
                name = f"settled_{len(values)}"
                module.register_buffer(name, values[node])
                with module.graph.inserting_before(node):
                    settled = module.graph.get_attr(name)
                node.replace_all_uses_with(settled)
                values[settled] = values[node]
    module.graph.eliminate_dead_code()
    module.recompile()


def _at(module: nn.Module, by_id: Mapping[int, Tensor]) -> Callable[..., Tensor]:
    own = {name: by_id[id(parameter)] for name, parameter in module.named_parameters()}

    def call(*arguments: Tensor) -> Tensor:
        result: Tensor = functional_call(module, own, arguments)
        return result

    return call


class _Known(torch.autograd.Function):
    """A value whose gradient is known."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, gradients: list[Tensor], *own: Tensor) -> Tensor:
        ctx.gradients = gradients
        return value

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        return None, None, *[outer[0] * gradient for gradient in ctx.gradients]
