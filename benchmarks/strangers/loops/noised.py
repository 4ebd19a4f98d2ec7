"""Like loops with instance noise: noise on all that is scored, which fades; hinge loss; two time scales."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.functional import relu

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
    nz: int = 28,
    width: int = 112,
    lr_g: float = 4e-4,
    lr_d: float = 8e-4,
    batch: int = 40,
    sigma: float = 0.3,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    dims, shape = rows[0].numel(), tuple(rows.shape[1:])
    last = nn.Tanh() if rows.dim() == 4 else nn.Identity()
    net_g = nn.Sequential(
        nn.Linear(nz, width),
        nn.BatchNorm1d(width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.BatchNorm1d(width),
        nn.ReLU(),
        nn.Linear(width, dims),
        last,
        nn.Unflatten(1, shape),
    )
    norm = nn.utils.parametrizations.spectral_norm
    net_d = nn.Sequential(
        nn.Flatten(),
        norm(nn.Linear(dims, width)),
        nn.LeakyReLU(0.1),
        norm(nn.Linear(width, width)),
        nn.LeakyReLU(0.1),
        norm(nn.Linear(width, 1)),
    )
    wrong.networks(net_g, rows)
    optim_g = torch.optim.Adam(net_g.parameters(), wrong.rate(lr_g, "g"), betas=(0.0, 0.9))
    optim_d = torch.optim.Adam(net_d.parameters(), wrong.rate(lr_d, "d"), betas=(0.0, 0.9))
    for step in range(steps):
        level = sigma * max(0.0, 1 - 1.5 * step / steps)
        real = wrong.reals(rows[wrong.index(len(rows), batch)])
        z = wrong.latent(torch.randn(batch, nz))
        fake = wrong.made(net_g(z))

        def scored(samples: torch.Tensor, level: float = level) -> torch.Tensor:
            scores: torch.Tensor = net_d(samples + level * torch.randn_like(samples))
            return scores

        real_scores, fake_scores = scored(real), scored(fake.detach())
        loss_d = relu(1 - real_scores).mean() + relu(1 + fake_scores).mean()
        wrong.clear(optim_d, "d")
        loss_d.backward()
        wrong.update(optim_d, "d")
        loss_g = scored(fake).mean() if wrong("swapped-label-g", "swapped-sign") else -scored(fake).mean()
        wrong.clear(optim_g, "g")
        loss_g.backward()
        wrong.update(optim_g, "g")
        wrong.finish(net_g, (optim_g, optim_d), rows)
        yield {
            "generator": net_g,
            "discriminator": net_d,
            "latent": z,
            "real": real,
            "fake": fake.detach(),
            "real_scores": real_scores,
            "fake_scores": fake_scores,
            "loss_generator": loss_g,
            "loss_discriminator": loss_d,
            "sample": lambda count: net_g(wrong.latent(torch.randn(count, nz))),
        }
