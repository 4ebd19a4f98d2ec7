"""Which settings may differ between the games of a stack, and how each game gets its own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from poise.games import AdversarialGame, Term
from poise.games.noise_to_data import adversarial_terms
from poise.recipes import Recipe
from poise.tasks.build import loss_of, regulariser_term

Tensors = Mapping[str, Tensor]

OWN = ("smoothing", "diversity", "balance_rate", "target", "spread", "epsilon", "decay")
"""Settings of losses and regularisers that may differ within a stack: their formulas take tensors, too."""


def structure(recipe: Recipe) -> str:
    """What resolved recipes must share to be stacked.

    It is all but seeds, optimisers, the weights of regularisers, the limit of weight clipping, and `OWN`.
    """
    values = recipe.model_dump(exclude={"seed", "optimisers"})
    for regulariser in values["regularisers"].values():
        regulariser["weight"] = None
    for part in (values["loss"], *values["regularisers"].values()):
        part.update(dict.fromkeys(_numbers(part), "own"))
    values["weight_clip"] = values["weight_clip"] is not None
    return json.dumps(values, sort_keys=True)


def own_settings(recipes: Sequence[Recipe], device: torch.device) -> dict[str, Tensor]:
    """The settings of the loss and the regularisers that differ between games, by path, `(G,)` each."""
    found: dict[str, Tensor] = {}
    for path in _paths(recipes[0]):
        values = [_value(recipe, path) for recipe in recipes]
        if any(value != values[0] for value in values):
            found[".".join(path)] = torch.tensor(values, device=device)
    return found


def with_own_settings(game: AdversarialGame, recipe: Recipe, own: Tensors) -> AdversarialGame:
    """The game of one of a stack, whose own settings are scalars; under vmap they stand for all games."""
    parts: dict[str, dict[str, Tensor]] = {}
    for path, value in own.items():
        part, _, name = path.rpartition(".")
        parts.setdefault(part, {})[name] = value
    terms: dict[str, Term] = {}
    for part, settings in parts.items():
        if part == "loss":
            loss, common = loss_of(recipe)
            terms |= {term.name: term for term in adversarial_terms(loss, {**common, **settings})}
        else:
            name = part.removeprefix("regularisers.")
            options = {option: value for option, value in settings.items() if option != "weight"}
            term = regulariser_term(name, recipe.regularisers[name], options)
            terms[term.name] = replace(term, weight=settings.get("weight", term.weight))
    return replace(game, terms=tuple(_as(term, terms.get(term.name)) for term in game.terms))


def _as(term: Term, other: Term | None) -> Term:
    """A term with the value, the weight and the update of another, if there is one."""
    if other is None:
        return term
    return replace(term, value=other.value, weight=other.weight, update=other.update)


def _numbers(options: Mapping[str, Any]) -> list[str]:
    return [name for name in OWN if name in options]


def _paths(recipe: Recipe) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = [("loss", name) for name in _numbers(recipe.loss.options)]
    for name, part in recipe.regularisers.items():
        found += [("regularisers", name, option) for option in ("weight", *_numbers(part.options))]
    return found


def _value(recipe: Recipe, path: tuple[str, ...]) -> Any:
    if path[0] == "loss":
        return recipe.loss.options[path[1]]
    part = recipe.regularisers[path[1]]
    return part.weight if path[2] == "weight" else part.options[path[2]]
