"""Whether samples carry an augmentation: how far they lie from plain reals towards augmented ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, affine_grid, avg_pool2d, grid_sample

from poise.diagnosis.distances import channels_first, distances, mean_distance

SIDE = 8  # Pixels of a side from which an operation can be seen
SEEN = 0.05  # Energy distance of augmented to plain reals, over the mean distance of two reals, that is seen
SMALLEST = 1e-3
WEIGHT = 16  # Times that what an operation leaves as it is counts among what it changes

Draw = torch.Generator


def turned(images: Tensor, stream: Draw) -> Tensor:
    """Images that are turned, half of them by quarters, the others by any angle; mirrored at their edges."""
    shares = torch.rand((2, len(images)), generator=stream)
    quarters = (1 + torch.floor(3 * shares[0])) * (math.pi / 2)
    angles = torch.where(shares[1] < 0.5, quarters, math.pi * (0.25 + 1.5 * shares[0]))
    sine, cosine, zero = angles.sin(), angles.cos(), torch.zeros(len(images))
    height, width = images.shape[-2:]
    maps = torch.stack([
        torch.stack([cosine, -sine * height / width, zero], 1),
        torch.stack([sine * width / height, cosine, zero], 1),
    ], 1)  # fmt: skip
    grid = affine_grid(maps, list(images.shape), align_corners=False)
    return grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def shifted(images: Tensor, stream: Draw) -> Tensor:
    """Images moved by up to an eighth of the side, and by a pixel at least; zeros come in from outside."""
    found = images
    moves = torch.rand((len(images), 2), generator=stream) * 2 - 1
    for axis, side in enumerate(images.shape[-2:]):
        pixels = moves[:, axis] * side / 8
        whole = torch.copysign(pixels.abs().round().clamp_min(1), pixels).long()
        source = torch.arange(side) - whole[:, None]
        inside = (source >= 0) & (source < side)
        shape = (len(images), 1, side, 1) if axis == 0 else (len(images), 1, 1, side)
        place = source.clamp(0, side - 1).view(shape).expand_as(images)
        found = found.gather(2 + axis, place) * inside.view(shape)
    return found


def cut(images: Tensor, stream: Draw) -> Tensor:
    """Images with a square of zeros of half the side, whose middle lies anywhere."""
    shares = torch.rand((len(images), 2), generator=stream)
    near = [
        ((torch.arange(side) + 0.5) / side - shares[:, place, None]).abs() < 0.25
        for place, side in enumerate(images.shape[-2:])
    ]
    return images * ~(near[0][:, None, :, None] & near[1][:, None, None, :])


def brightened(images: Tensor, stream: Draw) -> Tensor:
    """Images made brighter or darker by up to 0.5, and of another contrast by a factor of 0.5 to 1.5."""
    drawn = torch.rand((2, len(images), 1, 1, 1), generator=stream)
    images = images + drawn[0] - 0.5
    mean = images.mean((1, 2, 3), keepdim=True)
    return mean + (0.5 + drawn[1]) * (images - mean)


def of_other_hues(images: Tensor, stream: Draw) -> Tensor:
    """Images whose hues are turned about the grey axis; as they are, if they have no colours."""
    if images.shape[1] != 3:
        return images
    angles = math.pi * (0.2 + 1.6 * torch.rand(len(images), generator=stream))
    across = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]) * 3**-0.5
    sine, cosine = angles.sin()[:, None, None], angles.cos()[:, None, None]
    turns = cosine * torch.eye(3) + sine * across + (1 - cosine) * torch.full((3, 3), 1 / 3)
    return torch.einsum("nij,njhw->nihw", turns, images)


def recoloured(images: Tensor, stream: Draw) -> Tensor:
    """Images whose brightness and contrast, luma, hue and saturation change, each in half of them."""
    for change in (brightened, _flipped, of_other_hues, _saturated):
        chosen = torch.rand(len(images), generator=stream) < 0.5
        images = torch.where(chosen[:, None, None, None], change(images, stream), images)
    return images


def _flipped(images: Tensor, stream: Draw) -> Tensor:
    """Images with their brightness turned round, and their colours as they are."""
    return images - 2 * images.mean(1, keepdim=True)


def _saturated(images: Tensor, stream: Draw) -> Tensor:
    grey = images.mean(1, keepdim=True)
    return grey + 2 * torch.rand((len(images), 1, 1, 1), generator=stream) * (images - grey)


def _layout(images: Tensor) -> Tensor:
    """What lies where: grey images of 8 x 8 without their brightness and contrast; and how rough they are.

    A turn leaves the roughness as it is, so that samples that are noise lie off the way to turned reals.
    """
    grey = adaptive_avg_pool2d(images.mean(1, keepdim=True), SIDE)
    grey = grey - grey.mean((2, 3), keepdim=True)
    grey = grey / grey.flatten(1).norm(dim=1)[:, None, None, None].clamp_min(SMALLEST)
    down, across = grey.diff(dim=2).square().sum((1, 2, 3)), grey.diff(dim=3).square().sum((1, 2, 3))
    rough: Tensor = (down + across)[:, None].expand(-1, WEIGHT)
    return torch.cat([grey.flatten(1), rough], 1)


def _edges(images: Tensor) -> Tensor:
    """How far each of the four edges is from zero, over the whole image's distance, `(N, 4)`."""
    sizes = images.abs().mean(1)
    edges = [sizes[:, 0], sizes[:, -1], sizes[:, :, 0], sizes[:, :, -1]]
    return (torch.stack([edge.mean(1) for edge in edges], 1) / _size(sizes)).clamp(max=3)


