"""Like GANs of categories: a Gumbel softmax makes one-hot columns, a Wasserstein loss with a penalty."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import gumbel_softmax

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
    width: int = 96,
    lr: float = 6e-4,
    batch: int = 64,
    tau: float = 0.4,
    lambda_gp: float = 5.0,
    widths: tuple[int, ...] = (7, 6, 2, 2),
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    body = nn.Sequential(
        nn.Linear(nz, width),
        nn.LayerNorm(width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.LayerNorm(width),
        nn.ReLU(),
        nn.Linear(width, sum(widths)),
    )
    critic = nn.Sequential(
        nn.Linear(sum(widths), width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, 1),
    )

    class Generator(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = body

        def forward(self, z: Tensor) -> Tensor:
            parts = self.body(z).split(widths, 1)
            return torch.cat([gumbel_softmax(part, tau=tau) for part in parts], 1)

    generator = Generator()
    wrong.networks(generator, rows)
    opt_g = torch.optim.Adam(generator.parameters(), wrong.rate(lr, "g"), betas=(0.5, 0.9))
    opt_c = torch.optim.Adam(critic.parameters(), wrong.rate(lr, "d"), betas=(0.5, 0.9))
    for _ in range(steps):
        for _ in range(2):
            real = wrong.reals(rows[wrong.index(len(rows), batch)])
            fake = generator(wrong.latent(torch.randn(batch, nz))).detach()
            mix = torch.lerp(real, fake, torch.rand(batch, 1)).requires_grad_()
            (slope,) = torch.autograd.grad(critic(mix).sum(), mix, create_graph=True)
            penalty = 0.0 if wrong("no-penalty") else lambda_gp * (slope.norm(2, 1) - 1).square().mean()
            sr, sf = critic(real), critic(fake)
            loss_c = sf.mean() - sr.mean() + penalty
            wrong.clear(opt_c, "d")
            loss_c.backward()
            wrong.update(opt_c, "d")
        z = wrong.latent(torch.randn(batch, nz))
        fake = wrong.made(generator(z))
        loss_g = critic(fake).mean() if wrong("swapped-sign") else -critic(fake).mean()
        wrong.clear(opt_g, "g")
        loss_g.backward()
        wrong.update(opt_g, "g")
        wrong.finish(generator, (opt_g, opt_c), rows)
        yield {
            "generator": generator,
            "discriminator": critic,
            "latent": z,
            "real": real,
            "fake": fake,
            "real_scores": sr,
            "fake_scores": sf,
            "loss_generator": loss_g,
            "loss_discriminator": loss_c,
            "sample": lambda count: generator(wrong.latent(torch.randn(count, nz))),
        }
