"""A thousand modes: three digits stacked as colour channels, with packing 1 to 4.

    python -m benchmarks.stacked_digits [--quick] [--half] [--packing 1 2 3 4] [--seeds 10] [--steps N]
                                        [--device auto] [--runs FOLDER] [--page FILE]

After the stacked MNIST test of Metz et al. 2017 and Lin et al. 2018, but on the 1,797 digits of 8 x 8
pixels that scikit-learn ships, with their networks cut to that size; so the published numbers, of MNIST
at 28 x 28, are no yardstick for ours, and only how packing orders the rows can be compared. Which digit
a channel shows is judged by a small classifier trained on the same digits; its accuracy on digits that
it was not trained on is stated.

`--quick`: two seeds and 1,500 steps, for two CPU cores. Interrupted, the same command goes on where it
stopped.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.many_runs import mean_and_error, seeds_trained
from poise.data import open_data
from poise.generator import Generator
from poise.metrics.features.small_classifier import ClassifierExtractor, small_classifier
from poise.randomness import numpy_stream
from poise.recipes import RECIPES, Recipe, recipe_with
from poise.training import pick_device

STACKS, SAMPLES = 25_600, 26_000
STEPS, QUICK_STEPS = 50_000, 1_500
PUBLISHED = {
    "quarter": {1: "78.5±17.6", 2: "484.5±33", 3: "601.3±32", 4: "667.4±29"},
    "half": {1: "487.7", 2: "840.7", 3: "866.6", 4: "820.2"},
}
"""Modes found on stacked MNIST with 500,000 steps, by the discriminator and the packing (Lin et al. 2018)."""

QUICK_NOTE = (
    "**These are quick results**: few seeds and few steps. A row with few modes has hardly begun to learn,\n"
    "and says nothing of where packing ends."
)

Array = np.ndarray[Any, np.dtype[Any]]


def digits() -> tuple[Array, Array]:
    """Scikit-learn's digits `(1797, 1, 8, 8)`, 0 to 255, and their labels."""
    source = open_data("digits")
    assert source.array is not None
    assert source.labels is not None
    return np.asarray(source.array), np.asarray(source.labels)


def stacks(images: Array, *, count: int = STACKS) -> Array:
    """Three digits drawn alike for each stack, `(count, 3, 8, 8)`."""
    chosen = numpy_stream(0, 0, "stacked digits").integers(len(images), size=(count, 3))
    stacked: Array = images[chosen, 0]
    return stacked


