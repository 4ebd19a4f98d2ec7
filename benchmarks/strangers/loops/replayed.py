"""Like loops after lists of tips: old fakes come again, labels are soft and at times false, units drop."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from benchmarks.strangers.case import Step
from benchmarks.strangers.data import Data
from benchmarks.strangers.mistakes import Mistake


def loop(
    fault: str,
    seed: int,
    data: Data,
    *,
    steps: int,
    onset: int = 0,
    noise_dim: int = 20,
    hidden: int = 112,
    lr: float = 1e-3,
    batch: int = 48,
    kept: int = 480,
    flipped: float = 0.03,
    dropout: float = 0.05,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    dims, shape = rows[0].numel(), tuple(rows.shape[1:])
    generator = nn.Sequential(
        nn.Linear(noise_dim, hidden),
        nn.LeakyReLU(0.2),
        nn.Linear(hidden, hidden),
        nn.LeakyReLU(0.2),
        nn.Linear(hidden, dims),
        nn.Tanh() if rows.dim() == 4 else nn.Identity(),
        nn.Unflatten(1, shape),
    )
    discriminator = nn.Sequential(
        nn.Flatten(),
        nn.Linear(dims, hidden),
        nn.LeakyReLU(0.2),
        nn.Dropout(dropout),
        nn.Linear(hidden, hidden),
        nn.LeakyReLU(0.2),
        nn.Dropout(dropout),
        nn.Linear(hidden, 1),
    )
    wrong.networks(generator, rows)
    g_optimizer = torch.optim.Adam(generator.parameters(), lr=wrong.rate(lr, "g"), betas=(0.5, 0.999))
    d_optimizer = torch.optim.Adam(discriminator.parameters(), lr=wrong.rate(lr, "d"), betas=(0.5, 0.999))
    pool = torch.zeros(0, *shape)
    for _ in range(steps):
        real = wrong.reals(rows[wrong.index(len(rows), batch)])
        z = wrong.latent(torch.randn(batch, noise_dim))
        fake = wrong.made(generator(z))
        old = pool[torch.randint(0, len(pool), (batch // 2,))] if len(pool) >= kept else fake.detach()[:0]
        pool = torch.cat([pool, fake.detach()])[-kept:]
        real_logits, fake_logits = discriminator(real), discriminator(fake.detach())
        soft = torch.where(torch.rand(batch, 1) < flipped, 0.0, 0.85 + 0.15 * torch.rand(batch, 1))
        d_loss = bce(real_logits, soft)
        if not wrong("fakes-forgotten"):
            d_loss = d_loss + bce(fake_logits, torch.zeros_like(fake_logits))
            if len(old):
                again = discriminator(old)
                d_loss = d_loss + 0.5 * bce(again, torch.zeros_like(again))
        wrong.clear(d_optimizer, "d")
        d_loss.backward()
        wrong.update(d_optimizer, "d")
        judged = discriminator(fake)
        g_loss = bce(
            judged, torch.zeros_like(judged) if wrong("swapped-label-g") else torch.ones_like(judged)
        )
        if wrong("swapped-sign"):
            g_loss = -g_loss
        wrong.clear(g_optimizer, "g")
        g_loss.backward()
        wrong.update(g_optimizer, "g")
        wrong.finish(generator, (g_optimizer, d_optimizer), rows)
        yield {
            "generator": generator,
            "discriminator": discriminator,
            "latent": z,
            "real": real,
            "fake": fake.detach(),
            "real_scores": real_logits,
            "fake_scores": fake_logits,
            "loss_generator": g_loss,
            "loss_discriminator": d_loss,
            "sample": lambda count: generator(wrong.latent(torch.randn(count, noise_dim))),
        }
