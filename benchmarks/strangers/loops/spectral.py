"""Like SNGAN: a hinge loss, spectral normalisation, two steps of the discriminator, small convolutions."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

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
    nz: int = 24,
    nf: int = 10,
    lr: float = 4e-4,
    batch: int = 24,
    n_dis: int = 2,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    channels, side = rows.shape[1], rows.shape[-1]
    gen = nn.Sequential(
        nn.Linear(nz, 2 * nf * (side // 2) ** 2),
        nn.Unflatten(1, (2 * nf, side // 2, side // 2)),
        nn.BatchNorm2d(2 * nf),
        nn.ReLU(),
        nn.Upsample(scale_factor=2),
        nn.Conv2d(2 * nf, nf, 3, 1, 1),
        nn.BatchNorm2d(nf),
        nn.ReLU(),
        nn.Conv2d(nf, channels, 3, 1, 1),
        nn.Tanh(),
    )
    dis = nn.Sequential(
        spectral_norm(nn.Conv2d(channels, nf, 3, 1, 1)),
        nn.LeakyReLU(0.1),
        spectral_norm(nn.Conv2d(nf, 2 * nf, 4, 2, 1)),
        nn.LeakyReLU(0.1),
        nn.Flatten(),
        spectral_norm(nn.Linear(2 * nf * (side // 2) ** 2, 1)),
    )
    wrong.networks(gen, rows)
    opt_gen = torch.optim.Adam(gen.parameters(), wrong.rate(lr, "g"), betas=(0.0, 0.9))
    opt_dis = torch.optim.Adam(dis.parameters(), wrong.rate(lr, "d"), betas=(0.0, 0.9))
    for _ in range(steps):
        for _ in range(n_dis):
            x_real = wrong.reals(rows[wrong.index(len(rows), batch)])
            with torch.no_grad():
                x_fake = wrong.made(gen(wrong.latent(torch.randn(batch, nz)))).detach()
            dis_real, dis_fake = dis(x_real), dis(x_fake)
            loss_dis = torch.relu(1 - dis_real).mean() + torch.relu(1 + dis_fake).mean()
            wrong.clear(opt_dis, "d")
            loss_dis.backward()
            wrong.update(opt_dis, "d")
        z = wrong.latent(torch.randn(batch, nz))
        x_gen = gen(z)
        loss_gen = -dis(wrong.made(x_gen)).mean()
        if wrong("swapped-sign"):
            loss_gen = -loss_gen
        wrong.clear(opt_gen, "g")
        loss_gen.backward()
        wrong.update(opt_gen, "g")
        wrong.finish(gen, (opt_gen, opt_dis), rows)
        yield {
            "generator": gen,
            "discriminator": dis,
            "latent": z,
            "real": x_real,
            "fake": wrong.made(x_gen),
            "real_scores": dis_real,
            "fake_scores": dis_fake,
            "loss_generator": loss_gen,
            "loss_discriminator": loss_dis,
            "sample": lambda count: gen(wrong.latent(torch.randn(count, nz))),
        }
