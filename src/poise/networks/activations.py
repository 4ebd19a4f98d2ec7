"""The functions between layers."""

from typing import Literal

from torch import Tensor, nn

Activation = Literal["relu", "leaky_relu", "elu", "tanh"]


def activation_layer(name: Activation, *, slope: float = 0.2) -> nn.Module:
    """The activation of that name.

    Args:
        name: Which.
        slope: The slope of the leaky ReLU below 0; the others do not use it.

    Example:
        >>> activation_layer("leaky_relu", slope=0.3)
        LeakyReLU(negative_slope=0.3)
    """
    if name == "leaky_relu":
        return nn.LeakyReLU(slope)
    layers: dict[Activation, type[nn.Module]] = {"relu": nn.ReLU, "elu": nn.ELU, "tanh": nn.Tanh}
    return layers[name]()


class Maxout(nn.Module):
    """The largest of several linear pieces of each unit: `(N, pieces * units)` to `(N, units)`.

    Args:
        pieces: How many pieces a unit has. The features of one piece lie side by side, since a maximum over
            an inner dimension as short as the number of pieces would be slow.

    Example:
        >>> import torch
        >>> Maxout(2)(torch.tensor([[1.0, 5.0, 3.0, 4.0]]))
        tensor([[3., 5.]])

    Source: Goodfellow et al. 2013, "Maxout networks", equation 1.
    """

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, features: Tensor) -> Tensor:
        """The maximum over the pieces."""
        return features.reshape(features.shape[0], self.pieces, -1).amax(1)

    def extra_repr(self) -> str:
        """The number of pieces, for `print`."""
        return f"pieces={self.pieces}"


class CentredSigmoid(nn.Module):
    """A sigmoid moved from [0, 1] to [-1, 1]: `2 sigmoid(x) - 1`, which is `tanh(x / 2)`.

    Example:
        >>> import torch
        >>> x = torch.linspace(-3, 3, 7)
        >>> torch.allclose(CentredSigmoid()(x), 2 * x.sigmoid() - 1, atol=1e-6)
        True
    """

    def forward(self, values: Tensor) -> Tensor:
        """The sigmoid within [-1, 1]."""
        return (values / 2).tanh()
