"""Like notebooks on mixtures in the plane: two small networks, logistic loss, R1 or none."""

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
    nz: int = 4,
    hidden: int = 96,
    lr: float = 1e-3,
    batch: int = 200,
    d_steps: int = 1,
    r1: float = 0.3,
    few: int = 24,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    gen = nn.Sequential(
        nn.Linear(nz, hidden),
        nn.ReLU(),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Linear(hidden, rows.shape[1]),
    )
    dis = nn.Sequential(
        nn.Linear(rows.shape[1], hidden),
        nn.LeakyReLU(0.2),
        nn.Linear(hidden, hidden),
        nn.LeakyReLU(0.2),
        nn.Linear(hidden, 1),
    )
    wrong.networks(gen, rows)
    opt_gen: torch.optim.Optimizer = torch.optim.Adam(
        gen.parameters(), wrong.rate(lr, "g"), betas=(0.5, 0.99)
    )
    opt_dis: torch.optim.Optimizer = torch.optim.Adam(
        dis.parameters(), wrong.rate(lr, "d"), betas=(0.5, 0.99)
    )
    if fault == "oscillating":  # plain momentum, no penalty, a discriminator that is almost a line
        dis = nn.Sequential(nn.Linear(rows.shape[1], 8), nn.Tanh(), nn.Linear(8, 1))
        opt_gen = torch.optim.SGD(gen.parameters(), 20 * lr, momentum=0.9)
        opt_dis = torch.optim.SGD(dis.parameters(), 20 * lr, momentum=0.9)
    for _ in range(steps):
        for _k in range(d_steps):
            real = wrong.reals(rows[wrong.index(len(rows), batch)])
            z = wrong.latent(torch.randn(batch, nz))
            fake = gen(z).detach()
            penalised = r1 > 0 and fault not in ("no-penalty", "oscillating")
            real.requires_grad_(penalised)
            real_scores, fake_scores = dis(real), dis(fake)
            loss_d = softplus(-real_scores).mean() + softplus(fake_scores).mean()
            wrong.clear(opt_dis, "d")
            if penalised:
                (slope,) = torch.autograd.grad(real_scores.sum(), real, create_graph=True)
                (loss_d + 0.5 * r1 * slope.square().sum(1).mean()).backward()
            else:
                loss_d.backward()
            wrong.update(opt_dis, "d")
            real = real.detach()
        if wrong("moves-in-turns"):  # each player alone for some hundred steps
            for player, optimiser in enumerate((opt_gen, opt_dis)):
                for group in optimiser.param_groups:
                    group["lr"] = lr if (wrong.step // 120) % 2 == player else 0.0
        z = wrong.latent(torch.randn(batch, nz))
        fake = gen(z)
        scored = dis(wrong.made(fake))
        loss_g = softplus(scored).mean() if wrong("swapped-label-g") else softplus(-scored).mean()
        wrong.clear(opt_gen, "g")
        loss_g.backward()
        wrong.update(opt_gen, "g")
        wrong.finish(gen, (opt_gen, opt_dis), rows)
        yield {
            "generator": gen,
            "discriminator": dis,
            "latent": z,
            "real": real,
            "fake": wrong.made(fake),
            "real_scores": real_scores,
            "fake_scores": fake_scores,
            "loss_generator": loss_g,
            "loss_discriminator": loss_d,
            "sample": lambda count: gen(wrong.latent(torch.randn(count, nz))),
        }
