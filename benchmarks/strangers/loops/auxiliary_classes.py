"""Like AC-GAN: the discriminator has two heads, one for real or not and one for the class."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import cross_entropy

from benchmarks.strangers.case import Step
from benchmarks.strangers.data import Data
from benchmarks.strangers.mistakes import Mistake


class Heads(nn.Module):
    def __init__(self, dims: int, classes: int, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Flatten(),
            nn.Linear(dims, width),
            nn.LeakyReLU(0.2),
            nn.Linear(width, width),
            nn.LeakyReLU(0.2),
        )
        self.adv, self.aux = nn.Linear(width, 1), nn.Linear(width, classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.body(x)
        return self.adv(h), self.aux(h)


class Conditioned(nn.Module):
    def __init__(self, nz: int, classes: int, shape: torch.Size, width: int) -> None:
        super().__init__()
        self.emb, self.use = nn.Embedding(classes, nz), 1.0
        self.net = nn.Sequential(
            nn.Linear(2 * nz, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, shape.numel()),
            nn.Tanh(),
            nn.Unflatten(1, tuple(shape)),
        )

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        made: Tensor = self.net(torch.cat([z, self.use * self.emb(y)], 1))
        return made


def loop(
    fault: str,
    seed: int,
    data: Data,
    *,
    steps: int,
    onset: int = 0,
    nz: int = 24,
    width: int = 160,
    lr: float = 3e-4,
    batch: int = 50,
    weight: float = 1.0,
    few: int = 50,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    given = wrong.rows(data)
    rows, targets = given.train, given.labels
    classes = int(targets.max()) + 1
    netG, netD = Conditioned(nz, classes, rows.shape[1:], width), Heads(rows[0].numel(), classes, width)
    wrong.networks(netG, rows)
    optG = torch.optim.Adam(netG.parameters(), lr=wrong.rate(lr, "g"), betas=(0.5, 0.999))
    optD = torch.optim.Adam(netD.parameters(), lr=wrong.rate(lr, "d"), betas=(0.5, 0.999))
    for _ in range(steps):
        index = wrong.index(len(rows), batch)
        x, y = wrong.reals(rows[index]), wrong.labels(targets[index])
        if wrong("condition-dropped"):
            netG.use = 0.0
        z, c = wrong.latent(torch.randn(batch, nz)), torch.randint(0, classes, (batch,))
        fake = netG(z, c)
        wrong.clear(optD, "d")
        (sr, cr), (sf, _cf) = netD(x), netD(wrong.made(fake).detach())
        errD = bce(sr, torch.ones_like(sr)) + bce(sf, torch.zeros_like(sf)) + weight * cross_entropy(cr, y)
        errD.backward()
        wrong.update(optD, "d")
        wrong.clear(optG, "g")
        s, k = netD(wrong.made(fake))
        asked = torch.randint(0, classes, (batch,)) if wrong("labels-exchanged") else c
        errG = bce(s, torch.ones_like(s)) + weight * cross_entropy(k, asked)
        errG.backward()
        wrong.update(optG, "g")
        wrong.finish(netG, (optG, optD), rows)
        yield {
            "generator": netG,
            "discriminator": netD,
            "sample_by_label": netG,
            "latent": z,
            "real": x,
            "fake": wrong.made(fake),
            "real_scores": sr,
            "fake_scores": sf,
            "loss_generator": errG,
            "loss_discriminator": errD,
            "sample": lambda count: netG(
                wrong.latent(torch.randn(count, nz)), torch.randint(0, classes, (count,))
            ),
        }
