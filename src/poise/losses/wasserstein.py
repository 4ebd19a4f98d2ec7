"""Losses that are differences of scores: Wasserstein, and BEGAN, which balances two of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import Tensor

from poise.losses.loss import Loss, State, per_sample


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


def wasserstein_generator(real_scores: Tensor | None, fake_scores: Tensor) -> Tensor:
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


def began_discriminator(real_scores: Tensor, fake_scores: Tensor, *, balance: Tensor) -> Tensor:
    """The error on reals minus `balance` times the error on fakes; a score is minus the error.

    Args:
        real_scores: Minus the autoencoder's error on reals, `(N, ...)`.
        fake_scores: Minus the error on fakes, `(N, ...)`.
        balance: k of the paper, a scalar in [0, 1].

    Returns:
        The cost of each sample in the units of the error, `(N,)`.

    Example:
        >>> import torch
        >>> began_discriminator(torch.tensor([-0.5]), torch.tensor([-2.0]), balance=torch.tensor(0.1))
        tensor([0.3000])

    Source: Berthelot et al. 2017, section 3.4.
    """
    return balance * per_sample(fake_scores) - per_sample(real_scores)


def began_update(
    state: State,
    real_scores: Tensor,
    fake_scores: Tensor,
    *,
    diversity: Annotated[float, Field(ge=0, le=1)] = 0.5,
    balance_rate: Annotated[float, Field(gt=0)] = 1e-3,
) -> State:
    """Move the balance towards an error on fakes that is `diversity` times that on reals.

    Args:
        state: `{"balance": k}`.
        real_scores: Minus the error on reals, `(N, ...)`.
        fake_scores: Minus the error on fakes, `(N, ...)`.
        diversity: Gamma of the paper: the wanted ratio of the errors.
        balance_rate: Lambda of the paper: how fast the balance moves.

    Returns:
        The new state; the balance stays within [0, 1].

    Example:
        >>> import torch
        >>> state = {"balance": torch.tensor(0.0)}
        >>> began_update(state, torch.tensor([-1.0]), torch.tensor([-0.1]), balance_rate=1.0)["balance"]
        tensor(0.4000)

    Source: Berthelot et al. 2017, section 3.4.
    """
    gap = fake_scores.mean() - diversity * real_scores.mean()
    return {"balance": (state["balance"] + balance_rate * gap).clamp(0, 1)}


BEGAN = Loss(
    name="began",
    discriminator=began_discriminator,
    generator=wasserstein_generator,
    summary="An autoencoder as discriminator and a controller that holds the balance of the two errors.",
    source="Berthelot et al. 2017, section 3.4",
    boundary=None,
    init={"balance": 0.0},
    update=began_update,
)
