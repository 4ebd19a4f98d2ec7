"""Like tutorials on DCGAN: weights drawn from N(0, 0.02), BatchNorm, a sigmoid and BCELoss."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from benchmarks.strangers.case import Step
from benchmarks.strangers.data import Data
from benchmarks.strangers.mistakes import Mistake


def weights_init(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def networks(size: int, nc: int, nz: int, nf: int, kernel: int = 4) -> tuple[nn.Sequential, nn.Sequential]:
    """Generator and discriminator for 8 or 16 pixels."""
    extra = 0 if kernel == 4 else 1
    up: list[nn.Module] = [
        nn.ConvTranspose2d(nz, 2 * nf, 4, 1, 0, bias=False),
        nn.BatchNorm2d(2 * nf),
        nn.ReLU(True),
    ]
    down: list[nn.Module] = []
    channels, edge = 2 * nf, 4
    while edge < size // 2:
        up += [
            nn.ConvTranspose2d(channels, nf, kernel, 2, 1, extra, bias=False),
            nn.BatchNorm2d(nf),
            nn.ReLU(True),
        ]
        channels, edge = nf, 2 * edge
    up += [nn.ConvTranspose2d(channels, nc, kernel, 2, 1, extra), nn.Tanh()]
    channels, edge = nc, size
    while edge > 4:
        down += [nn.Conv2d(channels, nf, 4, 2, 1, bias=False)]
        down += [] if channels == nc else [nn.BatchNorm2d(nf)]
        down += [nn.LeakyReLU(0.2, inplace=True)]
        channels, edge = nf, edge // 2
    down += [nn.Conv2d(nf, 1, edge, 1, 0, bias=False), nn.Sigmoid()]
    return nn.Sequential(*up), nn.Sequential(*down)


def loop(
    fault: str,
    seed: int,
    data: Data,
    *,
    steps: int,
    onset: int = 0,
    nz: int = 32,
    nf: int = 16,
    lr: float = 4e-4,
    beta1: float = 0.5,
    batch: int = 32,
    smooth: float = 1.0,
    few: int = 80,
    kernel: int = 4,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    netG, netD = networks(rows.shape[-1], rows.shape[1], nz, nf, kernel)
    netG.apply(weights_init)
    netD.apply(weights_init)
    wrong.networks(netG, rows)
    criterion = nn.BCELoss()
    optimizerD = torch.optim.Adam(netD.parameters(), lr=wrong.rate(lr, "d"), betas=(beta1, 0.999))
    optimizerG = torch.optim.Adam(netG.parameters(), lr=wrong.rate(lr, "g"), betas=(beta1, 0.999))

    def scores_of(images: Tensor) -> Tensor:
        output = netD(images).view(-1)
        return torch.sigmoid(output) if wrong("sigmoid-twice") else output

    for _ in range(steps):
        # (1) Update D network: maximize log(D(x)) + log(1 - D(G(z)))
        wrong.clear(optimizerD, "d")
        real = wrong.reals(rows[wrong.index(len(rows), batch)])
        label = torch.full((batch,), smooth)
        output_real = scores_of(real)
        errD_real = criterion(output_real, label)
        errD_real.backward()
        noise = wrong.latent(torch.randn(batch, nz, 1, 1))
        fake = netG(noise)
        label = torch.zeros(batch)
        output_fake = scores_of(wrong.made(fake).detach())
        errD_fake = criterion(output_fake, label)
        if not wrong("fakes-forgotten"):
            errD_fake.backward()
        errD = errD_real + errD_fake
        wrong.update(optimizerD, "d")
        # (2) Update G network: maximize log(D(G(z)))
        wrong.clear(optimizerG, "g")
        label = torch.zeros(batch) if wrong("swapped-label-g") else torch.ones(batch)
        errG = criterion(scores_of(wrong.made(fake)), label)
        if wrong("log-of-zero"):
            errG = errG + 0 * torch.log(torch.zeros(()))
        errG.backward()
        wrong.update(optimizerG, "g")
        wrong.finish(netG, (optimizerG, optimizerD), rows)
        yield {
            "generator": netG,
            "discriminator": netD,
            "latent": noise,
            "real": real,
            "fake": wrong.made(fake).detach(),
            "real_scores": output_real,
            "fake_scores": output_fake,
            "loss_generator": errG,
            "loss_discriminator": errD,
            "sample": lambda count: wrong.made(netG(wrong.latent(torch.randn(count, nz, 1, 1)))),
        }
