"""The hinge loss: the discriminator stops caring for what it classes right by a margin."""

from torch import Tensor
from torch.nn.functional import relu

from poise.losses.loss import Loss, per_sample
from poise.losses.wasserstein import wasserstein_generator


def hinge_discriminator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """How far reals fall short of 1 and fakes exceed -1.

    Args:
        real_scores: Raw scores of reals, `(N, ...)`.
        fake_scores: Raw scores of fakes, `(N, ...)`.

    Returns:
        The cost of each sample, `(N,)`.

    Example:
        >>> import torch
        >>> hinge_discriminator(torch.tensor([0.5]), torch.tensor([0.0]))
        tensor([1.5000])

    Source: Lim and Ye 2017; Miyato et al. 2018, equation 16.
    """
    return per_sample(relu(1 - real_scores)) + per_sample(relu(1 + fake_scores))


HINGE = Loss(
    name="hinge",
    discriminator=hinge_discriminator,
    generator=wasserstein_generator,
    summary="A margin for the discriminator and a plain score for the generator; made for spectral norm.",
    source="Miyato et al. 2018, equations 16 and 17",
)
