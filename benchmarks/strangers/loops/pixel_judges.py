"""Like U-Net GAN loops: the discriminator scores the whole picture and each of its pixels."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, softplus

from benchmarks.strangers.case import Step
from benchmarks.strangers.data import Data
from benchmarks.strangers.mistakes import Mistake


class UNet(nn.Module):
    """Down to one score, and up again to one of each pixel."""

    def __init__(self, channels: int, side: int, nf: int) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(channels, nf, 3, 2, 1), nn.LeakyReLU(0.2))
        self.deeper = nn.Sequential(nn.Conv2d(nf, 2 * nf, 3, 2, 1), nn.LeakyReLU(0.2))
        self.whole = nn.Linear(2 * nf * ((side + 3) // 4) ** 2, 1)
        self.up = nn.Sequential(nn.Conv2d(3 * nf, nf, 3, 1, 1), nn.LeakyReLU(0.2))
        self.pixels = nn.Conv2d(nf + channels, 1, 3, 1, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        half = self.down(x)
        quarter = self.deeper(half)
        there = torch.cat([interpolate(quarter, size=half.shape[-2:]), half], 1)
        wide = interpolate(self.up(there), size=x.shape[-2:])
        return self.whole(quarter.flatten(1)), self.pixels(torch.cat([wide, x], 1))


def loop(
    fault: str,
    seed: int,
    data: Data,
    *,
    steps: int,
    onset: int = 0,
    nz: int = 20,
    ngf: int = 14,
    ndf: int = 8,
    lr: float = 1e-3,
    batch: int = 16,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    channels, side = rows.shape[1], rows.shape[-1]
    quarter = (side + 3) // 4
    netG = nn.Sequential(
        nn.Linear(nz, 2 * ngf * quarter**2),
        nn.ReLU(),
        nn.Unflatten(1, (2 * ngf, quarter, quarter)),
        nn.Upsample(scale_factor=2),
        nn.Conv2d(2 * ngf, ngf, 3, 1, 1),
        nn.ReLU(),
        nn.Upsample(size=(side, side)),
        nn.Conv2d(ngf, channels, 3, 1, 1),
        nn.Tanh(),
    )
    netD = UNet(channels, side, ndf)
    wrong.networks(netG, rows)
    optG = torch.optim.Adam(netG.parameters(), wrong.rate(lr, "g"), betas=(0.5, 0.99))
    optD = torch.optim.Adam(netD.parameters(), wrong.rate(lr, "d"), betas=(0.5, 0.99))
    for _ in range(steps):
        real = wrong.reals(rows[wrong.index(len(rows), batch)])
        z = wrong.latent(torch.randn(batch, nz))
        fake = wrong.made(netG(z))
        on_real, on_fake = netD(real), netD(fake.detach())
        errD = sum((softplus(-one).mean() for one in on_real), torch.zeros(()))
        if not wrong("fakes-forgotten"):
            errD = errD + sum((softplus(one).mean() for one in on_fake), torch.zeros(()))
        wrong.clear(optD, "d")
        errD.backward()
        wrong.update(optD, "d")
        sign = 1 if wrong("swapped-label-g") else -1
        errG = sum((softplus(sign * one).mean() for one in netD(fake)), torch.zeros(()))
        if wrong("swapped-sign"):
            errG = -errG
        wrong.clear(optG, "g")
        errG.backward()
        wrong.update(optG, "g")
        wrong.finish(netG, (optG, optD), rows)
        yield {
            "generator": netG,
            "discriminator": netD,
            "latent": z,
            "real": real,
            "fake": fake.detach(),
            "real_scores": tuple(one.detach() for one in on_real),
            "fake_scores": tuple(one.detach() for one in on_fake),
            "loss_generator": errG,
            "loss_discriminator": errD,
            "sample": lambda count: netG(wrong.latent(torch.randn(count, nz))),
        }
