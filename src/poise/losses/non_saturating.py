"""The non-saturating loss: the generator wants its fakes called real."""

from torch import Tensor
from torch.nn.functional import softplus

from poise.losses.loss import Loss, per_sample
from poise.losses.minimax import minimax_discriminator


def non_saturating_generator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
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
)
