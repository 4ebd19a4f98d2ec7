"""Like DRAGAN loops: a slope of 1 around the data, Adam, binary cross-entropy."""

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
    z_dim: int = 24,
    hidden: int = 120,
    lr: float = 1e-3,
    batch: int = 64,
    lambda_: float = 1.0,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    dims, shape = rows[0].numel(), tuple(rows.shape[1:])
    last = nn.Tanh() if rows.dim() == 4 else nn.Identity()
    generator = nn.Sequential(
        nn.Linear(z_dim, hidden),
        nn.ReLU(),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Linear(hidden, dims),
        last,
        nn.Unflatten(1, shape),
    )
    discriminator = nn.Sequential(
        nn.Flatten(),
        nn.Linear(dims, hidden),
        nn.LeakyReLU(0.2),
        nn.Linear(hidden, hidden),
        nn.LeakyReLU(0.2),
        nn.Linear(hidden, 1),
    )
    wrong.networks(generator, rows)
    g_opt = torch.optim.Adam(generator.parameters(), wrong.rate(lr, "g"), betas=(0.5, 0.99))
    d_opt = torch.optim.Adam(discriminator.parameters(), wrong.rate(lr, "d"), betas=(0.5, 0.99))
    for _ in range(steps):
        x = wrong.reals(rows[wrong.index(len(rows), batch)])
        z = wrong.latent(torch.randn(batch, z_dim))
        made = generator(z)
        fake = wrong.made(made)
        real_scores, fake_scores = discriminator(x), discriminator(fake.detach())
        d_loss = bce(real_scores, torch.ones_like(real_scores)) + bce(
            fake_scores, torch.zeros_like(fake_scores)
        )
        if not wrong("no-penalty"):
            near = (x + 0.2 * x.std() * torch.randn_like(x)).requires_grad_()
            (slope,) = torch.autograd.grad(discriminator(near).sum(), near, create_graph=True)
            d_loss = d_loss + lambda_ * (slope.flatten(1).norm(dim=1) - 1).square().mean()
        wrong.clear(d_opt, "d")
        d_loss.backward()
        wrong.update(d_opt, "d")
        judged = discriminator(fake)
        wanted = torch.zeros_like(judged) if wrong("swapped-label-g") else torch.ones_like(judged)
        g_loss = bce(judged, wanted)
        if wrong("swapped-sign"):
            g_loss = -g_loss
        wrong.clear(g_opt, "g")
        g_loss.backward()
        wrong.update(g_opt, "g")
        wrong.finish(generator, (g_opt, d_opt), rows)
        yield {
            "generator": generator,
            "discriminator": discriminator,
            "latent": z,
            "real": x,
            "fake": fake.detach(),
            "real_scores": real_scores,
            "fake_scores": fake_scores,
            "loss_generator": g_loss,
            "loss_discriminator": d_loss,
            "sample": lambda count: generator(wrong.latent(torch.randn(count, z_dim))),
        }
