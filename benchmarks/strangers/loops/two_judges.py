"""Like GMAN: several discriminators, each on images at another size, whose losses are averaged."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, relu

from benchmarks.strangers.case import Step
from benchmarks.strangers.data import Data
from benchmarks.strangers.mistakes import Mistake


def judge(depth: int, size: int, ndf: int) -> nn.Sequential:
    """A critic of images of one size."""
    return nn.Sequential(
        nn.utils.parametrizations.spectral_norm(nn.Conv2d(depth, ndf, 3, padding=1)),
        nn.LeakyReLU(0.1),
        nn.utils.parametrizations.spectral_norm(nn.Conv2d(ndf, 2 * ndf, 4, 2, 1)),
        nn.LeakyReLU(0.1),
        nn.Flatten(),
        nn.utils.parametrizations.spectral_norm(nn.Linear(2 * ndf * (size // 2) ** 2, 1)),
    )


def loop(
    fault: str,
    seed: int,
    data: Data,
    *,
    steps: int,
    onset: int = 0,
    nz: int = 24,
    ngf: int = 24,
    ndf: int = 16,
    lr: float = 5e-4,
    batch: int = 32,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    images = wrong.rows(data).train
    depth, size = images.shape[1], images.shape[-1]
    net = nn.Sequential(
        nn.Linear(nz, 2 * ngf * (size // 2) ** 2),
        nn.ReLU(),
        nn.Unflatten(1, (2 * ngf, size // 2, size // 2)),
        nn.ConvTranspose2d(2 * ngf, ngf, 4, 2, 1),
        nn.BatchNorm2d(ngf),
        nn.ReLU(),
        nn.Conv2d(ngf, depth, 3, padding=1),
        nn.Tanh(),
    )
    fine, coarse = judge(depth, size, ndf), judge(depth, size // 2, ndf)
    judges = [*fine.parameters(), *coarse.parameters()]
    wrong.networks(net, images)
    opt_net = torch.optim.Adam(net.parameters(), lr=wrong.rate(lr, "g"), betas=(0.0, 0.9))
    opt_judges = torch.optim.Adam(judges, lr=wrong.rate(2 * lr, "d"), betas=(0.0, 0.9))

    def scores(x: Tensor) -> tuple[Tensor, Tensor]:
        return fine(x), coarse(avg_pool2d(x, 2))

    for _ in range(steps):
        real = wrong.reals(images[wrong.index(len(images), batch)])
        z = wrong.latent(torch.randn(batch, nz))
        fake = wrong.made(net(z))
        good, bad = scores(real), scores(fake.detach())
        loss_judges = sum(
            relu(1 - one).mean() + relu(1 + other).mean() for one, other in zip(good, bad, strict=True)
        )
        wrong.clear(opt_judges, "d")
        assert isinstance(loss_judges, Tensor)
        loss_judges.backward()
        wrong.update(opt_judges, "d")
        first, second = scores(fake)
        loss_net = (first + second).mean() * (0.5 if wrong("swapped-sign") else -0.5)
        wrong.clear(opt_net, "g")
        loss_net.backward()
        wrong.update(opt_net, "g")
        wrong.finish(net, (opt_net, opt_judges), images)
        yield {
            "generator": net,
            "discriminator": fine,
            "latent": z,
            "real": real,
            "fake": fake.detach(),
            "real_scores": good[0] + good[1],
            "fake_scores": bad[0] + bad[1],
            "loss_generator": loss_net,
            "loss_discriminator": loss_judges,
            "sample": lambda count: net(wrong.latent(torch.randn(count, nz))),
        }
