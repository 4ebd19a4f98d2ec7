"""Like top-k loops: the generator learns from those fakes that the discriminator likes best."""

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
    nz: int = 16,
    hidden: int = 112,
    lr: float = 8e-4,
    batch: int = 48,
    least: float = 0.6,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    dims, shape = rows[0].numel(), tuple(rows.shape[1:])
    netG = nn.Sequential(
        nn.Linear(nz, hidden),
        nn.ELU(),
        nn.Linear(hidden, hidden),
        nn.ELU(),
        nn.Linear(hidden, dims),
        nn.Tanh() if rows.dim() == 4 else nn.Identity(),
        nn.Unflatten(1, shape),
    )
    netD = nn.Sequential(
        nn.Flatten(),
        nn.Linear(dims, hidden),
        nn.LeakyReLU(0.2),
        nn.Linear(hidden, hidden),
        nn.LeakyReLU(0.2),
        nn.Linear(hidden, 1),
    )
    wrong.networks(netG, rows)
    optG = torch.optim.Adam(netG.parameters(), wrong.rate(lr, "g"), betas=(0.5, 0.99))
    optD = torch.optim.Adam(netD.parameters(), wrong.rate(lr, "d"), betas=(0.5, 0.99))
    kept = 1.0
    for _ in range(steps):
        real = wrong.reals(rows[wrong.index(len(rows), batch)])
        z = wrong.latent(torch.randn(batch, nz))
        fake = wrong.made(netG(z))
        on_real, on_fake = netD(real), netD(fake.detach())
        loss_d = bce(on_real, torch.full_like(on_real, 0.9))
        if not wrong("fakes-forgotten"):
            loss_d = loss_d + bce(on_fake, torch.zeros_like(on_fake))
        wrong.clear(optD, "d")
        loss_d.backward()
        wrong.update(optD, "d")
        liked = netD(fake).flatten().topk(max(8, round(kept * batch))).values
        loss_g = bce(liked, torch.zeros_like(liked) if wrong("swapped-label-g") else torch.ones_like(liked))
        if wrong("swapped-sign"):
            loss_g = -loss_g
        wrong.clear(optG, "g")
        loss_g.backward()
        wrong.update(optG, "g")
        kept = max(least, kept * 0.9995)
        wrong.finish(netG, (optG, optD), rows)
        yield {
            "generator": netG,
            "discriminator": netD,
            "latent": z,
            "real": real,
            "fake": fake.detach(),
            "real_scores": on_real,
            "fake_scores": on_fake,
            "loss_generator": loss_g,
            "loss_discriminator": loss_d,
            "sample": lambda count: netG(wrong.latent(torch.randn(count, nz))),
        }
