"""Editing in numbers: does a direction change what it is named after, and can the change be told from others?

    python -m benchmarks.using.editing factors RUN [--samples 200]
    python -m benchmarks.using.editing classes RUN [--samples 200]
    python -m benchmarks.using.editing why RUN [--samples 60]

`factors` takes discs of known position, size and hue. For each factor the direction is found by its boundary,
from labels that say on which side of the middle it is, and judged by the factors that pixels have.

`classes` takes a run without conditions on data with classes: a generator by class needs no directions for
them. A classifier of one half of the rows finds the directions, as `poise directions` does with all rows. One
of the other half, with other initial weights, judges them, so that a direction that only deceives the first
is not counted.

Both ask: of all directions, does each change its own factor or class most? And can a linear regressor, which
sees what an edit changes in all factors or log-odds, or in the picture, tell which direction was applied?
Random directions stand beside, judged alike. `why` names edits by other boundaries than `classes` does, and
edits of other lengths.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from benchmarks.using.shapes import FACTORS, measured
from poise.data import default_cache
from poise.generator import Generator
from poise.generator.direction_methods import boundaries, small
from poise.generator.labelling import Labels
from poise.generator.recovery import wilson
from poise.generator.run_data import data_of_run
from poise.generator.spaces import Space, samples_of, space_of
from poise.metrics.features import small_classifier

STEP = 1.5  # Standard deviations of an edit

Judge = Callable[[Tensor], Tensor]
"""From pictures `(N, C, H, W)` in [-1, 1] to factors or log-odds `(N, K)`."""


def log_odds(images: Tensor) -> Tensor:
    """For each factor, a number that is positive on the right, below, for large and for blue."""
    return (4 * measured(images)).clamp(-6, 6)


@torch.no_grad()
def changes(
    space: Space, judge: Judge, directions: Tensor, count: int, *, seed: int, step: float = STEP
) -> Tensor:
    """What an edit by each direction changes in what the judge sees of each sample: `(K, count, factors)`."""
    latent, condition = samples_of(space.generator, count, seed=seed)
    at = space.coordinates(latent, condition)
    found = []
    for one in directions.to(at):
        before, after = (space.images(at + sign * step * one, condition).clamp(-1, 1) for sign in (-0.5, 0.5))
        found.append(judge(after) - judge(before))
    return torch.stack(found).double()


def told_apart(
    space: Space, judge: Judge, directions: Tensor, count: int, *, step: float = STEP
) -> tuple[float, tuple[float, float]]:
    """The share of edits of which a linear regressor of the changes names the direction, on other samples."""
    learnt, tried = (
        changes(space, judge, directions, count, seed=seed, step=step).flatten(0, 1) for seed in (1, 2)
    )
    names, scale = torch.arange(len(directions)).repeat_interleave(count), learnt.std(0).clamp(min=1e-6)
    regressor = LogisticRegression(max_iter=500).fit((learnt / scale).numpy(), names.numpy())
    right = int((regressor.predict((tried / scale).numpy()) == names.numpy()).sum())
    return right / len(names), wilson(right, len(names))


def judged(
    space: Space, judge: Judge, names: Sequence[str], found: Tensor, linear: Tensor, samples: int
) -> None:
    """Print what directions change, one for each name, and how often they are told apart."""
    stream = torch.Generator().manual_seed(0)
    drawn = torch.nn.functional.normalize(torch.randn(len(names), space.size, generator=stream))
    moved = changes(space, judge, found, samples, seed=3).mean(1)
    # What is changed is counted in deviations over samples, so that factors can be compared
    latent, condition = samples_of(space.generator, 500, seed=4)
    with torch.no_grad():
        spread = judge(space.images(space.coordinates(latent, condition), condition).clamp(-1, 1)).std(0)
    by_chance = (changes(space, judge, drawn, samples, seed=3).mean(1) / spread).abs().mean(0)
    effects = moved / spread
    for place, name in enumerate(names):
        facts = {
            "direction": name,
            "found_first": int(effects[:, place].argmax()) == place,
            "effects": [round(float(value), 2) for value in effects[place]],
            "linear": round(float(linear[place]), 2),
            "random": round(float(by_chance[place]), 2),
        }
        print(json.dumps({"figure": "effects", **facts}), flush=True)
    seen = {"factors or log-odds": judge, "pictures": small}
    for (name, directions), by in itertools.product((("boundaries", found), ("random", drawn)), seen):
        share, ends = told_apart(space, seen[by], directions, samples)
        facts = {"by": by, "told": round(share, 3), "interval": [round(end, 3) for end in ends]}
        print(json.dumps({"figure": "told-apart", "directions": name, **facts}), flush=True)


def halves(generator: Generator) -> tuple[Labels, Labels]:
    """Classifiers of the even and of the odd rows of a run's data."""
    assert generator.run is not None
    dataset = data_of_run(generator.run).dataset
    assert dataset.labels is not None
    numbers, found = torch.from_numpy(np.asarray(dataset.labels).astype(np.int64)), list[Labels]()
    for first in (0, 1):
        rows = np.arange(first, len(dataset), 2)
        images = dataset.transform.encode(dataset.gather(rows))
        one = small_classifier(images, numbers[rows], value_range="-1..1", cache=default_cache(), seed=first)
        assert one.probabilities is not None

        def log_odds(pictures: Tensor, of: Callable[[Tensor], Tensor] = one.probabilities) -> Tensor:
            shares = of(pictures.float()).double().clamp(1e-6, 1 - 1e-6)
            return (shares / (1 - shares)).log()

        classes = range(one.classes)
        called = dataset.label_names or tuple(map(str, classes))
        found.append(Labels(tuple(called), log_odds, (one.accuracy,) * one.classes))
    return found[0], found[1]


