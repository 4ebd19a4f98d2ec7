"""Small loops on digits with one mistake, as people report them, beside the monitor at its defaults."""

from __future__ import annotations

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import softplus

from poise import Monitor

LATENT, BATCH = 32, 64


def by_writers() -> Tensor:
    """Digits in the order of those who wrote them."""
    return torch.tensor(load_digits().images, dtype=torch.float32)[:, None] / 8 - 1


def digits() -> tuple[Tensor, Tensor]:
    """Digits to train on and to hold out, drawn by lot."""
    pictures = by_writers()
    order = torch.randperm(len(pictures), generator=torch.Generator().manual_seed(0))
    return pictures[order[:1600]], pictures[order[1600:]]


def networks(fault: str) -> tuple[nn.Sequential, nn.Sequential]:
    end = nn.Identity() if fault == "no tanh" else nn.Tanh()
    generator = nn.Sequential(
        nn.Linear(LATENT, 128), nn.ReLU(), nn.Linear(128, 64), end, nn.Unflatten(1, (1, 8, 8))
    )
    if fault == "dead units":
        nn.init.constant_(generator[0].bias, -20.0)  # type: ignore[arg-type]
    return generator, nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.LeakyReLU(0.2), nn.Linear(128, 1))


def watched(fault: str = "", steps: int = 250) -> Monitor:
    torch.manual_seed(0)
    train, held = digits()
    generator, discriminator = networks(fault)
    of_generator, of_discriminator = (
        torch.optim.Adam(one.parameters(), 2e-4, betas=(0.5, 0.999)) for one in (generator, discriminator)
    )
    known = [((one + 1) * 8).byte() if fault == "bytes" else one for one in (train, held)]
    monitor = Monitor(real=known[0], held_out=known[1], steps=5000)
    for step in range(steps):
        real = train[torch.randint(0, len(train), (BATCH,))]
        latent = torch.zeros(BATCH, LATENT) if fault == "no noise" else torch.randn(BATCH, LATENT)
        fake = generator(latent)
        scores = discriminator(real), discriminator(fake.detach())
        loss = softplus(-scores[0]).mean() + softplus(scores[1]).mean()
        of_discriminator.zero_grad()
        torch.autograd.backward(loss)
        of_discriminator.step()
        of_generator.zero_grad()
        own = softplus(-discriminator(fake)).mean()
        torch.autograd.backward(own)
        of_generator.step()
        monitor.observe(
            step, generator=generator, discriminator=discriminator, latent=latent, real=real, fake=fake,
            real_scores=scores[0], fake_scores=scores[1], loss_generator=own, loss_discriminator=loss,
        )  # fmt: skip
    return monitor


@pytest.mark.parametrize("fault", ["no noise", "dead units"])
def test_one_sample_for_every_latent_is_named_at_the_first_checks_and_stays_named(fault: str) -> None:
    """Source: raahii/3dgan-chainer#3, BMSG-GAN#38, ganhacks#29."""
    monitor = watched(fault)
    named = [one for one in monitor.findings if one.name in ("mode-collapse", "latent-ignored")]
    assert named and {(one.severity, one.status) for one in named} == {("trouble", "open")}
    assert min(one.first_step for one in named) <= monitor.measurements[2].step
    assert not {"memorisation", "augmentation-leaks"} & {one.name for one in monitor.findings}


@pytest.mark.parametrize("kind", ["", "bytes", "no tanh"])
def test_a_healthy_beginning_is_no_trouble_and_bytes_are_taken(kind: str) -> None:
    """Source: rosinality/stylegan2-pytorch#30 and togheppi/cDCGAN#2, on generators without tanh and bytes."""
    monitor = watched(kind)
    assert monitor.status == "OK" and monitor.not_used == {}
    known = monitor._doctor.reference
    assert known is not None and torch.equal(known.real, digits()[0])
    assert known.held_out is not None and torch.equal(known.held_out, digits()[1])


def test_held_out_digits_of_other_writers_are_said_to_be_another_distribution() -> None:
    train, held = by_writers().split([1600, 197])
    monitor = Monitor(real=train, held_out=held, every=1, most_share=1.0)
    for step in range(30):
        monitor.observe(
            step, fake=torch.tanh(torch.randn(64, 1, 8, 8)), discriminator=lambda x: x.flatten(1).sum(1)
        )
    assert "another distribution" in monitor.not_checked["discriminator-overfits"]
    assert "another distribution" in monitor.not_used["held_out"]
