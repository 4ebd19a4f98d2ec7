"""From the scores of a classifier to log density ratios: Platt's two numbers, or smoothed isotonic steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from poise.errors import unknown_name

Calibration = Callable[[Tensor], Tensor]
"""Scores `(N,)` to log ratios `(N,)`; it can be differentiated."""


@dataclass(frozen=True)
class Platt:
    """A straight line from scores to log ratios.

    Attributes:
        slope: Of a score; below 1 if the scores are too sure of themselves. 0 if they tell nothing.
        offset: What is added.
    """

    slope: float
    offset: float

    def __call__(self, scores: Tensor) -> Tensor:
        """Log ratios of scores."""
        return scores * self.slope + self.offset


@dataclass(frozen=True, eq=False)
class Steps:
    """Log ratios that rise with the score, between knots by straight lines and beyond them constant."""

    scores: Tensor  # Of the knots, ascending
    log_ratios: Tensor  # Of the knots, ascending

    def __call__(self, scores: Tensor) -> Tensor:
        """Log ratios of scores."""
        knots, values = self.scores.to(scores), self.log_ratios.to(scores)
        if len(knots) == 1:
            return scores * 0 + values
        inside = scores.clamp(knots[0], knots[-1])
        right = torch.searchsorted(knots, inside.detach().contiguous()).clamp(1, len(knots) - 1)
        share = (inside - knots[right - 1]) / (knots[right] - knots[right - 1])
        return torch.lerp(values[right - 1], values[right], share)


def platt(p_scores: Tensor, q_scores: Tensor) -> Platt:
    """The line under which both sides are most likely, each side counted as one half.

    Its targets lie a little within 0 and 1, so that it exists if the scores separate the sides, too. If the
    scores of `q` are the higher ones, the ratio is 1 everywhere.

    Args:
        p_scores: Scores of samples of `p`, `(N,)`, that the classifier was not trained on.
        q_scores: Scores of samples of `q`, `(M,)`.

    Example:
        >>> stream = torch.Generator().manual_seed(0)
        >>> p, q = (torch.randn(4000, generator=stream) + shift for shift in (1.0, 0.0))
        >>> sure = platt(3 * (p - 0.5), 3 * (q - 0.5))  # three times the log ratio
        >>> round(1 / sure.slope, 1)
        3.0

    Source: Platt 1999, section 2.2; Lin et al. 2007 for the targets.
    """
    scores = torch.cat([p_scores, q_scores]).double()
    middle, spread = scores.mean(), scores.std()
    if not float(spread) > 0:
        return Platt(0.0, 0.0)
    standard = (scores - middle) / spread
    n, m = len(p_scores), len(q_scores)
    target = torch.cat([torch.full((n,), (n + 1) / (n + 2)), torch.full((m,), 1 / (m + 2))]).to(scores)
    weight = torch.cat([torch.full((n,), 0.5 / n), torch.full((m,), 0.5 / m)]).to(scores)
    line = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [line], max_iter=200, tolerance_grad=1e-10, tolerance_change=1e-14, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimiser.zero_grad()
        logits = standard * line[0] + line[1]
        value = (weight * (softplus(logits) - target * logits)).sum()
        value.backward()
        return value

    with torch.enable_grad():
        optimiser.step(loss)
    slope, offset = (float(one) for one in line.detach())
    if slope <= 0:
        return Platt(0.0, 0.0)
    return Platt(slope / float(spread), offset - slope * float(middle / spread))


def isotonic(p_scores: Tensor, q_scores: Tensor) -> Steps:
    """Steps that rise with the score, smoothed: a step of k samples of `p` among n counts (k + 1) / (n + 2).

    Without that, the highest step holds samples of `p` alone and its ratio is infinite.

    Args:
        p_scores: Scores of samples of `p`, `(N,)`, that the classifier was not trained on.
        q_scores: Scores of samples of `q`, `(M,)`.

    Source: Zadrozny and Elkan 2002, section 3; Laplace's rule of succession for the smoothing.
    """
    from sklearn.isotonic import isotonic_regression  # noqa: PLC0415 - a generator is sampled without it

    scores = torch.cat([p_scores, q_scores]).double().cpu()
    labels = torch.cat([torch.ones(len(p_scores)), torch.zeros(len(q_scores))]).double()
    values, places, counts = scores.unique(return_inverse=True, return_counts=True)
    of_p = torch.zeros(len(values), dtype=torch.float64).index_add_(0, places, labels)
    share = torch.from_numpy(isotonic_regression((of_p / counts).numpy(), sample_weight=counts.numpy()))
    _, step, sizes = share.unique_consecutive(return_inverse=True, return_counts=True)

    def summed(each: Tensor) -> Tensor:
        return torch.zeros(len(sizes), dtype=torch.float64).index_add_(0, step, each.double())

    number, of_p = summed(counts), summed(of_p)
    odds = ((of_p + 1) / (number - of_p + 1)).log() - torch.tensor(len(p_scores) / len(q_scores)).log()
    # Smoothing may put a small step above a larger one that follows.
    log_ratios = torch.from_numpy(isotonic_regression(odds.numpy(), sample_weight=number.numpy()))
    return Steps(summed(values * counts) / number, log_ratios)


CALIBRATIONS: dict[str, Callable[[Tensor, Tensor], Calibration]] = {"platt": platt, "isotonic": isotonic}


def calibrated(p_scores: Tensor, q_scores: Tensor, how: str | None) -> Calibration:
    """The calibration of that name; `None` takes scores for log ratios as they are.

    Raises:
        PoiseError: There is none of that name.
    """
    if how is None:
        return Platt(1.0, 0.0)
    if how not in CALIBRATIONS:
        raise unknown_name("calibration", how, CALIBRATIONS)
    return CALIBRATIONS[how](p_scores, q_scores)
