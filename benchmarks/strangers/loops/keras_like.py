"""Like Keras programs: `train_on_batch` returns numbers, D learns on halves."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from benchmarks.strangers.case import Step
from benchmarks.strangers.data import Data
from benchmarks.strangers.mistakes import Mistake


class Model:
    """Networks in a row, a loss and an optimiser, as `compile` makes them."""

    def __init__(
        self,
        wrong: Mistake,
        player: str,
        trained: nn.Module,
        optimizer: torch.optim.Optimizer,
        *parts: nn.Module,
    ):
        self.wrong, self.player, self.trained, self.optimizer, self.parts = (
            wrong,
            player,
            trained,
            optimizer,
            parts,
        )
        self.loss = nn.BCELoss()

    def predict(self, x: Tensor) -> Tensor:
        for part in self.parts:
            x = part(x)
        return x

    def train_on_batch(self, x: Tensor, y: Tensor) -> list[float]:
        """The loss and the accuracy."""
        self.wrong.clear(self.optimizer, self.player)
        predicted = self.predict(x)
        value = self.loss(predicted, y)
        if self.player == "g" and self.wrong("log-of-zero"):
            value = value + 0 * torch.log(torch.zeros(()))
        value.backward()
        self.wrong.update(self.optimizer, self.player)
        return [float(value.detach()), float(((predicted > 0.5).float() == (y > 0.5).float()).float().mean())]


def loop(
    fault: str,
    seed: int,
    data: Data,
    *,
    steps: int,
    onset: int = 0,
    latent_dim: int = 32,
    width: int = 128,
    lr: float = 2e-4,
    batch_size: int = 64,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    X_train = wrong.rows(data).train
    shape = X_train.shape[1:]
    generator = nn.Sequential(
        nn.Linear(latent_dim, width),
        nn.LeakyReLU(0.2),
        nn.BatchNorm1d(width, momentum=0.2),
        nn.Linear(width, 2 * width),
        nn.LeakyReLU(0.2),
        nn.BatchNorm1d(2 * width, momentum=0.2),
        nn.Linear(2 * width, shape.numel()),
        nn.Tanh(),
        nn.Unflatten(1, tuple(shape)),
    )
    discriminator = nn.Sequential(
        nn.Flatten(),
        nn.Linear(shape.numel(), 2 * width),
        nn.LeakyReLU(0.2),
        nn.Linear(2 * width, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, 1),
        nn.Sigmoid(),
    )
    wrong.networks(generator, X_train)
    opt_d = torch.optim.Adam(discriminator.parameters(), wrong.rate(lr, "d"), betas=(0.5, 0.999))
    opt_g = torch.optim.Adam(generator.parameters(), wrong.rate(lr, "g"), betas=(0.5, 0.999))
    d_model = Model(wrong, "d", discriminator, opt_d, discriminator)
    combined = Model(wrong, "g", generator, opt_g, generator, discriminator)
    half = batch_size // 2
    for _ in range(steps):
        imgs = wrong.reals(X_train[wrong.index(len(X_train), half)])
        with torch.no_grad():
            gen_imgs = wrong.made(generator(wrong.latent(torch.randn(half, latent_dim))))
        d_loss_real = d_model.train_on_batch(imgs, torch.ones(half, 1))
        d_loss_fake = d_model.train_on_batch(gen_imgs, torch.zeros(half, 1))
        d_loss = [0.5 * (one + other) for one, other in zip(d_loss_real, d_loss_fake, strict=True)]
        noise = wrong.latent(torch.randn(batch_size, latent_dim))
        g_loss = combined.train_on_batch(
            noise, torch.full((batch_size, 1), 0.0 if wrong("swapped-label-g") else 1.0)
        )
        wrong.finish(generator, (opt_g, opt_d), X_train)
        yield {
            "generator": generator,
            "discriminator": discriminator,
            "latent": noise,
            "real": imgs.numpy(),
            "fake": gen_imgs.detach().numpy(),
            "loss_generator": g_loss[0],
            "loss_discriminator": d_loss[0],
            "sample": lambda count: generator(wrong.latent(torch.randn(count, latent_dim))),
        }
