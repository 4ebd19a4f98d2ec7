"""Any discriminator with a second head, which tells the class of a sample."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from poise.networks.head import split_head
from poise.networks.weights import with_spectral_norm


class ClassifyingDiscriminator(nn.Module):
    """A discriminator whose features also serve a linear classifier.

    Args:
        network: From samples to scores `(N,)`, as `ProjectionDiscriminator` takes it.
        classes: How many there are.
        spectral_norm: Whether the classifier's weights are divided by their largest singular value, as the
            other weights are.

    Raises:
        PoiseError: The network has no such features.

    Example:
        >>> from poise.spec import DataSpec
        >>> from poise.networks import DISCRIMINATORS
        >>> plain = DISCRIMINATORS["dcgan"].build(DataSpec("image", (1, 8, 8)), width=8)
        >>> ClassifyingDiscriminator(plain, classes=10)(torch.randn(2, 1, 8, 8)).shape
        torch.Size([2, 11])

    Source: Odena et al. 2017, section 3.
    """

    def __init__(self, network: nn.Module, classes: int, *, spectral_norm: bool = False) -> None:
        super().__init__()
        self.features, self.head, size = split_head(network)
        self.classifier = nn.Linear(size, classes)
        if spectral_norm:
            with_spectral_norm(self.classifier)

    def forward(self, samples: Tensor) -> Tensor:
        """The score of each sample, then a logit for each class: `(N, 1 + classes)`."""
        features = self.features(samples)
        logits: Tensor = self.classifier(torch.flatten(features, 1))
        return torch.cat([self.head(features)[:, None], logits], 1)
