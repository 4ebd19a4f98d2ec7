"""Games whose networks grow: how much of them is used follows from the images seen."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial

from torch import Tensor

from poise.dynamics.game import Batch, Networks, Outputs
from poise.games.adversarial import AdversarialGame
from poise.networks.progressive import faded
from poise.schedules import Number, value_at


def growing(game: AdversarialGame, growth: Number) -> AdversarialGame:
    """The game with networks that take `growth`, and with reals that are as coarse as fakes can be.

    Args:
        game: Any game of images; its networks take `growth` as a keyword.
        growth: How much of the networks is used, from 0 to 1.

    Source: Karras et al. 2018 (Progressive growing), section 2.
    """

    def at(batch: Batch) -> float:
        return value_at(growth, batch.images_seen, batch.run_images)

    def forward(networks: Networks, batch: Batch) -> Outputs:
        grown = {name: partial(network, growth=at(batch)) for name, network in networks.items()}
        return {**game.forward(grown, batch), "real": faded(batch.real, at(batch))}

    def judge(network: Callable[..., Tensor], samples: Tensor, batch: Batch) -> Tensor:
        return game.scoring.judge(partial(network, growth=at(batch)), samples, batch)

    return dataclasses.replace(game, forward=forward, scoring=dataclasses.replace(game.scoring, judge=judge))
