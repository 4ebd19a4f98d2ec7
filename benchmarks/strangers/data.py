"""The data of the loops: rows and pictures that are at hand, in -1..1 or standardised."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, max_pool2d

REPOSITORY = Path(__file__).resolve().parents[2]
SHARED = next(
    (one / "shared" for one in (REPOSITORY, *REPOSITORY.parents) if (one / "shared" / "data").is_dir()),
    REPOSITORY / "shared",
)
"""The folder with `data/hands`, `data/openmoji` and the others, beside or above the code."""


@dataclass(frozen=True)
class Data:
    """Samples, their labels and what they are made from, if that is known; and others, held out."""

    train: Tensor
    held_out: Tensor
    labels: Tensor
    held_out_labels: Tensor
    source: Tensor  # Of `train`, row by row; empty if there is none
    held_out_source: Tensor

    def first(self, count: int) -> Data:
        """The same with fewer rows for training."""
        return Data(
            self.train[:count],
            self.held_out,
            self.labels[:count],
            self.held_out_labels,
            self.source[:count],
            self.held_out_source,
        )


def parted(
    samples: Tensor, labels: Tensor | None = None, source: Tensor | None = None, held: float = 0.15
) -> Data:
    """Mixed, and a share of it held out."""
    order = torch.randperm(len(samples), generator=torch.Generator().manual_seed(5))
    count = len(samples) - round(held * len(samples))
    none = torch.zeros(len(samples), 0)
    x, y, s = (
        one[order]
        for one in (
            samples,
            torch.zeros(len(samples)).long() if labels is None else labels,
            none if source is None else source,
        )
    )
    return Data(x[:count], x[count:], y[:count], y[count:], s[:count], s[count:])


def digits(size: int = 8) -> tuple[Tensor, Tensor]:
    """Handwritten digits of scikit-learn, brought to a size."""
    from sklearn.datasets import load_digits

    found = load_digits()
    pictures = torch.tensor(found.images, dtype=torch.float32)[:, None] / 8 - 1
    if size != 8:
        pictures = interpolate(pictures, size=size, mode="bilinear", align_corners=False)
    return pictures, torch.tensor(found.target).long()


def hands(size: int, mode: str = "RGB") -> tuple[Tensor, Tensor]:
    """Photographs of hands and which number they show."""
    files = sorted((SHARED / "data" / "hands").glob("*/*.jpg"))
    return pictures_of(files, size, mode), torch.tensor([int(file.parent.name) for file in files])


def openmoji(size: int, kind: str = "color") -> Tensor:
    """Emoji; `line` has them as grey drawings, in the same order."""
    return pictures_of(
        sorted((SHARED / "data" / "openmoji" / kind).glob("*.png")), size, "RGB" if kind == "color" else "L"
    )


def pictures_of(files: list[Path], size: int, mode: str) -> Tensor:
    """Files as a batch."""
    if not files:
        raise SystemExit(f"no pictures; put the shared data where {SHARED} leads, or link it there")
    rows = []
    for file in files:
        with Image.open(file) as opened:
            rows.append(np.asarray(opened.convert(mode).resize((size, size), Image.Resampling.BOX)))
    found = torch.from_numpy(np.stack(rows)).float() / 127.5 - 1
    return found.permute(0, 3, 1, 2).contiguous() if found.dim() == 4 else found[:, None]


def adult() -> Tensor:
    """Rows of the census: numbers standardised, four categories as one-hot columns in -1..1."""
    with gzip.open(SHARED / "data" / "adult" / "train.csv.gz", "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[:12_000]
    numbers = torch.tensor(
        [[float(row[name]) for name in ("age", "education-num", "hours-per-week")] for row in rows]
    )
    parts = [(numbers - numbers.mean(0)) / numbers.std(0)]
    for name in ("marital-status", "relationship", "sex", "income"):
        values = sorted({row[name] for row in rows})
        index = torch.tensor([values.index(row[name]) for row in rows])
        parts.append(2.0 * torch.nn.functional.one_hot(index, len(values)).float() - 1)
    return torch.cat(parts, 1)


def weather() -> Tensor:
    """Days of an airport: 24 hours of temperature, dew point and humidity, standardised, (N, 3, 24)."""
    with gzip.open(SHARED / "data" / "nyc-weather" / "weather.csv.gz", "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    days: dict[tuple[str, ...], list[list[float]]] = {}
    for row in rows:
        if all(row[name] for name in ("temp", "dewp", "humid")):
            key = (row["origin"], row["month"], row["day"])
            days.setdefault(key, []).append([float(row[name]) for name in ("temp", "dewp", "humid")])
    found = torch.tensor([day for day in days.values() if len(day) == 24]).permute(0, 2, 1)
    return (found - found.mean((0, 2), keepdim=True)) / found.std((0, 2), keepdim=True)


def ring(modes: int, count: int = 4_000, spread: float = 0.05) -> tuple[Tensor, Tensor]:
    """Gaussians on a circle."""
    stream = torch.Generator().manual_seed(3)
    which = torch.randint(0, modes, (count,), generator=stream)
    angle = 2 * torch.pi * which / modes
    return torch.stack([angle.cos(), angle.sin()], 1) + spread * torch.randn(
        count, 2, generator=stream
    ), which


def grid(side: int, count: int = 4_000, spread: float = 0.05) -> tuple[Tensor, Tensor]:
    """Gaussians on a square grid."""
    stream = torch.Generator().manual_seed(4)
    which = torch.randint(0, side * side, (count,), generator=stream)
    places = torch.stack([which // side, which % side], 1).float() * 2 / (side - 1) - 1
    return places + spread * torch.randn(count, 2, generator=stream), which


def moons() -> tuple[Tensor, Tensor]:
    """Two half circles."""
    from sklearn.datasets import make_moons

    points, which = make_moons(4_000, noise=0.06, random_state=0)
    found = torch.tensor(points, dtype=torch.float32)
    return (found - found.mean(0)) / found.std(0), torch.tensor(which).long()


def cancer() -> tuple[Tensor, Tensor]:
    """569 rows of thirty numbers of scikit-learn, standardised."""
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer()
    rows = torch.tensor(found.data, dtype=torch.float32)
    return ((rows - rows.mean(0)) / rows.std(0)).clamp(-4, 4), torch.tensor(found.target).long()


def outlines(size: int) -> Data:
    """Digits from their thick outlines."""
    target, labels = digits(size)
    thick = max_pool2d(target, 3, 1, 1)
    return parted(target, labels, (thick - target) - 1)


def softened(size: int) -> Data:
    """Hands in grey from their blurred negatives."""
    target, labels = hands(size, "L")
    return parted(target, labels, -avg_pool2d(target, 5, 1, 2, count_include_pad=False))


def drawings(size: int) -> Data:
    """Emoji in colour from their drawings."""
    return parted(openmoji(size), None, openmoji(size, "line"))


def enlarged(target: Tensor) -> Data:
    """Pictures in colour from themselves at half the size, brought back to the size."""
    small = avg_pool2d(target, 2)
    return parted(target, None, interpolate(small, scale_factor=2, mode="nearest"))


def categories() -> tuple[Tensor, Tensor]:
    """The four categories of the census as one-hot columns of 0 and 1, and the income."""
    columns = (adult()[:, 3:] + 1) / 2
    return columns, columns[:, -1].long()


def diabetes() -> tuple[Tensor, Tensor]:
    """442 rows of ten numbers of scikit-learn, standardised, and whether the disease progressed."""
    from sklearn.datasets import load_diabetes

    found = load_diabetes()
    rows = torch.tensor(found.data, dtype=torch.float32)
    return ((rows - rows.mean(0)) / rows.std(0)).clamp(-4, 4), torch.tensor(found.target > 140).long()


def swiss(count: int = 4_000) -> Tensor:
    """A rolled sheet in three dimensions, standardised."""
    from sklearn.datasets import make_swiss_roll

    points, _ = make_swiss_roll(count, noise=0.2, random_state=0)
    found = torch.tensor(points, dtype=torch.float32)
    return (found - found.mean(0)) / found.std(0)


def circles() -> tuple[Tensor, Tensor]:
    """Two circles, one within the other."""
    from sklearn.datasets import make_circles

    points, which = make_circles(4_000, noise=0.05, factor=0.45, random_state=0)
    return torch.tensor(points, dtype=torch.float32), torch.tensor(which).long()


def masked(target: Tensor, labels: Tensor | None = None) -> Data:
    """Pictures from themselves with a hole in the middle."""
    side = target.shape[-1]
    hole = slice(side // 2 - side // 5, side // 2 + side // 5)
    source = target.clone()
    source[..., hole, hole] = 0.0
    return parted(target, labels, source)


DATA: Mapping[str, Callable[[], Data]] = {
    "digits-8": lambda: parted(*digits(8)),
    "digits-16": lambda: parted(*digits(16)),
    "digits-12": lambda: parted(*digits(12)),
    "hands-16": lambda: parted(*hands(16)),
    "hands-8": lambda: parted(*hands(8)),
    "hands-grey-16": lambda: parted(*hands(16, "L")),
    "openmoji-16": lambda: parted(openmoji(16)),
    "openmoji-8": lambda: parted(openmoji(8)),
    "openmoji-line-8": lambda: parted(openmoji(8, "line")),
    "openmoji-line-16": lambda: parted(openmoji(16, "line")),
    "adult": lambda: parted(adult()),
    "cancer": lambda: parted(*cancer()),
    "weather": lambda: parted(weather()),
    "ring-8": lambda: parted(*ring(8)),
    "ring-6": lambda: parted(*ring(6)),
    "grid-9": lambda: parted(*grid(3)),
    "grid-25": lambda: parted(*grid(5)),
    "moons": lambda: parted(*moons()),
    "outlines-8": lambda: outlines(8),
    "outlines-16": lambda: outlines(16),
    "softened-8": lambda: softened(8),
    "enlarged-8": lambda: enlarged(hands(8)[0]),
    "enlarged-emoji-8": lambda: enlarged(openmoji(8)),
    "drawings-8": lambda: drawings(8),
    "softened-16": lambda: softened(16),
    "drawings-16": lambda: drawings(16),
    "digits-10": lambda: parted(*digits(10)),
    "hands-10": lambda: parted(*hands(10)),
    "hands-grey-10": lambda: parted(*hands(10, "L")),
    "openmoji-10": lambda: parted(openmoji(10)),
    "openmoji-line-10": lambda: parted(openmoji(10, "line")),
    "hands-grey-8": lambda: parted(*hands(8, "L")),
    "outlines-12": lambda: outlines(12),
    "drawings-12": lambda: drawings(12),
    "outlines-10": lambda: outlines(10),
    "softened-10": lambda: softened(10),
    "drawings-10": lambda: drawings(10),
    "enlarged-10": lambda: enlarged(hands(10)[0]),
    "masked-10": lambda: masked(*hands(10, "L")),
    "masked-emoji-10": lambda: masked(openmoji(10)),
    "categories": lambda: parted(*categories()),
    "diabetes": lambda: parted(*diabetes()),
    "swiss": lambda: parted(swiss()),
    "circles": lambda: parted(*circles()),
    "ring-5": lambda: parted(*ring(5)),
    "ring-12": lambda: parted(*ring(12)),
}


@cache
def data_of(name: str) -> Data:
    """The data of a name."""
    return DATA[name]()
