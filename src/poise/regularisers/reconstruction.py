"""Reconstruction: the discriminator's features must suffice to make the real image again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from poise.regularisers.regulariser import Regulariser, SeenByRegularisers

Features = Callable[[Tensor], Tensor]


def reconstruction(
    view: SeenByRegularisers, *, extractor: Callable[[str, int], Features], features: str | None = None
) -> Tensor:
    """The error of what decoders make of a discriminator's features of reals: the whole twice, and a quarter.

    Reals are seen through the augmentations, and so are the decoders to make them.

    Args:
        view: The discriminator in it has `reconstructions(samples, down, right)`, pairs of what was made and
            of what it should be.
        extractor: From a name and a number of channels to features `(N, C, H, W) -> (N, d)`.
        features: The extractor whose features are compared, as `random-convolutions`; null for pixels.

    Returns:
        The sum of the mean squared errors of each sample, `(N,)`.

    Example:
        >>> from types import SimpleNamespace
        >>> pair = torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4)
        >>> network = SimpleNamespace(reconstructions=lambda samples, down, right: [pair, pair])
        >>> view = SimpleNamespace(networks={"discriminator": network}, real=pair[0])
        >>> view.augmented, view.randomness = lambda samples: samples, torch.Generator()
        >>> reconstruction(view, extractor=None)
        tensor([2., 2.])

    Source: Liu et al. 2021 (FastGAN), equation 2.
    """
    network: Any = view.networks["discriminator"]
    network = getattr(network, "module", network)  # itself, if its forward pass is in bfloat16
    seen = view.augmented(view.real)
    shape = len(seen), 1, 1, 1
    down, right = (torch.rand(shape, generator=view.randomness, device=seen.device) < 0.5 for _ in range(2))
    pairs = network.reconstructions(seen, down, right)
    if features is not None:
        compared = extractor(features, seen.shape[1])
        pairs = [(compared(made), compared(wanted)) for made, wanted in pairs]
    errors = [(made - wanted).square().flatten(1).mean(1) for made, wanted in pairs]
    return torch.stack(errors).sum(0)


RECONSTRUCTION = Regulariser(
    name="reconstruction",
    player="discriminator",
    value=reconstruction,
    weight=1.0,
    summary="Decoders make reals again from the discriminator's features, so that these see all of an image.",
    source="Liu et al. 2021 (FastGAN), equation 2",
    needs_parts=("decoders",),
)
