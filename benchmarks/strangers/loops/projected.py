"""Like projected loops: small discriminators look through layers that are drawn once and never trained."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from benchmarks.strangers.case import Step
from benchmarks.strangers.data import Data
from benchmarks.strangers.mistakes import Mistake


class Projected(nn.Module):
    """Two frozen layers, and what is made of the features of each; the mean of both is the score."""

    def __init__(self, dims: int, features: int, hidden: int) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Flatten(), nn.Linear(dims, features), nn.LeakyReLU(0.2))
        self.second = nn.Sequential(nn.Linear(features, features), nn.LeakyReLU(0.2))
        self.requires_grad_(False)
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Linear(features, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, 1))
            for _ in range(2)
        )

    def forward(self, samples: Tensor) -> Tensor:
        near = self.first(samples)
        far = self.second(near)
        found: Tensor = torch.stack([head(one) for head, one in zip(self.heads, (near, far), strict=True)])
        return found.mean(0)


def loop(
    fault: str,
    seed: int,
    data: Data,
    *,
    steps: int,
    onset: int = 0,
    dim_z: int = 20,
    ngf: int = 120,
    lr: float = 6e-4,
    batch: int = 48,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    dims, shape = rows[0].numel(), tuple(rows.shape[1:])
    G = nn.Sequential(
        nn.Linear(dim_z, ngf),
        nn.BatchNorm1d(ngf),
        nn.GELU(),
        nn.Linear(ngf, ngf),
        nn.BatchNorm1d(ngf),
        nn.GELU(),
        nn.Linear(ngf, dims),
        nn.Tanh() if rows.dim() == 4 else nn.Identity(),
        nn.Unflatten(1, shape),
    )
    D = Projected(dims, 2 * ngf, ngf)
    trained = [one for one in D.parameters() if one.requires_grad]
    wrong.networks(G, rows)
    opt_G = torch.optim.Adam(G.parameters(), wrong.rate(lr, "g"), betas=(0.0, 0.99))
    opt_D = torch.optim.Adam(trained, wrong.rate(lr, "d"), betas=(0.0, 0.99))
    for _ in range(steps):
        real = wrong.reals(rows[wrong.index(len(rows), batch)])
        z = wrong.latent(torch.randn(batch, dim_z))
        fake = wrong.made(G(z))
        real_logits, fake_logits = D(real), D(fake.detach())
        loss_D = relu(1 - real_logits).mean()
        if not wrong("fakes-forgotten"):
            loss_D = loss_D + relu(1 + fake_logits).mean()
        wrong.clear(opt_D, "d")
        loss_D.backward()
        wrong.update(opt_D, "d")
        loss_G = -D(fake).mean()
        if wrong("swapped-label-g", "swapped-sign"):
            loss_G = -loss_G
        wrong.clear(opt_G, "g")
        loss_G.backward()
        wrong.update(opt_G, "g")
        wrong.finish(G, (opt_G, opt_D), rows)
        yield {
            "generator": G,
            "discriminator": D,
            "latent": z,
            "real": real,
            "fake": fake.detach(),
            "real_scores": real_logits,
            "fake_scores": fake_logits,
            "loss_generator": loss_G,
            "loss_discriminator": loss_D,
            "sample": lambda count: G(wrong.latent(torch.randn(count, dim_z))),
        }
