"""Like loops with differentiable augmentation: reals and fakes are changed alike, in both players' steps."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from benchmarks.strangers.case import Step
from benchmarks.strangers.data import Data
from benchmarks.strangers.mistakes import Mistake


def _changed(images: Tensor) -> Tensor:
    """Each image brighter or darker, and all moved by a pixel at most, round the edge."""
    lighter = images + 0.4 * (torch.rand(len(images), 1, 1, 1) - 0.5)
    across = int(torch.randint(-1, 2, ()))
    return lighter.roll(across, 3)


def loop(
    fault: str,
    seed: int,
    data: Data,
    *,
    steps: int,
    onset: int = 0,
    nz: int = 24,
    width: int = 144,
    lr: float = 5e-4,
    batch: int = 48,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    dims, shape = rows[0].numel(), tuple(rows.shape[1:])
    net_g = nn.Sequential(
        nn.Linear(nz, width),
        nn.BatchNorm1d(width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.BatchNorm1d(width),
        nn.ReLU(),
        nn.Linear(width, dims),
        nn.Tanh(),
        nn.Unflatten(1, shape),
    )
    net_d = nn.Sequential(
        nn.Flatten(),
        nn.Linear(dims, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, 1),
    )
    wrong.networks(net_g, rows)
    opt_g = torch.optim.Adam(net_g.parameters(), lr=wrong.rate(lr, "g"), betas=(0.5, 0.999))
    opt_d = torch.optim.Adam(net_d.parameters(), lr=wrong.rate(lr, "d"), betas=(0.5, 0.999))
    for _ in range(steps):
        real = wrong.reals(rows[wrong.index(len(rows), batch)])
        noise = wrong.latent(torch.randn(batch, nz))
        fake = net_g(noise)
        shown = wrong.made(fake)
        pred_real, pred_fake = net_d(_changed(real)), net_d(_changed(shown.detach()))
        err_d = softplus(-pred_real).mean() + softplus(pred_fake).mean()
        wrong.clear(opt_d, "d")
        err_d.backward()
        wrong.update(opt_d, "d")
        judged = net_d(_changed(shown))
        err_g = softplus(judged if wrong("swapped-label-g") else -judged).mean()
        wrong.clear(opt_g, "g")
        err_g.backward()
        wrong.update(opt_g, "g")
        wrong.finish(net_g, (opt_g, opt_d), rows)
        yield {
            "generator": net_g,
            "discriminator": net_d,
            "latent": noise,
            "real": real,
            "fake": shown.detach(),
            "real_scores": pred_real,
            "fake_scores": pred_fake,
            "loss_generator": err_g,
            "loss_discriminator": err_d,
            "sample": lambda count: net_g(wrong.latent(torch.randn(count, nz))),
        }
