"""Any generator or discriminator with a condition concatenated to its input."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ConcatenatedGenerator(nn.Module):
    """A generator whose input is the latent and the condition, side by side.

    Args:
        network: From `(N, latent_size + condition_size)` to samples.

    Example:
        >>> generator = ConcatenatedGenerator(nn.Linear(4 + 3, 2))
        >>> generator(torch.randn(5, 4), torch.eye(3)[[0, 1, 2, 0, 1]]).shape
        torch.Size([5, 2])

    Source: Mirza and Osindero 2014, figure 1.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, latent: Tensor, condition: Tensor) -> Tensor:
        """Samples of latents `(N, latent_size)` under conditions `(N, condition_size)`."""
        made: Tensor = self.network(torch.cat([latent, condition.flatten(1)], 1))
        return made


class ConcatenatedDiscriminator(nn.Module):
    """A discriminator that sees the condition as further channels, or further numbers, of the sample.

    Args:
        network: From samples with `condition_size` more channels or numbers to scores `(N,)`.

    Example:
        >>> discriminator = ConcatenatedDiscriminator(nn.Sequential(nn.Conv2d(1 + 3, 1, 8), nn.Flatten(0)))
        >>> discriminator(torch.randn(2, 1, 8, 8), torch.eye(3)[[0, 2]]).shape
        torch.Size([2])

    Source: Mirza and Osindero 2014, figure 1.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, samples: Tensor, condition: Tensor) -> Tensor:
        """Scores `(N,)` of samples `(N, C, H, W)` or `(N, d)` under conditions alike or `(N, k)`."""
        if samples.dim() == 4 and condition.dim() == 2:
            condition = condition[:, :, None, None].expand(-1, -1, *samples.shape[2:])
        scores: Tensor = self.network(torch.cat([samples, condition], 1))
        return scores
