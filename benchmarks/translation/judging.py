"""What a colouring is judged by: held-out pairs, and colourings that learn no more than a colour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from poise.data import Source
from poise.metrics.features import random_convolutions
from poise.metrics.frechet import distance_of
from poise.metrics.image_errors import peak_signal_to_noise, structural_similarity


@dataclass(frozen=True)
class Judge:
    """Held-out pairs and what is measured on them.

    Attributes:
        line: Sources, `(N, 3, H, W)` in [-1, 1].
        colour: Targets, `(N, 3, H, W)` in [-1, 1].
        features: Of targets, `(N, d)`.
        floor: The Fréchet distance of as many training targets.
    """

    line: Tensor
    colour: Tensor
    features: Tensor
    floor: float

    def __call__(self, made: Tensor) -> dict[str, float]:
        """Every measure of colourings `(N, 3, H, W)`."""
        errors = (made - self.colour).abs().flatten(1).mean(1).double().numpy()
        stream = np.random.default_rng(0)
        means = [stream.choice(errors, len(errors)).mean() for _ in range(1_000)]
        low, high = np.quantile(means, (0.025, 0.975))
        features = random_convolutions(3)(made).double()
        return {
            "l1": float(errors.mean()),
            "low": float(low),
            "high": float(high),
            "psnr": peak_signal_to_noise(made, self.colour),
            "ssim": structural_similarity(made, self.colour),
            "frechet": distance_of(self.features, features),
        }


def images_of(source: Source) -> tuple[Tensor, Tensor]:
    """All sources and targets in the networks' space, sources in three channels."""
    condition, rows = source.condition, np.arange(len(source))
    assert condition is not None
    line = condition.encode(condition.gather(rows)).expand(-1, 3, -1, -1)
    colour = source.encoding.encode(source.gather(rows)).expand(-1, 3, -1, -1)
    return line, colour


def judged_on(source: Source) -> Judge:
    """The judge of a source's held-out pairs."""
    assert source.held_out is not None
    line, colour = images_of(source.held_out)
    extractor = random_convolutions(3)
    features = extractor(colour).double()
    return Judge(
        line, colour, features, distance_of(features, extractor(images_of(source)[1][: len(line)]).double())
    )


def enclosed(line: Tensor) -> Tensor:
    """Which pixels are lighter than mid-grey and not joined to the border by such pixels, `(N, 1, H, W)`."""
    masks = []
    for image in line[:, 0].numpy():
        light = image > 0
        areas, _ = ndimage.label(light)
        border = np.unique(np.concatenate([areas[0], areas[-1], areas[:, 0], areas[:, -1]]))
        masks.append(light & ~np.isin(areas, border))
    return torch.from_numpy(np.stack(masks))[:, None]


def constant_colourings(source: Source, line: Tensor) -> dict[str, Tensor]:
    """Line art as it is, and with enclosed areas in the mean and the median colour of training targets."""
    known_line, known_colour = images_of(source)
    inside = known_colour.permute(0, 2, 3, 1)[enclosed(known_line)[:, 0]]
    colours = {"mean": inside.mean(0), "median": inside.median(0).values}
    found = {"line art as it is": line}
    for name, colour in colours.items():
        found[f"enclosed areas in the {name} colour"] = torch.where(
            enclosed(line), colour[None, :, None, None], line
        )
    return found
