"""Noise to data: the generator makes samples from latents, the discriminator scores them beside reals."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from poise.dynamics.game import Batch, Networks, Outputs, State
from poise.errors import PoiseError
from poise.games.adversarial import AdversarialGame, Forward, Term
from poise.games.view import Scoring, View
from poise.losses import Loss
from poise.losses.loss import LossFunction
from poise.registry import bound
from poise.schedules import Number


def from_latent(networks: Networks, batch: Batch) -> Outputs:
    """Fakes from the batch's latents."""
    return {"fake": networks["generator"](batch.latent)}


def from_latent_and_condition(networks: Networks, batch: Batch) -> Outputs:
    """Fakes from the batch's latents and conditions."""
    return {"fake": networks["generator"](batch.latent, batch.condition)}


def noise_to_data(
    loss: Loss,
    regularisers: Sequence[Term] = (),
    *,
    loss_settings: dict[str, Any] | None = None,
    scoring: Scoring | None = None,
    forward: Forward = from_latent,
    adversarial: Number = 1.0,
    discriminating: Number = 1.0,
    more: Sequence[Term] = (),
) -> AdversarialGame:
    """The game of a loss, regularisers and augmentations.

    Args:
        loss: The loss.
        regularisers: Terms of regularisers, for either player.
        loss_settings: The settings of the loss.
        scoring: How samples are scored; by a discriminator that takes samples alone if none is given.
        forward: How fakes are made.
        adversarial: The weight of the generator's adversarial term.
        discriminating: The weight of the discriminator's.
        more: Further terms.

    Example:
        >>> from poise.losses import LOSSES
        >>> game = noise_to_data(LOSSES["hinge"])
        >>> [(term.name, term.player) for term in game.terms]
        [('discriminator_loss', 'discriminator'), ('generator_loss', 'generator')]

    Source: Goodfellow et al. 2014, algorithm 1.
    """
    first, second = adversarial_terms(loss, loss_settings or {}, adversarial, discriminating)
    return AdversarialGame(forward, (first, *regularisers, second, *more), scoring or Scoring())


def adversarial_terms(
    loss: Loss, settings: dict[str, Any], adversarial: Number = 1.0, discriminating: Number = 1.0
) -> tuple[Term, Term]:
    """The loss as a term for each player.

    Args:
        loss: The loss.
        settings: Its settings.
        adversarial: The weight of the generator's term.
        discriminating: The weight of the discriminator's.
    """
    chosen = partial(bound, settings=settings, among=loss.functions)
    discriminator = Term(
        name="discriminator_loss",
        player="discriminator",
        value=partial(_discriminator_loss, chosen(loss.discriminator), loss),
        weight=discriminating,
        init=partial(_initial, loss) if loss.init else None,
        update=partial(_updated, chosen(loss.update)) if loss.update is not None else None,
    )
    generator = Term(
        name="generator_loss",
        player="generator",
        value=partial(_generator_loss, chosen(loss.generator), loss),
        weight=adversarial,
    )
    return discriminator, generator


def _discriminator_loss(function: LossFunction, loss: Loss, view: View) -> Tensor:
    fake, real = view.fake_scores, view.real_scores
    view.log("real_scores", real)
    view.log("fake_scores", fake)
    return _one_a_sample(function(*view.labelled_scores(), **view.state), fake, loss, "discriminator")


def _generator_loss(function: LossFunction, loss: Loss, view: View) -> Tensor:
    fake = view.fake_scores
    if loss.relativistic:
        return _one_a_sample(function(view.real_scores, fake), fake, loss, "generator")
    try:
        values = function(None, fake)
    except (TypeError, AttributeError) as error:
        if "NoneType" not in str(error):
            raise
        raise PoiseError(
            f"The generator of the loss '{loss.name}' uses the scores of reals, which it is not given",
            code="games.loss-not-relativistic",
            why=f"the loss does not say that it is relativistic ({type(error).__name__}: {error})",
            hint="add relativistic=True to the Loss",
        ) from error
    return _one_a_sample(values, fake, loss, "generator")


def _one_a_sample(values: object, scores: Tensor, loss: Loss, player: str) -> Tensor:
    """The values of a loss, refused unless there is one for each sample."""
    shape = tuple(scores.shape[:1])
    if isinstance(values, Tensor) and tuple(values.shape) == shape:
        return values
    found = f"the shape {tuple(values.shape)}" if isinstance(values, Tensor) else f"a {type(values).__name__}"
    raise PoiseError(
        f"The {player} of the loss '{loss.name}' returns {found} for {len(scores)} samples",
        code="games.loss-shape",
        why="a loss has one value for each sample; the mean over samples is taken later",
        hint=f"return a tensor of the shape {shape}; poise.losses.loss.per_sample averages within samples",
    )


def _initial(loss: Loss) -> State:
    return {name: torch.tensor(value) for name, value in loss.init.items()}


def _updated(function: Any, state: State, view: View) -> State:
    updated: State = function(state, view.real_scores.detach(), view.fake_scores.detach())
    return updated
