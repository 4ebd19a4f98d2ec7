"""Like f-GAN loops: the critic bounds Pearson's or Hellinger's divergence from below, and its slope costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn

from benchmarks.strangers.case import Step
from benchmarks.strangers.data import Data
from benchmarks.strangers.mistakes import Mistake

Bound = tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]
# What the critic's output counts on reals, and the conjugate of that on fakes
DIVERGENCES: Mapping[str, Bound] = {
    "pearson": (lambda v: v, lambda v: 0.25 * v.square() + v),
    "hellinger": (lambda v: 1 - torch.exp(-v), lambda v: torch.exp(v) - 1),
}


def loop(
    fault: str,
    seed: int,
    data: Data,
    *,
    steps: int,
    onset: int = 0,
    z_size: int = 16,
    units: int = 112,
    lr: float = 5e-4,
    batch: int = 48,
    divergence: str = "pearson",
    gamma: float = 0.5,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    dims, shape = rows[0].numel(), tuple(rows.shape[1:])
    counts, conjugate = DIVERGENCES[divergence]
    gen = nn.Sequential(
        nn.Linear(z_size, units),
        nn.LeakyReLU(0.1),
        nn.Linear(units, units),
        nn.LeakyReLU(0.1),
        nn.Linear(units, dims),
        nn.Tanh() if rows.dim() == 4 else nn.Identity(),
        nn.Unflatten(1, shape),
    )
    critic = nn.Sequential(
        nn.Flatten(),
        nn.Linear(dims, units),
        nn.LeakyReLU(0.1),
        nn.Linear(units, units),
        nn.LeakyReLU(0.1),
        nn.Linear(units, 1),
    )
    wrong.networks(gen, rows)
    opt_gen = torch.optim.Adam(gen.parameters(), lr=wrong.rate(lr, "g"), betas=(0.0, 0.99))
    opt_critic = torch.optim.Adam(critic.parameters(), lr=wrong.rate(lr, "d"), betas=(0.0, 0.99))
    for _ in range(steps):
        x = wrong.reals(rows[wrong.index(len(rows), batch)]).clone().requires_grad_()
        z = wrong.latent(torch.randn(batch, z_size))
        fake = wrong.made(gen(z))
        v_real, v_fake = critic(x), critic(fake.detach())
        bound = counts(v_real).mean()
        if not wrong("fakes-forgotten"):
            bound = bound - conjugate(v_fake).mean()
        loss_critic = -bound
        if not wrong("no-penalty"):
            (slope,) = torch.autograd.grad(v_real.sum(), x, create_graph=True)
            loss_critic = loss_critic + gamma * slope.flatten(1).square().sum(1).mean()
        wrong.clear(opt_critic, "d")
        loss_critic.backward()
        wrong.update(opt_critic, "d")
        loss_gen = -counts(critic(fake)).mean()  # the variant that does not saturate
        if wrong("swapped-label-g", "swapped-sign"):
            loss_gen = -loss_gen
        wrong.clear(opt_gen, "g")
        loss_gen.backward()
        wrong.update(opt_gen, "g")
        wrong.finish(gen, (opt_gen, opt_critic), rows)
        yield {
            "generator": gen,
            "discriminator": critic,
            "latent": z,
            "real": x.detach(),
            "fake": fake.detach(),
            "real_scores": v_real,
            "fake_scores": v_fake,
            "loss_generator": loss_gen,
            "loss_discriminator": loss_critic,
            "sample": lambda count: gen(wrong.latent(torch.randn(count, z_size))),
        }
