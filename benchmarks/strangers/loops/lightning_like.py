"""Like Lightning with manual optimisation: a module, `training_step`, epochs of a loader."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.strangers.case import Step
from benchmarks.strangers.data import Data
from benchmarks.strangers.mistakes import Mistake


class GAN(nn.Module):
    """What would be a LightningModule."""

    def __init__(
        self, wrong: Mistake, shape: torch.Size, latent_dim: int, width: int, lr: float, b1: float
    ) -> None:
        super().__init__()
        self.wrong, self.latent_dim, self.lr, self.b1 = wrong, latent_dim, lr, b1

        def block(inputs: int, outputs: int, normalize: bool = True) -> list[nn.Module]:
            norm: list[nn.Module] = [nn.BatchNorm1d(outputs, 0.8)] if normalize else []
            return [nn.Linear(inputs, outputs), *norm, nn.LeakyReLU(0.2, inplace=True)]

        self.generator = nn.Sequential(
            *block(latent_dim, width, normalize=False),
            *block(width, 2 * width),
            nn.Linear(2 * width, shape.numel()),
            nn.Tanh(),
            nn.Unflatten(1, tuple(shape)),
        )
        self.discriminator = nn.Sequential(
            nn.Flatten(),
            nn.Linear(shape.numel(), 2 * width),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Linear(2 * width, width),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Linear(width, 1),
        )

    def forward(self, z: Tensor) -> Tensor:
        made: Tensor = self.generator(z)
        return made

    def configure_optimizers(self) -> tuple[torch.optim.Optimizer, torch.optim.Optimizer]:
        g, d = (self.wrong.rate(self.lr, player) for player in "gd")
        return (
            torch.optim.Adam(self.generator.parameters(), lr=g, betas=(self.b1, 0.999)),
            torch.optim.Adam(self.discriminator.parameters(), lr=d, betas=(self.b1, 0.999)),
        )

    def training_step(self, batch: tuple[Tensor, ...], optimizers: tuple[torch.optim.Optimizer, ...]) -> Step:
        wrong, (opt_g, opt_d) = self.wrong, optimizers
        imgs = wrong.reals(batch[0])
        z = wrong.latent(torch.randn(len(imgs), self.latent_dim))
        self.discriminator.requires_grad_(False)
        if wrong("fakes-without-graph"):
            with torch.no_grad():
                fakes = self(z)
        else:
            fakes = self(z)
        target = torch.zeros(len(imgs), 1) if wrong("swapped-label-g") else torch.ones(len(imgs), 1)
        g_loss = bce(self.discriminator(wrong.made(fakes)), target)
        wrong.clear(opt_g, "g")
        g_loss.backward()
        wrong.update(opt_g, "g")
        self.discriminator.requires_grad_(True)
        real_scores, fake_scores = self.discriminator(imgs), self.discriminator(self(z).detach())
        d_loss = (
            bce(real_scores, torch.ones_like(real_scores)) + bce(fake_scores, torch.zeros_like(fake_scores))
        ) / 2
        wrong.clear(opt_d, "d")
        d_loss.backward()
        wrong.update(opt_d, "d")
        wrong.finish(self.generator, (opt_g, opt_d), batch[0])
        return {
            "latent": z,
            "real": imgs,
            "fake": wrong.made(fakes).detach(),
            "real_scores": real_scores,
            "fake_scores": fake_scores,
            "loss_generator": g_loss,
            "loss_discriminator": d_loss,
        }


def loop(
    fault: str,
    seed: int,
    data: Data,
    *,
    steps: int,
    onset: int = 0,
    latent_dim: int = 32,
    width: int = 96,
    lr: float = 3e-4,
    b1: float = 0.5,
    batch: int = 64,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    rows = wrong.rows(data).train
    model = GAN(wrong, rows.shape[1:], latent_dim, width, lr, b1)
    wrong.networks(model.generator, rows)
    optimizers = model.configure_optimizers()
    if fault == "optimiser-of-a-copy":
        copied = GAN(wrong, rows.shape[1:], latent_dim, width, lr, b1)
        optimizers = (copied.configure_optimizers()[0], optimizers[1])
    loader = DataLoader(TensorDataset(rows), batch_size=min(batch, len(rows)), shuffle=True, drop_last=True)
    done = 0
    while done < steps:
        for batch_idx, items in enumerate(loader):
            if done == steps:
                return
            outputs = model.training_step(items, optimizers)
            done += 1
            yield {
                **outputs,
                "generator": model.generator,
                "discriminator": model.discriminator,
                "batch_idx": batch_idx,
                "sample": lambda count: model(wrong.latent(torch.randn(count, latent_dim))),
            }
