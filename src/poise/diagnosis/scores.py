"""Quantities from scores and other single numbers of samples: ranks, so that no loss and no scale matters."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from poise.diagnosis.inputs import channels_first


def first_non_finite(named: Iterable[tuple[str, Tensor]]) -> str | None:
    """The name of the first tensor that holds a value that is not finite; `None` if all are finite."""
    for name, tensor in named:
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            return name
    return None


def per_sample_scores(scores: Any) -> Tensor:
    """Scores of any shape as one number a sample: patches and several heads are averaged."""
    if isinstance(scores, Mapping):
        scores = list(scores.values())
    if isinstance(scores, list | tuple) and scores and not isinstance(scores[0], int | float):
        heads = [per_sample_scores(head) for head in scores]
        if len({len(head) for head in heads}) > 1:
            raise TypeError("heads that score different numbers of samples")
        return torch.stack(heads).mean(0)
    if isinstance(scores, int | float) or getattr(scores, "shape", None) == ():
        raise TypeError("one number for a whole batch; the score of each sample is wanted")
    if isinstance(scores, np.ndarray):
        scores = torch.as_tensor(scores)
    if not isinstance(scores, Tensor):
        raise TypeError(f"scores of type {type(scores).__name__}")
    if not scores.numel():
        raise TypeError(f"no scores, of shape {tuple(scores.shape)}")
    found: Tensor = scores.detach().float()
    return found.reshape(len(found), -1).mean(1)


def pairs_above(higher: Tensor, lower: Tensor) -> float:
    """The number of pairs in which one of `higher` lies above one of `lower`; ties count half."""
    order = lower.sort().values
    below = torch.searchsorted(order, higher.contiguous(), right=False)
    not_above = torch.searchsorted(order, higher.contiguous(), right=True)
    return float((below + not_above).double().sum() / 2)


def roc_auc(higher: Tensor, lower: Tensor) -> float | None:
    """The chance that one of `higher` scores above one of `lower`: the area under the ROC curve.

    Source: Hanley and McNeil 1982: the Mann-Whitney statistic over the number of pairs.
    """
    if not len(higher) or not len(lower) or bool(torch.isnan(higher).any() | torch.isnan(lower).any()):
        return None
    return pairs_above(higher, lower) / (len(higher) * len(lower))


def held_out_gap(training: Tensor, held_out: Tensor, fake: Tensor) -> float | None:
    """How far held-out reals have fallen from training reals towards fakes: 0 for not at all, 1 for wholly.

    Source: the gap of Brock et al. 2019 (BigGAN), section 4.2, in the units of Karras et al. 2020 (ADA),
        equation 1, `r_v`.
    """
    if min(len(training), len(held_out), len(fake)) == 0:
        return None
    top, middle, bottom = (float(side.float().median()) for side in (training, held_out, fake))
    way = top - bottom
    return (top - middle) / way if way > 1e-12 else None


# How well one statistic tells reals from fakes, 0.5 to 1, and by how many deviations they differ
Probe = tuple[float, float]


def simple_statistics(samples: Tensor) -> dict[str, Tensor]:
    """Statistics so simple that they tell nothing of what a sample shows, by name, `(N,)` each.

    Of images: least, greatest, mean and standard deviation of all values, the mean of the border, of the
    border against the inside, of the difference between neighbouring pixels, of that at every eighth column
    against the others (the grid that JPEG leaves), and the mean of each channel. Of vectors: the first
    coordinates, the least, the greatest and the norm.
    """
    samples = channels_first(samples.detach().float())
    flat = samples.reshape(len(samples), -1)
    found = {"least": flat.amin(1), "greatest": flat.amax(1)}
    if samples.dim() != 4:
        found["norm"] = flat.norm(dim=1)
        return found | {f"coordinate {index}": flat[:, index] for index in range(min(8, flat.shape[1]))}
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
            f"channel {index}": channel.flatten(1).mean(1) for index, channel in enumerate(samples.unbind(1))
        }
    return found


def probes(real: Tensor, fake: Tensor, *, known: Mapping[str, Tensor] | None = None) -> dict[str, Probe]:
    """How well each simple statistic alone tells reals, whose statistics may be known, from fakes."""
    of_real, of_fake = simple_statistics(real) if known is None else known, simple_statistics(fake)
    # If reals are all alike in something, a hair's breadth is many deviations: it must be visible.
    least = max(0.1 * float(real.float().std()), 1e-6)
    found: dict[str, Probe] = {}
    for name, values in of_real.items():
        others = of_fake[name]
        area = roc_auc(values.cpu(), others.cpu())
        if area is None:
            continue
        deviation = math.sqrt((float(values.var()) + float(others.var())) / 2)
        apart = abs(float(values.mean()) - float(others.mean()))
        found[name] = (max(area, 1 - area), min(apart / max(deviation, least), 1e4))
    return found
