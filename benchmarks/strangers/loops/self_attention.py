"""Like SAGAN: self-attention in both networks, spectral normalisation in both, hinge loss, two rates."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import relu
from torch.nn.utils.parametrizations import spectral_norm

from benchmarks.strangers.case import Step
from benchmarks.strangers.data import Data
from benchmarks.strangers.mistakes import Mistake


class Attention(nn.Module):
    """Each place adds what it finds at all others, by a strength that begins at 0."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        small = max(1, channels // 4)
        self.query, self.key = nn.Conv2d(channels, small, 1), nn.Conv2d(channels, small, 1)
        self.value = nn.Conv2d(channels, channels, 1)
        self.strength = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (part(x).flatten(2) for part in (self.query, self.key, self.value))
        weights = torch.softmax(query.mT @ key, 2)
        found: Tensor = x + self.strength * (value @ weights.mT).view_as(x)
        return found


def loop(
    fault: str,
    seed: int,
    data: Data,
    *,
    steps: int,
    onset: int = 0,
    nz: int = 24,
    nf: int = 10,
    lr_g: float = 4e-4,
    lr_d: float = 1e-3,
    batch: int = 24,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    channels, side = rows.shape[1], rows.shape[-1]
    half = side // 2
    generator = nn.Sequential(
        spectral_norm(nn.Linear(nz, 2 * nf * half**2)),
        nn.Unflatten(1, (2 * nf, half, half)),
        nn.BatchNorm2d(2 * nf),
        nn.ReLU(),
        Attention(2 * nf),
        nn.Upsample(scale_factor=2),
        spectral_norm(nn.Conv2d(2 * nf, nf, 3, 1, 1)),
        nn.BatchNorm2d(nf),
        nn.ReLU(),
        nn.Conv2d(nf, channels, 3, 1, 1),
        nn.Tanh(),
    )
    discriminator = nn.Sequential(
        spectral_norm(nn.Conv2d(channels, nf, 4, 2, 1)),
        nn.LeakyReLU(0.1),
        Attention(nf),
        spectral_norm(nn.Conv2d(nf, 2 * nf, 3, 1, 1)),
        nn.LeakyReLU(0.1),
        nn.Flatten(),
        spectral_norm(nn.Linear(2 * nf * half**2, 1)),
    )
    wrong.networks(generator, rows)
    g_optim = torch.optim.Adam(generator.parameters(), wrong.rate(lr_g, "g"), betas=(0.0, 0.9))
    d_optim = torch.optim.Adam(discriminator.parameters(), wrong.rate(lr_d, "d"), betas=(0.0, 0.9))
    for _ in range(steps):
        real = wrong.reals(rows[wrong.index(len(rows), batch)])
        z = wrong.latent(torch.randn(batch, nz))
        fake = wrong.made(generator(z))
        d_real, d_fake = discriminator(real), discriminator(fake.detach())
        d_loss = relu(1 - d_real).mean() + relu(1 + d_fake).mean()
        wrong.clear(d_optim, "d")
        d_loss.backward()
        wrong.update(d_optim, "d")
        judged = discriminator(fake).mean()
        g_loss = judged if wrong("swapped-label-g", "swapped-sign") else -judged
        wrong.clear(g_optim, "g")
        g_loss.backward()
        wrong.update(g_optim, "g")
        wrong.finish(generator, (g_optim, d_optim), rows)
        yield {
            "generator": generator,
            "discriminator": discriminator,
            "latent": z,
            "real": real,
            "fake": fake.detach(),
            "real_scores": d_real,
            "fake_scores": d_fake,
            "loss_generator": g_loss,
            "loss_discriminator": d_loss,
            "sample": lambda count: generator(wrong.latent(torch.randn(count, nz))),
        }
