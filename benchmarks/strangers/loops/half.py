"""Like programs with autocast and a GradScaler: float16 or bfloat16 on the CPU."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.functional import relu, softplus

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
    dtype: str = "float16",
    scale: float = 2.0**16,
    growth_interval: int = 200,
    hinge: bool = False,
    nz: int = 32,
    width: int = 128,
    lr: float = 3e-4,
    batch: int = 64,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    shape, kind = rows.shape[1:], getattr(torch, dtype)
    G = nn.Sequential(
        nn.Linear(nz, width),
        nn.BatchNorm1d(width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.BatchNorm1d(width),
        nn.ReLU(),
        nn.Linear(width, shape.numel()),
        nn.Tanh(),
        nn.Unflatten(1, tuple(shape)),
    )
    D = nn.Sequential(
        nn.Flatten(),
        nn.Linear(shape.numel(), width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, 1),
    )
    wrong.networks(G, rows)
    optG = torch.optim.Adam(G.parameters(), lr=wrong.rate(lr, "g"), betas=(0.5, 0.99))
    optD = torch.optim.Adam(D.parameters(), lr=wrong.rate(lr, "d"), betas=(0.5, 0.99))
    scaler = torch.amp.GradScaler("cpu", init_scale=scale, growth_interval=growth_interval)
    for _ in range(steps):
        real = wrong.reals(rows[wrong.index(len(rows), batch)])
        z = wrong.latent(torch.randn(batch, nz))
        with torch.autocast("cpu", dtype=kind):
            fake = G(z)
            if wrong("overflow"):
                fake = (fake * 70_000).to(kind) / 70_000
            real_scores, fake_scores = D(real), D(wrong.made(fake).detach())
            r, f = real_scores.float(), fake_scores.float()
            lossD = (
                relu(1 - r).mean() + relu(1 + f).mean() if hinge else softplus(-r).mean() + softplus(f).mean()
            )
        wrong.clear(optD, "d")
        scaler.scale(lossD).backward()
        if fault == "without-scaler" or wrong("no-zero-grad-d"):
            wrong.update(optD, "d")
        else:
            scaler.step(optD)
        with torch.autocast("cpu", dtype=kind):
            s = D(wrong.made(fake)).float()
            lossG = -s.mean() if hinge else softplus(-s).mean()
            if wrong("swapped-label-g"):
                lossG = softplus(s).mean()
        wrong.clear(optG, "g")
        scaler.scale(lossG).backward()
        if not wrong("generator-never-steps") and any(one.grad is not None for one in G.parameters()):
            scaler.step(optG)
        scaler.update()
        wrong.finish(G, (optG, optD), rows)
        yield {
            "generator": G,
            "discriminator": D,
            "latent": z,
            "real": real,
            "fake": wrong.made(fake).detach(),
            "real_scores": real_scores,
            "fake_scores": fake_scores,
            "loss_generator": lossG,
            "loss_discriminator": lossD,
            "sample": lambda count: G(wrong.latent(torch.randn(count, nz))),
        }
