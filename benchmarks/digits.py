"""How soon the demo's samples are digits: the curve of quality against seconds of training.

    python -m benchmarks.digits [--seeds 0 1 2] [--recipe NAME] [--set path=value ...]

Trains the default recipe on the 1,797 digits, as `make demo` does, and judges 1,797 samples of the averaged
generator at moments of the way. The judge is a small convolutional classifier, trained on the real digits and
their labels and never seen by the training (held-out accuracy printed); time that it takes is not counted.

- Fréchet distance in its 64 features to one half of the real digits, over the distance between the two
  halves, each side with as many samples as a half holds; 1.0 is what real digits get. The mean of ten splits.
- The smallest and the largest share of a digit among the samples; real ones lie between 9.7 % and 10.2 %.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from poise.data import open_data
from poise.metrics.frechet import distance_of
from poise.recipes import DEFAULT_RECIPE, RECIPES, parse_override, recipe_with
from poise.training import StepContext, begin, latents, pick_device, plan

MOMENTS = (5, 10, 20, 30, 45, 60, 90, 120, 150)


class Judge:
    """A classifier of digits and the distance in its features."""

    def __init__(self) -> None:
        source = open_data("digits")
        rows = np.arange(len(source))
        self.real = source.transform.encode(source.gather(rows))
        assert source.labels is not None
        labels = torch.from_numpy(np.asarray(source.labels)).long()
        torch.manual_seed(0)
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(256, 64),
            nn.ReLU(),
        )
        self.head = nn.Linear(64, 10)
        self.accuracy = self._fit(labels)
        with torch.no_grad():
            self.real_features = self.features(self.real)
        half = len(rows) // 2
        splits = [np.random.default_rng(seed).permutation(rows) for seed in range(10)]
        distances = [
            distance(self.real_features[split[:half]], self.real_features[split[half : 2 * half]])
            for split in splits
        ]
        self.half, self.floor = half, float(np.mean(distances))
        self.references = [self.real_features[split[:half]] for split in splits]

    def _fit(self, labels: Tensor) -> float:
        rng = np.random.default_rng(0)
        order = rng.permutation(len(labels))
        held_out, kept = order[:360], order[360:]
        network = nn.Sequential(self.features, self.head)
        optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
        for _ in range(30):
            for batch in np.array_split(rng.permutation(kept), 22):
                noisy = self.real[batch] + 0.1 * torch.randn(len(batch), 1, 8, 8)
                optimiser.zero_grad()
                torch.autograd.backward(cross_entropy(network(noisy), labels[batch]))
                optimiser.step()
        network.eval().requires_grad_(False)
        return float((network(self.real[held_out]).argmax(1) == labels[held_out]).float().mean())

    @torch.no_grad()
    def __call__(self, samples: Tensor) -> dict[str, float]:
        """The ratio to the floor, and the extreme shares; the samples are first rounded to pixels."""
        pixels = samples.clamp(-1, 1).add(1).mul(127.5).round()
        features = self.features(pixels / 127.5 - 1)
        shares = torch.bincount(self.head(features).argmax(1), minlength=10) / len(samples)
        found = np.mean([distance(reference, features[: self.half]) for reference in self.references])
        return {
            "ratio": float(found) / self.floor,
            "least": float(shares.min()),
            "most": float(shares.max()),
        }


def distance(real: Tensor, fake: Tensor) -> float:
    """The Fréchet distance of two sets of features."""
    return distance_of(real.double(), fake.double())


class Watch:
    """An observer that judges at the moments and takes its own time off the clock."""

    def __init__(self, judge: Judge, recipe: Any) -> None:
        self.judge = judge
        self.latents = latents(1797, recipe.latent, torch.Generator().manual_seed(1))
        self.left = list(MOMENTS)
        self.spent = 0.0
        self.rows: list[dict[str, float]] = []

    def __call__(self, context: StepContext) -> None:
        seconds = context.seconds - self.spent
        if not context.last and (not self.left or seconds < self.left[0]):
            return
        start = time.monotonic()
        self.left = [later for later in self.left if later > seconds]
        with torch.no_grad():
            samples = context.generator()(self.latents)
        judged = self.judge(samples)
        self.rows.append({"seconds": seconds, "step": context.step, "images": context.images_seen, **judged})
        self.spent += time.monotonic() - start


def main() -> None:
    """Train, judge, print."""
    parser = argparse.ArgumentParser(description="Quality of the demo's digits against time.")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--recipe", default=DEFAULT_RECIPE)
    parser.add_argument("--set", dest="changes", nargs="*", default=[], metavar="path=value")
    arguments = parser.parse_args()
    judge = Judge()
    print(
        f"torch {torch.__version__}, {torch.get_num_threads()} threads; judge {judge.accuracy:.1%} right on "
        f"held-out digits; distance between halves {judge.floor:.2f}"
    )
    print("| seed | seconds | steps | images | Fréchet ratio | least digit | most digit |")
    print("|---|---|---|---|---|---|---|")
    for seed in arguments.seeds:
        changes = dict(map(parse_override, arguments.changes)) | {"seed": seed}
        planned = plan("digits", recipe_with(RECIPES.named(arguments.recipe), changes), pick_device("cpu"))
        watch = Watch(judge, planned.recipe)
        with tempfile.TemporaryDirectory() as folder:
            begin(planned, Path(folder) / "run", callbacks=[watch], notify=print)
        for row in watch.rows:
            print(
                f"| {seed} | {row['seconds']:.0f} | {row['step']:.0f} | {row['images']:.0f} "
                f"| {row['ratio']:.2f} | {row['least']:.1%} | {row['most']:.1%} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
