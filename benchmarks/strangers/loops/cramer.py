"""Like Cramér GAN loops: the critic maps samples to vectors, between which an energy distance is taken."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from benchmarks.strangers.case import Step
from benchmarks.strangers.data import Data
from benchmarks.strangers.mistakes import Mistake


def far(a: Tensor, b: Tensor | float = 0.0) -> Tensor:
    """How far vectors lie from each other, row by row, or from the origin."""
    return ((a - b).square().sum(1) + 1e-8).sqrt()


def scored(seen: Tensor, beside: Tensor) -> Tensor:
    """How much farther vectors lie from those of fakes than from the origin."""
    return far(seen, beside) - far(seen)


def loop(
    fault: str,
    seed: int,
    data: Data,
    *,
    steps: int,
    onset: int = 0,
    nz: int = 16,
    width: int = 112,
    outputs: int = 24,
    lr: float = 5e-4,
    batch: int = 40,
    lambda_gp: float = 5.0,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    dims, shape = rows[0].numel(), tuple(rows.shape[1:])
    G = nn.Sequential(
        nn.Linear(nz, width),
        nn.GELU(),
        nn.Linear(width, width),
        nn.GELU(),
        nn.Linear(width, dims),
        nn.Tanh() if rows.dim() == 4 else nn.Identity(),
        nn.Unflatten(1, shape),
    )
    h = nn.Sequential(
        nn.Flatten(),
        nn.Linear(dims, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, outputs),
    )
    wrong.networks(G, rows)
    optim_G = torch.optim.Adam(G.parameters(), wrong.rate(lr, "g"), betas=(0.5, 0.9))
    optim_h = torch.optim.Adam(h.parameters(), wrong.rate(lr, "d"), betas=(0.5, 0.9))
    for _ in range(steps):
        real = wrong.reals(rows[wrong.index(len(rows), batch)])
        z, other = (wrong.latent(torch.randn(batch, nz)) for _ in range(2))
        fake, second = wrong.made(G(z)), wrong.made(G(other))
        beside = h(second.detach())
        on_real, on_fake = scored(h(real), beside), scored(h(fake.detach()), beside)
        loss_h = -on_real.mean()
        if not wrong("fakes-forgotten"):
            loss_h = loss_h + on_fake.mean()
        if not wrong("no-penalty"):
            mix = torch.rand(batch, *[1] * (real.dim() - 1))
            between = (mix * real + (1 - mix) * fake.detach()).requires_grad_()
            (slope,) = torch.autograd.grad(scored(h(between), beside).sum(), between, create_graph=True)
            loss_h = loss_h + lambda_gp * (slope.flatten(1).norm(dim=1) - 1).square().mean()
        wrong.clear(optim_h, "d")
        loss_h.backward()
        wrong.update(optim_h, "d")
        of_real, of_fake, of_second = h(real), h(fake), h(second)
        loss_G = (far(of_real, of_fake) + far(of_real, of_second) - far(of_fake, of_second)).mean()
        if wrong("swapped-label-g", "swapped-sign"):
            loss_G = -loss_G
        wrong.clear(optim_G, "g")
        loss_G.backward()
        wrong.update(optim_G, "g")
        wrong.finish(G, (optim_G, optim_h), rows)
        yield {
            "generator": G,
            "discriminator": h,
            "latent": z,
            "real": real,
            "fake": fake.detach(),
            "real_scores": on_real,
            "fake_scores": on_fake,
            "loss_generator": loss_G,
            "loss_discriminator": loss_h,
            "sample": lambda count: G(wrong.latent(torch.randn(count, nz))),
        }
