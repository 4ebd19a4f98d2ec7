"""Like the first WGAN programs: RMSProp, several steps of the critic, weights clipped."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from benchmarks.strangers.case import Step
from benchmarks.strangers.data import Data
from benchmarks.strangers.mistakes import Mistake


class MLP_G(nn.Module):
    def __init__(self, nz: int, ngf: int, shape: torch.Size) -> None:
        super().__init__()
        self.shape = shape
        self.main = nn.Sequential(
            nn.Linear(nz, ngf), nn.ReLU(True),
            nn.Linear(ngf, ngf), nn.ReLU(True),
            nn.Linear(ngf, ngf), nn.ReLU(True),
            nn.Linear(ngf, shape.numel()),
        )  # fmt: skip

    def forward(self, noise: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.main(noise)).view(len(noise), *self.shape)


class MLP_D(nn.Module):
    def __init__(self, ndf: int, shape: torch.Size) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Linear(shape.numel(), ndf),
            nn.ReLU(True),
            nn.Linear(ndf, ndf),
            nn.ReLU(True),
            nn.Linear(ndf, 1),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        made: Tensor = self.main(images.flatten(1)).squeeze(1)
        return made


def loop(
    fault: str,
    seed: int,
    data: Data,
    *,
    steps: int,
    onset: int = 0,
    nz: int = 24,
    width: int = 128,
    lrD: float = 3e-4,
    lrG: float = 3e-4,
    clip: float = 0.03,
    batch: int = 64,
    Diters: int = 4,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    netG, netD = MLP_G(nz, width, rows.shape[1:]), MLP_D(width, rows.shape[1:])
    wrong.networks(netG, rows)
    optimizerD = torch.optim.RMSprop(netD.parameters(), lr=wrong.rate(lrD, "d"))
    optimizerG = torch.optim.RMSprop(netG.parameters(), lr=wrong.rate(lrG, "g"))
    one = torch.ones(())
    for _ in range(steps):
        for p in netD.parameters():
            p.requires_grad = True
        for _j in range(Diters):
            if not wrong("no-clipping"):
                for p in (netG if wrong("clips-generator") else netD).parameters():
                    p.data.clamp_(-clip, clip)
            wrong.clear(optimizerD, "d")
            real = wrong.reals(rows[wrong.index(len(rows), batch)])
            with torch.no_grad():
                fake = netG(wrong.latent(torch.randn(batch, nz)))
            score_real, score_fake = netD(real), netD(wrong.made(fake))
            errD = score_fake.mean() - score_real.mean()
            if wrong("swapped-sign"):
                errD = -errD
            errD.backward()
            wrong.update(optimizerD, "d")
        for p in netD.parameters():
            p.requires_grad = False
        wrong.clear(optimizerG, "g")
        noise = wrong.latent(torch.randn(batch, nz))
        fake = netG(noise)
        errG = -netD(wrong.made(fake)).mean()
        errG.backward(one)
        wrong.update(optimizerG, "g")
        wrong.finish(netG, (optimizerG, optimizerD), rows)
        yield {
            "generator": netG,
            "discriminator": netD,
            "latent": noise,
            "real": real,
            "fake": wrong.made(fake),
            "real_scores": score_real,
            "fake_scores": score_fake,
            "loss_generator": errG,
            "loss_discriminator": errD,
            "sample": lambda count: netG(wrong.latent(torch.randn(count, nz))),
        }
