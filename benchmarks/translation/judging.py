"""What a colouring is judged by: held-out pairs, and colourings that learn no more than a colour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from poise.data import Dataset
from poise.metrics.features import random_convolutions
from poise.metrics.frechet import distance_of
from poise.metrics.translation_errors import peak_signal_to_noise, structural_similarity

NEAREST = 25
"""Of 1 to 25 this many neighbours did best."""


@dataclass(frozen=True)
class Judge:
    """Held-out pairs and what is measured on them.

    Attributes:
        line: Sources, `(N, 3, H, W)` in [-1, 1].
        colour: Targets, `(N, 3, H, W)` in [-1, 1].
        features: Of targets, `(N, d)`.
        floor: The Fréchet distance of as many training targets.
        known: Which sources are, pixel for pixel, among those trained on, `(N,)`.
    """

    line: Tensor
    colour: Tensor
    features: Tensor
    floor: float
    known: Tensor

    def __call__(self, made: Tensor) -> dict[str, float]:
        """Every measure of colourings `(N, 3, H, W)`."""
        errors = (made - self.colour).abs().flatten(1).mean(1).double().numpy()
        stream = np.random.default_rng(0)
        means = [stream.choice(errors, len(errors)).mean() for _ in range(1_000)]
        low, high = np.quantile(means, (0.025, 0.975))
        features, known = random_convolutions(3)(made).double(), self.known.numpy()
        return {
            "l1": float(errors.mean()),
            "l1_known": float(errors[known].mean()) if known.any() else 0.0,
            "l1_new": float(errors[~known].mean()) if not known.all() else 0.0,
            "low": float(low),
            "high": float(high),
            "psnr": float(peak_signal_to_noise(made, self.colour).mean()),
            "ssim": float(structural_similarity(made, self.colour).mean()),
            "frechet": distance_of(self.features, features),
        }


def part_of(judge: Judge, rows: slice) -> Judge:
    """The judge of some of the pairs."""
    return Judge(judge.line[rows], judge.colour[rows], judge.features[rows], judge.floor, judge.known[rows])


def images_of(source: Dataset) -> tuple[Tensor, Tensor]:
    """All sources and targets in the networks' space, sources in three channels."""
    condition, rows = source.condition, np.arange(len(source))
    assert condition is not None
    line = condition.encode(condition.gather(rows)).expand(-1, 3, -1, -1)
    colour = source.transform.encode(source.gather(rows)).expand(-1, 3, -1, -1)
    return line, colour


def judged_on(source: Dataset) -> Judge:
    """The judge of a source's held-out pairs."""
    assert source.held_out is not None
    line, colour = images_of(source.held_out)
    extractor = random_convolutions(3)
    features = extractor(colour).double()
    floor = distance_of(features, extractor(images_of(source)[1][: len(line)]).double())
    return Judge(line, colour, features, floor, known_outlines(source, line))


def enclosed(line: Tensor) -> Tensor:
    """Which pixels are lighter than mid-grey and not joined to the border by such pixels, `(N, 1, H, W)`."""
    masks = []
    for image in line[:, 0].numpy():
        light = image > 0
        areas, _ = ndimage.label(light)
        border = np.unique(np.concatenate([areas[0], areas[-1], areas[:, 0], areas[:, -1]]))
        masks.append(light & ~np.isin(areas, border))
    return torch.from_numpy(np.stack(masks))[:, None]


def constant_colourings(source: Dataset, line: Tensor) -> dict[str, Tensor]:
    """Line art with a single colour, learnt from training targets, in several readings of "filled".

    Enclosed areas in the mean and in the median of the colours that targets have there; all that is lighter
    than mid-grey in the mean of what targets have there; and nothing but one colour.
    """
    known_line, known_colour = images_of(source)
    colours = known_colour.permute(0, 2, 3, 1)
    inside, light = colours[enclosed(known_line)[:, 0]], colours[known_line[:, 0] > 0]
    return {
        "line art as it is": line,
        "enclosed areas in the mean colour": filled(enclosed(line), inside.mean(0), line),
        "enclosed areas in the median colour": filled(enclosed(line), inside.median(0).values, line),
        "all but the lines in the mean colour": filled(line[:, :1] > 0, light.mean(0), line),
        "the mean colour everywhere": filled(
            torch.ones_like(line[:, :1], dtype=torch.bool), colours.flatten(0, 2).mean(0), line
        ),
    }


def filled(where: Tensor, colour: Tensor, line: Tensor) -> Tensor:
    """Line art with one colour in some places."""
    return torch.where(where, colour[None, :, None, None], line)


def references(source: Dataset, judge: Judge) -> dict[str, Tensor]:
    """Two colourings that are no peers but bounds: one that looks pairs up, one that looks at the target.

    The first gives enclosed areas the median of the colours that the 25 nearest training line arts have
    there; the second that of the held-out target's own colours, the best that one colour an image can do.
    """
    known_line, known_colour = images_of(source)
    apart = torch.cdist(judge.line[:, 0].flatten(1), known_line[:, 0].flatten(1))
    nearest = apart.topk(min(NEAREST, len(known_line)), largest=False).indices
    inside = enclosed(judge.line)
    looked_up = torch.stack([known_colour[rows].median(0).values for rows in nearest])
    own = judge.line.clone()
    for image, place, target in zip(own, inside[:, 0], judge.colour, strict=True):
        if place.any():
            image[:, place] = target[:, place].median(1, keepdim=True).values
    return {
        f"enclosed areas as in the {NEAREST} nearest line arts": torch.where(inside, looked_up, judge.line),
        "enclosed areas in the image's own median colour (knows the target)": own,
    }


def known_outlines(source: Dataset, line: Tensor) -> Tensor:
    """Which held-out line arts are, pixel for pixel, among those trained on, `(N,)`."""
    known = {image.tobytes() for image in images_of(source)[0][:, 0].numpy()}
    return torch.tensor([image.tobytes() in known for image in line[:, 0].numpy()])
