"""One game for many pairs of networks at once: the first dimension of every tensor is the game."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.overrides import TorchFunctionMode

from poise.dynamics import Batch, PlayerLoss
from poise.dynamics.game import Networks, Outputs, State
from poise.games import AdversarialGame

Tensors = Mapping[str, Tensor]

SERVED_GAMES = ("noise-to-data",)
"""The kinds of games that can be stacked."""


@dataclass(frozen=True)
class Batches:
    """What one update of each of G games sees: the fields of `Batch`, each with the game in front."""

    real: Tensor  # (G, N, ...)
    latent: Tensor  # (G, N, latent_size)
    step: int
    generators: Sequence[torch.Generator]  # Of each game
    condition: Tensor | None = None  # (G, N, ...)
    images_seen: int = 0
    run_images: int = 0


@dataclass(frozen=True)
class StackedGame:
    """A game whose losses are those of G independent games, mapped over their stacked parameters.

    A loss is the sum over games, whose gradient by the stacked parameters is each game's own; the logs keep
    the games apart.

    """

    game: AdversarialGame  # Of each pair of networks
    modules: Mapping[str, nn.Module]  # One pair and the critic; only their structure is used
    parameters: Mapping[str, Tensors]  # By player and name, (G, ...)
    buffers: Mapping[str, Tensors]  # The same; networks that keep statistics write into them
    own: Tensors = field(default_factory=dict)  # (G,), of the settings that differ between games, by path
    varied: Callable[[Tensors], AdversarialGame] | None = None  # The game with its own settings
    _stand_in: torch.Generator = field(default_factory=torch.Generator)

    @property
    def players(self) -> tuple[str, str]:
        """The discriminator, then the generator."""
        return self.game.players

    @property
    def count(self) -> int:
        """How many games."""
        return len(next(iter(self.parameters["generator"].values())))

    def initial_state(self) -> dict[str, Tensor]:
        """The numbers of each game at the start."""
        return {
            name: value.expand(self.count, *value.shape).clone()
            for name, value in self.game.initial_state().items()
        }

    def forward(self, networks: Networks, batches: Batches) -> Outputs:
        """Fakes from every game's latents."""
        outputs: Outputs = self._mapped(
            lambda game, own, batch, _: dict(game.forward(own, batch)), batches, {}
        )
        return outputs

    def loss(
        self, player: str, networks: Networks, batches: Batches, outputs: Outputs, state: State
    ) -> PlayerLoss:
        """The sum of one player's losses over games."""

        def one(game: AdversarialGame, own: Networks, batch: Batch, given: Any) -> Any:
            return _parts(game.loss(player, own, batch, given["outputs"], given["state"]))

        return _summed(self._mapped(one, batches, {"outputs": dict(outputs), "state": dict(state)}))

    def losses(
        self, networks: Networks, batches: Batches, outputs: Outputs, state: State
    ) -> dict[str, PlayerLoss]:
        """The sums of both players' losses over games."""

        def one(game: AdversarialGame, own: Networks, batch: Batch, given: Any) -> Any:
            losses = game.losses(own, batch, given["outputs"], given["state"])
            return {player: _parts(loss) for player, loss in losses.items()}

        both = self._mapped(one, batches, {"outputs": dict(outputs), "state": dict(state)})
        return {player: _summed(parts) for player, parts in both.items()}

    def lazy_loss(
        self, player: str, networks: Networks, batches: Batches, outputs: Outputs | None, state: State
    ) -> PlayerLoss | None:
        """The sum of the lazy terms that are due now; `None` if none is."""
        if not any(term.due(batches.step) for term in self.game.terms_of(player, lazy=True)):
            return None

        def one(game: AdversarialGame, own: Networks, batch: Batch, given: Any) -> Any:
            loss = game.lazy_loss(player, own, batch, given.get("outputs"), given["state"])
            assert loss is not None  # one is due
            return _parts(loss)

        given = {} if outputs is None else {"outputs": dict(outputs)}
        return _summed(self._mapped(one, batches, {**given, "state": dict(state)}))

    def _mapped(
        self,
        function: Callable[[AdversarialGame, Networks, Batch, Any], Any],
        batches: Batches,
        given: Any,
    ) -> Any:
        """`function(game, networks, batch, given)` in every game."""

        def one(parameters: Any, buffers: Any, own: Any, settings: Any, index: Tensor, given: Any) -> Any:
            batch = Batch(
                real=own["real"],
                latent=own["latent"],
                step=batches.step,
                generator=self._stand_in,
                condition=own.get("condition"),
                images_seen=batches.images_seen,
                run_images=batches.run_images,
            )
            with OwnDraws(self._stand_in, batches.generators, index) if draws else nullcontext():
                return function(self._game(settings), self._networks(parameters, buffers), batch, given)

        # A loss alone draws nothing, and looking at every call of torch for draws costs time.
        draws = len(self.game.terms) > len(self.players) or bool(self.game.scoring.augmentations)
        own = {"real": batches.real, "latent": batches.latent}
        if batches.condition is not None:
            own["condition"] = batches.condition
        indices = torch.arange(self.count, device=batches.real.device)
        return vmap(one, randomness="same")(
            dict(self.parameters), dict(self.buffers), own, dict(self.own), indices, given
        )

    def _game(self, own: Tensors) -> AdversarialGame:
        return self.game if self.varied is None or not own else self.varied(own)

    def _networks(self, parameters: Any, buffers: Any) -> Networks:
        def call(name: str, player: str, *inputs: Tensor, **settings: Any) -> Tensor:
            own = {**parameters[player], **buffers[player]}
            made: Tensor = functional_call(self.modules[name], own, inputs, settings)
            return made

        def critic(*inputs: Tensor, **settings: Any) -> Tensor:
            # Regularisers leave running statistics as they are.
            copies = {name: value.clone() for name, value in buffers["discriminator"].items()}
            own = {**parameters["discriminator"], **copies}
            scores: Tensor = functional_call(self.modules["critic"], own, inputs, settings)
            return scores

        return {
            "generator": partial(call, "generator", "generator"),
            "discriminator": partial(call, "discriminator", "discriminator"),
            "critic": critic,
        }


