"""Initial weights, and spectral normalisation."""

from collections.abc import Callable, Mapping

from torch import nn
from torch.nn.utils import parametrizations

CONVOLVING = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
WEIGHTED = (nn.Linear, *CONVOLVING, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
NORMALISING = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)

Layers = Mapping[int, Callable[..., nn.Module]]
CONVOLUTIONS: Layers = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
"""By the number of axes that they run along; so are those that follow."""
TRANSPOSED: Layers = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
NORMALISATIONS: Layers = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


def start_normal(network: nn.Module, std: float | None) -> nn.Module:
    """Draw all weights from N(0, std), those of BatchNorm from N(1, std); biases start at 0.

    Example:
        >>> start_normal(nn.Linear(2, 3), 0.02).bias.detach()
        tensor([0., 0., 0.])

    Source: Radford et al. 2015, section 4 (0.02).
    """
    if std is None:
        return network
    for layer in network.modules():
        if isinstance(layer, WEIGHTED):
            nn.init.normal_(layer.weight, 0.0, std)
        elif isinstance(layer, NORMALISING):
            nn.init.normal_(layer.weight, 1.0, std)
        else:
            continue
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return network


def with_spectral_norm(network: nn.Module) -> nn.Module:
    """Divide the weight of every linear and convolutional layer by its largest singular value.

    That value is tracked by one power iteration per forward in training mode; the vectors are buffers, so
    that they are saved with the network.

    Source: Miyato et al. 2018, section 2.1 and algorithm 1.
    """
    for layer in [layer for layer in network.modules() if isinstance(layer, WEIGHTED)]:
        parametrizations.spectral_norm(layer)
    return network
