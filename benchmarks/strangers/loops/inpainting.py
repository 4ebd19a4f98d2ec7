"""Like context encoders: a hole in a picture is filled, and a discriminator looks at the whole."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

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
    nf: int = 12,
    lr: float = 6e-4,
    batch: int = 16,
    lambda_adv: float = 0.02,
    few: int = 80,
) -> Iterator[Step]:
    wrong = Mistake(fault, onset, few)
    given = wrong.rows(data)
    masked_all, whole_all = given.source, given.train
    channels, inputs = whole_all.shape[1], masked_all.shape[1]
    generator = nn.Sequential(
        nn.Conv2d(inputs, nf, 3, 1, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(nf, 2 * nf, 4, 2, 1),
        nn.BatchNorm2d(2 * nf),
        nn.LeakyReLU(0.2),
        nn.Conv2d(2 * nf, 2 * nf, 3, 1, 1),
        nn.BatchNorm2d(2 * nf),
        nn.ReLU(),
        nn.Upsample(scale_factor=2),
        nn.Conv2d(2 * nf, nf, 3, 1, 1),
        nn.ReLU(),
        nn.Conv2d(nf, channels, 3, 1, 1),
        nn.Tanh(),
    )
    discriminator = nn.Sequential(
        nn.Conv2d(channels, nf, 3, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(nf, 2 * nf, 3, 2, 1),
        nn.LeakyReLU(0.2),
        nn.Conv2d(2 * nf, 1, 3, 1, 1),
    )
    wrong.networks(generator, whole_all)
    optimizer_G = torch.optim.Adam(generator.parameters(), wrong.rate(lr, "g"), betas=(0.5, 0.999))
    optimizer_D = torch.optim.Adam(discriminator.parameters(), wrong.rate(lr, "d"), betas=(0.5, 0.999))
    for _ in range(steps):
        index = wrong.index(len(masked_all), batch)
        masked, imgs = wrong.latent(masked_all[index]), wrong.reals(whole_all[index])
        filled = generator(torch.zeros_like(masked) if wrong("source-ignored") else masked)
        shown = wrong.made(filled)
        on_real, on_fake = discriminator(imgs), discriminator(shown.detach())
        d_loss = 0.5 * ((on_real - 1).square().mean() + on_fake.square().mean())
        wrong.clear(optimizer_D, "d")
        d_loss.backward()
        wrong.update(optimizer_D, "d")
        g_adv = (discriminator(shown) - 1).square().mean()
        g_loss = lambda_adv * g_adv + (1 - lambda_adv) * (shown - imgs).square().mean()
        if wrong("log-of-zero"):
            g_loss = g_loss + 0 * torch.log(torch.zeros(()))
        wrong.clear(optimizer_G, "g")
        g_loss.backward()
        wrong.update(optimizer_G, "g")
        wrong.finish(generator, (optimizer_G, optimizer_D), whole_all)
        yield {
            "generator": generator,
            "discriminator": discriminator,
            "latent": masked,
            "real": imgs,
            "fake": shown,
            "real_scores": on_real,
            "fake_scores": on_fake,
            "loss_generator": g_loss,
            "loss_discriminator": d_loss,
            "sample": lambda count: generator(
                0 * data.held_out_source[:count] if wrong("source-ignored") else data.held_out_source[:count]
            ),
        }