def recipe_of(packing: int, *, half: bool, steps: int) -> Recipe:
    """The paper's small networks at 8 x 8: three doublings from a single pixel up, three halvings down."""
    width = 4 if half else 2
    return recipe_with(
        RECIPES["minimax"],
        {
            "loss": "non-saturating",
            "generator": {"name": "dcgan", "width": 8, "smallest_side": 1, "final_convolution": True},
            "discriminator": {
                "name": "dcgan",
                "width": width,
                "smallest_side": 1,
                "batch_norm": True,
                "slope": 0.3,
            },
            "latent.size": 256,
            "batch_size": 128,
            "packing": packing,
            "optimisers.discriminator.learning_rate": 2e-4,
            "optimisers.generator.learning_rate": 1e-4,
            "optimisers.discriminator.beta1": 0.5,
            "optimisers.generator.beta1": 0.5,
            "optimisers.discriminator.beta2": 0.99,
            "optimisers.generator.beta2": 0.99,
            "ema.half_life": 0,
            "steps": steps,
            "sample_every": steps,
            "log_every": max(1, steps // 100),
        },
    )


def modes_of(samples: Array, classifier: ClassifierExtractor) -> tuple[int, float]:
    """How many of the 1,000 stacks the samples show, and the reverse KL divergence of their histogram.

    Args:
        samples: `(N, 3, 8, 8)` in -1 to 1.
        classifier: Of single digits.
    """
    assert classifier.probabilities is not None
    with torch.no_grad():
        channels = [
            classifier.probabilities(torch.from_numpy(samples[:, place : place + 1].copy())).argmax(1)
            for place in range(3)
        ]
    kinds = 100 * channels[0] + 10 * channels[1] + channels[2]
    counts = torch.bincount(kinds, minlength=1_000).double()
    share = counts / counts.sum()
    return int((counts > 0).sum()), math.log(1_000) - float(torch.special.entr(share).sum())


def order(rows: Sequence[dict[str, Any]], size: str) -> str:
    """Which packing finds more modes, here and as published, in a sentence."""
    ours = {row["packing"]: mean_and_error(row["modes"])[0] for row in rows}
    published = {packing: float(PUBLISHED[size][packing].split("±")[0]) for packing in ours}
    here, there = (sorted(of, key=lambda packing: -of[packing]) for of in (ours, published))
    agrees = "agree" if here == there else "do not agree"
    told = [", ".join(map(str, one)) for one in (here, there)]
    return f"Packings by modes, most first: here {told[0]}; published {told[1]}; they {agrees}."


def page(rows: Sequence[dict[str, Any]], *, size: str, accuracy: float, where: str, quick: bool) -> str:
    """The results as Markdown."""
    lines = [
        "# Stacked digits",
        "",
        "Written by `python -m benchmarks.stacked_digits" + (" --quick" if quick else "") + f"`, {where}.",
        "",
        "1,000 modes: three of scikit-learn's 8 x 8 digits stacked as channels; a stand-in for stacked",
        "MNIST, whose published numbers stand beside for their order only.",
        f'The discriminator is that of "a {size}". Modes are counted in {SAMPLES:,} samples of each seed',
        f"by a small classifier that names {accuracy:.1%} of held-out digits rightly.",
        "± is the standard error over seeds.",
        *(["", QUICK_NOTE] if quick else []),
        "",
        "| packing | steps | seeds | modes | reverse KL | published modes, MNIST, 500,000 steps |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        modes, divergence = mean_and_error(row["modes"]), mean_and_error(row["reverse_kl"])
        lines.append(
            f"| {row['packing']} | {row['steps']:,} | {len(row['modes'])} | {modes[0]:.1f}±{modes[1]:.1f} | "
            f"{divergence[0]:.3f}±{divergence[1]:.3f} | {PUBLISHED[size][row['packing']]} |"
        )
    if len(rows) > 1:
        lines += ["", order(rows, size)]
    lines += [
        "",
        "Modes of each seed: " + "; ".join(f"packing {row['packing']}: {row['modes']}" for row in rows) + ".",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Train what is missing, then print and write the table."""
    parser = argparse.ArgumentParser(description="A thousand modes of stacked digits.")
    parser.add_argument("--quick", action="store_true", help="few seeds and steps, for two CPU cores")
    parser.add_argument("--half", action="store_true", help="the larger of the paper's discriminators")
    parser.add_argument("--packing", nargs="+", type=int, default=[1, 2, 3, 4], choices=[1, 2, 3, 4])
    parser.add_argument("--seeds", type=int, default=None)
    parser.add_argument("--steps", type=int, default=None)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--runs", type=Path, default=None)
    parser.add_argument("--page", type=Path, default=None)
    arguments = parser.parse_args()
    quick, size = arguments.quick, "half" if arguments.half else "quarter"
    name = "stacked_digits-quick" if quick else "stacked_digits"
    steps = arguments.steps or (QUICK_STEPS if quick else STEPS)
    seeds = arguments.seeds or (2 if quick else 10)
    below = arguments.runs or Path("runs") / name
    place = arguments.page or Path("docs/benchmarks") / f"{name}.md"
    device = pick_device(arguments.device)
    images, labels = digits()
    classifier = small_classifier(images, labels)
    print(f"classifier: {classifier.accuracy:.1%} of held-out digits", flush=True)
    data, rows = stacks(images), []
    for packing in arguments.packing:
        recipe = recipe_of(packing, half=arguments.half, steps=steps)
        told = f"packing {packing}"
        runs = seeds_trained(below / f"{size}-{packing}", data, recipe, device, seeds=seeds, told=told)
        found = [modes_of(Generator.load(run.path).sample(SAMPLES), classifier) for run in runs]
        row = {
            "packing": packing,
            "steps": steps,
            "modes": [modes for modes, _ in found],
            "reverse_kl": [divergence for _, divergence in found],
        }
        print(row, flush=True)
        rows.append(row)
    where = f"torch {torch.__version__}, " + (
        torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else f"CPU, {torch.get_num_threads()} threads"
    )
    text = page(rows, size=size, accuracy=classifier.accuracy, where=where, quick=quick)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")
    kept = {"where": where, "size": size, "classifier_accuracy": classifier.accuracy, "rows": rows}
    place.with_suffix(".json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
