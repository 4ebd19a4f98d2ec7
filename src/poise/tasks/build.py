"""From a resolved recipe to the parts of its game: loss, regularisers, augmentations."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import partial
from typing import Any

from poise.augment import AUGMENTATIONS, Augmentation
from poise.games.adversarial import AdversarialGame, Term
from poise.games.growing import growing
from poise.games.noise_to_data import noise_to_data
from poise.games.view import Scoring
from poise.losses import LOSSES, Loss
from poise.recipes import Recipe
from poise.recipes.settings import RegulariserPart
from poise.registry import bound, checked_settings, provided
from poise.regularisers import REGULARISERS
from poise.tasks.perceptual import perceptual_features


def loss_of(recipe: Recipe) -> tuple[Loss, dict[str, Any]]:
    """The loss of a recipe, and its settings."""
    loss = LOSSES.named(recipe.loss.name)
    owner = f"loss '{loss.name}'"
    return loss, checked_settings(recipe.loss.options, *loss.functions, owner=owner)


def regulariser_terms(recipe: Recipe) -> list[Term]:
    """The terms of the regularisers of a recipe."""
    return [regulariser_term(name, part) for name, part in recipe.regularisers.items()]


def regulariser_term(name: str, part: RegulariserPart, own: Mapping[str, Any] | None = None) -> Term:
    """One regulariser of a resolved recipe as a term, named `penalty_NAME` in the history.

    `own` are settings that replace those of the part, and may be tensors.
    """
    assert part.weight is not None
    regulariser = REGULARISERS.named(name)
    settings = checked_settings(part.options, *regulariser.functions, owner=f"regulariser '{name}'")
    settings |= own or {}
    chosen = partial(bound, settings=settings, among=regulariser.functions)
    return Term(
        name=f"penalty_{name.replace('-', '_')}",
        player=regulariser.player,
        value=provided(chosen(regulariser.value), extractor=perceptual_features),
        weight=part.weight,
        every=part.every,
        init=regulariser.init,
        update=None if regulariser.update is None else chosen(regulariser.update),
    )


def augmentation_chain(recipe: Recipe) -> list[Augmentation]:
    """The augmentations of a recipe with their settings filled in; packing comes last."""
    parts: dict[str, Mapping[str, Any]] = {name: part.options for name, part in recipe.augmentations.items()}
    if recipe.packing > 1:
        parts["packing"] = {"count": recipe.packing}
    return [augmentation(name, options) for name, options in parts.items()]


def augmentation(name: str, options: Mapping[str, Any]) -> Augmentation:
    """One augmentation with its settings filled in."""
    row = AUGMENTATIONS.named(name)
    settings = checked_settings(options, *row.functions, owner=f"augmentation '{name}'")
    chosen = partial(bound, settings=settings, among=row.functions)
    return dataclasses.replace(
        row,
        apply=chosen(row.apply),
        relabel=None if row.relabel is None else chosen(row.relabel),
        update=None if row.update is None else chosen(row.update),
    )


def scoring_of(recipe: Recipe, **more: Any) -> Scoring:
    """How samples are scored in the game of a recipe; `more` are further fields of `Scoring`."""
    always = [REGULARISERS.named(name) for name, part in recipe.regularisers.items() if part.every == 1]
    slopes_at = frozenset(one.slopes_at for one in always if one.slopes_at is not None)
    return Scoring(augmentations=tuple(augmentation_chain(recipe)), slopes_at=slopes_at, **more)


def game_of(recipe: Recipe, *, scoring: Scoring | None = None, **more: Any) -> AdversarialGame:
    """The game of a recipe's loss, regularisers, augmentations and growth; `more` goes to `noise_to_data`."""
    loss, settings = loss_of(recipe)
    scoring = scoring_of(recipe) if scoring is None else scoring
    game = noise_to_data(loss, regulariser_terms(recipe), loss_settings=settings, scoring=scoring, **more)
    return game if recipe.growth is None else growing(game, recipe.growth)
