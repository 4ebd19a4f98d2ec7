"""A generator of plain layers as a list that a page's own JavaScript runs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from poise.networks.conditioned import ConcatenatedGenerator, ConditionalBatchNorm, ConditionalSequential
from poise.networks.layers import CentredSigmoid, LeakyReLU, ReLU


@dataclass
class PlainLayers:
    """Layers with the places of their numbers in one array.

    Attributes:
        layers: Each a `kind` with what it needs, ready for JSON; numbers as `[start, length]`.
        numbers: The arrays, in their order.
        products: Multiplications for one sample, which is what its time depends on.
    """

    layers: list[dict[str, Any]] = field(default_factory=list)
    numbers: list[np.ndarray[Any, Any]] = field(default_factory=list)
    products: int = 0
    _length: int = 0

    def hold(self, values: Tensor | None) -> list[int] | None:
        """Add numbers, and return where they are."""
        if values is None:
            return None
        flat = values.detach().cpu().float().contiguous().flatten().numpy()
        place = [self._length, len(flat)]
        self.numbers.append(flat)
        self._length += len(flat)
        return place

    def content(self, *, half: bool) -> bytes:
        """All numbers as float16 or float32, the lowest byte first."""
        return np.concatenate(self.numbers).astype("<f2" if half else "<f4").tobytes()


class _OtherLayerError(Exception):
    """A layer that the page does not know."""


@torch.no_grad()
def plain_layers(module: nn.Module, latent_size: int) -> PlainLayers | None:
    """The layers of a generator; `None` if one of them is of another kind than the page knows.

    Args:
        module: The network.
        latent_size: The size of a latent, with which the shapes begin.
    """
    made = PlainLayers()
    try:
        _add(module, made, (latent_size,))
    except _OtherLayerError:
        return None
    return made


def _add(layer: nn.Module, made: PlainLayers, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Add a layer whose input has this shape, and return the shape of its output."""
    if isinstance(layer, ConcatenatedGenerator):
        made.layers.append({"kind": "beside"})
        return _add(layer.network, made, (-1,))
    if isinstance(layer, nn.Sequential | ConditionalSequential):
        for inner in layer:
            shape = _add(inner, made, shape)
        return shape
    for kinds, add in _SHAPED:
        if isinstance(layer, kinds):
            return add(layer, made, shape)
    made.layers.append(_scale(layer, made) or _function(layer))
    return shape


def _linear(layer: nn.Linear, made: PlainLayers, shape: tuple[int, ...]) -> tuple[int, ...]:
    sizes = {"before": layer.in_features, "after": layer.out_features}
    made.products += layer.weight.numel()
    made.layers.append({"kind": "linear", **sizes, **_weights(layer, layer.weight, made)})
    return (layer.out_features,)


def _shaped(layer: nn.Unflatten | nn.Flatten, made: PlainLayers, shape: tuple[int, ...]) -> tuple[int, ...]:
    after = tuple(layer.unflattened_size) if isinstance(layer, nn.Unflatten) else (math.prod(shape),)
    made.layers.append({"kind": "shape", "shape": list(after)})
    return after


def _weights(layer: Any, weight: Tensor, made: PlainLayers) -> dict[str, Any]:
    return {"weight": made.hold(weight), "bias": made.hold(layer.bias)}


def _convolution(
    layer: nn.ConvTranspose2d | nn.Conv2d, made: PlainLayers, shape: tuple[int, ...]
) -> tuple[int, ...]:
    doubling = isinstance(layer, nn.ConvTranspose2d)
    alike = all(one[0] == one[1] for one in (layer.stride, layer.padding, layer.output_padding))
    if not alike or layer.groups != 1 or layer.dilation != (1, 1) or layer.padding_mode != "zeros":
        raise _OtherLayerError
    stride, padding, beyond = layer.stride[0], int(layer.padding[0]), layer.output_padding[0]
    if not doubling and stride != 1:
        raise _OtherLayerError
    kernel, sides = layer.kernel_size, shape[1:]
    sizes: dict[str, Any] = {"before": layer.in_channels, "after": layer.out_channels}
    sizes |= {"kernel": list(kernel), "padding": padding}
    if doubling:  # to rows of output channels and taps
        weight = layer.weight.permute(1, 2, 3, 0)
        sizes |= {"stride": stride, "beyond": beyond}
        after = [
            (side - 1) * stride - 2 * padding + taps + beyond
            for side, taps in zip(sides, kernel, strict=True)
        ]
        made.products += layer.weight.numel() * math.prod(sides)
    else:
        weight = layer.weight
        after = [side + 2 * padding - taps + 1 for side, taps in zip(sides, kernel, strict=True)]
        made.products += layer.weight.numel() * math.prod(after)
    kind = "doubling" if doubling else "convolution"
    made.layers.append({"kind": kind, **sizes, **_weights(layer, weight, made)})
    return (layer.out_channels, *after)


def _larger(layer: nn.Upsample, made: PlainLayers, shape: tuple[int, ...]) -> tuple[int, ...]:
    if layer.mode != "nearest":
        raise _OtherLayerError
    probe = layer(torch.zeros(1, *shape))
    made.layers.append({"kind": "larger", "sides": list(probe.shape[2:])})
    return tuple(probe.shape[1:])


_SHAPED: tuple[tuple[Any, Callable[..., tuple[int, ...]]], ...] = (
    (nn.Linear, _linear),
    ((nn.Unflatten, nn.Flatten), _shaped),
    ((nn.ConvTranspose2d, nn.Conv2d), _convolution),
    (nn.Upsample, _larger),
)
"""Layers whose output has another shape than their input."""


def _scale(layer: nn.Module, made: PlainLayers) -> dict[str, Any] | None:
    """Batch normalisation as it is after training: a factor and an offset for each channel."""
    norm = layer.normalised if isinstance(layer, ConditionalBatchNorm) else layer
    if not isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d) or norm.running_var is None:
        return None
    assert norm.running_mean is not None
    factor = (norm.running_var.double() + norm.eps).rsqrt()
    if norm.weight is not None:
        factor = factor * norm.weight
    offset = -norm.running_mean * factor + (0 if norm.bias is None else norm.bias)
    found = {"kind": "scale", "factor": made.hold(factor), "offset": made.hold(offset)}
    if isinstance(layer, ConditionalBatchNorm):
        by_class = {"factors": made.hold(layer.scale.weight), "offsets": made.hold(layer.shift.weight)}
        return {**found, **by_class}
    return found


def _function(layer: nn.Module) -> dict[str, Any]:
    if isinstance(layer, ReLU | nn.ReLU):
        return {"kind": "relu"}
    if isinstance(layer, LeakyReLU | nn.LeakyReLU):
        return {"kind": "leaky", "by": layer.negative_slope}
    if isinstance(layer, nn.ELU):
        return {"kind": "elu", "by": layer.alpha}
    if isinstance(layer, nn.Tanh):
        return {"kind": "tanh", "by": 1}
    if isinstance(layer, CentredSigmoid):
        return {"kind": "tanh", "by": 0.5}
    raise _OtherLayerError
