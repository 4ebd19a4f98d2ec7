"""Like the improved techniques of Salimans et al.: the generator matches mean features of a discriminator."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

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
    width: int = 144,
    lr: float = 6e-4,
    batch: int = 64,
    matching: float = 1.0,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    dims = rows[0].numel()
    netG = nn.Sequential(
        nn.Linear(nz, width),
        nn.Softplus(),
        nn.Linear(width, width),
        nn.Softplus(),
        nn.Linear(width, dims),
        nn.Tanh() if rows.dim() == 4 else nn.Identity(),
        nn.Unflatten(1, tuple(rows.shape[1:])),
    )
    body = nn.Sequential(
        nn.Flatten(),
        nn.Linear(dims, width),
        nn.LeakyReLU(0.2),
        nn.Dropout(0.1),
        nn.Linear(width, width),
        nn.LeakyReLU(0.2),
    )
    head = nn.Linear(width, 1)
    wrong.networks(netG, rows)
    optimG = torch.optim.Adam(netG.parameters(), wrong.rate(lr, "g"), betas=(0.5, 0.999))
    optimD = torch.optim.Adam(
        [*body.parameters(), *head.parameters()], wrong.rate(lr, "d"), betas=(0.5, 0.999)
    )
    bce = nn.BCEWithLogitsLoss()
    for _ in range(steps):
        x = wrong.reals(rows[wrong.index(len(rows), batch)])
        noise = wrong.latent(torch.rand(batch, nz))
        generated = netG(noise)
        shown = wrong.made(generated)
        out_real, out_fake = head(body(x)), head(body(shown.detach()))
        lossD = bce(out_real, 0.9 * torch.ones_like(out_real)) + bce(out_fake, torch.zeros_like(out_fake))
        wrong.clear(optimD, "d")
        lossD.backward()
        wrong.update(optimD, "d")
        features = body(shown)
        out = head(features)
        wanted = torch.zeros_like(out) if wrong("swapped-label-g") else torch.ones_like(out)
        lossG = bce(out, wanted) + matching * (features.mean(0) - body(x).detach().mean(0)).square().mean()
        wrong.clear(optimG, "g")
        lossG.backward()
        wrong.update(optimG, "g")
        wrong.finish(netG, (optimG, optimD), rows)
        yield {
            "generator": netG,
            "discriminator": nn.Sequential(body, head),
            "latent": noise,
            "real": x,
            "fake": shown,
            "real_scores": out_real,
            "fake_scores": out_fake,
            "loss_generator": lossG,
            "loss_discriminator": lossD,
            "sample": lambda count: netG(wrong.latent(torch.rand(count, nz))),
        }