def other_boundaries(space: Space, finder: Labels) -> dict[str, Tensor]:
    """Directions of the classes by several methods, from the same 4,096 samples."""
    at = space.coordinates(*samples_of(space.generator, 4096, seed=77))
    with torch.no_grad():
        scores = torch.cat([finder.log_odds(space.images(part).clamp(-1, 1)) for part in at.split(128)])
    inputs, scores = at.double(), scores.clamp(-6, 6)
    system = inputs.T @ inputs / len(inputs) + 1e-2 * torch.eye(space.size, dtype=torch.float64)
    slopes = torch.linalg.solve(system, inputs.T @ (scores - scores.mean(0)) / len(inputs)).T
    count = len(slopes)
    apart = torch.eye(count, dtype=torch.float64) - 1 / count
    classes = LogisticRegression(C=0.1, max_iter=300).fit(inputs.numpy(), scores.argmax(1).numpy())
    right = classes.score(inputs.numpy(), scores.argmax(1).numpy())
    print(json.dumps({"figure": "linear", "right": round(right, 3)}), flush=True)
    made = {
        "slopes": slopes,
        "less what is shared": apart @ slopes,
        "logistic": torch.from_numpy(classes.coef_),
    }
    products = slopes @ slopes.T
    for ridge in (0.5, 0.1, 0.0):
        system = products + ridge * products.diagonal().mean() * torch.eye(count, dtype=torch.float64)
        made[f"dual, ridge {ridge:g}"] = apart @ torch.linalg.pinv(system) @ slopes
    return {name: torch.nn.functional.normalize(rows).float() for name, rows in made.items()}


def why(space: Space, finder: Labels, judge: Labels, samples: int) -> None:
    """Print how often edits are named, by boundary and by length."""
    found = other_boundaries(space, finder)
    stream = torch.Generator().manual_seed(0)
    drawn = torch.nn.functional.normalize(torch.randn(len(judge.names), space.size, generator=stream))
    cases = [(name, rows, STEP) for name, rows in found.items()]
    cases += [
        (name, rows, step)
        for step in (3.0, 6.0)
        for name, rows in (("slopes", found["slopes"]), ("random", drawn))
    ]
    for name, rows, step in cases:
        share, ends = told_apart(space, judge.log_odds, rows, samples, step=step)
        each = changes(space, judge.log_odds, rows, samples, seed=3, step=step)
        means = each.mean(1)
        facts = {
            "directions": name,
            "step": step,
            "told": round(share, 3),
            "interval": [round(end, 3) for end in ends],
            "own": round(float(means.diagonal().mean()), 2),
            "between": round(float((means - means.mean(0)).square().mean()), 2),
            "within": round(float((each - means[:, None]).square().mean()), 2),
        }
        print(json.dumps({"figure": "why", **facts}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("figure", choices=("factors", "classes", "why"))
    parser.add_argument("run", type=Path)
    parser.add_argument("--samples", type=int, default=200)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    space = space_of(Generator.load(chosen.run))
    if chosen.figure == "factors":
        found, linear = boundaries(space, log_odds, 0)
        judged(space, measured, FACTORS, found, linear, chosen.samples)
        return
    finder, judge = halves(space.generator)
    accuracies = [round(one.accuracy[0], 3) for one in (finder, judge)]
    print(json.dumps({"figure": "classifiers", "run": chosen.run.name, "accuracies": accuracies}), flush=True)
    if chosen.figure == "why":
        why(space, finder, judge, chosen.samples)
        return
    found, linear = boundaries(space, finder.log_odds, 0)
    judged(space, judge.log_odds, judge.names, found, linear, chosen.samples)


if __name__ == "__main__":
    main()
