"""Like C-RNN-GAN: a GRU makes a series hour by hour from noise, another reads it both ways."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from benchmarks.strangers.case import Step
from benchmarks.strangers.data import Data
from benchmarks.strangers.mistakes import Mistake


class Writer(nn.Module):
    """A latent for the whole day, and the hour, to the values of each hour."""

    def __init__(self, latent: int, hidden: int, channels: int, length: int) -> None:
        super().__init__()
        self.length = length
        self.rnn = nn.GRU(latent + 2, hidden, batch_first=True)
        self.out = nn.Linear(hidden, channels)

    def forward(self, z: Tensor) -> Tensor:
        turn = torch.linspace(0, 2 * torch.pi, self.length + 1)[:-1]
        clock = torch.stack([turn.sin(), turn.cos()], 1).expand(len(z), -1, -1)
        states, _ = self.rnn(torch.cat([z[:, None].expand(-1, self.length, -1), clock], 2))
        made: Tensor = self.out(states).transpose(1, 2)
        return made


class Reader(nn.Module):
    """A series (N, channels, hours) to a score."""

    def __init__(self, hidden: int, channels: int) -> None:
        super().__init__()
        self.rnn = nn.GRU(channels, hidden, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.rnn(x.transpose(1, 2))
        score: Tensor = self.out(states.mean(1))
        return score


def loop(
    fault: str,
    seed: int,
    data: Data,
    *,
    steps: int,
    onset: int = 0,
    latent: int = 12,
    hidden: int = 32,
    lr: float = 1e-3,
    batch: int = 32,
    gamma: float = 0.5,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    channels, length = rows.shape[1:]
    writer, reader = Writer(latent, hidden, channels, length), Reader(hidden, channels)
    wrong.networks(writer, rows)
    opt_w = torch.optim.Adam(writer.parameters(), lr=wrong.rate(lr, "g"), betas=(0.0, 0.99))
    opt_r = torch.optim.Adam(reader.parameters(), lr=wrong.rate(lr, "d"), betas=(0.0, 0.99))
    bce = nn.BCEWithLogitsLoss()
    ones, zeros = torch.ones(batch, 1), torch.zeros(batch, 1)
    for step in range(steps):
        x = wrong.reals(rows[wrong.index(len(rows), batch)]).requires_grad_(step % 4 == 0)
        z = wrong.latent(torch.randn(batch, latent))
        fake = wrong.made(writer(z))
        said_real, said_fake = reader(x), reader(fake.detach())
        loss_r = bce(said_real, ones) + bce(said_fake, zeros)
        if step % 4 == 0:
            (slope,) = torch.autograd.grad(said_real.sum(), x, create_graph=True)
            loss_r = loss_r + 4 * gamma / 2 * slope.square().sum((1, 2)).mean()
        wrong.clear(opt_r, "d")
        loss_r.backward()
        nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
        wrong.update(opt_r, "d")
        loss_w = bce(reader(fake), zeros if wrong("swapped-label-g") else ones)
        wrong.clear(opt_w, "g")
        loss_w.backward()
        nn.utils.clip_grad_norm_(writer.parameters(), 1.0)
        wrong.update(opt_w, "g")
        wrong.finish(writer, (opt_w, opt_r), rows)
        yield {
            "generator": writer,
            "discriminator": reader,
            "latent": z,
            "real": x.detach(),
            "fake": fake.detach(),
            "real_scores": said_real,
            "fake_scores": said_fake,
            "loss_generator": loss_w,
            "loss_discriminator": loss_r,
            "sample": lambda count: writer(wrong.latent(torch.randn(count, latent))),
        }
