"""Drift: the critic's scores of reals are held near 0, from which a Wasserstein loss lets them wander."""

from __future__ import annotations

from torch import Tensor

from poise.regularisers.regulariser import Regulariser, SeenByRegularisers


def drift(view: SeenByRegularisers) -> Tensor:
    """The square of each real's score; the mean over places if it has several.

    Args:
        view: With the scores of reals.

    Returns:
        `(N,)`.

    Example:
        >>> import torch
        >>> from types import SimpleNamespace
        >>> drift(SimpleNamespace(real_scores=torch.tensor([2.0, -3.0])))
        tensor([4., 9.])

    Source: Karras et al. 2018 (Progressive growing), appendix A.1.
    """
    return view.real_scores.reshape(len(view.real_scores), -1).square().mean(1)


DRIFT = Regulariser(
    name="drift",
    player="discriminator",
    value=drift,
    weight=1e-3,
    summary="The squared scores of reals, so that those of a Wasserstein critic do not wander off.",
    source="Karras et al. 2018 (Progressive growing), appendix A.1",
)
