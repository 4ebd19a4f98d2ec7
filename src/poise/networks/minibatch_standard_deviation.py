"""A channel that tells the discriminator how much the samples of a batch differ."""

import torch
from torch import Tensor, nn


class MinibatchStandardDeviation(nn.Module):
    """Append one channel: the mean standard deviation of the features within a group of samples.

    A generator that has collapsed gives groups without variation, which the discriminator sees here. A batch
    is split into groups of `group_size`; where that does not divide the batch, of the next larger divisor, so
    that every batch size works. Sample i is in group i modulo the number of groups.

    Args:
        group_size: The number of samples of a group, where it divides the batch.

    Example:
        >>> layer = MinibatchStandardDeviation()
        >>> layer(torch.tensor([1.0, -1.0, 1.0, -1.0]).reshape(4, 1, 1, 1))[:, 1].flatten()
        tensor([1., 1., 1., 1.])

    Source: Karras et al. 2018 ("Progressive growing"), section 3, with the groups of StyleGAN's code.
    """

    def __init__(self, group_size: int = 4) -> None:
        super().__init__()
        self.group_size = group_size

    def forward(self, features: Tensor) -> Tensor:
        """`(N, C, H, W)` to `(N, C + 1, H, W)`."""
        number = features.shape[0]
        size = group_size_for(number, self.group_size)
        groups = features.reshape(size, number // size, *features.shape[1:])
        variance = (groups - groups.mean(0)).square().mean(0)
        # The epsilon keeps the slope of the root finite for a group without variation, such as one sample.
        deviation = (variance + 1e-8).sqrt().mean((1, 2, 3)).repeat(size)
        channel = deviation[:, None, None, None].expand(-1, 1, *features.shape[2:])
        return torch.cat([features, channel], 1)

    def extra_repr(self) -> str:
        """The size of a group, for `print`."""
        return f"group_size={self.group_size}"


def group_size_for(number: int, wanted: int) -> int:
    """The least divisor of the batch size that is at least `wanted`; the whole batch where there is none.

    Example:
        >>> [group_size_for(number, 4) for number in (64, 10, 7, 3, 1)]
        [4, 5, 7, 3, 1]
    """
    return next((size for size in range(wanted, number) if number % size == 0), max(number, 1))
