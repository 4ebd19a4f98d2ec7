"""Multilayer perceptrons, for vectors and small images."""

import math
from typing import Annotated

from pydantic import Field
from torch import nn

from poise.networks.layers import Activation, Maxout, activation_layer
from poise.networks.network import Network
from poise.networks.shapes import checked_shape
from poise.networks.spans import SpanHeads
from poise.networks.weights import start_normal, with_spectral_norm
from poise.spec import DataSpec


def mlp_generator(
    spec: DataSpec,
    *,
    latent_size: int,
    width: Annotated[int, Field(ge=1)] = 128,
    depth: Annotated[int, Field(ge=0, le=256)] = 3,
    batch_norm: bool = False,
    activation: Activation = "relu",
    slope: Annotated[float, Field(ge=0, lt=1)] = 0.2,
    initial_std: Annotated[float, Field(gt=0)] | None = None,
) -> nn.Module:
    """A generator of fully connected layers, as one flat `nn.Sequential`.

    PacGAN's generator for mixtures in the plane is `latent_size=2, width=400, depth=4, batch_norm=True,
    initial_std=0.02`.

    Args:
        spec: Any images or vectors; spans end in their heads.
        latent_size: The size of a latent.
        width: Units of a hidden layer.
        depth: Number of hidden layers.
        batch_norm: Whether hidden layers are batch-normalised; they have no bias then.
        activation: The function after each hidden layer.
        slope: The slope of the leaky ReLU below 0.
        initial_std: Weights start from N(0, initial_std); `None` for torch's own start.

    Example:
        >>> import torch
        >>> spec = DataSpec("vector", (2,))
        >>> mlp_generator(spec, latent_size=2, width=8)(torch.randn(5, 2)).shape
        torch.Size([5, 2])

    Source: Goodfellow et al. 2014, section 5; Lin et al. 2018 (PacGAN), appendix on synthetic mixtures.
    """
    sizes = checked_shape(spec.shape, network="mlp")
    layers: list[nn.Module] = []
    features = latent_size
    for _ in range(depth):
        layers.append(nn.Linear(features, width, bias=not batch_norm))
        if batch_norm:
            layers.append(nn.BatchNorm1d(width))
        layers.append(activation_layer(activation, slope=slope))
        features = width
    layers.append(nn.Linear(features, math.prod(sizes)))
    if len(sizes) == 3:
        layers += [nn.Tanh(), nn.Unflatten(1, sizes)]
    if spec.spans:
        layers.append(SpanHeads(spec.spans))
    return start_normal(nn.Sequential(*layers), initial_std)


def mlp_discriminator(
    spec: DataSpec,
    *,
    width: Annotated[int, Field(ge=1)] = 128,
    depth: Annotated[int, Field(ge=0, le=256)] = 3,
    maxout_pieces: Annotated[int, Field(ge=0)] = 0,
    activation: Activation = "leaky_relu",
    slope: Annotated[float, Field(ge=0, lt=1)] = 0.2,
    spectral_norm: bool = False,
    initial_std: Annotated[float, Field(gt=0)] | None = None,
) -> nn.Module:
    """A discriminator of fully connected layers, as one flat `nn.Sequential`.

    PacGAN's discriminator for mixtures in the plane is `width=200, depth=3, maxout_pieces=5,
    initial_std=0.02`.

    Args:
        spec: Any images or vectors.
        width: Units of a hidden layer.
        depth: Number of hidden layers.
        maxout_pieces: Linear pieces of a unit, in place of the activation; 0 for the activation.
        activation: The function after each hidden layer.
        slope: The slope of the leaky ReLU below 0.
        spectral_norm: Whether every weight is divided by its largest singular value.
        initial_std: Weights start from N(0, initial_std); `None` for torch's own start.

    Example:
        >>> import torch
        >>> spec = DataSpec("vector", (2,))
        >>> mlp_discriminator(spec, width=8)(torch.randn(5, 2)).shape
        torch.Size([5])

    Source: Goodfellow et al. 2014, section 5; Lin et al. 2018 (PacGAN), appendix on synthetic mixtures.
    """
    sizes = checked_shape(spec.shape, network="mlp")
    layers: list[nn.Module] = [nn.Flatten()] if len(sizes) == 3 else []
    features = math.prod(sizes)
    for _ in range(depth):
        layers.append(nn.Linear(features, width * max(maxout_pieces, 1)))
        layers.append(Maxout(maxout_pieces) if maxout_pieces else activation_layer(activation, slope=slope))
        features = width
    layers += [nn.Linear(features, 1), nn.Flatten(0)]
    network = start_normal(nn.Sequential(*layers), initial_std)
    return with_spectral_norm(network) if spectral_norm else network


MLP_GENERATOR = Network(
    name="mlp",
    build=mlp_generator,
    summary="Fully connected layers, for vectors and small images of any shape.",
    source="Goodfellow et al. 2014, section 5",
    kinds=("image", "vector", "table"),
    takes_width=True,
)
MLP_DISCRIMINATOR = Network(
    name="mlp",
    build=mlp_discriminator,
    summary="Fully connected layers, for vectors and small images of any shape; maxout if set.",
    source="Goodfellow et al. 2014, section 5",
    kinds=("image", "vector", "table"),
    takes_width=True,
)