def _parts(loss: PlayerLoss) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
    return loss.value, dict(loss.logs), dict(loss.state)


def _summed(parts: tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]) -> PlayerLoss:
    values, logs, state = parts
    return PlayerLoss(values.sum(), logs, state)


class OwnDraws(TorchFunctionMode):
    """While it lasts, a draw from a stand-in generator is made once for each game, from the game's own.

    So a penalty that draws `torch.rand(shape, generator=generator)` draws in each of many games what it draws
    when that game is trained alone. It is entered within the function that is mapped over games.

    Under vmap, `index` is a scalar that stands for all games.

    Example:
        >>> generators = [torch.Generator().manual_seed(seed) for seed in (1, 2)]
        >>> def draw(index):
        ...     stand_in = torch.Generator()
        ...     with OwnDraws(stand_in, generators, index):
        ...         return torch.rand(3, generator=stand_in)
        >>> drawn = torch.vmap(draw, randomness="same")(torch.arange(2))
        >>> bool((drawn[1] == torch.rand(3, generator=torch.Generator().manual_seed(2))).all())
        True
    """

    def __init__(
        self, stand_in: torch.Generator, generators: Sequence[torch.Generator], index: Tensor
    ) -> None:
        super().__init__()
        self.stand_in, self.generators, self.index = stand_in, generators, index

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Draw for each game if `func` draws from the stand-in; else call it."""
        kwargs = kwargs or {}
        if kwargs.get("generator") is not self.stand_in:
            return func(*args, **kwargs)
        if any(isinstance(value, Tensor) for value in (*args, *kwargs.values())):
            raise TypeError(
                f"many games at once cannot draw with {getattr(func, '__name__', func)} of a tensor"
            )
        drawn = [func(*args, **{**kwargs, "generator": one}) for one in self.generators]
        return torch.stack(drawn)[self.index]
