"""Like residual WGAN-GP: layer norm in the critic, residual blocks in both, rates that fall to nothing."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from benchmarks.strangers.case import Step
from benchmarks.strangers.data import Data
from benchmarks.strangers.mistakes import Mistake


class Block(nn.Module):
    """Adds to what it gets."""

    def __init__(self, width: int, norm: type[nn.Module]) -> None:
        super().__init__()
        self.net = nn.Sequential(norm(width), nn.ReLU(), nn.Linear(width, width))

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = x + self.net(x)
        return found


def loop(
    fault: str,
    seed: int,
    data: Data,
    *,
    steps: int,
    onset: int = 0,
    nz: int = 24,
    width: int = 112,
    lr: float = 8e-4,
    batch: int = 48,
    critics: int = 2,
    weight: float = 10.0,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    dims = rows[0].numel()
    last = [nn.Tanh()] if rows.dim() == 4 else []
    gen = nn.Sequential(
        nn.Linear(nz, width),
        Block(width, nn.BatchNorm1d),
        Block(width, nn.BatchNorm1d),
        nn.ReLU(),
        nn.Linear(width, dims),
        *last,
        nn.Unflatten(1, tuple(rows.shape[1:])),
    )
    critic = nn.Sequential(
        nn.Flatten(),
        nn.Linear(dims, width),
        Block(width, nn.LayerNorm),
        Block(width, nn.LayerNorm),
        nn.ReLU(),
        nn.Linear(width, 1),
    )
    wrong.networks(gen, rows)
    gen_opt = torch.optim.Adam(gen.parameters(), wrong.rate(lr, "g"), betas=(0.0, 0.9))
    critic_opt = torch.optim.Adam(critic.parameters(), wrong.rate(lr, "d"), betas=(0.0, 0.9))
    fall = [
        torch.optim.lr_scheduler.LambdaLR(one, lambda step: max(0.05, 1 - step / steps))
        for one in (gen_opt, critic_opt)
    ]
    for _ in range(steps):
        for _k in range(critics):
            real = wrong.reals(rows[wrong.index(len(rows), batch)])
            with torch.no_grad():
                made = wrong.made(gen(wrong.latent(torch.randn(batch, nz)))).detach()
            on_real, on_fake = critic(real), critic(made)
            share = torch.rand(batch, *[1] * (real.dim() - 1))
            between = (share * real + (1 - share) * made).requires_grad_()
            (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
            penalty = weight * (slope.flatten(1).norm(dim=1) - 1).square().mean()
            critic_loss = on_fake.mean() - on_real.mean() + (0.0 if wrong("no-penalty") else penalty)
            wrong.clear(critic_opt, "d")
            critic_loss.backward()
            wrong.update(critic_opt, "d")
        z = wrong.latent(torch.randn(batch, nz))
        fake = wrong.made(gen(z))
        judged = critic(fake).mean()
        gen_loss = judged if wrong("swapped-sign") else -judged
        wrong.clear(gen_opt, "g")
        gen_loss.backward()
        wrong.update(gen_opt, "g")
        wrong.finish(gen, (gen_opt, critic_opt), rows)
        for one in fall:
            one.step()
        yield {
            "generator": gen,
            "discriminator": critic,
            "latent": z,
            "real": real,
            "fake": fake.detach(),
            "real_scores": on_real,
            "fake_scores": on_fake,
            "loss_generator": gen_loss,
            "loss_discriminator": critic_loss,
            "sample": lambda count: gen(wrong.latent(torch.randn(count, nz))),
        }
