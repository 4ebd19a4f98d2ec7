"""Like SRGAN: the generator adds to an enlarged picture; pixel loss, a small adversarial weight."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from benchmarks.strangers.case import Step
from benchmarks.strangers.data import Data
from benchmarks.strangers.mistakes import Mistake


class Adds(nn.Module):
    def __init__(self, inputs: int, outputs: int, nf: int) -> None:
        super().__init__()
        self.same = inputs == outputs
        self.head = nn.Sequential(nn.Conv2d(inputs, nf, 5, 1, 2), nn.PReLU())
        self.body = nn.Sequential(
            nn.Conv2d(nf, nf, 3, 2, 1),
            nn.PReLU(),
            nn.Conv2d(nf, 4 * nf, 3, 1, 1),
            nn.PixelShuffle(2),
            nn.PReLU(),
        )
        self.tail = nn.Conv2d(nf, outputs, 5, 1, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = self.head(x)
        out = self.tail(h + self.body(h))
        made: Tensor = out + x if self.same else out
        return made


def loop(
    fault: str,
    seed: int,
    data: Data,
    *,
    steps: int,
    onset: int = 0,
    nf: int = 10,
    lr: float = 5e-4,
    batch: int = 8,
    adversarial: float = 0.02,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    given = wrong.rows(data)
    low, high = given.source, given.train
    G = Adds(low.shape[1], high.shape[1], nf)
    D = nn.Sequential(
        nn.Conv2d(high.shape[1], nf, 3, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(nf, 2 * nf, 3, 2, 1),
        nn.LeakyReLU(0.2),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(8 * nf, 1),
    )
    wrong.networks(G, high)
    optG = torch.optim.Adam(G.parameters(), lr=wrong.rate(lr, "g"))
    optD = torch.optim.Adam(D.parameters(), lr=wrong.rate(lr, "d"))
    bce, mse = nn.BCEWithLogitsLoss(), nn.MSELoss()
    for _ in range(steps):
        index = wrong.index(len(low), batch)
        lr_images, hr_images = wrong.latent(low[index]), wrong.reals(high[index])
        sr_images = G(lr_images)
        pr, pf = D(hr_images), D(wrong.made(sr_images).detach())
        d_loss = bce(pr, torch.ones_like(pr)) + bce(pf, torch.zeros_like(pf))
        wrong.clear(optD, "d")
        d_loss.backward()
        wrong.update(optD, "d")
        shown = wrong.made(sr_images)
        p = D(shown)
        g_loss = mse(shown, hr_images) + adversarial * bce(p, torch.ones_like(p))
        if wrong("overflow"):
            g_loss = (g_loss * 1e30) ** 2
        wrong.clear(optG, "g")
        g_loss.backward()
        wrong.update(optG, "g")
        wrong.finish(G, (optG, optD), high)
        yield {
            "generator": G,
            "discriminator": D,
            "latent": lr_images,
            "real": hr_images,
            "fake": shown,
            "real_scores": pr,
            "fake_scores": pf,
            "loss_generator": g_loss,
            "loss_discriminator": d_loss,
            "sample": lambda count: G(wrong.latent(data.held_out_source[:count])),
        }
