"""The record that says how a kind of game is set up: which data it needs, which networks, which game."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from torch import Tensor, nn

from poise.data import Dataset
from poise.dynamics.game import Game, Networks
from poise.networks import DISCRIMINATORS, GENERATORS, Network
from poise.recipes import Recipe
from poise.recipes.settings import Part
from poise.registry import Registry, checked_settings, takes
from poise.spec import DataSpec, Span

GIVEN = "given"
"""The name that stands for a module that the user handed in."""

Indices = np.ndarray[Any, np.dtype[np.int64]]

Drawing = Callable[[int, int], tuple[Indices, Tensor]]
"""`(drawn, samples)` to the rows of a batch and their conditions."""

Needs = Literal["rows", "labels", "classes", "pairs", "domains"]


@dataclass(frozen=True)
class Task:
    """How a kind of game is set up; the loop and the run folder are the same for all.

    Attributes:
        name: What people type: `--set game=NAME`.
        summary: One sentence on the game.
        source: The paper.
        needs: The data: `"rows"`, `"labels"` or other conditions beside them, `"classes"` and nothing else,
            `"pairs"` of images, or two `"domains"`.
        choose: `(player, spec, width)` to the network that `auto` becomes, with its settings.
        generator: `(part, spec, latent_size)` to the generator's module.
        discriminator: `(part, spec, packing)` to the discriminator's module.
        networks: `(recipe, modules)` to the networks by the names that the game asks for.
        game: `(recipe, **settings)` to the game; its keyword-only parameters are the settings of `game`, but
            for `spec`, which a game that keeps images may ask for.
        generators: Where the generator's network is looked up.
        discriminators: Where the discriminator's network is looked up.
        prepare: `(dataset, **settings)` to the dataset that this game is trained on, if `needs` alone
            does not say it; its keyword-only parameters are settings of `game`, too. If the dataset that
            it returns has no condition, `needs` says the rest.
        draws: `(dataset, spans, rows, seed)` to what draws the rows of a batch and their conditions,
            `(drawn, samples) -> (indices, condition)`, if it is not epochs of all rows.
        fit: `(generator, rows) -> sentence`: what the generator's module learns before the first step.
        directions: The generator's module to `(latents, images) -> images` by the name of the direction, for
            games that translate images; `None` for others.
    """

    name: str
    summary: str
    source: str
    needs: Needs
    choose: Callable[[str, DataSpec, int], dict[str, Any]]
    generator: Callable[[Part, DataSpec, int], nn.Module]
    discriminator: Callable[[Part, DataSpec, int], nn.Module]
    networks: Callable[[Recipe, Mapping[str, nn.Module]], Networks]
    game: Callable[..., Game]
    generators: Registry[Network] = field(default_factory=lambda: GENERATORS)
    discriminators: Registry[Network] = field(default_factory=lambda: DISCRIMINATORS)
    prepare: Callable[..., Dataset] | None = None
    draws: Callable[[Dataset, Sequence[Span], Indices | None, int], Drawing] | None = None
    fit: Callable[[nn.Module, Tensor], str] | None = None
    directions: Callable[[nn.Module], Mapping[str, Callable[[Tensor, Tensor], Tensor]]] | None = None

    def settings(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The settings of `game`, checked, with every default spelled out.

        Args:
            given: What a user set.

        Raises:
            PoiseError: A setting does not exist, or is of the wrong type or range.
        """
        functions = [self.game, *([self.prepare] if self.prepare else [])]
        return checked_settings(given, *functions, owner=f"game '{self.name}'")

    def game_settings(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Those of the settings that build the game; the others prepare the data."""
        return {name: value for name, value in self.settings(given).items() if takes(self.game, name)}

    def prepare_settings(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Those of the settings that prepare the data."""
        assert self.prepare is not None
        return {name: value for name, value in self.settings(given).items() if takes(self.prepare, name)}
