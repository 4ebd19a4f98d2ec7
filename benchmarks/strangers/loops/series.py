"""Like GANs for series: one-dimensional convolutions over hours, no tanh, lazy R1."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.functional import softplus

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
    nz: int = 16,
    nf: int = 24,
    lr: float = 5e-4,
    batch: int = 32,
    gamma: float = 0.2,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    channels, length = rows.shape[1:]
    G = nn.Sequential(
        nn.Linear(nz, nf * length // 4),
        nn.LeakyReLU(0.2),
        nn.Unflatten(1, (nf, length // 4)),
        nn.ConvTranspose1d(nf, nf, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.ConvTranspose1d(nf, nf, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv1d(nf, channels, 5, padding=2),
    )
    D = nn.Sequential(
        nn.Conv1d(channels, nf, 5, 2, 2),
        nn.LeakyReLU(0.2),
        nn.Conv1d(nf, nf, 5, 2, 2),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(nf * (length // 4), 1),
    )
    wrong.networks(G, rows)
    g_opt = torch.optim.Adam(G.parameters(), lr=wrong.rate(lr, "g"), betas=(0.0, 0.99))
    d_opt = torch.optim.Adam(D.parameters(), lr=wrong.rate(lr, "d"), betas=(0.0, 0.99))
    for step in range(steps):
        x = wrong.reals(rows[wrong.index(len(rows), batch)])
        z = wrong.latent(torch.randn(batch, nz))
        fake = G(z)
        x.requires_grad_(True)
        sr, sf = D(x), D(wrong.made(fake).detach())
        loss_d = softplus(-sr).mean() + softplus(sf).mean()
        wrong.clear(d_opt, "d")
        if step % 4 == 0 and not wrong("no-penalty"):
            (slope,) = torch.autograd.grad(sr.sum(), x, create_graph=True)
            (loss_d + 2 * gamma * slope.square().sum((1, 2)).mean()).backward()
        else:
            loss_d.backward()
        wrong.update(d_opt, "d")
        s = D(wrong.made(fake))
        loss_g = softplus(s).mean() if wrong("swapped-label-g") else softplus(-s).mean()
        wrong.clear(g_opt, "g")
        loss_g.backward()
        wrong.update(g_opt, "g")
        wrong.finish(G, (g_opt, d_opt), rows)
        yield {
            "generator": G,
            "discriminator": D,
            "latent": z,
            "real": x.detach(),
            "fake": wrong.made(fake),
            "real_scores": sr,
            "fake_scores": sf,
            "loss_generator": loss_g,
            "loss_discriminator": loss_d,
            "sample": lambda count: G(wrong.latent(torch.randn(count, nz))),
        }
