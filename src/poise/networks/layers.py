"""Layers that several networks share: activations, pooling, normalisation, noise."""

import math
from typing import Literal

import torch
from torch import Tensor, nn

Activation = Literal["relu", "leaky_relu", "elu", "tanh"]

_LEAKY_RELU_BACKWARD = torch.ops.aten.leaky_relu_backward.default
_THRESHOLD_BACKWARD = torch.ops.aten.threshold_backward.default
_COPIES_BACKWARD = torch.ops.aten.upsample_nearest2d_backward.default

# A gradient penalty differentiates twice. In the second pass torch's ReLU, leaky ReLU and average pooling
# return zeros for their input, and autograd carries these zeros through the whole forward graph. The layers
# below are linear functions of their input, with slopes that are constants to autograd: values and gradients
# are those of torch's layers, bit for bit, and there is no such path.


class LeakyReLU(nn.Module):
    """`nn.LeakyReLU` that is cheaper to differentiate twice.

    Args:
        negative_slope: The slope below 0, from 0 to 1.

    Example:
        >>> x = torch.randn(3, requires_grad=True)
        >>> bool((LeakyReLU(0.2)(x) == nn.LeakyReLU(0.2)(x)).all())
        True
    """

    def __init__(self, negative_slope: float = 0.01) -> None:
        super().__init__()
        self.negative_slope = negative_slope

    def forward(self, values: Tensor) -> Tensor:
        """The leaky ReLU of the values."""
        if torch.compiler.is_compiling():  # compiled code is a third slower with the function below
            return values * values.detach().sign().clamp(min=self.negative_slope)
        made: Tensor = _LEAKY_RELU_BACKWARD(values, values.detach(), self.negative_slope, False)
        return made

    def extra_repr(self) -> str:
        """The slope, for `print`."""
        return f"negative_slope={self.negative_slope}"


class ReLU(nn.Module):
    """`nn.ReLU` that is cheaper to differentiate twice.

    Example:
        >>> ReLU()(torch.tensor([-1.0, 2.0]))
        tensor([0., 2.])
    """

    def forward(self, values: Tensor) -> Tensor:
        """The ReLU of the values."""
        if torch.compiler.is_compiling():
            return values * values.detach().sign().clamp(min=0.0)
        made: Tensor = _THRESHOLD_BACKWARD(values, values.detach(), 0.0)
        return made


