"""Do the numbers that are measured while training rank damaged data rightly?

    python -m benchmarks.damage [--openmoji FOLDER] [--quick]

Half of the digits, and of a folder of colour images, stands for the data; the other half for samples of a
perfect generator, and five damages at five strengths each for samples of worse ones. In the default features,
which know no labels and were never trained, each number of the set that training uses is to get worse with
every step of the damage. `--openmoji` is the folder of colour images; `$POISE_OPENMOJI` without it.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import Tensor, nn

from poise.metrics import cheap_evaluation, reference_of
from poise.metrics.lines import better_side

SIDE = 32


@dataclass(frozen=True)
class Ranking:
    """One number along one damage.

    Attributes:
        damage: What was done.
        number: What was measured.
        values: Of sound samples, then at five strengths.
        better: `"lower"` or `"higher"`.
    """

    damage: str
    number: str
    values: tuple[float, ...]
    better: str

    @property
    def strict(self) -> bool:
        """Whether each strength is worse than the one before."""
        sign = 1 if self.better == "lower" else -1
        return all(sign * first < sign * second for first, second in pairwise(self.values))

    @property
    def monotone(self) -> bool:
        """Whether no strength is better than the one before, and the last is worse than none."""
        sign = 1 if self.better == "lower" else -1
        level = all(sign * first <= sign * second for first, second in pairwise(self.values))
        return level and sign * self.values[0] < sign * self.values[-1]


def damages(images: Tensor, labels: Tensor, other: Tensor) -> dict[str, list[Tensor]]:
    """Each damage at five strengths."""
    stream = torch.Generator().manual_seed(0)
    count, side = len(images), images.shape[-1]
    noise, places = torch.randn(images.shape, generator=stream), torch.rand(count, generator=stream)
    order = torch.randperm(count, generator=stream)
    classes = int(labels.max()) + 1
    dropped, mixed = [], []
    for share in (0.2, 0.4, 0.6, 0.75, 0.9):
        kept = images[labels >= min(round(share * classes), classes - 1)]
        dropped.append(kept[(places * len(kept)).long()])
    for share in (0.05, 0.1, 0.2, 0.4, 0.8):
        some = order[: int(share * count)]
        changed = images.clone()
        changed[some] = other[torch.arange(len(some)) % len(other)]
        mixed.append(changed)
    return {
        "noise": [(images + strength * noise).clamp(-1, 1) for strength in (0.05, 0.1, 0.2, 0.4, 0.8)],
        "blur": [blurred(images, deviation * side / 8) for deviation in (0.4, 0.5, 0.65, 0.9, 1.5)],
        "dropped modes": dropped,
        "duplicates": [images[torch.arange(count) % (count // times)] for times in (2, 4, 8, 16, 32)],
        "mixed in": mixed,
    }


def blurred(images: Tensor, deviation: float) -> Tensor:
    reach = int(4 * deviation) + 1
    places = torch.arange(-reach, reach + 1, dtype=torch.float32)
    weights = torch.exp(-(places**2) / (2 * deviation**2))
    weights = (weights / weights.sum()).expand(images.shape[1], 1, 1, -1)
    padded = nn.functional.pad(images, (reach,) * 4, mode="replicate")
    rows = nn.functional.conv2d(padded, weights, groups=images.shape[1])
    return nn.functional.conv2d(rows, weights.mT, groups=images.shape[1])


def small(path: Path) -> Tensor:
    with Image.open(path) as image:
        resized = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        pixels = np.asarray(resized, dtype=np.float32)
    return torch.from_numpy(pixels / 127.5 - 1).permute(2, 0, 1)


def digits() -> tuple[Tensor, Tensor, Tensor]:
    """Images, labels, and foreign images: stripes."""
    found = load_digits()
    order = torch.randperm(len(found.target), generator=torch.Generator().manual_seed(1))
    images = torch.tensor(found.images[:, None] / 8 - 1, dtype=torch.float32)[order]
    stripes = (torch.arange(8) % 2 * 2.0 - 1).expand(1, 1, 8, 8)
    return images, torch.tensor(found.target)[order], stripes


def colours(folder: Path) -> tuple[Tensor, Tensor, Tensor]:
    """Images, modes, and foreign images: digits.

    Without labels at hand, modes are quarters of the images by their hue, each cut in quarters by brightness.
    """
    images = torch.stack([small(path) for path in sorted(folder.glob("*.png"))])
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(1))
    images = images[order]
    means = images.mean((2, 3))
    hue = (means[:, 0] - means[:, 2]).argsort().argsort() * 4 // len(images)
    bright = means.mean(1).argsort().argsort() * 4 // len(images)
    large = nn.functional.interpolate(digits()[0], SIDE, mode="bilinear").expand(-1, 3, -1, -1)
    return images, 4 * hue + bright, large


def rankings(images: Tensor, labels: Tensor, other: Tensor) -> list[Ranking]:
    """Every number along every damage."""
    reals, sound, classes = images[::2], images[1::2], labels[1::2]
    reference = reference_of(reals, fakes=len(sound), value_range="-1..1")

    def measured(fakes: Tensor) -> dict[tuple[str, str], float]:
        results = cheap_evaluation(reference, fakes.clamp(-1, 1), replicates=0)
        return {(result.metric, name): value for result in results for name, value in result.values.items()}

    first = measured(sound)
    found = []
    for damage, sets in damages(sound, classes, other).items():
        along = [first, *(measured(fakes) for fakes in sets)]
        found += [
            Ranking(damage, name, tuple(values[metric, name] for values in along), better_side(metric, name))
            for metric, name in first
        ]
    return found


def show(name: str, images: Tensor, labels: Tensor, other: Tensor) -> bool:
    """Print the table; whether the Fréchet distance ranks all damages strictly."""
    print(f"\n{name}: {len(images[::2]):,} reals against {len(images[1::2]):,} others, sound and damaged")
    found = rankings(images, labels, other)
    for ranking in found:
        verdict = "strict" if ranking.strict else "monotone" if ranking.monotone else "-"
        row = "  ".join(f"{value:>8.3g}" for value in ranking.values)
        print(f"  {ranking.damage:<14} {ranking.number:<17} {row}   {verdict}")
    best = {
        damage: [one.number for one in found if one.damage == damage and one.strict]
        for damage in dict.fromkeys(one.damage for one in found)
    }
    for damage, numbers in best.items():
        print(f"  {damage}: ranked strictly by {', '.join(numbers) or 'NONE'}")
    return all("frechet-distance" in numbers for numbers in best.values())


def main() -> None:
    parser = argparse.ArgumentParser(description="Whether damaged data are ranked rightly.")
    parser.add_argument("--openmoji", type=Path, default=os.environ.get("POISE_OPENMOJI"))
    parser.add_argument("--quick", action="store_true", help="Fewer images.")
    given = parser.parse_args()
    most = 600 if given.quick else 10_000
    images, labels, other = digits()
    right = show("digits, 8 x 8 grey", images[:most], labels[:most], other)
    if given.openmoji is None:
        print("\n(give --openmoji FOLDER for colour images)")
    else:
        images, labels, other = colours(Path(given.openmoji))
        right &= show(f"colour images, {SIDE} x {SIDE}", images[:most], labels[:most], other)
    print(f"\nThe Fréchet distance ranks every damage strictly: {'yes' if right else 'NO'}")


if __name__ == "__main__":
    main()
