"""Like SGAN for few labels: fakes are one more class of the discriminator, which has no other score."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from benchmarks.strangers.case import Step
from benchmarks.strangers.data import Data
from benchmarks.strangers.mistakes import Mistake


def loop(
    fault: str,
    seed: int,
    data: Data,
    *,
    steps: int,
    onset: int = 0,
    latent_dim: int = 20,
    channels: int = 20,
    lr: float = 4e-4,
    batch: int = 48,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    given = wrong.rows(data)
    imgs, targets = given.train, given.labels
    depth, size = imgs.shape[1], imgs.shape[-1]
    fake_class = int(targets.max()) + 1
    generator = nn.Sequential(
        nn.Linear(latent_dim, 2 * channels * (size // 2) ** 2),
        nn.Unflatten(1, (2 * channels, size // 2, size // 2)),
        nn.BatchNorm2d(2 * channels),
        nn.LeakyReLU(0.2),
        nn.Upsample(scale_factor=2),
        nn.Conv2d(2 * channels, channels, 3, padding=1),
        nn.BatchNorm2d(channels),
        nn.LeakyReLU(0.2),
        nn.Conv2d(channels, depth, 3, padding=1),
        nn.Tanh(),
    )
    discriminator = nn.Sequential(
        nn.Conv2d(depth, channels, 3, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Dropout2d(0.2),
        nn.Conv2d(channels, 2 * channels, 3, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(2 * channels * ((size + 3) // 4) ** 2, fake_class + 1),
    )
    wrong.networks(generator, imgs)
    optimizer_G = torch.optim.Adam(generator.parameters(), lr=wrong.rate(lr, "g"), betas=(0.5, 0.999))
    optimizer_D = torch.optim.Adam(discriminator.parameters(), lr=wrong.rate(lr, "d"), betas=(0.5, 0.999))
    is_fake = torch.full((batch,), fake_class)
    for _ in range(steps):
        index = wrong.index(len(imgs), batch)
        real_imgs, labels = wrong.reals(imgs[index]), wrong.labels(targets[index])
        z = wrong.latent(torch.randn(batch, latent_dim))
        gen_imgs = wrong.made(generator(z))
        wrong.clear(optimizer_G, "g")
        logits = discriminator(gen_imgs)
        # The generator wants any class but that of fakes.
        odds = logits[:, :-1].logsumexp(1) - logits[:, -1]
        g_loss = nn.functional.softplus(odds if wrong("swapped-label-g") else -odds).mean()
        g_loss.backward()
        wrong.update(optimizer_G, "g")
        wrong.clear(optimizer_D, "d")
        real_pred, fake_pred = discriminator(real_imgs), discriminator(gen_imgs.detach())
        d_loss = cross_entropy(real_pred, labels) + cross_entropy(fake_pred, is_fake)
        d_loss.backward()
        wrong.update(optimizer_D, "d")
        wrong.finish(generator, (optimizer_G, optimizer_D), imgs)
        yield {
            "generator": generator,
            "latent": z,
            "real": real_imgs,
            "fake": gen_imgs.detach(),
            "real_scores": real_pred[:, :-1].logsumexp(1) - real_pred[:, -1],
            "fake_scores": fake_pred[:, :-1].logsumexp(1) - fake_pred[:, -1],
            "loss_generator": g_loss,
            "loss_discriminator": d_loss,
            "sample": lambda count: generator(wrong.latent(torch.randn(count, latent_dim))),
        }
