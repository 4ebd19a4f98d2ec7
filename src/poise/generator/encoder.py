"""An encoder from pictures to coordinates, trained on a generator's own samples: it needs no data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, mse_loss

from poise.generator.naming import weights_hash
from poise.generator.spaces import Space, samples_of
from poise.metrics.features.files import cached
from poise.randomness import derive

WIDTHS = (32, 64, 128, 128)
LARGEST = 32  # Pixels of a side that the encoder sees: the rest is the search's
BATCH = 64
STEPS = 300
VERSION = "1"
OnStep = Callable[[int, int], None]
"""Called with the steps that are done and that are to be done."""


class Encoder(nn.Module):
    """Strided convolutions down to a small grid, and a linear layer to coordinates."""

    def __init__(self, channels: int, sides: tuple[int, int], outputs: int) -> None:
        super().__init__()
        shrunk = min(1.0, LARGEST / max(sides))
        self.sides = tuple(max(4, round(side * shrunk)) for side in sides)
        layers, inputs, grid = list[nn.Module](), channels, self.sides
        for width in WIDTHS:
            stride = 2 if min(grid) > 4 else 1
            layers += [nn.Conv2d(inputs, width, 3, stride, 1), nn.BatchNorm2d(width), nn.LeakyReLU(0.2)]
            inputs, grid = width, tuple(-(-side // stride) for side in grid)
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(inputs * grid[0] * grid[1], 256))
        self.head = nn.Sequential(nn.LeakyReLU(0.2), nn.Linear(256, outputs))

    def forward(self, images: Tensor) -> Tensor:
        """Coordinates `(N, outputs)` of images `(N, C, H, W)`."""
        if tuple(images.shape[2:]) != self.sides:
            images = interpolate(images, self.sides, mode="area")
        made: Tensor = self.head(self.body(images))
        return made


def trained_encoder(
    space: Space,
    *,
    steps: int = STEPS,
    cache: Path | None = None,
    seed: int = 0,
    on_step: OnStep | None = None,
) -> Encoder:
    """The encoder of a space, trained on samples and their coordinates, or taken from the cache.

    In `"w+"` it gives the same coordinates to every layer, as samples have.

    Args:
        space: The space.
        steps: Batches of 64 samples.
        cache: A folder to keep the weights in, by those of the generator.
        seed: Draws the samples and the first weights.
        on_step: Called after each step.
    """
    channels, height, width = space.generator.shape
    like = next(iter(space.generator.module.parameters()))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(seed, 0, "encoder"))
        encoder = Encoder(channels, (height, width), space.size).to(like)

    def train() -> dict[str, Tensor]:
        _train(encoder, space, steps, seed, on_step)
        return dict(encoder.state_dict())

    parts = VERSION, weights_hash(space.generator.module), space.name.rstrip("+"), str(steps), str(seed)
    encoder.load_state_dict(cached(cache, "encoders", parts, train))
    return encoder.eval().requires_grad_(False)


def _train(encoder: Encoder, space: Space, steps: int, seed: int, on_step: OnStep | None) -> None:
    optimiser = torch.optim.Adam(encoder.parameters(), lr=2e-3, betas=(0.9, 0.99), fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=max(steps, 2))
    for step in range(steps):
        with torch.no_grad():
            latent, condition = samples_of(space.generator, BATCH, seed=derive(seed, step, "encoder") % 2**31)
            coordinates = space.coordinates(latent, condition)
            images = space.images(coordinates, condition).clamp(-1, 1)
            wanted = coordinates[:, 0] if coordinates.dim() == 3 else coordinates
        optimiser.zero_grad()
        with torch.enable_grad():
            mse_loss(encoder.train()(images), wanted).backward()
        optimiser.step()
        schedule.step()
        if on_step is not None:
            on_step(step + 1, steps)
