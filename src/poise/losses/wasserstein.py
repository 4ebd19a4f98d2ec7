"""The Wasserstein loss: the discriminator, a critic, estimates the earth mover's distance."""

from torch import Tensor

from poise.losses.loss import Loss, per_sample


def wasserstein_discriminator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Minus the estimate of the distance, `fake - real`.

    Means what it says only for a critic that is Lipschitz: use weight clipping or a gradient penalty.

    Args:
        real_scores: Raw scores of reals, `(N, ...)`.
        fake_scores: Raw scores of fakes, `(N, ...)`.

    Returns:
        The cost of each sample in the units of the score, `(N,)`.

    Example:
        >>> import torch
        >>> wasserstein_discriminator(torch.tensor([3.0]), torch.tensor([1.0]))
        tensor([-2.])

    Source: Arjovsky et al. 2017, equation 3 and algorithm 1.
    """
    return per_sample(fake_scores) - per_sample(real_scores)


def wasserstein_generator(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Minus the critic's score of fakes.

    Args:
        real_scores: Raw scores of reals; not used.
        fake_scores: Raw scores of fakes, `(N, ...)`.

    Returns:
        The cost of each sample in the units of the score, `(N,)`.

    Example:
        >>> import torch
        >>> wasserstein_generator(torch.tensor([3.0]), torch.tensor([1.0]))
        tensor([-1.])

    Source: Arjovsky et al. 2017, algorithm 1.
    """
    return -per_sample(fake_scores)


WASSERSTEIN = Loss(
    name="wasserstein",
    discriminator=wasserstein_discriminator,
    generator=wasserstein_generator,
    summary="The earth mover's distance by a Lipschitz critic; its loss falls as samples improve.",
    source="Arjovsky et al. 2017, algorithm 1",
    boundary=None,
)
