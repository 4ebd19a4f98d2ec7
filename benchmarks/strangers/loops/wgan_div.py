"""Like WGAN-div loops: a Wasserstein critic whose slope between samples is paid for by its sixth power."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from benchmarks.strangers.case import Step
from benchmarks.strangers.data import Data
from benchmarks.strangers.mistakes import Mistake


def divergence(critic: nn.Module, real: Tensor, fake: Tensor, power: float) -> Tensor:
    """The mean power of the critic's slope at random places between reals and fakes."""
    mix = torch.rand(len(real), *[1] * (real.dim() - 1))
    between = (mix * real + (1 - mix) * fake).detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    steepness: Tensor = slope.flatten(1).square().sum(1) ** (power / 2)
    return steepness.mean()


def loop(
    fault: str,
    seed: int,
    data: Data,
    *,
    steps: int,
    onset: int = 0,
    latent_dim: int = 20,
    units: int = 112,
    lr: float = 5e-4,
    batch: int = 48,
    k: float = 2.0,
    p: float = 6.0,
    n_critic: int = 2,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    dims, shape = rows[0].numel(), tuple(rows.shape[1:])
    generator = nn.Sequential(
        nn.Linear(latent_dim, units),
        nn.LeakyReLU(0.1),
        nn.Linear(units, units),
        nn.LeakyReLU(0.1),
        nn.Linear(units, dims),
        nn.Tanh() if rows.dim() == 4 else nn.Identity(),
        nn.Unflatten(1, shape),
    )
    critic = nn.Sequential(
        nn.Flatten(),
        nn.Linear(dims, units),
        nn.SiLU(),
        nn.Linear(units, units),
        nn.SiLU(),
        nn.Linear(units, 1),
    )
    wrong.networks(generator, rows)
    optimizer_G = torch.optim.Adam(generator.parameters(), lr=wrong.rate(lr, "g"), betas=(0.0, 0.9))
    optimizer_D = torch.optim.Adam(critic.parameters(), lr=wrong.rate(lr, "d"), betas=(0.0, 0.9))
    for _ in range(steps):
        for _ in range(n_critic):
            real = wrong.reals(rows[wrong.index(len(rows), batch)])
            z = wrong.latent(torch.randn(batch, latent_dim))
            fake = wrong.made(generator(z))
            valid, invalid = critic(real), critic(fake.detach())
            d_loss = -valid.mean()
            if not wrong("fakes-forgotten"):
                d_loss = d_loss + invalid.mean()
            if not wrong("no-penalty"):
                d_loss = d_loss + k * divergence(critic, real, fake.detach(), p)
            wrong.clear(optimizer_D, "d")
            d_loss.backward()
            wrong.update(optimizer_D, "d")
        g_loss = -critic(fake).mean()
        if wrong("swapped-label-g", "swapped-sign"):
            g_loss = -g_loss
        wrong.clear(optimizer_G, "g")
        g_loss.backward()
        wrong.update(optimizer_G, "g")
        wrong.finish(generator, (optimizer_G, optimizer_D), rows)
        yield {
            "generator": generator,
            "discriminator": critic,
            "latent": z,
            "real": real,
            "fake": fake.detach(),
            "real_scores": valid,
            "fake_scores": invalid,
            "loss_generator": g_loss,
            "loss_discriminator": d_loss,
            "sample": lambda count: generator(wrong.latent(torch.randn(count, latent_dim))),
        }
