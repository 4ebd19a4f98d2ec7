"""Losses that judge each score by itself: minimax, non-saturating, least squares, hinge."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor
from torch.nn.functional import relu, softplus

from poise.losses.loss import Loss, as_logits, per_sample
from poise.losses.wasserstein import wasserstein_generator


def minimax_discriminator(
    real_scores: Tensor, fake_scores: Tensor, *, smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
) -> Tensor:
    """Cross-entropy of telling reals from fakes, `softplus(-real) + softplus(fake)`.

    Its least value over all discriminators is log 4 minus twice the Jensen-Shannon divergence.

    Args:
        real_scores: Raw scores of reals, `(N, ...)`.
        fake_scores: Raw scores of fakes, `(N, ...)`.
        smoothing: How far the target of reals lies below 1 (one-sided label smoothing, Salimans et al. 2016,
            section 3.4); fakes keep the target 0.

    Returns:
        The cost of each sample in nats, `(N,)`.

    Example:
        >>> import torch
        >>> minimax_discriminator(torch.zeros(1), torch.zeros(1))
        tensor([1.3863])

    Source: Goodfellow et al. 2014, equation 1.
    """
    return per_sample(softplus(-real_scores) + smoothing * real_scores) + per_sample(softplus(fake_scores))


def minimax_generator(real_scores: Tensor | None, fake_scores: Tensor) -> Tensor:
    """What the generator can change of the discriminator's gain, `-softplus(fake)`.

    Saturates: its gradient vanishes where the discriminator is sure of a fake.

    Args:
        real_scores: Raw scores of reals; not used.
        fake_scores: Raw scores of fakes, `(N, ...)`.

    Returns:
        The cost of each sample in nats, `(N,)`.

    Example:
        >>> import torch
        >>> minimax_generator(torch.zeros(1), torch.zeros(1))
        tensor([-0.6931])

    Source: Goodfellow et al. 2014, equation 1.
    """
    return per_sample(-softplus(fake_scores))


MINIMAX = Loss(
    name="minimax",
    discriminator=minimax_discriminator,
    generator=minimax_generator,
    summary="The original zero-sum game; the generator's gradient vanishes when the discriminator wins.",
    source="Goodfellow et al. 2014, equation 1",
    log_ratio=as_logits,
)


def non_saturating_generator(real_scores: Tensor | None, fake_scores: Tensor) -> Tensor:
    """Cross-entropy of calling fakes real, `softplus(-fake)`; its gradient is strongest on bad fakes.

    Args:
        real_scores: Raw scores of reals; not used.
        fake_scores: Raw scores of fakes, `(N, ...)`.

    Returns:
        The cost of each sample in nats, `(N,)`.

    Example:
        >>> import torch
        >>> non_saturating_generator(torch.zeros(1), torch.zeros(1))
        tensor([0.6931])

    Source: Goodfellow et al. 2014, section 3, last paragraph.
    """
    return per_sample(softplus(-fake_scores))


NON_SATURATING = Loss(
    name="non-saturating",
    discriminator=minimax_discriminator,
    generator=non_saturating_generator,
    summary="Minimax for the discriminator; for the generator a gradient that does not vanish. The default.",
    source="Goodfellow et al. 2014, section 3",
    log_ratio=as_logits,
)


def least_squares_discriminator(
    real_scores: Tensor, fake_scores: Tensor, *, smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
) -> Tensor:
    """Half the squared distance of reals to 1 and of fakes to 0.

    Args:
        real_scores: Raw scores of reals, `(N, ...)`.
        fake_scores: Raw scores of fakes, `(N, ...)`.
        smoothing: How far the target of reals lies below 1.

    Returns:
        The cost of each sample, `(N,)`.

    Example:
        >>> import torch
        >>> least_squares_discriminator(torch.tensor([0.0]), torch.tensor([2.0]))
        tensor([2.5000])

    Source: Mao et al. 2016, equation 9.
    """
    target = 1.0 - smoothing
    return per_sample((real_scores - target).square() / 2) + per_sample(fake_scores.square() / 2)


def least_squares_generator(real_scores: Tensor | None, fake_scores: Tensor) -> Tensor:
    """Half the squared distance of fakes to 1.

    Args:
        real_scores: Raw scores of reals; not used.
        fake_scores: Raw scores of fakes, `(N, ...)`.

    Returns:
        The cost of each sample, `(N,)`.

    Example:
        >>> import torch
        >>> least_squares_generator(torch.tensor([0.0]), torch.tensor([3.0]))
        tensor([2.])

    Source: Mao et al. 2016, equation 9.
    """
    return per_sample((fake_scores - 1).square() / 2)


NEAR_CERTAIN = 1e-3
"""How near to 0 and 1 a score is taken for a probability; beyond, its log odds would be infinite."""


def log_odds(scores: Tensor) -> Tensor:
    """The log ratio of a discriminator whose scores are probabilities.

    Source: Mao et al. 2016, equation 6, with the targets 1 and 0.
    """
    return scores.clamp(NEAR_CERTAIN, 1 - NEAR_CERTAIN).logit()


LEAST_SQUARES = Loss(
    name="least-squares",
    discriminator=least_squares_discriminator,
    generator=least_squares_generator,
    summary="Regression of scores to 1 and 0; the gradient grows with the distance.",
    source="Mao et al. 2016, equation 9",
    boundary=0.5,
    log_ratio=log_odds,
)


def hinge_discriminator(
    real_scores: Tensor,
    fake_scores: Tensor,
    *,
    least_margin: Annotated[float, Field(ge=0, le=1)] = 1.0,
) -> Tensor:
    """How far reals fall short of 1 and fakes exceed -1.

    With a `least_margin` below 1 the margin of each score is uniform between that and 1. The mean over such
    margins is taken in closed form: a hinge with a parabola in place of its corner.

    Args:
        real_scores: Raw scores of reals, `(N, ...)`.
        fake_scores: Raw scores of fakes, `(N, ...)`.
        least_margin: The least margin; 1 for one margin.

    Returns:
        The cost of each sample, `(N,)`.

    Example:
        >>> import torch
        >>> hinge_discriminator(torch.tensor([0.5]), torch.tensor([0.0]))
        tensor([1.5000])

    Source: Lim and Ye 2017; Miyato et al. 2018, equation 16; for margins from 0.8 to 1, the code of Liu et
    al. 2021 (FastGAN).
    """
    return per_sample(_shortfall(real_scores, least_margin)) + per_sample(
        _shortfall(-fake_scores, least_margin)
    )


def _shortfall(scores: Tensor, least: float) -> Tensor:
    """How far scores fall short of a margin, in the mean over margins that are uniform in [least, 1]."""
    if least == 1:
        return relu(1 - scores)
    spread, short = 1 - least, (1 - scores).clamp(min=0)
    return short.clamp(max=spread).square() / (2 * spread) + relu(short - spread)


HINGE = Loss(
    name="hinge",
    discriminator=hinge_discriminator,
    generator=wasserstein_generator,
    summary="A margin for the discriminator and a plain score for the generator; made for spectral norm.",
    source="Miyato et al. 2018, equations 16 and 17",
)
