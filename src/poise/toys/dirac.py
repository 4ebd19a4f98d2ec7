"""The Dirac-GAN: the generator is a point, the discriminator a slope, and theory knows each method's rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from itertools import groupby

import numpy as np
import torch
from torch import Tensor

from poise.dynamics import DYNAMICS, Batch, Players
from poise.dynamics.game import Logs, NextBatch
from poise.dynamics.joint import joint
from poise.dynamics.second_order import consensus_gradients
from poise.games.adversarial import Term
from poise.games.noise_to_data import noise_to_data
from poise.games.view import View
from poise.losses import LOSSES, Loss
from poise.randomness import torch_stream
from poise.registry import Registry
from poise.regularisers import REGULARISERS
from poise.toys.lab import Step, Trial, two_players

RATE = 0.2
NODES = 24  # How many nodes the expectation over instance noise has
SCHEDULES = {"simultaneous": 0, "alternating": 1, "alternating-5": 5}
"""Updates of the discriminator before one of the generator; 0 if both are updated at once."""


@dataclass(frozen=True)
class DiracMethod:
    """A method on the Dirac-GAN."""

    name: str  # What people type
    loss: str
    r1: float = 0.0  # The weight of R1, gamma of the paper
    wgan_gp: float = 0.0  # The weight of WGAN-GP; the paper's has a factor of one half inside
    clip: float = math.inf  # The discriminator's number is kept within plus or minus this
    noise: float = 0.0  # The standard deviation of instance noise
    consensus: float = 0.0  # The weight of consensus optimisation


METHODS: Registry[DiracMethod] = Registry(
    "method of the Dirac-GAN",
    [
        DiracMethod("unregularised", "minimax"),
        DiracMethod("non-saturating", "non-saturating"),
        DiracMethod("wgan", "wasserstein", clip=1.0),
        DiracMethod("wgan-gp", "wasserstein", wgan_gp=0.35),
        DiracMethod("instance-noise", "minimax", noise=0.7),
        DiracMethod("r1", "minimax", r1=0.3),
        DiracMethod("r1-critical", "minimax", r1=1.0),
        DiracMethod("consensus", "minimax", consensus=1.0),
        DiracMethod("non-saturating-r1", "non-saturating", r1=0.3),
    ],
)


def dirac_trials(methods: Sequence[str], schedule: str) -> list[Trial]:
    """The Dirac-GAN under some methods; those that differentiate twice are a trial of their own.

    Args:
        methods: Names of `METHODS`.
        schedule: A name of `SCHEDULES`.

    Source: Mescheder, Geiger and Nowozin 2018, section 2 and their notebook's settings.
    """
    chosen = sorted((METHODS.named(name) for name in methods), key=_consensus_weight)
    groups = groupby(chosen, key=_consensus_weight)
    return [_trial(list(group), schedule, weight) for weight, group in groups]


def _consensus_weight(method: DiracMethod) -> float:
    return method.consensus


def _trial(methods: list[DiracMethod], schedule: str, consensus: float) -> Trial:
    updates = SCHEDULES[schedule]
    step: Step = DYNAMICS["simultaneous"].step
    if consensus:
        step = partial(_consensus_step, weight=consensus, updates=updates)
    elif updates:
        step = partial(DYNAMICS["alternating"].step, discriminator_steps=updates)
    names = tuple(method.name for method in methods)
    return Trial(names, schedule, partial(_begin, methods), step, labels=("θ", "ψ"))


def _begin(methods: list[DiracMethod], starts: Tensor) -> tuple[Players, Batch]:
    """All games as one; each has as many samples of the batch as its noise has nodes.

    Weights by sample choose each game's loss and penalties, and make the mean over all samples the sum of
    the games' own expectations. Data are at 0 and latents are 0, both with the noise; its expectation by a
    Gauss-Hermite rule keeps the update a map, with an equilibrium at (0, 0) and eigenvalues.
    """
    copies = starts.shape[1]
    count = NODES if any(method.noise for method in methods) else 1
    nodes, weights = map(torch.from_numpy, np.polynomial.hermite_e.hermegauss(count))
    owners = torch.arange(len(methods) * copies).repeat_interleave(count)
    shares = len(owners) * (weights / weights.sum()).repeat(len(methods) * copies)

    def by_sample(values: Sequence[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float64).repeat_interleave(copies * count)

    def spread(numbers: Tensor) -> Tensor:
        return numbers if count == 1 else numbers.index_select(0, owners)

    def shifted(theta: Tensor, latent: Tensor) -> Tensor:
        return latent + spread(theta)[:, None]

    def linear(psi: Tensor, samples: Tensor) -> Tensor:
        return samples.flatten() * spread(psi)

    names = dict.fromkeys(method.loss for method in methods)
    losses = {name: shares * by_sample([method.loss == name for method in methods]) for name in names}
    penalties = {"r1": [method.r1 for method in methods], "wgan-gp": [method.wgan_gp for method in methods]}
    terms = [
        Term(name, "discriminator", _weighted(REGULARISERS.named(name).value, shares * by_sample(values)))
        for name, values in penalties.items()
        if any(values)
    ]
    clips = torch.tensor([method.clip for method in methods], dtype=torch.float64).repeat_interleave(copies)
    players = two_players(
        noise_to_data(_side_by_side(losses), terms),
        {"generator": shifted, "discriminator": linear},
        starts,
        rate=RATE,
        limits={"discriminator": clips} if clips.isfinite().any() else {},
    )
    players.networks = {**players.networks, "critic": players.networks["discriminator"]}
    noise = (by_sample([method.noise for method in methods]) * nodes.repeat(len(methods) * copies))[:, None]
    randomness = torch_stream(0, 0, "penalties of the Dirac-GAN")
    return players, Batch(real=noise, latent=noise, step=0, generator=randomness)


def _side_by_side(weights: Mapping[str, Tensor]) -> Loss:
    """The sum of some losses, each times a weight by sample."""
    losses = [(LOSSES.named(name), weight) for name, weight in weights.items()]

    def total(player: str, real_scores: Tensor | None, fake_scores: Tensor) -> Tensor:
        parts: list[Tensor] = [
            weight * getattr(loss, player)(real_scores, fake_scores) for loss, weight in losses
        ]
        return reduce(torch.add, parts)

    functions = partial(total, "discriminator"), partial(total, "generator")
    return Loss("side-by-side", *functions, summary="", source="")


def _weighted(value: Callable[[View], Tensor], weights: Tensor) -> Callable[[View], Tensor]:
    return lambda view: weights * value(view)


def _consensus_step(
    players: Players, next_batch: NextBatch, step: int, *, weight: float, updates: int
) -> Logs:
    """Consensus optimisation under any schedule: the field is computed again before each player's update."""
    first, second = players.game.players
    turns = [(first,)] * updates + [(second,)] if updates else [(first, second)]
    for turn in turns:
        field = joint(players, next_batch(), create_graph=True)
        gradients = consensus_gradients(players, field, weight)
        for player in turn:
            players.apply_gradients(
                player, gradients[player], (field.batch, field.outputs, field.losses[player])
            )
    return {}
