"""Like small conditional GANs: an embedding of the label beside latent and picture, dropout, Adam."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from benchmarks.strangers.case import Step
from benchmarks.strangers.data import Data
from benchmarks.strangers.mistakes import Mistake


class Generator(nn.Module):
    def __init__(self, latent_dim: int, classes: int, shape: torch.Size, width: int) -> None:
        super().__init__()
        self.shape, self.use = shape, 1.0
        self.label_emb = nn.Embedding(classes, 10)
        self.model = nn.Sequential(
            nn.Linear(latent_dim + 10, width),
            nn.LeakyReLU(0.2),
            nn.Linear(width, width),
            nn.BatchNorm1d(width),
            nn.LeakyReLU(0.2),
            nn.Linear(width, shape.numel()),
            nn.Tanh() if len(shape) == 3 else nn.Identity(),
        )

    def forward(self, noise: Tensor, labels: Tensor) -> Tensor:
        joined = torch.cat([self.use * self.label_emb(labels), noise], -1)
        made: Tensor = self.model(joined).view(len(noise), *self.shape)
        return made


class Discriminator(nn.Module):
    def __init__(self, classes: int, shape: torch.Size, width: int) -> None:
        super().__init__()
        self.label_embedding = nn.Embedding(classes, 10)
        self.model = nn.Sequential(
            nn.Linear(10 + shape.numel(), width),
            nn.LeakyReLU(0.2),
            nn.Linear(width, width),
            nn.Dropout(0.3),
            nn.LeakyReLU(0.2),
            nn.Linear(width, 1),
        )

    def forward(self, img: Tensor, labels: Tensor) -> Tensor:
        made: Tensor = self.model(torch.cat([img.flatten(1), self.label_embedding(labels)], -1))
        return made


def loop(
    fault: str,
    seed: int,
    data: Data,
    *,
    steps: int,
    onset: int = 0,
    latent_dim: int = 20,
    width: int = 192,
    lr: float = 3e-4,
    batch: int = 64,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    given = wrong.rows(data)
    rows, targets = given.train, given.labels
    classes = int(targets.max()) + 1
    generator, discriminator = (
        Generator(latent_dim, classes, rows.shape[1:], width),
        Discriminator(classes, rows.shape[1:], width),
    )
    wrong.networks(generator, rows)
    optimizer_G = torch.optim.Adam(generator.parameters(), lr=wrong.rate(lr, "g"), betas=(0.5, 0.999))
    optimizer_D = torch.optim.Adam(discriminator.parameters(), lr=wrong.rate(lr, "d"), betas=(0.5, 0.999))
    valid, wrong_one = torch.ones(batch, 1), torch.zeros(batch, 1)
    for _ in range(steps):
        index = wrong.index(len(rows), batch)
        real_imgs, labels = wrong.reals(rows[index]), wrong.labels(targets[index])
        if wrong("condition-dropped"):
            generator.use = 0.0
        # Train generator
        wrong.clear(optimizer_G, "g")
        z = wrong.latent(torch.randn(batch, latent_dim))
        gen_labels = torch.randint(0, classes, (batch,))
        gen_imgs = generator(z, gen_labels)
        asked = torch.randint(0, classes, (batch,)) if wrong("labels-exchanged") else gen_labels
        g_loss = bce(discriminator(wrong.made(gen_imgs), asked), valid)
        g_loss.backward()
        wrong.update(optimizer_G, "g")
        # Train discriminator
        wrong.clear(optimizer_D, "d")
        validity_real = discriminator(real_imgs, labels)
        validity_fake = discriminator(wrong.made(gen_imgs).detach(), asked)
        d_loss = (bce(validity_real, valid) + bce(validity_fake, wrong_one)) / 2
        d_loss.backward()
        wrong.update(optimizer_D, "d")
        wrong.finish(generator, (optimizer_G, optimizer_D), rows)
        yield {
            "generator": generator,
            "discriminator": discriminator,
            "sample_by_label": generator,
            "latent": z,
            "real": real_imgs,
            "fake": wrong.made(gen_imgs),
            "real_scores": validity_real,
            "fake_scores": validity_fake,
            "loss_generator": g_loss,
            "loss_discriminator": d_loss,
            "sample": lambda count: generator(
                wrong.latent(torch.randn(count, latent_dim)), torch.randint(0, classes, (count,))
            ),
        }
