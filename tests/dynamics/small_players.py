"""Games small enough to follow by hand: two numbers, or two little networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from poise.dynamics import Batch, Players
from poise.games import AdversarialGame, Term, noise_to_data
from poise.losses import LOSSES
from poise.regularisers import REGULARISERS

Optimiser = Callable[[Sequence[nn.Parameter]], torch.optim.Optimizer]


class Dirac(nn.Module):
    """A generator whose every sample is theta."""

    def __init__(self, theta: float) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.tensor([theta], dtype=torch.float64))

    def forward(self, latent: Tensor) -> Tensor:
        return self.theta.expand(len(latent), 1)


class Slope(nn.Module):
    """The discriminator psi * x."""

    def __init__(self, psi: float) -> None:
        super().__init__()
        self.psi = nn.Parameter(torch.tensor([psi], dtype=torch.float64))

    def forward(self, samples: Tensor) -> Tensor:
        return (self.psi * samples).flatten()


def penalty(name: str, weight: float = 1.0, every: int = 1) -> Term:
    """A regulariser of the discriminator as a term of a game."""
    return Term(f"penalty_{name}", "discriminator", REGULARISERS[name].value, weight, every)


def game(loss: str, penalties: tuple[Term, ...] = (), **more: Any) -> AdversarialGame:
    return noise_to_data(LOSSES[loss], penalties, **more)


def players_of(
    played: AdversarialGame, discriminator: nn.Module, generator: nn.Module, optimiser: Optimiser
) -> Players:
    modules = {"discriminator": discriminator, "generator": generator}
    return Players(
        game=played,
        networks={**modules, "critic": discriminator},
        parameters={player: dict(module.named_parameters()) for player, module in modules.items()},
        optimisers={player: optimiser(list(module.parameters())) for player, module in modules.items()},
        state=played.initial_state(),
    )


def dirac_players(
    theta: float,
    psi: float,
    rate: float,
    *,
    loss: str = "wasserstein",
    penalties: tuple[Term, ...] = (),
) -> Players:
    """Mescheder et al. 2018's game with data at 0; with the Wasserstein loss the two play theta * psi."""
    return players_of(
        game(loss, penalties), Slope(psi), Dirac(theta), lambda own: torch.optim.SGD(own, lr=rate)
    )


def dirac_batch() -> Batch:
    real = torch.zeros(2, 1, dtype=torch.float64)
    return Batch(real, torch.zeros(2, 1, dtype=torch.float64), 0, torch.Generator())


def place(players: Players) -> tuple[float, float]:
    """(theta, psi)."""
    theta, psi = players.parameters["generator"]["theta"], players.parameters["discriminator"]["psi"]
    return theta.item(), psi.item()


def small_networks(seed: int = 0) -> tuple[nn.Module, nn.Module]:
    """A discriminator and a generator for samples of two numbers from latents of three."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        discriminator = nn.Sequential(nn.Linear(2, 5), nn.Softplus(), nn.Linear(5, 1), nn.Flatten(0))
        generator = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    return discriminator.double(), generator.double()


class Batches:
    """Draws batches and keeps them."""

    def __init__(self, step: int = 0, samples: int = 6) -> None:
        self.step, self.samples = step, samples
        self.drawn: list[Batch] = []

    def __call__(self) -> Batch:
        stream = torch.Generator().manual_seed(1000 * self.step + len(self.drawn))
        real = torch.randn(self.samples, 2, generator=stream, dtype=torch.float64)
        latent = torch.randn(self.samples, 3, generator=stream, dtype=torch.float64)
        self.drawn.append(Batch(real, latent, self.step, stream))
        return self.drawn[-1]


def copied(players: Players) -> dict[str, dict[str, Tensor]]:
    """Every parameter's value, by player."""
    return {
        player: {name: value.detach().clone() for name, value in parameters.items()}
        for player, parameters in players.parameters.items()
    }


def changed(players: Players, before: dict[str, dict[str, Tensor]]) -> set[str]:
    """The players of whom some parameter differs."""
    return {
        player
        for player, parameters in players.parameters.items()
        if any(not torch.equal(value, before[player][name]) for name, value in parameters.items())
    }
