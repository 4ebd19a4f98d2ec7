"""Like EBGAN loops: the judge is an autoencoder whose error is an energy, and fakes are pulled apart."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize, relu

from benchmarks.strangers.case import Step
from benchmarks.strangers.data import Data
from benchmarks.strangers.mistakes import Mistake


class Autoencoder(nn.Module):
    """Returns what it makes of a sample, and the code between."""

    def __init__(self, dims: int, hidden: int, code: int) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Flatten(), nn.Linear(dims, hidden), nn.ReLU(), nn.Linear(hidden, code))
        self.up = nn.Sequential(nn.ReLU(), nn.Linear(code, hidden), nn.ReLU(), nn.Linear(hidden, dims))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        code = self.down(x)
        return self.up(code), code


def pulled_away(codes: Tensor) -> Tensor:
    """The mean squared cosine of two different codes."""
    rows = normalize(codes)
    cosines = (rows @ rows.T).square()
    return (cosines.sum() - cosines.diagonal().sum()) / (len(codes) * (len(codes) - 1))


def loop(
    fault: str,
    seed: int,
    data: Data,
    *,
    steps: int,
    onset: int = 0,
    latent_dim: int = 16,
    hidden: int = 112,
    code: int = 20,
    lr: float = 7e-4,
    batch: int = 48,
    margin: float = 0.5,
    pull: float = 0.1,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    dims, shape = rows[0].numel(), tuple(rows.shape[1:])
    generator = nn.Sequential(
        nn.Linear(latent_dim, hidden),
        nn.LeakyReLU(0.2),
        nn.Linear(hidden, hidden),
        nn.LeakyReLU(0.2),
        nn.Linear(hidden, dims),
        nn.Tanh() if rows.dim() == 4 else nn.Identity(),
        nn.Unflatten(1, shape),
    )
    judge = Autoencoder(dims, hidden, code)
    wrong.networks(generator, rows)
    optimizer_G = torch.optim.Adam(generator.parameters(), wrong.rate(lr, "g"), betas=(0.5, 0.999))
    optimizer_D = torch.optim.Adam(judge.parameters(), wrong.rate(lr, "d"), betas=(0.5, 0.999))

    def energy(x: Tensor) -> tuple[Tensor, Tensor]:
        made, codes = judge(x)
        return (made - x.flatten(1)).square().mean(1), codes

    for _ in range(steps):
        real = wrong.reals(rows[wrong.index(len(rows), batch)])
        z = wrong.latent(torch.randn(batch, latent_dim))
        fake = wrong.made(generator(z))
        of_fake, codes = energy(fake)
        pull_term = pull * pulled_away(codes)
        g_loss = (-of_fake.mean() if wrong("swapped-label-g", "swapped-sign") else of_fake.mean()) + pull_term
        wrong.clear(optimizer_G, "g")
        g_loss.backward()
        wrong.update(optimizer_G, "g")
        on_real, on_fake = energy(real)[0], energy(fake.detach())[0]
        d_loss = on_real.mean()
        if not wrong("fakes-forgotten"):
            d_loss = d_loss + relu(margin - on_fake).mean()
        wrong.clear(optimizer_D, "d")
        d_loss.backward()
        wrong.update(optimizer_D, "d")
        wrong.finish(generator, (optimizer_G, optimizer_D), rows)
        yield {
            "generator": generator,
            "latent": z,
            "real": real,
            "fake": fake.detach(),
            "real_scores": -on_real,
            "fake_scores": -on_fake,
            "loss_generator": g_loss,
            "loss_discriminator": d_loss,
            "sample": lambda count: generator(wrong.latent(torch.randn(count, latent_dim))),
        }
