"""Like programs after "Improved training of Wasserstein GANs": interpolates, lambda 10, betas (0, 0.9)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, autograd, nn

from benchmarks.strangers.case import Step
from benchmarks.strangers.data import Data
from benchmarks.strangers.mistakes import Mistake


def calc_gradient_penalty(netD: nn.Module, real_data: Tensor, fake_data: Tensor, LAMBDA: float) -> Tensor:
    alpha = torch.rand(len(real_data), *[1] * (real_data.dim() - 1))
    interpolates = (alpha * real_data + (1 - alpha) * fake_data).requires_grad_(True)
    scores = netD(interpolates)
    (gradients,) = autograd.grad(
        scores, interpolates, torch.ones_like(scores), create_graph=True, retain_graph=True
    )
    penalty: Tensor = ((gradients.flatten(1).norm(2, dim=1) - 1) ** 2).mean()
    return penalty * LAMBDA


def build(shape: torch.Size, noise: int, dim: int, bounded: bool, conv: bool) -> tuple[nn.Module, nn.Module]:
    """Convolutions for pictures of 8 and 16, or fully connected layers."""
    end: list[nn.Module] = [nn.Tanh()] if bounded else []
    if conv:
        edge = shape[-1] // 4
        generator = nn.Sequential(
            nn.Linear(noise, 2 * dim * edge * edge),
            nn.ReLU(),
            nn.Unflatten(1, (2 * dim, edge, edge)),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(2 * dim, dim, 3, padding=1),
            nn.ReLU(),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(dim, shape[0], 3, padding=1),
            *end,
        )
        critic = nn.Sequential(
            nn.Conv2d(shape[0], dim, 3, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(dim, 2 * dim, 3, 2, 1),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(2 * dim * edge * edge, 1),
        )
        return generator, critic
    width = 4 * dim
    generator = nn.Sequential(
        nn.Linear(noise, width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Linear(width, shape.numel()),
        *end,
        nn.Unflatten(1, tuple(shape)),
    )
    critic = nn.Sequential(
        nn.Flatten(),
        nn.Linear(shape.numel(), width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Linear(width, 1),
    )
    return generator, critic


def loop(
    fault: str,
    seed: int,
    data: Data,
    *,
    steps: int,
    onset: int = 0,
    noise: int = 16,
    dim: int = 24,
    lr: float = 7e-4,
    batch: int = 32,
    CRITIC_ITERS: int = 2,
    LAMBDA: float = 10.0,
    conv: bool = False,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    G, D = build(rows.shape[1:], noise, dim, bounded=rows.dim() == 4, conv=conv)
    wrong.networks(G, rows)
    opt_D = torch.optim.Adam(D.parameters(), lr=wrong.rate(lr, "d"), betas=(0.0, 0.9))
    opt_G = torch.optim.Adam(G.parameters(), lr=wrong.rate(lr, "g"), betas=(0.0, 0.9))
    for _ in range(steps):
        for _i in range(CRITIC_ITERS):
            real = wrong.reals(rows[wrong.index(len(rows), batch)])
            fake = G(wrong.latent(torch.randn(batch, noise))).detach()
            wrong.clear(opt_D, "d")
            D_real, D_fake = D(real), D(wrong.made(fake))
            penalty = torch.zeros(())
            if not wrong("no-penalty"):
                penalty = calc_gradient_penalty(D, real, fake, LAMBDA)
            D_cost = D_fake.mean() - D_real.mean() + penalty
            if wrong("swapped-sign"):
                D_cost = D_real.mean() - D_fake.mean() + penalty
            if wrong("overflow"):
                D_cost = D_cost * 1e38 * 1e38
            D_cost.backward()
            wrong.update(opt_D, "d")
        wrong.clear(opt_G, "g")
        z = wrong.latent(torch.randn(batch, noise))
        fake = G(z)
        G_cost = -D(wrong.made(fake)).mean()
        if wrong("one-reference"):
            G_cost = ((fake - rows[:1]) ** 2).mean()
        G_cost.backward()
        wrong.update(opt_G, "g")
        wrong.finish(G, (opt_G, opt_D), rows)
        yield {
            "generator": G,
            "discriminator": D,
            "latent": z,
            "real": real,
            "fake": wrong.made(fake),
            "real_scores": D_real,
            "fake_scores": D_fake,
            "loss_generator": G_cost,
            "loss_discriminator": D_cost,
            "sample": lambda count: wrong.made(G(wrong.latent(torch.randn(count, noise)))),
        }
