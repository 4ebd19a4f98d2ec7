"""The least-squares loss: scores are regressed to 1 for real and 0 for fake."""

from typing import Annotated

from pydantic import Field
from torch import Tensor

from poise.losses.loss import Loss, per_sample


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


def least_squares_generator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
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


LEAST_SQUARES = Loss(
    name="least-squares",
    discriminator=least_squares_discriminator,
    generator=least_squares_generator,
    summary="Regression of scores to 1 and 0; the gradient grows with the distance.",
    source="Mao et al. 2016, equation 9",
    boundary=0.5,
)
