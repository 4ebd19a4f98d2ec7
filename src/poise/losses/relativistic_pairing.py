"""The relativistic pairing loss: each fake is judged beside a real."""

from torch import Tensor
from torch.nn.functional import softplus

from poise.losses.loss import Loss, per_sample


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
)
