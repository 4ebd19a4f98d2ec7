"""Dropout that is the noise of a translation: it never sleeps."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class NoiseDropout(nn.Module):
    """Dropout that is active in training and in use, since it is all the noise that the generator has.

    In training every sample loses values of its own. In eval mode one draw serves the whole batch, so that
    what an image becomes depends on that image and on the seed, and not on the images beside it. Both draw
    from torch's global random state, which the training loop and the generator seed.

    Args:
        share: The share of the values that become 0; the others grow by as much.

    Example:
        >>> layer = NoiseDropout(0.5).eval()
        >>> alike = layer(torch.ones(2, 3, 4, 4))
        >>> bool((alike[0] == alike[1]).all()), sorted(set(alike.flatten().tolist()))
        (True, [0.0, 2.0])

    Source: Isola et al. 2017, section 3.2.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, features: Tensor) -> Tensor:
        """Features `(N, C, H, W)` with some of their values dropped."""
        if not self.share:
            return features
        if self.training:
            return nn.functional.dropout(features, self.share)
        kept = torch.ones_like(features[:1])
        return features * nn.functional.dropout(kept, self.share)

    def extra_repr(self) -> str:
        """The share, for `print`."""
        return f"share={self.share}"
