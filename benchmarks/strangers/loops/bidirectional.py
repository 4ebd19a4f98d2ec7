"""Like BiGAN and ALI: an encoder beside the generator, and a discriminator of pairs."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from benchmarks.strangers.case import Step
from benchmarks.strangers.data import Data
from benchmarks.strangers.mistakes import Mistake


class Pairs(nn.Module):
    """Scores a sample together with its code."""

    def __init__(self, dims: int, nz: int, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(dims + nz, width),
            nn.LeakyReLU(0.2),
            nn.Linear(width, width),
            nn.LeakyReLU(0.2),
            nn.Linear(width, 1),
        )

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        scores: Tensor = self.net(torch.cat([x.flatten(1), z], 1))
        return scores.squeeze(1)


def loop(
    fault: str,
    seed: int,
    data: Data,
    *,
    steps: int,
    onset: int = 0,
    nz: int = 16,
    width: int = 160,
    lr: float = 4e-4,
    batch: int = 64,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    dims = rows[0].numel()
    G = nn.Sequential(
        nn.Linear(nz, width),
        nn.BatchNorm1d(width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.BatchNorm1d(width),
        nn.ReLU(),
        nn.Linear(width, dims),
        nn.Tanh() if rows.dim() == 4 else nn.Identity(),
        nn.Unflatten(1, tuple(rows.shape[1:])),
    )
    E = nn.Sequential(nn.Flatten(), nn.Linear(dims, width), nn.LeakyReLU(0.2), nn.Linear(width, nz))
    D = Pairs(dims, nz, width)
    wrong.networks(G, rows)
    opt_ge = torch.optim.Adam([*G.parameters(), *E.parameters()], wrong.rate(lr, "g"), betas=(0.5, 0.999))
    opt_d = torch.optim.Adam(D.parameters(), wrong.rate(lr, "d"), betas=(0.5, 0.999))
    bce = nn.BCEWithLogitsLoss()
    one, zero = torch.ones(batch), torch.zeros(batch)
    for _ in range(steps):
        x = wrong.reals(rows[wrong.index(len(rows), batch)])
        z = wrong.latent(torch.randn(batch, nz))
        made, code = G(z), E(x)
        shown = wrong.made(made)
        sr, sf = D(x, code.detach()), D(shown.detach(), z)
        loss_d = bce(sr, one) + bce(sf, zero)
        wrong.clear(opt_d, "d")
        loss_d.backward()
        wrong.update(opt_d, "d")
        loss_ge = bce(D(shown, z), zero if wrong("swapped-label-g") else one) + bce(D(x, code), zero)
        wrong.clear(opt_ge, "g")
        loss_ge.backward()
        wrong.update(opt_ge, "g")
        wrong.finish(G, (opt_ge, opt_d), rows)
        yield {
            "generator": G,
            "discriminator": D,
            "latent": z,
            "real": x,
            "fake": shown,
            "real_scores": sr,
            "fake_scores": sf,
            "loss_generator": loss_ge,
            "loss_discriminator": loss_d,
            "sample": lambda count: G(wrong.latent(torch.randn(count, nz))),
        }
