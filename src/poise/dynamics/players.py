"""Two players of a game: networks, parameters, optimisers, and how one of them is updated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from poise.dynamics.game import Batch, Game, Networks, Outputs, PlayerLoss, State

Gradients = Sequence[Tensor | None]

Seen = tuple[Batch, Outputs, PlayerLoss]
"""What led to gradients, to name the culprit if a value is not finite."""


class NonFiniteError(Exception):
    """A NaN or an infinity came up in a player's update, which changed nothing.

    Attributes:
        tensor: The first tensor, in the order of computation, that holds one: `"real samples"`,
            `"generator's weight main.0.weight"`.
        player: Whose update it was.
    """

    def __init__(self, tensor: str, player: str) -> None:
        self.tensor = tensor
        self.player = player
        super().__init__(f"a value that is not finite in the {tensor}, in the {player}'s update")


def gradients_by(
    parameters: Iterable[Tensor], loss: PlayerLoss, *, keep_graph: bool, create_graph: bool
) -> Gradients:
    """The gradient of a cost by parameters, `None` for one on which it does not depend.

    Args:
        parameters: By which the cost is differentiated.
        loss: The player's loss.
        keep_graph: Whether the graph is needed once more.
        create_graph: Whether the gradient can be differentiated in its turn.
    """
    return torch.autograd.grad(
        loss.value,
        list(parameters),
        retain_graph=keep_graph or create_graph,
        create_graph=create_graph,
        allow_unused=True,
    )


@dataclass
class Players:
    """Everything that changes while a game is trained.

    Attributes:
        game: The game.
        networks: Callables by name, as the game asks for them.
        parameters: Each player's parameters by their full names.
        optimisers: Each player's optimiser, over those parameters or views of their memory, in their order.
        state: The game's own numbers.
        memory: What the dynamics carries from step to step, by `what/player/parameter`, each in the shape of
            that parameter; saved with every checkpoint.
        projections: What is done to a player's parameters after its step, such as clipping.
        unsound: On an accelerator, 1 once an update was not finite; read when the device is synchronised.
    """

    game: Game
    networks: Networks
    parameters: Mapping[str, Mapping[str, Tensor]]
    optimisers: Mapping[str, torch.optim.Optimizer]
    state: State = field(default_factory=dict)
    projections: Mapping[str, Callable[[], None]] = field(default_factory=dict)
    unsound: Tensor | None = None
    memory: dict[str, Tensor] = field(default_factory=dict)

    def advance(self, loss: PlayerLoss) -> None:
        """Take over the state that a player's update has changed."""
        if loss.state:
            self.state = {**self.state, **loss.state}

    def gradients(
        self, player: str, loss: PlayerLoss, *, keep_graph: bool = False, create_graph: bool = False
    ) -> Gradients:
        """The gradient of a cost by one player's parameters; nothing is computed for the other player's.

        Args:
            player: Whose.
            loss: The player's loss.
            keep_graph: Whether the graph is needed once more.
            create_graph: Whether the gradient can be differentiated in its turn.
        """
        parameters = self.parameters[player].values()
        return gradients_by(parameters, loss, keep_graph=keep_graph, create_graph=create_graph)

    def values(self, player: str) -> list[Tensor]:
        """Copies of one player's parameters."""
        return [parameter.detach().clone() for parameter in self.parameters[player].values()]

    @torch.no_grad()
    def set_values(self, player: str, values: Sequence[Tensor]) -> None:
        """Set one player's parameters."""
        torch._foreach_copy_(list(self.parameters[player].values()), list(values))

    def slots(self, player: str) -> list[dict[str, Tensor]]:
        """What a player's optimiser keeps for each parameter, live: moments in the parameter's shape."""
        optimiser = self.optimisers[player]
        parameters = self.parameters[player].values()
        return [
            {
                name: value.as_strided(parameter.shape, parameter.stride())
                if target is not parameter and value.shape == target.shape
                else value
                for name, value in optimiser.state.get(target, {}).items()
                if isinstance(value, Tensor)
            }
            for parameter, target in zip(parameters, targets_of(optimiser), strict=True)
        ]

    def remember(self, what: str, player: str, values: Sequence[Tensor]) -> None:
        """Keep a tensor for each of a player's parameters until the next step."""
        names = self.parameters[player]
        self.memory |= {f"{what}/{player}/{name}": value for name, value in zip(names, values, strict=True)}

    def recall(self, what: str, player: str) -> list[Tensor] | None:
        """What was remembered of a player's parameters; `None` before the first time."""
        keys = [f"{what}/{player}/{name}" for name in self.parameters[player]]
        return [self.memory[key] for key in keys] if all(key in self.memory for key in keys) else None

    def apply_gradients(self, player: str, gradients: Gradients, seen: Seen) -> Tensor:
        """Make an `optimizer_step`, then project; returns the norm of the whole gradient."""
        norm = self.optimizer_step(player, gradients, seen)
        self.project(player)
        return norm

    def project(self, player: str) -> None:
        """Do what follows a player's every step, such as clipping."""
        if player in self.projections:
            self.projections[player]()

    def optimizer_step(self, player: str, gradients: Gradients, seen: Seen) -> Tensor:
        """Let one player's optimiser step along the gradients, unless they are not finite; no projection.

        Args:
            player: Whose parameters are updated.
            gradients: One for each of the player's parameters, `None` if the loss does not depend on it.
            seen: What led to the gradients, to name the culprit if a value is not finite.

        Returns:
            The norm of the whole gradient, a scalar on the device.

        Raises:
            NonFiniteError: A gradient is not finite. On an accelerator with a fused optimiser the step is
                skipped there instead, without waiting for it, and `unsound` is set.
        """
        present = [gradient for gradient in gradients if gradient is not None]
        norm: Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(present)))
        optimiser = self.optimisers[player]
        if waits_for_norm(norm, optimiser):
            if not torch.isfinite(norm):
                raise NonFiniteError(first_non_finite(self, player, gradients, *seen), player)
        else:
            skip = (~torch.isfinite(norm)).float()
            optimiser.found_inf = skip  # type: ignore[attr-defined]  # read by torch's fused optimisers
            self.unsound = skip if self.unsound is None else torch.maximum(self.unsound, skip)
        parameters, targets = self.parameters[player].values(), targets_of(optimiser)
        for parameter, target, gradient in zip(parameters, targets, gradients, strict=True):
            if gradient is not None:
                laid = laid_out(gradient, parameter)
                target.grad = laid if target is parameter else laid.permute(turned(parameter))
        optimiser.step()
        for target in targets:
            target.grad = None
        return norm.detach()


