"""What the ranks of scores tell; no loss, and no scale of the scores, matters to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor


def per_sample_scores(scores: Any) -> Tensor:
    """Scores of any shape as one number a sample: patches and several heads are averaged.

    Args:
        scores: `(N,)`, `(N, 1)`, patches `(N, 1, h, w)`, or several heads of those in a tuple, a list or a
            mapping.

    Returns:
        `(N,)` float32, detached, where the scores are.

    Raises:
        TypeError: It is none of these; a single number for a whole batch, too, since means of batches are
            told apart where samples are not.

    Example:
        >>> per_sample_scores((torch.ones(2, 1), torch.zeros(2, 1, 4, 4)))
        tensor([0.5000, 0.5000])
    """
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


def ranked_apart(higher: Tensor, lower: Tensor) -> float | None:
    """The chance that one of `higher` scores above one of `lower`: the area under the ROC curve.

    Ties count half; 1 where the two are told apart wholly, 0.5 where they are not.

    Args:
        higher: `(n,)`.
        lower: `(m,)`.

    Returns:
        From 0 to 1; `None` where a side is empty or holds a NaN.

    Example:
        >>> ranked_apart(torch.tensor([3.0, 4.0]), torch.tensor([1.0, 2.0]))
        1.0

    Source: Hanley and McNeil 1982: the Mann-Whitney statistic over the number of pairs.
    """
    if not len(higher) or not len(lower) or bool(torch.isnan(higher).any() | torch.isnan(lower).any()):
        return None
    lower = lower.sort().values
    below = torch.searchsorted(lower, higher.contiguous(), right=False)
    not_above = torch.searchsorted(lower, higher.contiguous(), right=True)
    return float((below + not_above).double().mean() / (2 * len(lower)))


def held_out_gap(training: Tensor, held_out: Tensor, fake: Tensor) -> float | None:
    """How far held-out reals have fallen from training reals towards fakes: 0 for not at all, 1 for wholly.

    Medians, so that a few wild scores do not speak for all.

    Args:
        training: Scores of reals that are trained on.
        held_out: Scores of reals that are not.
        fake: Scores of fakes.

    Returns:
        The share of the way; `None` where fakes do not score below training reals.

    Source: the gap of Brock et al. 2019 (BigGAN), section 4.2, in the units of Karras et al. 2020 (ADA),
        equation 1, `r_v`.
    """
    if min(len(training), len(held_out), len(fake)) == 0:
        return None
    top, middle, bottom = (float(side.float().median()) for side in (training, held_out, fake))
    way = top - bottom
    return (top - middle) / way if way > 1e-12 else None