def _holes(images: Tensor) -> Tensor:
    """The same of the square that is nearest to zero, of two sizes, `(N, 2)`."""
    sizes, side = images.abs().mean(1), min(images.shape[-2:])
    found = [avg_pool2d(sizes[:, None], edge, 1).flatten(1).amin(1) for edge in (side // 4, 3 * side // 8)]
    return torch.stack(found, 1) / _size(sizes)


def _size(sizes: Tensor) -> Tensor:
    return sizes.flatten(1).mean(1, keepdim=True).clamp_min(SMALLEST)


def _colours(images: Tensor) -> Tensor:
    """Mean and deviation of each channel, and the covariances of each two channels."""
    flat = images.flatten(2)
    mean = flat.mean(2)
    apart = flat - mean[..., None]
    covariances = apart @ apart.mT / flat.shape[2]
    first, second = torch.triu_indices(images.shape[1], images.shape[1], 1)
    return torch.cat([mean, flat.std(2), covariances[:, first, second]], 1)


class Operation(NamedTuple):
    """An operation of an augmentation, and numbers of an image in which it shows."""

    words: str  # What samples are that carry it
    apply: Callable[[Tensor, Draw], Tensor]
    features: Callable[[Tensor], Tensor]


OPERATIONS: Mapping[str, Operation] = {
    "rotation": Operation("turned", turned, _layout),
    "translation": Operation("moved, with an empty edge", shifted, _edges),
    "cutout": Operation("cut out", cut, _holes),
    "brightness": Operation("brighter or darker, or of another contrast", brightened, _colours),
    "hue": Operation("of other hues", of_other_hues, _colours),
    "colour": Operation("recoloured", recoloured, _colours),
}


OF_AUGMENTATIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "ada": {
        "blit": ("rotation",), "geometry": ("rotation",), "cutout": ("cutout",),
        "colour": ("brightness", "hue", "colour"),
    },
    "diffaugment": {
        "translation": ("translation",), "cutout": ("cutout",), "colour": ("brightness", "colour"),
    },
}  # fmt: skip
"""The operations of each augmentation, by the setting that has them on."""


def operations_of(augmentations: Mapping[str, Mapping[str, Any]]) -> set[str] | None:
    """The operations of a recipe's augmentations; `None` if there is one whose operations are not known.

    Example:
        >>> operations_of({"diffaugment": {"colour": False, "translation": 0.125, "cutout": 0.0}})
        {'translation'}
    """
    found: set[str] = set()
    for name, settings in augmentations.items():
        if name not in (*OF_AUGMENTATIONS, *HARMLESS):
            return None
        for setting, operations in OF_AUGMENTATIONS.get(name, {}).items():
            found |= set(operations) if settings.get(setting) else set()
    return found


HARMLESS = ("instance-noise", "label-flip", "packing")
"""Augmentations that leave what is seen in an image as it is."""


class Leak(NamedTuple):
    """How much of an operation the samples carry."""

    share: float  # 0: as plain reals; 1: as reals that all went through it
    error: float  # Its standard error
    explained: float  # How much of the samples' difference from plain reals it explains, from 0 to 1


class Direction:
    """The way from plain to augmented reals, in the features of one operation.

    The mean embedding of samples is projected on it, in the space of the energy distance: if a share of the
    samples went through the operation and the others are as the reals, that share is what it gives.

    Args:
        operation: The operation.
        real: Plain reals, `(N, C, H, W)`.

    Source: Gretton et al. 2012, "A kernel two-sample test", lemma 6, for mean embeddings; Sejdinovic et al.
        2013 for the energy distance as one of their distances; the projection is ours.
    """

    def __init__(self, operation: Operation, real: Tensor) -> None:
        self.operation = operation
        plain = operation.features(real)
        self._scale = plain.std(0).clamp_min(SMALLEST)
        made = operation.apply(real, torch.Generator().manual_seed(0))
        self.plain, self.augmented = plain / self._scale, operation.features(made) / self._scale
        self._within, self._within_augmented = (
            mean_distance(distances(rows, rows)) for rows in (self.plain, self.augmented)
        )
        across = float(distances(self.plain, self.augmented).mean())
        self.length = 2 * across - self._within - self._within_augmented

    @property
    def visible(self) -> bool:
        """Whether the operation changes these data at all, as no turn changes textures."""
        return self.length > SEEN * self._within

    def leak(self, fake: Tensor) -> Leak:
        """How much of the operation samples `(M, C, H, W)` carry."""
        rows = self.operation.features(fake) / self._scale
        to_plain, to_augmented = distances(rows, self.plain).mean(1), distances(rows, self.augmented).mean(1)
        offset = (self._within_augmented - self._within) / 2
        shares = (to_plain - to_augmented + offset) / self.length + 0.5
        share = float(shares.mean())
        apart = 2 * float(to_plain.mean()) - mean_distance(distances(rows, rows)) - self._within
        explained = share**2 * self.length / apart if apart > 0 else 0.0
        return Leak(share, float(shares.std()) / len(rows) ** 0.5, min(explained, 1.0))


def directions(real: Tensor) -> dict[str, Direction]:
    """The ways of those operations that these reals show, by name; none if they are no images."""
    images = images_of(real)
    if images is None:
        return {}
    found = {name: Direction(operation, images) for name, operation in OPERATIONS.items()}
    return {name: one for name, one in found.items() if one.visible}


def images_of(samples: Tensor) -> Tensor | None:
    """Samples as images on the CPU, `(N, C, H, W)`; `None` if they are none."""
    samples = channels_first(samples.detach())
    fits = samples.dim() == 4 and min(samples.shape[-2:]) >= SIDE
    return samples.to("cpu", torch.float32) if fits else None
