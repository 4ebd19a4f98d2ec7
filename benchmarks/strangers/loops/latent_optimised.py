"""Like LOGAN loops: latents go a step up the discriminator's slope before either player learns from them."""

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
    noise: int = 16,
    width: int = 112,
    lr: float = 5e-4,
    batch: int = 40,
    alpha: float = 0.5,
    beta: float = 5.0,
    cost: float = 0.1,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    dims, shape = rows[0].numel(), tuple(rows.shape[1:])
    G = nn.Sequential(
        nn.Linear(noise, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, dims),
        nn.Tanh() if rows.dim() == 4 else nn.Identity(),
        nn.Unflatten(1, shape),
    )
    spectral = nn.utils.parametrizations.spectral_norm
    D = nn.Sequential(
        nn.Flatten(),
        spectral(nn.Linear(dims, width)),
        nn.LeakyReLU(0.2),
        spectral(nn.Linear(width, width)),
        nn.LeakyReLU(0.2),
        nn.Linear(width, 1),
    )
    wrong.networks(G, rows)
    g_optim = torch.optim.Adam(G.parameters(), wrong.rate(lr, "g"), betas=(0.0, 0.99))
    d_optim = torch.optim.Adam(D.parameters(), wrong.rate(lr, "d"), betas=(0.0, 0.99))
    for _ in range(steps):
        real = wrong.reals(rows[wrong.index(len(rows), batch)])
        z = wrong.latent(2 * torch.rand(batch, noise) - 1)
        start = z.detach().clone().requires_grad_()
        (slope,) = torch.autograd.grad(D(G(start)).sum(), start)
        step = alpha * slope / (beta + slope.square().sum(1, keepdim=True))
        moved = wrong.latent((z + step).clamp(-1, 1))
        fake = wrong.made(G(moved))
        on_real, on_fake = D(real), D(fake.detach())
        d_loss = relu(1 - on_real).mean()
        if not wrong("fakes-forgotten"):
            d_loss = d_loss + relu(1 + on_fake).mean()
        wrong.clear(d_optim, "d")
        d_loss.backward()
        wrong.update(d_optim, "d")
        scored = D(fake)
        g_loss = (scored if wrong("swapped-label-g", "swapped-sign") else -scored).mean()
        g_loss = g_loss + cost * step.square().sum(1).mean()
        wrong.clear(g_optim, "g")
        g_loss.backward()
        wrong.update(g_optim, "g")
        wrong.finish(G, (g_optim, d_optim), rows)
        yield {
            "generator": G,
            "discriminator": D,
            "latent": moved,
            "real": real,
            "fake": fake.detach(),
            "real_scores": on_real,
            "fake_scores": on_fake,
            "loss_generator": g_loss,
            "loss_discriminator": d_loss,
            "sample": lambda count: G(wrong.latent(2 * torch.rand(count, noise) - 1)),
        }
