"""Whether samples by class are what was asked for, by a classifier of the real pictures.

    python -m benchmarks.recognised RUN TRAIN HELD_OUT [--each 40] [--epochs 25]

TRAIN and HELD_OUT are folders with a sub-folder for each class, as `benchmarks.choosing` divides them. The
judge is a small convolutional network on pictures of 32x32, taught by TRAIN with moved and recoloured
pictures; what it gets right of HELD_OUT is printed beside, since no share above that says anything. How far
samples are from their nearest picture of TRAIN, beside held-out pictures, tells whether they are copies. RUN
is a run's folder, or a `.npz` of `images` `(N, C, H, W)` as bytes and `labels`, numbers in the order of the
names.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, pad

from poise.generator import Generator

SIDE, REACH, BATCH = 32, 4, 64


def small(image: Image.Image) -> np.ndarray:
    """A picture as `(3, 32, 32)` bytes."""
    return np.asarray(image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)).transpose(2, 0, 1)


def pictures(folder: Path) -> tuple[Tensor, Tensor]:
    """The pictures of the sub-folders in [-1, 1], and the numbers of these."""
    images, labels = [], []
    for number, group in enumerate(sorted(one for one in folder.iterdir() if one.is_dir())):
        for file in sorted(group.iterdir()):
            with Image.open(file) as image:
                images.append(small(image))
            labels.append(number)
    return torch.from_numpy(np.stack(images)).float() / 127.5 - 1, torch.tensor(labels)


def samples(run: Path, each: int) -> tuple[Tensor, Tensor]:
    """As many samples of each class of a run, or those of a file, and the classes that were asked for."""
    if run.suffix == ".npz":
        held = np.load(run)
        made, labels = held["images"], torch.from_numpy(held["labels"])
    else:
        generator = Generator.load(run, device="auto")
        drawn = [generator.sample(each, seed=5, label=name) for name in generator.classes]
        made = ((np.concatenate(drawn) + 1) * 127.5).round().clip(0, 255).astype(np.uint8)
        labels = torch.arange(len(generator.classes)).repeat_interleave(each)
    images = np.stack([small(Image.fromarray(one.transpose(1, 2, 0).squeeze())) for one in made])
    return torch.from_numpy(images).float() / 127.5 - 1, labels


def varied(images: Tensor) -> Tensor:
    """Pictures moved by up to an eighth of their side, in other colours."""
    count = len(images)
    brighter = images + torch.rand(count, 1, 1, 1) - 0.5
    grey = brighter.mean(1, keepdim=True)
    coloured = (brighter - grey) * 2 * torch.rand(count, 1, 1, 1) + grey
    level = coloured.mean((1, 2, 3), keepdim=True)
    contrasted = (coloured - level) * (torch.rand(count, 1, 1, 1) + 0.5) + level
    wide = pad(contrasted, (REACH,) * 4)
    places = torch.randint(0, 2 * REACH + 1, (count, 2)).tolist()
    return torch.stack(
        [
            one[:, down : down + SIDE, right : right + SIDE]
            for one, (down, right) in zip(wide, places, strict=True)
        ]
    )


def judge_of(images: Tensor, labels: Tensor, epochs: int) -> nn.Module:
    """A classifier of such pictures."""
    torch.manual_seed(0)
    classes = int(labels.max()) + 1
    network = nn.Sequential(
        *(
            layer
            for before, after in ((3, 32), (32, 64), (64, 128))
            for layer in (nn.Conv2d(before, after, 4, 2, 1), nn.LeakyReLU(0.2))
        ),
        nn.Flatten(),
        nn.Linear(128 * (SIDE // 8) ** 2, classes),
    )
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3)
    for _ in range(epochs):
        for rows in torch.randperm(len(images)).split(BATCH):
            optimiser.zero_grad()
            cross_entropy(network(varied(images[rows])), labels[rows]).backward()
            optimiser.step()
    return network.eval()


def nearest(images: Tensor, train: Tensor, *, own: bool = False) -> float:
    """The median distance of pictures to their nearest of TRAIN; `own` if they are these, to the others."""
    apart = torch.cdist(images.flatten(1), train.flatten(1))
    return float((apart.fill_diagonal_(torch.inf) if own else apart).min(1).values.median())


def main() -> None:
    """Teach the judge, and print what it says."""
    parser = argparse.ArgumentParser(description="Whether samples by class are what was asked for.")
    parser.add_argument("run", type=Path)
    parser.add_argument("train", type=Path)
    parser.add_argument("held_out", type=Path)
    parser.add_argument("--each", type=int, default=40)
    parser.add_argument("--epochs", type=int, default=25)
    asked = parser.parse_args()
    train, classes = pictures(asked.train)
    judge = judge_of(train, classes, asked.epochs)
    print(f"nearest training picture: {nearest(train, train, own=True):.1f} from each other")
    for name, (images, labels) in (
        ("held-out pictures", pictures(asked.held_out)),
        ("samples", samples(asked.run, asked.each)),
    ):
        with torch.no_grad():
            right = (judge(images).argmax(1) == labels).double()
        by_class = ", ".join(f"{float(right[labels == one].mean()):.2f}" for one in labels.unique())
        apart = nearest(images, train)
        share = f"{float(right.mean()):.1%} of {len(labels)} as their class, by class {by_class}"
        print(f"{name}: {share}; {apart:.1f} from the nearest training picture")


if __name__ == "__main__":
    main()
