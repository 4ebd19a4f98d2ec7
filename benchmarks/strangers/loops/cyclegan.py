"""Like CycleGAN: two generators, least squares, a pool of earlier fakes, cycle losses."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import chain

import torch
from torch import Tensor, nn

from benchmarks.strangers.case import Step
from benchmarks.strangers.data import Data
from benchmarks.strangers.mistakes import Mistake


class ImagePool:
    """The last fifty batches; half of what is asked for is an earlier one."""

    def __init__(self, size: int, stream: random.Random) -> None:
        self.size, self.images, self.stream = size, list[Tensor](), stream

    def query(self, images: Tensor) -> Tensor:
        if len(self.images) < self.size:
            self.images.append(images)
            return images
        if self.stream.random() < 0.5:
            return images
        place = self.stream.randrange(self.size)
        old, self.images[place] = self.images[place], images
        return old


class ResBlock(nn.Module):
    def __init__(self, nf: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            nn.Conv2d(nf, nf, 3, 1, 1),
            nn.InstanceNorm2d(nf),
            nn.ReLU(),
            nn.Conv2d(nf, nf, 3, 1, 1),
            nn.InstanceNorm2d(nf),
        )

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = x + self.block(x)
        return made


def make_G(inputs: int, outputs: int, nf: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, nf, 3, 1, 1),
        nn.ReLU(),
        nn.Conv2d(nf, nf, 3, 2, 1),
        nn.ReLU(),
        ResBlock(nf),
        nn.Upsample(scale_factor=2),
        nn.Conv2d(nf, nf, 3, 1, 1),
        nn.ReLU(),
        nn.Conv2d(nf, outputs, 3, 1, 1),
        nn.Tanh(),
    )


def make_D(inputs: int, nf: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, nf, 4, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(nf, nf, 3, 1, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(nf, 1, 3, 1, 1),
    )


def loop(
    fault: str,
    seed: int,
    data: Data,
    *,
    steps: int,
    onset: int = 0,
    nf: int = 12,
    lr: float = 4e-4,
    batch: int = 8,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    given = wrong.rows(data)
    half = len(given.train) // 2
    domain_A, domain_B = given.source[:half], given.train[half:]
    a, b = domain_A.shape[1], domain_B.shape[1]
    G_AB, G_BA, D_A, D_B = make_G(a, b, nf), make_G(b, a, nf), make_D(a, nf), make_D(b, nf)
    wrong.networks(G_AB, domain_B)
    opt_G = torch.optim.Adam(
        chain(G_AB.parameters(), G_BA.parameters()), lr=wrong.rate(lr, "g"), betas=(0.5, 0.999)
    )
    opt_D = torch.optim.Adam(
        chain(D_A.parameters(), D_B.parameters()), lr=wrong.rate(lr, "d"), betas=(0.5, 0.999)
    )
    pool_A, pool_B = ImagePool(50, random.Random(seed)), ImagePool(50, random.Random(seed + 1))
    mse, l1 = nn.MSELoss(), nn.L1Loss()
    for _ in range(steps):
        real_A = domain_A[wrong.index(len(domain_A), batch)]
        real_B = wrong.reals(domain_B[wrong.index(len(domain_B), batch)])
        shown_A = wrong.latent(real_A)
        fake_B, fake_A = G_AB(shown_A), G_BA(real_B)
        # Generators
        wrong.clear(opt_G, "g")
        scored = D_B(wrong.made(fake_B))
        loss_GAN = mse(scored, torch.ones_like(scored)) + mse(D_A(fake_A), torch.ones_like(scored))
        loss_cycle = (
            0.0
            if wrong("no-cycle", "constant-output", "dead-relu")
            else l1(G_BA(fake_B), real_A) + l1(G_AB(fake_A), real_B)
        )
        loss_G = loss_GAN + 10 * loss_cycle
        if wrong("swapped-label-g"):
            loss_G = mse(scored, torch.zeros_like(scored))
        loss_G.backward()
        wrong.update(opt_G, "g")
        # Discriminators
        wrong.clear(opt_D, "d")
        score_real, score_fake = D_B(real_B), D_B(pool_B.query(wrong.made(fake_B).detach()))
        old_A = D_A(pool_A.query(fake_A.detach()))
        real_on_A = D_A(real_A)
        loss_D = 0.5 * (
            mse(score_real, torch.ones_like(score_real)) + mse(score_fake, torch.zeros_like(score_fake))
        )
        loss_D = loss_D + 0.5 * (
            mse(real_on_A, torch.ones_like(real_on_A)) + mse(old_A, torch.zeros_like(old_A))
        )
        loss_D.backward()
        wrong.update(opt_D, "d")
        wrong.finish(G_AB, (opt_G, opt_D), domain_B)
        yield {
            "generator": G_AB,
            "discriminator": D_B,
            "latent": shown_A,
            "real": real_B,
            "fake": wrong.made(fake_B),
            "real_scores": score_real,
            "fake_scores": score_fake,
            "loss_generator": loss_G,
            "loss_discriminator": loss_D,
            "sample": lambda count: wrong.made(G_AB(wrong.latent(data.held_out_source[:count]))),
        }
