"""Like relativistic and hinge GANs with spectral norm: `kind` says how scores are compared."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, softplus
from torch.nn.utils.parametrizations import spectral_norm

from benchmarks.strangers.case import Step
from benchmarks.strangers.data import Data
from benchmarks.strangers.mistakes import Mistake


def losses(kind: str, r: Tensor, f: Tensor) -> tuple[Tensor, Tensor]:
    """Of the discriminator and of the generator."""
    match kind:
        case "hinge":
            return relu(1 - r).mean() + relu(1 + f).mean(), -f.mean()
        case "average":
            x, y = r - f.mean(), f - r.mean()
            return softplus(-x).mean() + softplus(y).mean(), softplus(x).mean() + softplus(-y).mean()
        case "average-hinge":
            x, y = r - f.mean(), f - r.mean()
            return relu(1 - x).mean() + relu(1 + y).mean(), relu(1 + x).mean() + relu(1 - y).mean()
        case "pairs":
            return softplus(f - r).mean(), softplus(r - f).mean()
    raise ValueError(kind)


def build(shape: torch.Size, nz: int, nf: int, spectral: bool) -> tuple[nn.Module, nn.Module]:
    def sn(layer: nn.Module) -> nn.Module:
        return spectral_norm(layer) if spectral else layer

    if len(shape) == 3:
        edge = shape[-1] // 4
        G = nn.Sequential(
            nn.Linear(nz, 2 * nf * edge * edge),
            nn.Unflatten(1, (2 * nf, edge, edge)),
            nn.BatchNorm2d(2 * nf),
            nn.ReLU(),
            nn.ConvTranspose2d(2 * nf, nf, 4, 2, 1),
            nn.BatchNorm2d(nf),
            nn.ReLU(),
            nn.ConvTranspose2d(nf, shape[0], 4, 2, 1),
            nn.Tanh(),
        )
        D = nn.Sequential(
            sn(nn.Conv2d(shape[0], nf, 4, 2, 1)),
            nn.LeakyReLU(0.1),
            sn(nn.Conv2d(nf, 2 * nf, 4, 2, 1)),
            nn.LeakyReLU(0.1),
            nn.Flatten(),
            sn(nn.Linear(2 * nf * edge * edge, 1)),
        )
        return G, D
    width = 4 * nf
    G = nn.Sequential(
        nn.Linear(nz, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, shape.numel())
    )
    D = nn.Sequential(
        sn(nn.Linear(shape.numel(), width)),
        nn.LeakyReLU(0.1),
        sn(nn.Linear(width, width)),
        nn.LeakyReLU(0.1),
        sn(nn.Linear(width, 1)),
    )
    return G, D


def loop(
    fault: str,
    seed: int,
    data: Data,
    *,
    steps: int,
    onset: int = 0,
    kind: str = "average",
    spectral: bool = True,
    nz: int = 24,
    nf: int = 12,
    lr: float = 6e-4,
    lr_d: float | None = None,
    beta1: float = 0.0,
    batch: int = 32,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    G, D = build(rows.shape[1:], nz, nf, spectral and fault not in ("huge-rate-d", "no-spectral-norm"))
    wrong.networks(G, rows)
    g_optim = torch.optim.Adam(G.parameters(), lr=wrong.rate(lr, "g"), betas=(beta1, 0.9))
    d_optim = torch.optim.Adam(D.parameters(), lr=wrong.rate(lr_d or lr, "d"), betas=(beta1, 0.9))
    for _ in range(steps):
        x = wrong.reals(rows[wrong.index(len(rows), batch)])
        z = wrong.latent(torch.randn(batch, nz))
        fake = G(z)
        y_pred, y_pred_fake = D(x), D(wrong.made(fake).detach())
        errD = losses(kind, y_pred, y_pred_fake)[0]
        if wrong("swapped-sign"):
            errD = losses(kind, y_pred_fake, y_pred)[0]
        wrong.clear(d_optim, "d")
        errD.backward()
        wrong.update(d_optim, "d")
        errG = losses(kind, D(x).detach(), D(wrong.made(fake)))[1]
        wrong.clear(g_optim, "g")
        errG.backward()
        wrong.update(g_optim, "g")
        wrong.finish(G, (g_optim, d_optim), rows)
        yield {
            "generator": G,
            "discriminator": D,
            "latent": z,
            "real": x,
            "fake": wrong.made(fake),
            "real_scores": y_pred,
            "fake_scores": y_pred_fake,
            "loss_generator": errG,
            "loss_discriminator": errD,
            "sample": lambda count: wrong.made(G(wrong.latent(torch.randn(count, nz)))),
        }
