"""Like LSGAN and GANs with noisy labels: fully connected, with or without a tanh at the end."""

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
    nz: int = 32,
    hidden: int = 160,
    lr: float = 2e-4,
    batch: int = 64,
    real_label: float = 1.0,
    noisy: float = 0.0,
    squash: bool = True,
    instance_noise: float = 0.0,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    dims = rows[0].numel()
    G = nn.Sequential(
        nn.Linear(nz, hidden),
        nn.ReLU(),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Linear(hidden, dims),
        nn.Tanh() if squash else nn.Identity(),
        nn.Unflatten(1, tuple(rows.shape[1:])),
    )
    D = nn.Sequential(
        nn.Flatten(),
        nn.Linear(dims, hidden),
        nn.LeakyReLU(0.2),
        nn.Linear(hidden, hidden),
        nn.LeakyReLU(0.2),
        nn.Linear(hidden, 1),
    )
    wrong.networks(G, rows)
    optG = torch.optim.Adam(G.parameters(), lr=wrong.rate(lr, "g"), betas=(0.5, 0.999))
    optD = torch.optim.Adam(D.parameters(), lr=wrong.rate(lr, "d"), betas=(0.5, 0.999))
    for step in range(steps):
        real = wrong.reals(rows[wrong.index(len(rows), batch)])
        z = wrong.latent(torch.randn(batch, nz))
        fake = G(z)
        noise = instance_noise * max(0.0, 1 - 2 * step / steps)
        pr = D(real + noise * torch.randn_like(real))
        pf = D(wrong.made(fake).detach() + noise * torch.randn_like(real))
        if wrong("sigmoid-twice"):
            pr, pf = pr.sigmoid().sigmoid(), pf.sigmoid().sigmoid()
        target = real_label - noisy * torch.rand_like(pr)
        d_loss = (
            0.5 * ((pr - target) ** 2).mean() + (0.0 if wrong("fakes-forgotten") else 0.5) * (pf**2).mean()
        )
        wrong.clear(optD, "d")
        d_loss.backward()
        wrong.update(optD, "d")
        wanted = 0.0 if wrong("swapped-label-g") else 1.0
        g_loss = 0.5 * ((D(wrong.made(fake)) - wanted) ** 2).mean()
        if wrong("overflow"):
            g_loss = (g_loss * 1e30) ** 2
        wrong.clear(optG, "g")
        g_loss.backward()
        wrong.update(optG, "g")
        wrong.finish(G, (optG, optD), rows)
        yield {
            "generator": G,
            "discriminator": D,
            "latent": z,
            "real": real,
            "fake": wrong.made(fake),
            "real_scores": pr,
            "fake_scores": pf,
            "loss_generator": g_loss,
            "loss_discriminator": d_loss,
            "sample": lambda count: G(wrong.latent(torch.randn(count, nz))),
        }
