"""Games of small networks on samples of two numbers, for tests of terms and augmentations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from poise.augment import Augmentation
from poise.dynamics import Batch, PlayerLoss
from poise.games import AdversarialGame, Scoring, Term, noise_to_data
from poise.losses import LOSSES
from poise.regularisers import REGULARISERS
from poise.tasks.build import augmentation

Networks = dict[str, Callable[..., Tensor]]


def penalty(name: str, weight: float = 1.0, every: int = 1) -> Term:
    """A regulariser of the discriminator as a term."""
    return Term(f"penalty_{name}", "discriminator", REGULARISERS[name].value, weight, every)


R1 = penalty("r1", 3.0)


def chain(**settings: Mapping[str, Any]) -> tuple[Augmentation, ...]:
    """Augmentations by name, with `_` for `-`, and their settings."""
    return tuple(augmentation(name.replace("_", "-"), own) for name, own in settings.items())


def game(
    loss: str, *penalties: Term, augmentations: tuple[Augmentation, ...] = (), in_one_pass: bool = False
) -> AdversarialGame:
    """The game of a loss."""
    scoring = Scoring(augmentations=augmentations, in_one_pass=in_one_pass)
    return noise_to_data(LOSSES[loss], penalties, scoring=scoring)


def batch(step: int = 0, *, seed: int = 0, samples: int = 6, shape: tuple[int, ...] = (2,)) -> Batch:
    stream = torch.Generator().manual_seed(seed)
    real = torch.randn(samples, *shape, generator=stream, dtype=torch.float64)
    latent = torch.randn(samples, 3, generator=stream, dtype=torch.float64)
    return Batch(real, latent, step, stream)


def networks(values: int = 2) -> Networks:
    """A discriminator of samples of `values` numbers, and a generator of two."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        discriminator = nn.Sequential(
            nn.Flatten(), nn.Linear(values, 5), nn.Softplus(), nn.Linear(5, 1), nn.Flatten(0)
        )
        generator = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    discriminator, generator = discriminator.double(), generator.double()
    return {"discriminator": discriminator, "generator": generator, "critic": discriminator}


def parameters(networks: Mapping[str, Callable[..., Tensor]], player: str) -> list[Tensor]:
    module = networks[player]
    assert isinstance(module, nn.Module)
    return list(module.parameters())


def gradient(loss: PlayerLoss, by: list[Tensor]) -> list[Tensor]:
    """The gradient of a loss, 0 for parameters on which it does not depend."""
    found = torch.autograd.grad(loss.value, by, allow_unused=True, materialize_grads=True, retain_graph=True)
    return list(found)


def squared_slopes(critic: Callable[[Tensor], Tensor], points: Tensor) -> Tensor:
    """The squared norm of the gradient of each sample's score by that sample, with plain autograd."""
    points = points.detach().requires_grad_()
    (slopes,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
    return slopes.square().flatten(1).sum(1)
