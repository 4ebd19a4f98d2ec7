"""Like VAE-GAN: the decoder of an autoencoder is the generator, and the discriminator's features judge it."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from benchmarks.strangers.case import Step
from benchmarks.strangers.data import Data
from benchmarks.strangers.mistakes import Mistake


class Judge(nn.Module):
    """Scores, and the features under the last layer."""

    def __init__(self, dims: int, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Flatten(), nn.Linear(dims, width), nn.LeakyReLU(0.2), nn.Linear(width, width)
        )
        self.head = nn.Sequential(nn.LeakyReLU(0.2), nn.Linear(width, 1))

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.head(self.body(x))
        return scores


def loop(
    fault: str,
    seed: int,
    data: Data,
    *,
    steps: int,
    onset: int = 0,
    nz: int = 16,
    width: int = 144,
    lr: float = 6e-4,
    batch: int = 64,
    gamma: float = 0.3,
    beta: float = 0.02,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    dims = rows[0].numel()
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(dims, width), nn.ReLU(), nn.Linear(width, 2 * nz))
    decoder = nn.Sequential(
        nn.Linear(nz, width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Linear(width, dims),
        nn.Tanh() if rows.dim() == 4 else nn.Identity(),
        nn.Unflatten(1, tuple(rows.shape[1:])),
    )
    judge = Judge(dims, width)
    wrong.networks(decoder, rows)
    opt_ed = torch.optim.Adam(
        [*encoder.parameters(), *decoder.parameters()], wrong.rate(lr, "g"), betas=(0.5, 0.999)
    )
    opt_j = torch.optim.Adam(judge.parameters(), wrong.rate(lr, "d"), betas=(0.5, 0.999))
    bce = nn.BCEWithLogitsLoss()
    one, zero = torch.ones(batch, 1), torch.zeros(batch, 1)
    for _ in range(steps):
        x = wrong.reals(rows[wrong.index(len(rows), batch)])
        mean, spread = encoder(x).chunk(2, 1)
        code = mean + torch.randn_like(mean) * (0.5 * spread).exp()
        z = wrong.latent(torch.randn(batch, nz))
        again, drawn = decoder(wrong.latent(code)), decoder(z)
        shown = wrong.made(drawn)
        good, bad = judge(x), judge(shown.detach())
        loss_j = bce(good, one) + bce(bad, zero)
        wrong.clear(opt_j, "d")
        loss_j.backward()
        wrong.update(opt_j, "d")
        prior = 0.5 * (mean.square() + spread.exp() - 1 - spread).sum(1).mean()
        alike = (judge.body(again) - judge.body(x).detach()).square().mean()
        won = bce(judge(shown), zero if wrong("swapped-label-g") else one)
        loss_ed = alike + (again - x).square().mean() + beta * prior + gamma * won
        if wrong("detached", "fakes-without-graph"):
            loss_ed = loss_ed.detach() + 0 * won
        wrong.clear(opt_ed, "g")
        loss_ed.backward()
        wrong.update(opt_ed, "g")
        wrong.finish(decoder, (opt_ed, opt_j), rows)
        yield {
            "generator": decoder,
            "discriminator": judge,
            "latent": z,
            "real": x,
            "fake": shown.detach(),
            "real_scores": good,
            "fake_scores": bad,
            "loss_generator": loss_ed,
            "loss_discriminator": loss_j,
            "sample": lambda count: decoder(wrong.latent(torch.randn(count, nz))),
        }
