"""Like StyleGAN: a mapping, layers that a style scales, noise, lazy R1, an EMA generator."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, softplus

from benchmarks.strangers.case import Step
from benchmarks.strangers.data import Data
from benchmarks.strangers.mistakes import Mistake


class Styled(nn.Module):
    """A convolution whose input is scaled by a style; noise and a shift are added to its output."""

    def __init__(self, inputs: int, outputs: int, w_dim: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, 1, 1)
        self.scale, self.shift = nn.Linear(w_dim, inputs), nn.Linear(w_dim, outputs)
        self.strength = nn.Parameter(torch.zeros(1, outputs, 1, 1))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        x = self.conv(x * (1 + self.scale(w))[:, :, None, None]) + self.shift(w)[:, :, None, None]
        return leaky_relu(x + self.strength * torch.randn(len(x), 1, *x.shape[2:]), 0.2)


class StyleGenerator(nn.Module):
    def __init__(self, z_dim: int, w_dim: int, size: int, channels: int, nf: int) -> None:
        super().__init__()
        self.mapping = nn.Sequential(
            nn.Linear(z_dim, w_dim), nn.LeakyReLU(0.2), nn.Linear(w_dim, w_dim), nn.LeakyReLU(0.2)
        )
        self.const = nn.Parameter(torch.randn(1, nf, 4, 4))
        self.layers = nn.ModuleList([Styled(nf, nf, w_dim) for _ in range({8: 2, 16: 3}[size])])
        self.to_rgb = nn.Conv2d(nf, channels, 1)
        self.flat = 1.0

    def forward(self, z: Tensor) -> Tensor:
        w = self.flat * self.mapping(z * torch.rsqrt((z**2).mean(1, keepdim=True) + 1e-8))
        x = self.const.expand(len(z), -1, -1, -1)
        for place, layer in enumerate(self.layers):
            x = layer(x if place == 0 else nn.functional.interpolate(x, scale_factor=2.0), w)
        made: Tensor = self.to_rgb(x)
        return made


def loop(
    fault: str,
    seed: int,
    data: Data,
    *,
    steps: int,
    onset: int = 0,
    z_dim: int = 24,
    nf: int = 14,
    lr: float = 3e-3,
    batch: int = 32,
    gamma: float = 1.0,
    d_reg_every: int = 16,
    half_life: float = 50.0,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    size, channels = rows.shape[-1], rows.shape[1]
    g = StyleGenerator(z_dim, 32, size, channels, nf)
    down: list[nn.Module] = [nn.Conv2d(channels, nf, 3, 1, 1), nn.LeakyReLU(0.2)]
    for _ in range({8: 1, 16: 2}[size]):
        down += [nn.Conv2d(nf, nf, 3, 1, 1), nn.LeakyReLU(0.2), nn.AvgPool2d(2)]
    d = nn.Sequential(*down, nn.Flatten(), nn.Linear(16 * nf, nf), nn.LeakyReLU(0.2), nn.Linear(nf, 1))
    wrong.networks(g, rows)
    g_ema = copy.deepcopy(g).eval()
    opt_g = torch.optim.Adam(g.parameters(), lr=wrong.rate(lr, "g"), betas=(0.0, 0.99))
    opt_d = torch.optim.Adam(d.parameters(), lr=wrong.rate(lr, "d"), betas=(0.0, 0.99))
    decay = 0.5 ** (1 / half_life)
    for step in range(steps):
        real = wrong.reals(rows[wrong.index(len(rows), batch)])
        if wrong("noise-as-constant"):
            g.flat = g_ema.flat = 0.0
        z = wrong.latent(torch.randn(batch, z_dim))
        with torch.no_grad():
            fake = g(z)
        real_score, fake_score = d(real), d(wrong.made(fake))
        loss_d = softplus(-real_score).mean() + softplus(fake_score).mean()
        wrong.clear(opt_d, "d")
        loss_d.backward()
        wrong.update(opt_d, "d")
        if step % d_reg_every == 0 and not wrong("no-penalty"):
            x = real.detach().requires_grad_(True)
            (grads,) = torch.autograd.grad(d(x).sum(), x, create_graph=True)
            opt_d.zero_grad()
            (0.5 * gamma * d_reg_every * grads.square().sum((1, 2, 3)).mean()).backward()
            wrong.update(opt_d, "d")
        wrong.clear(opt_g, "g")
        fake = g(z)
        loss_g = softplus(-d(wrong.made(fake))).mean()
        loss_g.backward()
        wrong.update(opt_g, "g")
        if not wrong("ema-never-moves"):
            with torch.no_grad():
                for mine, its in zip(g_ema.parameters(), g.parameters(), strict=True):
                    mine.lerp_(its, 1 - decay)
        wrong.finish(g, (opt_g, opt_d), rows)
        yield {
            "generator": g_ema,
            "discriminator": d,
            "latent": z,
            "real": real,
            "fake": wrong.made(fake),
            "real_scores": real_score,
            "fake_scores": fake_score,
            "loss_generator": loss_g,
            "loss_discriminator": loss_d,
            "sample": lambda count: g_ema(wrong.latent(torch.randn(count, z_dim))),
        }