class HalvingAverage(nn.Module):
    """`nn.AvgPool2d(2)` that is cheaper to differentiate twice; an odd side is halved with its edge doubled.

    Example:
        >>> HalvingAverage()(torch.arange(8.0).reshape(1, 1, 2, 4))
        tensor([[[[2.5000, 4.5000]]]])
    """

    def forward(self, features: Tensor) -> Tensor:
        """Features `(N, C, H, W)` to `(N, C, H / 2, W / 2)`, rounded up."""
        if features.shape[2] % 2:
            features = torch.cat([features, features[:, :, -1:]], 2)
        if features.shape[3] % 2:
            features = torch.cat([features, features[:, :, :, -1:]], 3)
        height, width = features.shape[2:]
        return averaged(features, (height // 2, width // 2))


def averaged(images: Tensor, sides: tuple[int, int]) -> Tensor:
    """Images at smaller sides, each pixel the mean of those that it covers.

    Example:
        >>> averaged(torch.tensor([[[[1.0, 3.0], [5.0, 7.0]]]]), (1, 2))
        tensor([[[[3., 5.]]]])
    """
    number, channels, height, width = images.shape
    if (height, width) == sides:
        return images
    if height % sides[0] or width % sides[1]:
        made: Tensor = nn.functional.adaptive_avg_pool2d(images, sides)
        return made
    # The gradient of copying each pixel to a block is the sum over the block.
    summed: Tensor = _COPIES_BACKWARD(images, [height, width], [number, channels, *sides])
    return summed / (height * width // math.prod(sides))


def activation_layer(name: Activation, *, slope: float = 0.2) -> nn.Module:
    """The activation of that name."""
    if name == "leaky_relu":
        return LeakyReLU(slope)
    layers: dict[Activation, type[nn.Module]] = {"relu": ReLU, "elu": nn.ELU, "tanh": nn.Tanh}
    return layers[name]()


class Maxout(nn.Module):
    """The largest of several linear pieces of each unit: `(N, pieces * units)` to `(N, units)`.

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
    """A sigmoid moved from [0, 1] to [-1, 1]: `2 sigmoid(x) - 1`, which is `tanh(x / 2)`."""

    def forward(self, values: Tensor) -> Tensor:
        """The sigmoid within [-1, 1]."""
        return (values / 2).tanh()


class InstanceNorm(nn.Module):
    """Instance normalisation without weights: each channel of each image has mean 0 and variance 1.

    It is a group norm with a group for each channel: the same function as `nn.InstanceNorm2d`, and faster.
    On the CPU torch is slow at it if channels lie last, so that features are copied to channels first and
    back.

    Source: Ulyanov et al. 2016, equation 4.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, features: Tensor) -> Tensor:
        """Features `(N, C, H, W)`, normalised over `H` and `W`."""
        if features.is_contiguous():
            return torch.group_norm(features, self.channels, eps=1e-5)
        normalised = torch.group_norm(features.contiguous(), self.channels, eps=1e-5)
        return normalised.contiguous(memory_format=torch.channels_last)

    def extra_repr(self) -> str:
        """The number of channels, for `print`."""
        return f"channels={self.channels}"


def norm_layer(name: Literal["batch", "instance", "none"], channels: int) -> nn.Module:
    """The normalisation of that name, for features with `channels` channels.

    Example:
        >>> norm_layer("instance", 8)
        InstanceNorm(channels=8)
    """
    if name == "batch":
        return nn.BatchNorm2d(channels)
    return InstanceNorm(channels) if name == "instance" else nn.Identity()


class ResidualBlock(nn.Module):
    """The sum of a residual path and a shortcut."""

    def __init__(self, residual: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.residual = residual
        self.shortcut = shortcut

    def forward(self, features: Tensor) -> Tensor:
        """The sum of both paths."""
        total: Tensor = self.residual(features) + self.shortcut(features)
        return total


class NoiseDropout(nn.Module):
    """Dropout that is active in training and in use, since it is all the noise that a translator has.

    In training every sample loses values of its own. In eval mode one draw serves the whole batch, so that
    the result for an image depends on that image and on the seed, and not on the images beside it. Both draw
    from torch's global random state, which the training loop and the generator seed.

    Source: Isola et al. 2017, section 3.2.
    """

    draws = True  # many games at once, which would share what is drawn, are refused

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, features: Tensor) -> Tensor:
        """Features `(N, C, H, W)` with some of their values dropped."""
        if not self.share:
            return features
        if self.training:
            return nn.functional.dropout(features, self.share)
        return features * nn.functional.dropout(torch.ones_like(features[:1]), self.share)

    def extra_repr(self) -> str:
        """The share, for `print`."""
        return f"share={self.share}"


class MinibatchStandardDeviation(nn.Module):
    """Append one channel: the mean standard deviation of the features within a group of samples.

    A generator that has collapsed gives groups without variation, which the discriminator sees here. A batch
    is split into groups of `group_size`, or of the next larger divisor of the batch, so that every batch size
    works. Sample i is in group i modulo the number of groups.

    Source: Karras et al. 2018 ("Progressive growing"), section 3, with the groups of StyleGAN's code.
    """

    def __init__(self, group_size: int = 4) -> None:
        super().__init__()
        self.group_size = group_size

    def forward(self, features: Tensor) -> Tensor:
        """`(N, C, *axes)` to `(N, C + 1, *axes)`."""
        number = features.shape[0]
        size = group_size_for(number, self.group_size)
        groups = features.reshape(size, number // size, *features.shape[1:])
        variance = (groups - groups.mean(0)).square().mean(0)
        # The epsilon keeps the slope of the root finite for a group without variation, such as one sample.
        deviation = (variance + 1e-8).sqrt().mean(tuple(range(1, features.dim()))).repeat(size)
        channel = deviation.reshape(-1, *[1] * (features.dim() - 1)).expand(-1, 1, *features.shape[2:])
        return torch.cat([features, channel], 1)

    def extra_repr(self) -> str:
        """The size of a group, for `print`."""
        return f"group_size={self.group_size}"


def group_size_for(number: int, wanted: int) -> int:
    """The least divisor of the batch size that is at least `wanted`; the whole batch if there is none."""
    return next((size for size in range(wanted, number) if number % size == 0), max(number, 1))
