"""Like the loops with R1 of Mescheder et al.: RMSprop, leaky units, an average of the generator."""

from __future__ import annotations

import copy
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
    nz: int = 20,
    width: int = 128,
    lr: float = 5e-4,
    batch: int = 48,
    reg_param: float = 1.0,
    beta: float = 0.98,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    dims, shape = rows[0].numel(), tuple(rows.shape[1:])
    end = nn.Tanh() if rows.dim() == 4 else nn.Identity()
    generator = nn.Sequential(
        nn.Linear(nz, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, dims),
        end,
        nn.Unflatten(1, shape),
    )
    discriminator = nn.Sequential(
        nn.Flatten(),
        nn.Linear(dims, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, 1),
    )
    wrong.networks(generator, rows)
    generator_test = copy.deepcopy(generator)
    g_optimizer = torch.optim.RMSprop(generator.parameters(), lr=wrong.rate(lr, "g"), alpha=0.99)
    d_optimizer = torch.optim.RMSprop(discriminator.parameters(), lr=wrong.rate(lr, "d"), alpha=0.99)
    for _ in range(steps):
        x_real = wrong.reals(rows[wrong.index(len(rows), batch)]).detach().requires_grad_()
        z = wrong.latent(torch.randn(batch, nz))
        x_fake = generator(z)
        shown = wrong.made(x_fake)
        d_real, d_fake = discriminator(x_real), discriminator(shown.detach())
        dloss = softplus(-d_real).mean() + softplus(d_fake).mean()
        if not wrong("no-penalty"):
            (slope,) = torch.autograd.grad(d_real.sum(), x_real, create_graph=True)
            dloss = dloss + 0.5 * reg_param * slope.flatten(1).square().sum(1).mean()
        wrong.clear(d_optimizer, "d")
        dloss.backward()
        wrong.update(d_optimizer, "d")
        judged = discriminator(shown)
        gloss = softplus(judged if wrong("swapped-label-g") else -judged).mean()
        wrong.clear(g_optimizer, "g")
        gloss.backward()
        wrong.update(g_optimizer, "g")
        wrong.finish(generator, (g_optimizer, d_optimizer), rows)
        with torch.no_grad():
            for average, now in zip(generator_test.parameters(), generator.parameters(), strict=True):
                average.copy_(now.lerp(average, 0.0 if wrong("nan") else beta))
        yield {
            "generator": generator_test,
            "discriminator": discriminator,
            "latent": z,
            "real": x_real.detach(),
            "fake": shown.detach(),
            "real_scores": d_real,
            "fake_scores": d_fake,
            "loss_generator": gloss,
            "loss_discriminator": dloss,
            "sample": lambda count: generator_test(wrong.latent(torch.randn(count, nz))),
        }
