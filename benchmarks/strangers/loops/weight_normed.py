"""Like loops with weight norm and two time scales: hinge loss, a faster discriminator, no momentum."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.functional import relu
from torch.nn.utils.parametrizations import weight_norm

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
    dim_z: int = 20,
    hidden: int = 128,
    lr_g: float = 4e-4,
    lr_d: float = 8e-4,
    batch: int = 40,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    dims, shape = rows[0].numel(), tuple(rows.shape[1:])
    gen = nn.Sequential(
        nn.Linear(dim_z, hidden),
        nn.BatchNorm1d(hidden),
        nn.ReLU(),
        nn.Linear(hidden, hidden),
        nn.BatchNorm1d(hidden),
        nn.ReLU(),
        nn.Linear(hidden, dims),
        nn.Tanh() if rows.dim() == 4 else nn.Identity(),
        nn.Unflatten(1, shape),
    )
    dis = nn.Sequential(
        nn.Flatten(),
        weight_norm(nn.Linear(dims, hidden)),
        nn.LeakyReLU(0.2),
        weight_norm(nn.Linear(hidden, hidden)),
        nn.LeakyReLU(0.2),
        weight_norm(nn.Linear(hidden, 1)),
    )
    wrong.networks(gen, rows)
    g_optim = torch.optim.Adam(gen.parameters(), wrong.rate(lr_g, "g"), betas=(0.0, 0.99))
    d_optim = torch.optim.Adam(dis.parameters(), wrong.rate(lr_d, "d"), betas=(0.0, 0.99))
    for _ in range(steps):
        real = wrong.reals(rows[wrong.index(len(rows), batch)])
        z = wrong.latent(torch.randn(batch, dim_z))
        fake = gen(z)
        shown = wrong.made(fake)
        d_real, d_fake = dis(real), dis(shown.detach())
        d_loss = relu(1 - d_real).mean() + (0.0 if wrong("fakes-forgotten") else relu(1 + d_fake).mean())
        wrong.clear(d_optim, "d")
        d_loss.backward()
        wrong.update(d_optim, "d")
        judged = dis(shown).mean()
        g_loss = judged if wrong("swapped-label-g", "swapped-sign") else -judged
        wrong.clear(g_optim, "g")
        g_loss.backward()
        wrong.update(g_optim, "g")
        wrong.finish(gen, (g_optim, d_optim), rows)
        yield {
            "generator": gen,
            "discriminator": dis,
            "latent": z,
            "real": real,
            "fake": shown.detach(),
            "real_scores": d_real,
            "fake_scores": d_fake,
            "loss_generator": g_loss,
            "loss_discriminator": d_loss,
            "sample": lambda count: gen(wrong.latent(torch.randn(count, dim_z))),
        }
