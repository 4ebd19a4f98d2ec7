"""Where a discriminator's features end and its score begins."""

from __future__ import annotations

from torch import nn

from poise.errors import PoiseError
from poise.networks.weights import WEIGHTED


def split_head(network: nn.Module) -> tuple[nn.Sequential, nn.Sequential, int]:
    """The layers up to the last features, those that make a score of them, and the features' size.

    Args:
        network: Layers in a row of which the last that has weights gives one number a sample: a linear
            layer, or a convolution over the whole grid.

    Returns:
        Features, head, and how many numbers the features of a sample are.

    Raises:
        PoiseError: The network does not end so.

    Example:
        >>> features, head, size = split_head(nn.Sequential(nn.Linear(2, 5), nn.ReLU(), nn.Linear(5, 1)))
        >>> len(features), len(head), size
        (2, 1, 5)
    """
    layers = list(network) if isinstance(network, nn.Sequential) else []
    places = [place for place, layer in enumerate(layers) if isinstance(layer, WEIGHTED)]
    last = layers[places[-1]] if places else None
    if isinstance(last, nn.Linear) and last.out_features == 1:
        size = last.in_features
    elif isinstance(last, nn.Conv2d) and last.out_channels == 1 and last.padding == (0, 0):
        size = last.in_channels * last.kernel_size[0] * last.kernel_size[1]
    else:
        raise PoiseError(
            "This discriminator does not end in one linear layer, beside which the condition could enter",
            code="networks.no-linear-head",
            hint="choose 'dcgan', 'infogan', 'resnet' or 'mlp': --set discriminator=auto",
        )
    return nn.Sequential(*layers[: places[-1]]), nn.Sequential(*layers[places[-1] :]), size
