"""Statistics so simple that no discriminator needs to see what a sample shows to use them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from poise.diagnosis.signals.scores import ranked_apart

Probe = tuple[float, float]
"""How well one statistic tells reals from fakes, 0.5 to 1, and by how many deviations they differ."""


def simple_statistics(samples: Tensor) -> dict[str, Tensor]:
    """Numbers of each sample by name, `(N,)` each.

    Of images: least, greatest, mean and standard deviation of all values, the mean of the border, of the
    border against the inside, of the difference between neighbouring pixels, of that at every eighth column
    against the others (the grid that JPEG leaves), and the mean of each channel. Of vectors: the first
    coordinates, the least, the greatest and the norm.

    Args:
        samples: `(N, ...)`.
    """
    samples = samples.detach().float()
    flat = samples.reshape(len(samples), -1)
    found = {"least": flat.amin(1), "greatest": flat.amax(1)}
    if samples.dim() != 4:
        found["norm"] = flat.norm(dim=1)
        return found | {f"coordinate {place}": flat[:, place] for place in range(min(8, flat.shape[1]))}
    found |= {"mean": flat.mean(1), "deviation": flat.std(1)}
    height, width = samples.shape[-2:]
    if min(height, width) >= 4:
        edge = torch.ones(height, width, dtype=torch.bool)
        edge[1:-1, 1:-1] = False
        found["border"] = samples[..., edge].flatten(1).mean(1)
        found["border against inside"] = found["border"] - samples[..., ~edge].flatten(1).mean(1)
        steps = (samples[..., 1:] - samples[..., :-1]).abs().mean((1, 2))
        found["roughness"] = steps.mean(1)
        if width >= 16:
            at_grid = torch.arange(1, width) % 8 == 0
            found["grid"] = steps[:, at_grid].mean(1) - steps[:, ~at_grid].mean(1)
    if samples.shape[1] > 1:
        found |= {
            f"channel {place}": channel.flatten(1).mean(1) for place, channel in enumerate(samples.unbind(1))
        }
    return found


def probes(real: Tensor, fake: Tensor) -> dict[str, Probe]:
    """How well each simple statistic alone tells reals from fakes.

    Args:
        real: `(N, ...)`.
        fake: `(M, ...)` of the same shape.

    Returns:
        By the statistic's name: the area under the ROC curve, from 0.5 to 1 whichever side is higher, and
        the difference of the means over the deviation of the reals and the fakes, which counts as a tenth of
        the deviation of all values at least.
    """
    of_real, of_fake = simple_statistics(real), simple_statistics(fake)
    # Where reals are all alike in something, a hair's breadth is many deviations: it must be visible.
    least = max(0.1 * float(real.float().std()), 1e-6)
    found: dict[str, Probe] = {}
    for name, values in of_real.items():
        others = of_fake[name]
        area = ranked_apart(values.cpu(), others.cpu())
        if area is None:
            continue
        spread = math.sqrt((float(values.var()) + float(others.var())) / 2)
        apart = abs(float(values.mean()) - float(others.mean()))
        found[name] = (max(area, 1 - area), min(apart / max(spread, least), 1e4))
    return found
