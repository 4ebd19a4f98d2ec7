"""Train your own two modules on your own array: a ring of eight clouds of points.

python examples/02_own_networks.py [--steps 2000] [--out runs/example-own]
"""

import argparse

import numpy as np
from torch import Tensor, nn

import poise

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=2000)
parser.add_argument("--out", default="runs/example-own")
arguments = parser.parse_args()


class Scores(nn.Module):
    """A discriminator gives one raw score a sample, without a sigmoid."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2))
        self.last = nn.Linear(64, 1)

    def forward(self, points: Tensor) -> Tensor:
        """Scores `(N,)` of points `(N, 2)`."""
        scores: Tensor = self.last(self.layers(points))
        return scores.squeeze(1)


generator = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))

rng = np.random.default_rng(0)
angles = 2 * np.pi * rng.integers(0, 8, 20_000) / 8
points = np.stack([np.cos(angles), np.sin(angles)], 1) + 0.02 * rng.standard_normal((20_000, 2))

run = poise.train(
    points.astype(np.float32),
    steps=arguments.steps,
    out=arguments.out,
    generator=generator,
    discriminator=Scores(),
    latent={"size": 8},
    batch_size=256,
)
made = run.sample(1000, seed=1)
print(f"{len(made)} points, mean distance from the centre {np.linalg.norm(made, axis=1).mean():.2f}")
