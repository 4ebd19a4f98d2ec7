"""Like MMD GAN loops: kernel means of reals and fakes, in features of an encoder, are brought together."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from benchmarks.strangers.case import Step
from benchmarks.strangers.data import Data
from benchmarks.strangers.mistakes import Mistake

ALPHAS = (0.2, 1.0, 5.0)


def kernel(a: Tensor, b: Tensor) -> Tensor:
    """A sum of rational quadratic kernels of all pairs of vectors."""
    squared = (a[:, None] - b[None]).square().sum(2)
    return torch.stack([(1 + squared / (2 * alpha)) ** -alpha for alpha in ALPHAS]).sum(0)


def off_diagonal(k: Tensor) -> Tensor:
    """The mean over pairs of different samples."""
    return (k.sum() - k.diagonal().sum()) / (len(k) * (len(k) - 1))


def loop(
    fault: str,
    seed: int,
    data: Data,
    *,
    steps: int,
    onset: int = 0,
    z_dim: int = 16,
    width: int = 112,
    features: int = 12,
    lr: float = 8e-4,
    batch: int = 32,
    gp: float = 1.0,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    dims, shape = rows[0].numel(), tuple(rows.shape[1:])
    netG = nn.Sequential(
        nn.Linear(z_dim, width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Linear(width, dims),
        nn.Tanh() if rows.dim() == 4 else nn.Identity(),
        nn.Unflatten(1, shape),
    )
    encoder = nn.Sequential(
        nn.Flatten(),
        nn.Linear(dims, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, features),
    )
    wrong.networks(netG, rows)
    optG = torch.optim.Adam(netG.parameters(), wrong.rate(lr, "g"), betas=(0.5, 0.9))
    optD = torch.optim.Adam(encoder.parameters(), wrong.rate(lr, "d"), betas=(0.5, 0.9))
    for _ in range(steps):
        real = wrong.reals(rows[wrong.index(len(rows), batch)])
        z = wrong.latent(torch.randn(batch, z_dim))
        fake = wrong.made(netG(z))
        on_real, on_fake = encoder(real), encoder(fake.detach())
        loss_d = -off_diagonal(kernel(on_real, on_real))
        if not wrong("fakes-forgotten"):
            loss_d = loss_d - off_diagonal(kernel(on_fake, on_fake)) + 2 * kernel(on_real, on_fake).mean()
        if not wrong("no-penalty"):
            mix = torch.rand(batch, *[1] * (real.dim() - 1))
            between = (mix * real + (1 - mix) * fake.detach()).requires_grad_()
            there = encoder(between)
            witness = kernel(there, on_real.detach()).mean(1) - kernel(there, on_fake.detach()).mean(1)
            (slope,) = torch.autograd.grad(witness.sum(), between, create_graph=True)
            loss_d = loss_d + gp * (slope.flatten(1).norm(dim=1) - 1).square().mean()
        wrong.clear(optD, "d")
        loss_d.backward()
        wrong.update(optD, "d")
        of_real, of_fake = encoder(real), encoder(fake)
        loss_g = off_diagonal(kernel(of_fake, of_fake)) - 2 * kernel(of_real, of_fake).mean()
        if wrong("swapped-label-g", "swapped-sign"):
            loss_g = -loss_g
        wrong.clear(optG, "g")
        loss_g.backward()
        wrong.update(optG, "g")
        wrong.finish(netG, (optG, optD), rows)
        with torch.no_grad():  # the witness function scores samples
            scores = [kernel(on, on_real).mean(1) - kernel(on, on_fake).mean(1) for on in (on_real, on_fake)]
        yield {
            "generator": netG,
            "latent": z,
            "real": real,
            "fake": fake.detach(),
            "real_scores": scores[0],
            "fake_scores": scores[1],
            "loss_generator": loss_g,
            "loss_discriminator": loss_d,
            "sample": lambda count: netG(wrong.latent(torch.randn(count, z_dim))),
        }
