"""Editing in numbers, on pictures whose factors are known: discs of any position, size and hue.

    python -m benchmarks.using.editing RUN [--samples 200]

For each factor the direction is found by its boundary, from labels that say on which side of the middle
it is.
Then: does that direction change its own factor most? And can a regressor, which sees what an edit changes
in the factors, tell which direction was applied? Random directions stand beside, judged alike.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from benchmarks.using.shapes import FACTORS, measured
from poise.generator import Generator
from poise.generator.direction_methods import boundaries
from poise.generator.inversion import wilson
from poise.generator.spaces import Space, samples_of, space_of

STEP = 1.5  # Standard deviations of an edit


def log_odds(images: Tensor) -> Tensor:
    """For each factor, a number that is positive on the right, below, for large and for blue."""
    return (4 * measured(images)).clamp(-6, 6)


@torch.no_grad()
def changes(space: Space, directions: Tensor, count: int, *, seed: int) -> Tensor:
    """What an edit changes in the factors of each sample, by each direction: `(K, count, factors)`."""
    latent, condition = samples_of(space.generator, count, seed=seed)
    at = space.coordinates(latent, condition)
    found = []
    for one in directions.to(at):
        before, after = (space.images(at + sign * STEP * one, condition).clamp(-1, 1) for sign in (-0.5, 0.5))
        found.append(measured(after) - measured(before))
    return torch.stack(found)


def told_apart(space: Space, directions: Tensor, count: int) -> tuple[float, tuple[float, float]]:
    """The share of edits of which a linear regressor of the changes names the direction, on other samples."""
    learnt, tried = (changes(space, directions, count, seed=seed).flatten(0, 1) for seed in (1, 2))
    names, scale = torch.arange(len(directions)).repeat_interleave(count), learnt.std(0).clamp(min=1e-6)
    regressor = LogisticRegression(max_iter=500).fit((learnt / scale).numpy(), names.numpy())
    right = int((regressor.predict((tried / scale).numpy()) == names.numpy()).sum())
    return right / len(names), wilson(right, len(names))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--samples", type=int, default=200)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    space = space_of(Generator.load(chosen.run))
    found, explained = boundaries(space, log_odds, 0)
    stream = torch.Generator().manual_seed(0)
    drawn = torch.nn.functional.normalize(torch.randn(len(FACTORS), space.size, generator=stream))
    moved = changes(space, found, chosen.samples, seed=3).mean(1)
    # Factors are counted in their deviation over samples, so that they can be compared
    latent, condition = samples_of(space.generator, 500, seed=4)
    with torch.no_grad():
        spread = measured(space.images(space.coordinates(latent, condition), condition)).std(0)
    by_chance = (changes(space, drawn, chosen.samples, seed=3).mean(1) / spread).abs().mean(0)
    effects = moved / spread
    for place, factor in enumerate(FACTORS):
        first = int(effects[:, place].argmax()) == place
        row = {name: round(float(value), 2) for name, value in zip(FACTORS, effects[place], strict=True)}
        linear = round(float(explained[place]), 2)
        chance = round(float(by_chance[place]), 2)
        facts = {"factor": factor, "found_first": first, "effects": row, "linear": linear, "random": chance}
        print(json.dumps({"figure": "factors", **facts}), flush=True)
    for name, directions in (("boundaries", found), ("random", drawn)):
        share, ends = told_apart(space, directions, chosen.samples)
        facts = {"directions": name, "told": round(share, 3), "interval": [round(end, 3) for end in ends]}
        print(json.dumps({"figure": "told-apart", **facts}), flush=True)


if __name__ == "__main__":
    main()
