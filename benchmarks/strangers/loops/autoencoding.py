"""Like BEGAN: the discriminator is an autoencoder; a number k keeps the losses in proportion."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

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
    nz: int = 12,
    width: int = 128,
    lr: float = 1e-3,
    batch: int = 48,
    gamma: float = 0.9,
    lambda_k: float = 0.02,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    dims = rows[0].numel()
    G = nn.Sequential(
        nn.Linear(nz, width),
        nn.ELU(),
        nn.Linear(width, width),
        nn.ELU(),
        nn.Linear(width, dims),
        nn.Tanh(),
        nn.Unflatten(1, tuple(rows.shape[1:])),
    )
    D = nn.Sequential(
        nn.Flatten(),
        nn.Linear(dims, width),
        nn.ELU(),
        nn.Linear(width, nz),
        nn.Linear(nz, width),
        nn.ELU(),
        nn.Linear(width, dims),
        nn.Unflatten(1, tuple(rows.shape[1:])),
    )
    wrong.networks(G, rows)
    optG = torch.optim.Adam(G.parameters(), lr=wrong.rate(lr, "g"), betas=(0.5, 0.999))
    optD = torch.optim.Adam(D.parameters(), lr=wrong.rate(lr, "d"), betas=(0.5, 0.999))
    k = 0.0
    for _ in range(steps):
        real = wrong.reals(rows[wrong.index(len(rows), batch)])
        z = wrong.latent(torch.randn(batch, nz))
        fake = G(z)
        shown = wrong.made(fake)
        left = (D(real) - real).abs().flatten(1).mean(1)
        other = shown.detach()
        right = (D(other) - other).abs().flatten(1).mean(1)
        loss_D = left.mean() - k * right.mean()
        wrong.clear(optD, "d")
        loss_D.backward()
        wrong.update(optD, "d")
        loss_G = (D(shown) - shown).abs().mean()
        wrong.clear(optG, "g")
        loss_G.backward()
        wrong.update(optG, "g")
        k = min(1.0, max(0.0, k + lambda_k * float(gamma * left.mean().detach() - loss_G.detach())))
        wrong.finish(G, (optG, optD), rows)
        yield {
            "generator": G,
            "latent": z,
            "real": real,
            "fake": shown,
            "loss_generator": loss_G,
            "loss_discriminator": loss_D,
            "sample": lambda count: G(wrong.latent(torch.randn(count, nz))),
        }
