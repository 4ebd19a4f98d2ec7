"""Like InfoGAN: a code of categories beside the noise, and a head that reads it back."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import cross_entropy, one_hot

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
    noise: int = 20,
    codes: int = 8,
    width: int = 128,
    lr: float = 3e-4,
    batch: int = 48,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    dims = rows[0].numel()
    gen = nn.Sequential(
        nn.Linear(noise + codes, width),
        nn.BatchNorm1d(width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.BatchNorm1d(width),
        nn.ReLU(),
        nn.Linear(width, dims),
        nn.Tanh(),
        nn.Unflatten(1, tuple(rows.shape[1:])),
    )
    trunk = nn.Sequential(
        nn.Flatten(), nn.Linear(dims, width), nn.LeakyReLU(0.1), nn.Linear(width, width), nn.LeakyReLU(0.1)
    )
    head, reader = nn.Linear(width, 1), nn.Linear(width, codes)
    wrong.networks(gen, rows)
    opt_d = torch.optim.Adam(
        [*trunk.parameters(), *head.parameters()], lr=wrong.rate(lr, "d"), betas=(0.5, 0.99)
    )
    opt_g = torch.optim.Adam(
        [*gen.parameters(), *reader.parameters()], lr=wrong.rate(2 * lr, "g"), betas=(0.5, 0.99)
    )

    def drawn(count: int) -> tuple[Tensor, Tensor]:
        code = torch.randint(0, codes, (count,))
        return torch.cat([torch.randn(count, noise), one_hot(code, codes).float()], 1), code

    for _ in range(steps):
        real = wrong.reals(rows[wrong.index(len(rows), batch)])
        z, code = drawn(batch)
        z = wrong.latent(z)
        fake = gen(z)
        sr, sf = head(trunk(real)), head(trunk(wrong.made(fake).detach()))
        d_loss = bce(sr, torch.ones_like(sr)) + bce(sf, torch.zeros_like(sf))
        wrong.clear(opt_d, "d")
        d_loss.backward()
        wrong.update(opt_d, "d")
        features = trunk(wrong.made(fake))
        s = head(features)
        g_loss = bce(s, torch.zeros_like(s) if wrong("swapped-label-g") else torch.ones_like(s))
        g_loss = g_loss + 0.5 * cross_entropy(reader(features), code)
        wrong.clear(opt_g, "g")
        g_loss.backward()
        wrong.update(opt_g, "g")
        wrong.finish(gen, (opt_g, opt_d), rows)
        yield {
            "generator": gen,
            "discriminator": nn.Sequential(trunk, head),
            "latent": z,
            "real": real,
            "fake": wrong.made(fake).detach(),
            "real_scores": sr,
            "fake_scores": sf,
            "loss_generator": g_loss,
            "loss_discriminator": d_loss,
            "sample": lambda count: gen(wrong.latent(drawn(count)[0])),
        }
