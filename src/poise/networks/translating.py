"""Networks from images to images as the players of a game: one way, or both."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from poise.networks.patch import PatchDiscriminator


class TranslatingGenerator(nn.Module):
    """A generator whose sample is its condition, translated; it does not use the latent.

    Args:
        network: Images to images.

    Example:
        >>> generator = TranslatingGenerator(nn.Conv2d(1, 3, 1))
        >>> generator(torch.randn(2, 4), torch.randn(2, 1, 8, 8)).shape
        torch.Size([2, 3, 8, 8])
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, latent: Tensor, condition: Tensor) -> Tensor:
        """Images `(N, *sample)` from images `(N, *condition)`."""
        made: Tensor = self.network(condition)
        return made


class BothWays(nn.Module):
    """Two networks between two domains: the generators of a game without pairs.

    Args:
        a_to_b: From the first domain to the second.
        b_to_a: Back.

    Example:
        >>> both = BothWays(nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1))
        >>> both(torch.randn(2, 4), torch.randn(2, 3, 8, 8)).shape
        torch.Size([2, 3, 8, 8])
    """

    def __init__(self, a_to_b: nn.Module, b_to_a: nn.Module) -> None:
        super().__init__()
        self.a_to_b, self.b_to_a = a_to_b, b_to_a

    def forward(self, latent: Tensor, condition: Tensor) -> Tensor:
        """Images of the second domain from images of the first."""
        made: Tensor = self.a_to_b(condition)
        return made

    def back(self, latent: Tensor, condition: Tensor) -> Tensor:
        """Images of the first domain from images of the second."""
        made: Tensor = self.b_to_a(condition)
        return made


class OneForEachDomain(nn.Module):
    """Two discriminators: one scores images of the first domain, the other those of the second."""

    def __init__(self, of_a: nn.Module, of_b: nn.Module) -> None:
        super().__init__()
        self.of_a, self.of_b = of_a, of_b

    def forward(self, samples: Tensor, condition: Tensor | None = None) -> Tensor:
        """Scores of images of the second domain; the condition is not used."""
        scores: Tensor = self.of_b(samples)
        return scores


def matching_features(discriminator: PatchDiscriminator) -> Callable[[Tensor, Tensor], Tensor]:
    """The features of a patch discriminator: `(samples, condition)` to `(N, values)`.

    Each grid is divided by its number of values, so that the sum of absolute differences of two rows is the
    sum of the grids' mean absolute differences.

    Source: Salimans et al. 2016, section 3.1; Wang et al. 2018 (pix2pixHD), equation 4.
    """

    def features(samples: Tensor, condition: Tensor) -> Tensor:
        grids = discriminator.features(torch.cat([samples, condition], 1))
        return torch.cat([grid.flatten(1) / grid[0].numel() for grid in grids], 1)

    return features
