"""Like PacGAN loops: the discriminator sees pairs of samples, each generator step follows two of it."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

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
    latent: int = 20,
    units: int = 120,
    lr: float = 5e-4,
    batch: int = 64,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    dims, shape = rows[0].numel(), tuple(rows.shape[1:])
    last = nn.Tanh() if rows.dim() == 4 else nn.Identity()
    maker = nn.Sequential(
        nn.Linear(latent, units),
        nn.SiLU(),
        nn.Linear(units, units),
        nn.SiLU(),
        nn.Linear(units, dims),
        last,
        nn.Unflatten(1, shape),
    )
    critic = nn.Sequential(
        nn.Linear(2 * dims, units),
        nn.LeakyReLU(0.2),
        nn.Dropout(0.1),
        nn.Linear(units, units),
        nn.LeakyReLU(0.2),
        nn.Linear(units, 1),
    )

    def scores(samples: Tensor) -> Tensor:
        found: Tensor = critic(samples[: len(samples) // 2 * 2].reshape(len(samples) // 2, -1))
        return found

    wrong.networks(maker, rows)
    of_maker = torch.optim.AdamW(maker.parameters(), wrong.rate(lr, "g"), betas=(0.5, 0.9))
    of_critic = torch.optim.AdamW(critic.parameters(), wrong.rate(lr, "d"), betas=(0.5, 0.9))
    for _ in range(steps):
        for _ in range(2):
            real = wrong.reals(rows[wrong.index(len(rows), batch)])
            z = wrong.latent(torch.randn(batch, latent))
            fake = wrong.made(maker(z))
            good, bad = scores(real), scores(fake.detach())
            loss_critic = softplus(-good).mean() + softplus(bad).mean()
            wrong.clear(of_critic, "d")
            loss_critic.backward()
            wrong.update(of_critic, "d")
        judged = scores(fake)
        loss_maker = softplus(judged if wrong("swapped-label-g") else -judged).mean()
        wrong.clear(of_maker, "g")
        loss_maker.backward()
        wrong.update(of_maker, "g")
        wrong.finish(maker, (of_maker, of_critic), rows)
        yield {
            "generator": maker,
            "discriminator": scores,
            "latent": z,
            "real": real,
            "fake": fake.detach(),
            "real_scores": good,
            "fake_scores": bad,
            "loss_generator": loss_maker,
            "loss_discriminator": loss_critic,
            "sample": lambda count: maker(wrong.latent(torch.randn(count, latent))),
        }
