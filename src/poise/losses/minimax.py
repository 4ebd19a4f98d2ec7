"""The minimax loss: both players play for the same number."""

from typing import Annotated

from pydantic import Field
from torch import Tensor
from torch.nn.functional import softplus

from poise.losses.loss import Loss, per_sample


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


def minimax_generator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
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
)
