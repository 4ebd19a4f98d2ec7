"""The Dirac-GAN: one number makes the fake, one number scores it, and theory knows what each method does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

import numpy as np
import torch
from torch import Tensor, nn

from poise.dynamics import DYNAMICS, Batch, Players
from poise.dynamics.consensus import consensus_gradients
from poise.dynamics.dynamics import Logs, NextBatch
from poise.dynamics.joint import joint
from poise.games.lab import Trial
from poise.games.noise_to_data import noise_to_data
from poise.games.plain_steps import plain_steps
from poise.games.term import Term
from poise.games.view import View
from poise.losses import LOSSES, Loss
from poise.losses.loss import LossFunction
from poise.randomness import torch_stream
from poise.registry import Registry
from poise.regularisers import REGULARISERS, clip_weights

RATE = 0.2
NODES = 24
"""How many nodes instance noise is averaged over."""
SCHEDULES = {"simultaneous": 0, "alternating": 1, "alternating-5": 5}
"""How often the discriminator moves before the generator; 0 where they move at once."""


@dataclass(frozen=True)
class DiracMethod:
    """A method on the Dirac-GAN.

    Attributes:
        name: What people type.
        loss: The loss.
        summary: What it is, in a few words.
        r1: The weight of R1, gamma of the paper.
        wgan_gp: The weight of WGAN-GP.
        clip: The discriminator's number is kept within plus or minus this.
        noise: The standard deviation of instance noise.
        consensus: The weight of consensus optimisation.
    """

    name: str
    loss: str
    summary: str
    r1: float = 0.0
    wgan_gp: float = 0.0
    clip: float | None = None
    noise: float = 0.0
    consensus: float = 0.0


METHODS: Registry[DiracMethod] = Registry(
    "method of the Dirac-GAN",
    [
        DiracMethod("unregularised", "minimax", "the minimax game, bare"),
        DiracMethod("non-saturating", "non-saturating", "the non-saturating game, bare"),
        DiracMethod("wgan", "wasserstein", "Wasserstein, clipping at 1", clip=1.0),
        DiracMethod("wgan-gp", "wasserstein", "Wasserstein, gradient penalty 0.7", wgan_gp=0.7),
        DiracMethod("instance-noise", "minimax", "minimax, noise of deviation 0.7", noise=0.7),
        DiracMethod("r1", "minimax", "minimax, R1 with gamma 0.3", r1=0.3),
        DiracMethod("r1-critical", "minimax", "minimax, R1 with the critical gamma 1", r1=1.0),
        DiracMethod("consensus", "minimax", "minimax, consensus with weight 1", consensus=1.0),
        DiracMethod("non-saturating-r1", "non-saturating", "non-saturating, R1 with gamma 0.3", r1=0.3),
    ],
)


class MovingDirac(nn.Module):
    """A generator whose one number is where its samples are; one number for each game side by side.

    Args:
        theta: `(games,)`.
        spread: From one number for each game, `(games,)`, to that of each sample's game, `(samples,)`.
    """

    def __init__(self, theta: Tensor, spread: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.theta, self._spread = nn.Parameter(theta), spread

    def forward(self, latent: Tensor) -> Tensor:
        """Samples `(samples, 1)`: the latents, moved."""
        return latent + self._spread(self.theta)[:, None]


class LinearScore(nn.Module):
    """A discriminator whose one number is its slope; one number for each game side by side.

    Args:
        psi: `(games,)`.
        spread: From one number for each game, `(games,)`, to that of each sample's game, `(samples,)`.
    """

    def __init__(self, psi: Tensor, spread: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.psi, self._spread = nn.Parameter(psi), spread

    def forward(self, samples: Tensor) -> Tensor:
        """Scores `(samples,)` of samples `(samples, 1)`."""
        return samples.flatten() * self._spread(self.psi)


def dirac_trials(methods: Sequence[str], schedule: str) -> list[Trial]:
    """The Dirac-GAN under some methods, those that can be played side by side in one trial.

    Side by side, each game is a stretch of samples of one `NoiseToData`: the nodes of a quadrature where it
    has instance noise, one where it has none. Weights by sample make the mean over all the sum of the games'
    own means.

    Args:
        methods: Names of `METHODS`.
        schedule: A name of `SCHEDULES`.

    Source: Mescheder, Geiger and Nowozin 2018, section 2 and their notebook's settings.
    """
    chosen = sorted((METHODS.named(name) for name in methods), key=_company)
    together = [list(group) for _, group in groupby(chosen, key=_company)]
    return [_trial([*sorted(group, key=lambda method: method.loss)], schedule) for group in together]


def _company(method: DiracMethod) -> float:
    """What all games of one trial share: the weight of consensus, whose step differentiates twice."""
    return method.consensus


def _trial(methods: list[DiracMethod], schedule: str) -> Trial:
    consensus, moves = _company(methods[0]), SCHEDULES[schedule]
    step: Callable[[Players, NextBatch, int], Logs] = DYNAMICS["simultaneous"].step
    if consensus:
        step = partial(_consensus_step, weight=consensus, moves=moves)
    elif moves:
        step = partial(DYNAMICS["alternating"].step, discriminator_steps=moves)
    return Trial(
        methods=tuple(method.name for method in methods),
        dynamics=schedule,
        players=partial(_match, methods),
        step=step,
        batch=partial(_batch, methods),
        axes=("generator", "discriminator"),
        labels=("θ", "ψ"),
    )


def _match(methods: list[DiracMethod], starts: Tensor) -> Players:
    copies = starts.shape[1]
    nodes = [_nodes(method)[1] for method in methods for _ in range(copies)]
    owners = torch.arange(len(nodes)).repeat_interleave(torch.tensor([len(weights) for weights in nodes]))
    shares = len(owners) * torch.cat(nodes)
    spread = partial(_spread, owners) if len(owners) > len(nodes) else _as_they_are
    generator = MovingDirac(starts[..., 0].flatten(), spread)
    discriminator = LinearScore(starts[..., 1].flatten(), spread)
    loss = _side_by_side(methods, copies, shares)
    modules: dict[str, nn.Module] = {"discriminator": discriminator, "generator": generator}
    clipped = [
        (discriminator.psi.detach()[place * copies : (place + 1) * copies], method.clip)
        for place, method in enumerate(methods)
        if method.clip is not None
    ]

    def clip() -> None:
        for number, limit in clipped:
            clip_weights([number], limit)

    return Players(
        game=noise_to_data(
            loss,
            [
                Term(name, "discriminator", partial(_weighted, REGULARISERS.named(name).value, weights))
                for name, weights in _penalty_weights(methods, copies, owners, shares).items()
            ],
        ),
        networks={**modules, "critic": discriminator},
        parameters={player: dict(module.named_parameters()) for player, module in modules.items()},
        optimisers={player: plain_steps(module.parameters(), RATE) for player, module in modules.items()},
        projections={"discriminator": clip} if clipped else {},
    )


def _batch(methods: list[DiracMethod], copies: int) -> Batch:
    """Data at 0 and latents of 0, moved by the noise.

    An expectation instead of draws keeps the update a map, with an equilibrium at (0, 0) and eigenvalues.
    """
    column = torch.cat([_nodes(method)[0].repeat(copies) for method in methods])[:, None]
    randomness = torch_stream(0, 0, "penalties of the Dirac-GAN")
    return Batch(real=column, latent=column, step=0, generator=randomness)


def _nodes(method: DiracMethod) -> tuple[Tensor, Tensor]:
    """Where the samples of a game lie and their weights, which sum to 1: a Gauss-Hermite rule for noise."""
    if not method.noise:
        return torch.zeros(1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    return method.noise * torch.from_numpy(nodes), torch.from_numpy(weights / weights.sum())


def _spread(owners: Tensor, numbers: Tensor) -> Tensor:
    return numbers.index_select(0, owners)


def _as_they_are(numbers: Tensor) -> Tensor:
    return numbers


def _side_by_side(methods: list[DiracMethod], copies: int, shares: Tensor) -> Loss:
    """One loss that gives each game's samples to that game's loss; games of one loss stand together."""
    sizes: dict[str, int] = {}
    for method in methods:
        sizes[method.loss] = sizes.get(method.loss, 0) + copies * len(_nodes(method)[0])
    parts, counts = [LOSSES.named(name) for name in sizes], list(sizes.values())

    def judged(costs: list[LossFunction], real_scores: Tensor | None, fake_scores: Tensor) -> Tensor:
        if len(costs) == 1:
            return shares * costs[0](real_scores, fake_scores)
        fakes = fake_scores.split_with_sizes(counts)
        reals = [None] * len(fakes) if real_scores is None else real_scores.split_with_sizes(counts)
        pairs = zip(reals, fakes, strict=True)
        return shares * torch.cat([cost(*pair) for cost, pair in zip(costs, pairs, strict=True)])

    discriminator = partial(judged, [loss.discriminator for loss in parts])
    generator = partial(judged, [loss.generator for loss in parts])
    return Loss("side-by-side", discriminator, generator, summary="", source="")


def _penalty_weights(
    methods: list[DiracMethod], copies: int, owners: Tensor, shares: Tensor
) -> dict[str, Tensor]:
    """What each sample's penalty is multiplied with, for each penalty that some game has."""
    asked = {"r1": [method.r1 for method in methods], "wgan-gp": [method.wgan_gp for method in methods]}
    return {
        name: shares * torch.tensor(weights, dtype=torch.float64).repeat_interleave(copies)[owners]
        for name, weights in asked.items()
        if any(weights)
    }


def _weighted(value: Callable[[View], Tensor], weights: Tensor, view: View) -> Tensor:
    return weights * value(view)


def _consensus_step(players: Players, next_batch: NextBatch, step: int, *, weight: float, moves: int) -> Logs:
    """Consensus optimisation under any schedule: the field is measured anew before each player's turn."""
    first, second = players.game.players
    turns = [(first,)] * moves + [(second,)] if moves else [(first, second)]
    for turn in turns:
        field = joint(players, next_batch(), create_graph=True)
        gradients = consensus_gradients(players, field, weight)
        for player in turn:
            players.apply_gradients(
                player, gradients[player], (field.batch, field.outputs, field.losses[player])
            )
    return {}
