"""Relativistic losses: each sample is judged beside samples of the other kind."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus

from poise.losses.loss import Loss, as_logits, per_sample


def relativistic_pairing_discriminator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Cross-entropy of calling the real of each pair the more real one, `softplus(fake - real)`.

    Args:
        real_scores: Raw scores of reals, `(N, ...)`.
        fake_scores: Raw scores of as many fakes, `(N, ...)`.

    Returns:
        The cost of each pair in nats, `(N,)`.

    Example:
        >>> import torch
        >>> relativistic_pairing_discriminator(torch.tensor([2.0]), torch.tensor([2.0]))
        tensor([0.6931])

    Source: Jolicoeur-Martineau 2018, equation 3; Huang et al. 2024, equation 2.
    """
    return per_sample(softplus(fake_scores - real_scores))


def relativistic_pairing_generator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """The same with the roles exchanged, `softplus(real - fake)`.

    Args:
        real_scores: Raw scores of reals, `(N, ...)`.
        fake_scores: Raw scores of as many fakes, `(N, ...)`.

    Returns:
        The cost of each pair in nats, `(N,)`.

    Example:
        >>> import torch
        >>> relativistic_pairing_generator(torch.tensor([2.0]), torch.tensor([2.0]))
        tensor([0.6931])

    Source: Jolicoeur-Martineau 2018, equation 4; Huang et al. 2024, equation 2.
    """
    return per_sample(softplus(real_scores - fake_scores))


RELATIVISTIC_PAIRING = Loss(
    name="relativistic-pairing",
    discriminator=relativistic_pairing_discriminator,
    generator=relativistic_pairing_generator,
    summary="Judges each fake beside a real, which rules out dropped modes as minima; use it with R1 and R2.",
    source="Huang et al. 2024, equation 2",
    boundary=None,
    relativistic=True,
    log_ratio=as_logits,
)


def relativistic_average_discriminator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Cross-entropy of calling each real more real than the mean fake, and each fake less than the mean real.

    Args:
        real_scores: Raw scores of reals, `(N, ...)`.
        fake_scores: Raw scores of fakes, `(N, ...)`.

    Returns:
        The cost of each sample in nats, `(N,)`.

    Example:
        >>> import torch
        >>> relativistic_average_discriminator(torch.ones(2), torch.ones(2))
        tensor([1.3863, 1.3863])

    Source: Jolicoeur-Martineau 2018, equation 5.
    """
    beside_fakes = per_sample(softplus(fake_scores.mean(0) - real_scores))
    return beside_fakes + per_sample(softplus(fake_scores - real_scores.mean(0)))


def relativistic_average_generator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """The same with the roles exchanged.

    Args:
        real_scores: Raw scores of reals, `(N, ...)`.
        fake_scores: Raw scores of fakes, `(N, ...)`.

    Returns:
        The cost of each sample in nats, `(N,)`.

    Example:
        >>> import torch
        >>> relativistic_average_generator(torch.ones(2), torch.ones(2))
        tensor([1.3863, 1.3863])

    Source: Jolicoeur-Martineau 2018, equation 6.
    """
    return relativistic_average_discriminator(fake_scores, real_scores)


RELATIVISTIC_AVERAGE = Loss(
    name="relativistic-average",
    discriminator=relativistic_average_discriminator,
    generator=relativistic_average_generator,
    summary="Judges each sample beside the mean of the other kind.",
    source="Jolicoeur-Martineau 2018, equations 5 and 6",
    boundary=None,
    relativistic=True,
)
