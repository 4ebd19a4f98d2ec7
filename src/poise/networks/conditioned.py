"""Generators and discriminators that take a condition, made of those that take none."""

import math

import torch
from torch import Tensor, nn

from poise.errors import PoiseError
from poise.networks.layers import ResidualBlock
from poise.networks.weights import CONVOLVING, NORMALISING, WEIGHTED, with_spectral_norm


class ConcatenatedGenerator(nn.Module):
    """A generator whose input is the latent and the condition, side by side.

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

    Source: Mirza and Osindero 2014, figure 1.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, samples: Tensor, condition: Tensor) -> Tensor:
        """Scores `(N,)` of samples `(N, C, *axes)` or `(N, d)` under conditions alike or `(N, k)`."""
        if samples.dim() > 2 and condition.dim() == 2:
            spread = condition.reshape(*condition.shape, *[1] * (samples.dim() - 2))
            condition = spread.expand(-1, -1, *samples.shape[2:])
        scores: Tensor = self.network(torch.cat([samples, condition], 1))
        return scores


def split_head(network: nn.Module) -> tuple[nn.Sequential, nn.Sequential, int]:
    """The layers up to the last features, those that make a score of them, and the features' size."""
    layers = list(network) if isinstance(network, nn.Sequential) else []
    places = [place for place, layer in enumerate(layers) if isinstance(layer, WEIGHTED)]
    last = layers[places[-1]] if places else None
    if isinstance(last, nn.Linear) and last.out_features == 1:
        size = last.in_features
    elif isinstance(last, CONVOLVING) and last.out_channels == 1 and not any(map(int, last.padding)):
        size = last.in_channels * math.prod(last.kernel_size)
    else:
        what = "This discriminator does not end in one linear layer, beside which the condition could enter"
        hint = "choose 'dcgan', 'infogan', 'resnet' or 'mlp': --set discriminator=auto"
        raise PoiseError(what, code="networks.no-linear-head", hint=hint)
    return nn.Sequential(*layers[: places[-1]]), nn.Sequential(*layers[places[-1] :]), size


class ProjectionDiscriminator(nn.Module):
    """A discriminator that adds to its score the inner product of its features with a row for the condition.

    Source: Miyato and Koyama 2018, equation 3.
    """

    def __init__(self, network: nn.Module, condition_size: int, *, spectral_norm: bool = False) -> None:
        super().__init__()
        self.features, self.head, size = split_head(network)
        self.rows = nn.Linear(condition_size, size, bias=False)
        # Small at first, so that the score begins as that of the network without conditions.
        nn.init.normal_(self.rows.weight, std=0.02 if not spectral_norm else 1.0)
        if spectral_norm:
            with_spectral_norm(self.rows)

    def forward(self, samples: Tensor, condition: Tensor) -> Tensor:
        """Scores `(N,)` of samples `(N, ...)` under conditions `(N, condition_size)`."""
        features = self.features(samples)
        plain: Tensor = self.head(features)
        inner: Tensor = (self.rows(condition) * torch.flatten(features, 1)).sum(1)
        return plain + inner


class ClassifyingDiscriminator(nn.Module):
    """A discriminator whose features also serve a linear classifier.

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


def names_without_condition(module: nn.Module) -> dict[str, str]:
    """By the name of each tensor, its name in the network that the condition entered.

    Tensors that only the condition needs are not in it, and none is if the module is no such network.

    Example:
        >>> network = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))
        >>> sorted(names_without_condition(ClassifyingDiscriminator(network, 3)).values())
        ['0.bias', '0.weight', '2.bias', '2.weight']
    """
    if isinstance(module, ConcatenatedGenerator | ConcatenatedDiscriminator):
        return {f"network.{name}": name for name in module.network.state_dict()}
    if isinstance(module, ProjectionDiscriminator | ClassifyingDiscriminator):
        whole = nn.Sequential(*module.features, *module.head)
        parts = [
            f"{part}.{name}" for part in ("features", "head") for name in getattr(module, part).state_dict()
        ]
        return dict(zip(parts, whole.state_dict(), strict=True))
    return {}


class ConditionalBatchNorm(nn.Module):
    """Batch normalisation with a scale and a shift for each class.

    Source: Dumoulin et al. 2017, equation 5; Miyato and Koyama 2018, appendix A.
    """

    def __init__(self, plain: nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d, condition_size: int) -> None:
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
        """Features `(N, C)` or `(N, C, *axes)` under conditions `(N, condition_size)`."""
        spread = (len(features), -1) + (1,) * (features.dim() - 2)
        normalised: Tensor = self.normalised(features)
        scale, shift = self.scale(condition).view(spread), self.shift(condition).view(spread)
        scaled: Tensor = normalised * scale + shift
        return scaled


class ConditionalSequential(nn.Sequential):
    """Layers in a row, some of which take the condition besides."""

    def forward(self, values: Tensor, condition: Tensor) -> Tensor:  # type: ignore[override]  # one argument more
        """The output of the layers under conditions `(N, condition_size)`."""
        for layer in self:
            values = layer(values, condition) if isinstance(layer, CONDITIONAL) else layer(values)
        return values


class ConditionalResidualBlock(nn.Module):
    """A residual block whose residual path takes the condition."""

    def __init__(self, residual: ConditionalSequential, shortcut: nn.Module) -> None:
        super().__init__()
        self.residual, self.shortcut = residual, shortcut

    def forward(self, features: Tensor, condition: Tensor) -> Tensor:
        """The sum of both paths."""
        total: Tensor = self.residual(features, condition) + self.shortcut(features)
        return total


CONDITIONAL = (ConditionalBatchNorm, ConditionalSequential, ConditionalResidualBlock)


def with_conditional_batch_norm(network: nn.Module, condition_size: int) -> nn.Module:
    """A generator of latents and conditions from one of latents, with all its layers but the normalisations.

    Source: Miyato and Koyama 2018, appendix A.
    """
    converted = _converted(network, condition_size)
    if not any(isinstance(layer, ConditionalBatchNorm) for layer in converted.modules()):
        what = "This generator has no batch normalisation, through which the condition could act"
        hint = "turn it on: --set generator.batch_norm=true"
        raise PoiseError(what, code="networks.no-batch-norm", hint=hint)
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