def waits_for_norm(norm: Tensor, optimiser: torch.optim.Optimizer) -> bool:
    """Whether the norm is read before the step: on the CPU, or if the optimiser cannot skip a step itself."""
    return norm.is_cpu or not optimiser.defaults.get("fused")


def lazy_update(players: Players, player: str, batch: Batch, outputs: Outputs | None) -> dict[str, Tensor]:
    """An update for the lazy terms of a player that are due at this step; no logs if none is.

    Args:
        players: The players.
        player: Whose terms.
        batch: The batch of the step.
        outputs: Those of the step, or `None` to compute them again once their graph is gone.
    """
    lazy = players.game.lazy_loss(player, players.networks, batch, outputs, players.state)
    if lazy is None:
        return {}
    players.apply_gradients(player, players.gradients(player, lazy), (batch, outputs or {}, lazy))
    players.advance(lazy)
    return dict(lazy.logs)


def in_memory_order(parameter: Tensor) -> Tensor:
    """What an optimiser updates: the parameter, or a view of its memory in the order in which it is laid out.

    Torch's fused optimisers on the CPU copy every weight that has its channels last, to no effect; half of
    the time of their step goes there.

    Args:
        parameter: Of any layout.

    Returns:
        The parameter itself, or a view of its memory that is contiguous.

    Example:
        >>> weight = torch.zeros(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)
        >>> in_memory_order(weight).shape
        torch.Size([2, 4, 5, 3])
    """
    if parameter.is_contiguous() or not parameter.permute(turned(parameter)).is_contiguous():
        return parameter
    return parameter.detach().permute(turned(parameter))


def turned(parameter: Tensor) -> list[int]:
    """The dimensions with the channels last."""
    return [0, *range(2, parameter.dim()), 1]


def targets_of(optimiser: torch.optim.Optimizer) -> list[Tensor]:
    """All parameters of an optimiser."""
    return [target for group in optimiser.param_groups for target in group["params"]]


def laid_out(gradient: Tensor, parameter: Tensor) -> Tensor:
    """The gradient in its parameter's memory layout.

    `torch.autograd.grad` gives any layout, and torch's fused optimisers read parameter and gradient as plain
    memory: a gradient in another layout would update the wrong weights.

    Args:
        gradient: Of the parameter's shape.
        parameter: What it updates.
    """
    if gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)


def first_non_finite(
    players: Players, player: str, gradients: Gradients, batch: Batch, outputs: Outputs, loss: PlayerLoss
) -> str:
    """The name of the first tensor, in the order of computation, that holds a NaN or an infinity."""
    candidates: list[tuple[str, Tensor | None]] = [("real samples", batch.real), ("latents", batch.latent)]
    for owner, parameters in players.parameters.items():
        candidates += [(f"{owner}'s weight {name}", value) for name, value in parameters.items()]
    candidates += [(f"{name} samples", value) for name, value in outputs.items()]
    candidates += [(name.replace("_", " "), value) for name, value in loss.logs.items()]
    candidates.append((f"{player}'s loss", loss.value))
    names = players.parameters[player]
    candidates += [
        (f"gradient of the {player}'s {name}", g) for name, g in zip(names, gradients, strict=True)
    ]
    for name, value in candidates:
        if value is not None and not bool(torch.isfinite(value).all()):
            return name
    return f"norm of the {player}'s gradient"


def detached(outputs: Outputs) -> dict[str, Tensor]:
    """The same values without their graph."""
    return {name: value.detach() for name, value in outputs.items()}
