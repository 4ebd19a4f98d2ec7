"""Like Diffusion-GAN loops: reals and fakes are judged after some diffusion, the more the surer the judge."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from benchmarks.strangers.case import Step
from benchmarks.strangers.data import Data
from benchmarks.strangers.mistakes import Mistake

LEVELS = 6


class Judge(nn.Module):
    """Scores samples that are so far diffused; plain ones by default."""

    def __init__(self, dims: int, width: int) -> None:
        super().__init__()
        self.level = nn.Embedding(LEVELS + 1, width)
        self.first = nn.Sequential(nn.Flatten(), nn.Linear(dims, width), nn.LeakyReLU(0.2))
        self.rest = nn.Sequential(nn.Linear(width, width), nn.LeakyReLU(0.2), nn.Linear(width, 1))

    def forward(self, x: Tensor, t: Tensor | None = None) -> Tensor:
        t = torch.zeros(len(x), dtype=torch.long) if t is None else t
        scores: Tensor = self.rest(self.first(x) + self.level(t))
        return scores


def loop(
    fault: str,
    seed: int,
    data: Data,
    *,
    steps: int,
    onset: int = 0,
    nz: int = 16,
    width: int = 112,
    lr: float = 8e-4,
    batch: int = 48,
    sigma: float = 0.3,
    target: float = 0.6,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    dims, shape = rows[0].numel(), tuple(rows.shape[1:])
    netG = nn.Sequential(
        nn.Linear(nz, width),
        nn.SiLU(),
        nn.Linear(width, width),
        nn.SiLU(),
        nn.Linear(width, dims),
        nn.Tanh() if rows.dim() == 4 else nn.Identity(),
        nn.Unflatten(1, shape),
    )
    netD = Judge(dims, width)
    wrong.networks(netG, rows)
    optG = torch.optim.Adam(netG.parameters(), wrong.rate(lr, "g"), betas=(0.5, 0.99))
    optD = torch.optim.Adam(netD.parameters(), wrong.rate(lr, "d"), betas=(0.5, 0.99))
    kept = torch.cat([torch.ones(1), torch.linspace(0.98, 0.8, LEVELS).cumprod(0).clamp_min(0.05)])
    reach = 1.0

    def diffused(x: Tensor, t: Tensor) -> Tensor:
        share = kept[t].view(-1, *[1] * (x.dim() - 1))
        return share.sqrt() * x + sigma * (1 - share).sqrt() * torch.randn_like(x)

    for number in range(steps):
        real = wrong.reals(rows[wrong.index(len(rows), batch)])
        z = wrong.latent(torch.randn(batch, nz))
        fake = wrong.made(netG(z))
        t = torch.randint(0, max(1, round(reach)) + 1, (batch,))
        on_real, on_fake = netD(diffused(real, t), t), netD(diffused(fake.detach(), t), t)
        loss_D = softplus(-on_real).mean()
        if not wrong("fakes-forgotten"):
            loss_D = loss_D + softplus(on_fake).mean()
        wrong.clear(optD, "d")
        loss_D.backward()
        wrong.update(optD, "d")
        scored = netD(diffused(fake, t), t)
        loss_G = softplus(scored if wrong("swapped-label-g") else -scored).mean()
        if wrong("swapped-sign"):
            loss_G = -loss_G
        wrong.clear(optG, "g")
        loss_G.backward()
        wrong.update(optG, "g")
        if number % 4 == 0:
            sure = float(on_real.detach().sign().mean())
            reach = min(max(reach + (0.2 if sure > target else -0.2), 1.0), float(LEVELS))
        wrong.finish(netG, (optG, optD), rows)
        yield {
            "generator": netG,
            "discriminator": netD,
            "latent": z,
            "real": real,
            "fake": fake.detach(),
            "real_scores": on_real,
            "fake_scores": on_fake,
            "loss_generator": loss_G,
            "loss_discriminator": loss_D,
            "sample": lambda count: netG(wrong.latent(torch.randn(count, nz))),
        }
