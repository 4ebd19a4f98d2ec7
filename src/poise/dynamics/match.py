"""A match: a game with the networks, parameters and optimisers that play it, and how one player moves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from poise.dynamics.game import Batch, Cost, Game, Networks, Played, State

Gradients = Sequence[Tensor | None]


class NonFiniteError(Exception):
    """A NaN or an infinity stood in a player's move; nothing was changed by that move.

    Attributes:
        tensor: The first tensor, in the order of computation, that holds one: `"real samples"`,
            `"generator's weight main.0.weight"`.
        player: Whose move it was.
    """

    def __init__(self, tensor: str, player: str) -> None:
        self.tensor = tensor
        self.player = player
        super().__init__(f"a value that is not finite in the {tensor}, in the {player}'s move")


@dataclass
class Match:
    """Everything that changes while a game is played.

    Attributes:
        game: The game.
        networks: Callables by name, as the game asks for them.
        parameters: Each player's parameters by their full names.
        optimisers: Each player's optimiser, over those parameters.
        state: The game's own numbers.
        projections: What is done to a player's parameters after its step, such as clipping.
        unsound: On an accelerator, 1 once a move was not finite; read when the device is waited for anyway.
    """

    game: Game
    networks: Networks
    parameters: Mapping[str, Mapping[str, Tensor]]
    optimisers: Mapping[str, torch.optim.Optimizer]
    state: State = field(default_factory=dict)
    projections: Mapping[str, Callable[[], None]] = field(default_factory=dict)
    unsound: Tensor | None = None

    def gradients(self, player: str, cost: Cost, *, keep_graph: bool = False) -> Gradients:
        """The gradient of a cost by one player's parameters; nothing is computed for the other player's."""
        return torch.autograd.grad(
            cost.value, list(self.parameters[player].values()), retain_graph=keep_graph, allow_unused=True
        )

    def move(self, player: str, gradients: Gradients, seen: tuple[Batch, Played, Cost]) -> Tensor:
        """Let one player's optimiser step along the gradients, unless they are not finite.

        Args:
            player: Who moves.
            gradients: One for each of the player's parameters, `None` where the cost does not depend on it.
            seen: What led to the gradients, to name the culprit where a value is not finite.

        Returns:
            The norm of the whole gradient, a scalar on the device.

        Raises:
            NonFiniteError: A gradient is not finite. On an accelerator with a fused optimiser the step is
                skipped there instead, without waiting for it, and `unsound` tells.
        """
        present = [gradient for gradient in gradients if gradient is not None]
        norm: Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(present)))
        optimiser = self.optimisers[player]
        if norm.is_cpu or not optimiser.defaults.get("fused"):
            if not torch.isfinite(norm):
                raise NonFiniteError(first_non_finite(self, player, gradients, *seen), player)
        else:
            skip = (~torch.isfinite(norm)).float()
            optimiser.found_inf = skip  # type: ignore[attr-defined]  # read by torch's fused optimisers
            self.unsound = skip if self.unsound is None else torch.maximum(self.unsound, skip)
        parameters = self.parameters[player].values()
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        optimiser.step()
        for parameter in parameters:
            parameter.grad = None
        if player in self.projections:
            self.projections[player]()
        return norm.detach()


def first_non_finite(
    match: Match, player: str, gradients: Gradients, batch: Batch, played: Played, cost: Cost
) -> str:
    """The name of the first tensor, in the order of computation, that holds a NaN or an infinity."""
    candidates: list[tuple[str, Tensor | None]] = [("real samples", batch.real), ("latents", batch.latent)]
    for owner, parameters in match.parameters.items():
        candidates += [(f"{owner}'s weight {name}", value) for name, value in parameters.items()]
    candidates += [(f"{name} samples", value) for name, value in played.items()]
    candidates += [(name.replace("_", " "), value) for name, value in cost.measured.items()]
    candidates.append((f"{player}'s loss", cost.value))
    names = match.parameters[player]
    candidates += [
        (f"gradient of the {player}'s {name}", g) for name, g in zip(names, gradients, strict=True)
    ]
    for name, value in candidates:
        if value is not None and not bool(torch.isfinite(value).all()):
            return name
    return f"norm of the {player}'s gradient"
