"""Like GANs for tables: residual blocks that join their input, a critic of packs of rows."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from benchmarks.strangers.case import Step
from benchmarks.strangers.data import Data
from benchmarks.strangers.mistakes import Mistake


class Residual(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.fc, self.bn = nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([torch.relu(self.bn(self.fc(x))), x], 1)


class Ends(nn.Module):
    """The first columns are numbers, the others stand for categories and lie in -1..1."""

    def __init__(self, numbers: int) -> None:
        super().__init__()
        self.numbers = numbers

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x[:, : self.numbers], torch.tanh(3 * x[:, self.numbers :])], 1)


class Critic(nn.Module):
    """Scores `pac` rows at once."""

    def __init__(self, columns: int, width: int, pac: int, dropout: float) -> None:
        super().__init__()
        self.pac = pac
        self.seq = nn.Sequential(
            nn.Linear(columns * pac, width),
            nn.LeakyReLU(0.2),
            nn.Dropout(dropout),
            nn.Linear(width, width),
            nn.LeakyReLU(0.2),
            nn.Dropout(dropout),
            nn.Linear(width, 1),
        )

    def forward(self, rows: Tensor) -> Tensor:
        whole = len(rows) // self.pac * self.pac
        made: Tensor = self.seq(rows[:whole].reshape(-1, self.pac * rows.shape[1]))
        return made


def loop(
    fault: str,
    seed: int,
    data: Data,
    *,
    steps: int,
    onset: int = 0,
    embedding_dim: int = 32,
    width: int = 96,
    lr: float = 1e-3,
    batch: int = 120,
    pac: int = 4,
    penalty: float = 3.0,
    decay: float = 1e-6,
    numbers: int = 3,
    few: int = 120,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    columns = rows.shape[1]
    generator = nn.Sequential(
        Residual(embedding_dim, width),
        Residual(embedding_dim + width, width),
        nn.Linear(embedding_dim + 2 * width, columns),
        Ends(numbers),
    )
    discriminator = Critic(columns, width, pac, 0.25)
    wrong.networks(generator, rows)
    optimizerG = torch.optim.Adam(
        generator.parameters(), lr=wrong.rate(lr, "g"), betas=(0.5, 0.9), weight_decay=decay
    )
    optimizerD = torch.optim.Adam(
        discriminator.parameters(), lr=wrong.rate(lr, "d"), betas=(0.5, 0.9), weight_decay=decay
    )
    for _ in range(steps):
        real = wrong.reals(rows[wrong.index(len(rows), batch)])
        fakez = wrong.latent(torch.randn(batch, embedding_dim))
        fake = generator(fakez)
        shown = wrong.made(fake).detach()
        y_fake, y_real = discriminator(shown), discriminator(real)
        loss_d = -(y_real.mean() - y_fake.mean())
        if wrong("swapped-sign"):
            loss_d = -loss_d
        wrong.clear(optimizerD, "d")
        if not wrong("no-penalty"):
            alpha = torch.rand(batch // pac, 1, 1).expand(-1, pac, 1).reshape(-1, 1)
            between = (alpha * real + (1 - alpha) * shown).requires_grad_(True)
            (slope,) = torch.autograd.grad(discriminator(between).sum(), between, create_graph=True)
            norm = slope.reshape(-1, pac * columns).norm(2, dim=1)
            (penalty * ((norm - 1) ** 2).mean()).backward()
        loss_d.backward()
        wrong.update(optimizerD, "d")
        loss_g = -discriminator(wrong.made(generator(fakez))).mean()
        if wrong("log-of-zero"):
            loss_g = loss_g + 0 * torch.log(torch.zeros(()))
        wrong.clear(optimizerG, "g")
        loss_g.backward()
        wrong.update(optimizerG, "g")
        wrong.finish(generator, (optimizerG, optimizerD), rows)
        yield {
            "generator": generator,
            "discriminator": discriminator,
            "latent": fakez,
            "real": real,
            "fake": shown,
            "real_scores": y_real,
            "fake_scores": y_fake,
            "loss_generator": loss_g,
            "loss_discriminator": loss_d,
            "sample": lambda count: generator(wrong.latent(torch.randn(count, embedding_dim))),
        }
