"""Generators whose batch normalisation is told the condition: scale and shift are those of the class."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from poise.errors import PoiseError
from poise.networks.resnet import ResidualBlock
from poise.networks.weights import NORMALISING


class ConditionalBatchNorm(nn.Module):
    """Batch normalisation with a scale and a shift for each class.

    Args:
        plain: The normalisation that it replaces, `nn.BatchNorm1d` or `nn.BatchNorm2d`.
        condition_size: Numbers of a condition; the number of classes.

    Example:
        >>> norm = ConditionalBatchNorm(nn.BatchNorm2d(4), condition_size=3)
        >>> norm(torch.randn(2, 4, 8, 8), torch.eye(3)[[0, 2]]).shape
        torch.Size([2, 4, 8, 8])

    Source: Dumoulin et al. 2017, equation 5; Miyato and Koyama 2018, appendix A.
    """

    def __init__(self, plain: nn.BatchNorm1d | nn.BatchNorm2d, condition_size: int) -> None:
        super().__init__()
        self.normalised = type(plain)(
            plain.num_features, eps=plain.eps, momentum=plain.momentum, affine=False
        )
        self.scale = nn.Linear(condition_size, plain.num_features, bias=False)
        self.shift = nn.Linear(condition_size, plain.num_features, bias=False)
        with torch.no_grad():
            self.scale.weight.copy_(plain.weight[:, None].expand_as(self.scale.weight))
            self.shift.weight.copy_(plain.bias[:, None].expand_as(self.shift.weight))

    def forward(self, features: Tensor, condition: Tensor) -> Tensor:
        """Features `(N, C)` or `(N, C, H, W)` under conditions `(N, condition_size)`."""
        spread = (len(features), -1) + (1,) * (features.dim() - 2)
        normalised: Tensor = self.normalised(features)
        scale, shift = self.scale(condition).view(spread), self.shift(condition).view(spread)
        scaled: Tensor = normalised * scale + shift
        return scaled


class ConditionalSequential(nn.Sequential):
    """Layers in a row, of which some take the condition besides.

    Example:
        >>> layers = ConditionalSequential(nn.Linear(2, 4), ConditionalBatchNorm(nn.BatchNorm1d(4), 3))
        >>> layers(torch.randn(5, 2), torch.eye(3)[[0, 1, 2, 0, 1]]).shape
        torch.Size([5, 4])
    """

    def forward(self, values: Tensor, condition: Tensor) -> Tensor:  # type: ignore[override]  # one argument more
        """What the layers make of the values under conditions `(N, condition_size)`."""
        for layer in self:
            values = layer(values, condition) if isinstance(layer, CONDITIONAL) else layer(values)
        return values


class ConditionalResidualBlock(nn.Module):
    """A residual block whose residual path takes the condition.

    Args:
        residual: The path of two convolutions.
        shortcut: The path beside it.
    """

    def __init__(self, residual: ConditionalSequential, shortcut: nn.Module) -> None:
        super().__init__()
        self.residual, self.shortcut = residual, shortcut

    def forward(self, features: Tensor, condition: Tensor) -> Tensor:
        """The sum of both paths."""
        total: Tensor = self.residual(features, condition) + self.shortcut(features)
        return total


CONDITIONAL = (ConditionalBatchNorm, ConditionalSequential, ConditionalResidualBlock)


def with_conditional_batch_norm(network: nn.Module, condition_size: int) -> nn.Module:
    """A generator of latents and conditions from one of latents; every layer but its normalisations is kept.

    Args:
        network: Layers in a row, with residual blocks among them, and batch normalisation somewhere.
        condition_size: Numbers of a condition; the number of classes.

    Returns:
        A module from `(latents (N, latent_size), conditions (N, condition_size))` to samples. Until the
        classes are told apart by training, it makes of a latent what `network` makes of it.

    Raises:
        PoiseError: There is no batch normalisation for the condition to act through.

    Example:
        >>> from poise.spec import DataSpec
        >>> from poise.networks import GENERATORS
        >>> plain = GENERATORS["dcgan"].build(DataSpec("image", (1, 8, 8)), latent_size=4, width=8)
        >>> generator = with_conditional_batch_norm(plain, condition_size=3)
        >>> generator(torch.randn(5, 4), torch.eye(3)[[0, 1, 2, 0, 1]]).shape
        torch.Size([5, 1, 8, 8])

    Source: Miyato and Koyama 2018, appendix A.
    """
    converted = _converted(network, condition_size)
    if not any(isinstance(layer, ConditionalBatchNorm) for layer in converted.modules()):
        raise PoiseError(
            "This generator has no batch normalisation, through which the condition could act",
            code="networks.no-batch-norm",
            hint="turn it on: --set generator.batch_norm=true",
        )
    return converted


def _converted(layer: nn.Module, condition_size: int) -> nn.Module:
    if isinstance(layer, NORMALISING):
        return ConditionalBatchNorm(layer, condition_size)
    if isinstance(layer, nn.Sequential):
        return ConditionalSequential(*(_converted(inner, condition_size) for inner in layer))
    if isinstance(layer, ResidualBlock):
        residual = _converted(layer.residual, condition_size)
        if isinstance(residual, ConditionalSequential):
            return ConditionalResidualBlock(residual, layer.shortcut)
    return layer
