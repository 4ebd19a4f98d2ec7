"""Any discriminator with a condition, which enters as an inner product with its last features."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from poise.networks.head import split_head
from poise.networks.weights import with_spectral_norm


class ProjectionDiscriminator(nn.Module):
    """A discriminator that adds to its score the inner product of its features with a row for the condition.

    Args:
        network: From samples to scores `(N,)`, layers in a row of which the last that has weights is linear
            in its features: a linear layer, or a convolution over the whole grid.
        condition_size: Numbers of a condition; the number of classes.
        spectral_norm: Whether the rows are divided by their matrix's largest singular value, as the other
            weights are.

    Raises:
        PoiseError: The network does not end so.

    Example:
        >>> from poise.spec import DataSpec
        >>> from poise.networks import DISCRIMINATORS
        >>> plain = DISCRIMINATORS["dcgan"].build(DataSpec("image", (1, 8, 8)), width=8)
        >>> discriminator = ProjectionDiscriminator(plain, condition_size=3)
        >>> discriminator(torch.randn(2, 1, 8, 8), torch.eye(3)[[0, 2]]).shape
        torch.Size([2])

    Source: Miyato and Koyama 2018, equation 3.
    """

    def __init__(self, network: nn.Module, condition_size: int, *, spectral_norm: bool = False) -> None:
        super().__init__()
        self.features, self.head, size = split_head(network)
        self.rows = nn.Linear(condition_size, size, bias=False)
        # Small at first, so that the score begins as that of the network without conditions.
        nn.init.normal_(self.rows.weight, std=0.02 if not spectral_norm else 1.0)
        if spectral_norm:
            with_spectral_norm(self.rows)

    def forward(self, samples: Tensor, condition: Tensor) -> Tensor:
        """Scores `(N,)` of samples `(N, ...)` under conditions `(N, condition_size)`."""
        features = self.features(samples)
        plain: Tensor = self.head(features)
        inner: Tensor = (self.rows(condition) * torch.flatten(features, 1)).sum(1)
        return plain + inner
