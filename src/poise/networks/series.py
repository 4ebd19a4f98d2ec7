"""Generators of series that make what holds for a whole series first, and DoppelGANger's networks."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from poise.errors import PoiseError
from poise.networks.dcgan import dcgan_discriminator, dcgan_generator
from poise.networks.layers import LeakyReLU
from poise.networks.network import Network
from poise.spec import DataSpec, Span, is_attribute


class AttributesFirst(nn.Module):
    """Features `(N, C, T)` that know their attributes, which follow them as constant channels.

    The first `filling` features fill [-1, 1] by construction, as series do that are scaled by their range:
    otherwise a critic had only to look at the least and the greatest value of each.

    Source: Lin et al. 2020 (DoppelGANger), section 4.2.
    """

    def __init__(self, attributes: nn.Module, features: nn.Module, length: int, filling: int = 0) -> None:
        super().__init__()
        self.attributes, self.features, self.length = attributes, features, length
        self.filling = filling

    def forward(self, latent: Tensor) -> Tensor:
        """Latents `(N, latent_size)` to samples `(N, C + A, T)`."""
        attributes = self.attributes(latent)
        features = self.features(torch.cat([latent, attributes], 1))
        if self.filling:
            features = torch.cat([filled(features[:, : self.filling]), features[:, self.filling :]], 1)
        return torch.cat([features, attributes[:, :, None].expand(-1, -1, self.length)], 1)


def filled(courses: Tensor) -> Tensor:
    """Courses `(N, C, T)` moved and scaled so that each has its least value at -1 and its greatest at 1.

    Example:
        >>> filled(torch.tensor([[[2.0, 3.0, 6.0]]]))
        tensor([[[-1.0000, -0.5000,  1.0000]]])
    """
    low, high = courses.amin(2, keepdim=True), courses.amax(2, keepdim=True)
    return (courses - (low + high) / 2) / ((high - low) / 2).clamp(min=1e-6)


def series_generator(
    spec: DataSpec,
    *,
    latent_size: int,
    width: Annotated[int, Field(ge=1)] = 32,
    batch_norm: bool = True,
) -> nn.Module:
    """Attributes by a small network of the latent, then features by transposed convolutions of both.

    Args:
        spec: Series `(C + A, T)`, whose last A channels are attributes; without any it is DCGAN's generator.
        latent_size: The size of a latent.
        width: Channels of the longest hidden grid.
        batch_norm: Whether hidden grids are batch-normalised.

    Example:
        >>> from poise.spec import Span
        >>> spans = (Span("value", "real", 1), Span("attribute middle", "real", 1))
        >>> spec = DataSpec("series", (2, 30), spans=spans)
        >>> series_generator(spec, latent_size=8, width=4)(torch.randn(3, 8)).shape
        torch.Size([3, 2, 30])

    Source: Lin et al. 2020, section 4.2; Radford et al. 2015 for the convolutions.
    """
    features, attributes, filling = _parts(spec, "series")
    inputs = latent_size + attributes
    course = dcgan_generator(features, latent_size=inputs, width=width, batch_norm=batch_norm)
    if not attributes:
        return course
    perceptron = _perceptron(latent_size, [64, 64], attributes)
    return AttributesFirst(perceptron, course, spec.shape[1], filling)


class Recurrent(nn.Module):
    """Features by an LSTM that makes several steps at a time of the same latent and noise of each time.

    The noise is a fixed function of the latent, so that a latent has one sample.
    """

    def __init__(self, inputs: int, channels: int, length: int, width: int, together: int) -> None:
        super().__init__()
        self.channels, self.length, self.together = channels, length, together
        self.cell = nn.LSTM(inputs + 1, width, batch_first=True)
        self.head = nn.Linear(width, channels * together)

    def forward(self, given: Tensor) -> Tensor:
        """`(N, inputs)` to `(N, C, T)`."""
        times = -(-self.length // self.together)
        clock = torch.linspace(-1, 1, times, dtype=given.dtype, device=given.device)
        each = torch.cat(
            [given[:, None].expand(-1, times, -1), clock[None, :, None].expand(len(given), -1, -1)], 2
        )
        states, _ = self.cell(each)
        steps: Tensor = self.head(states).reshape(len(given), times * self.together, self.channels)
        return steps[:, : self.length].transpose(1, 2)


def doppelganger_generator(
    spec: DataSpec,
    *,
    latent_size: int,
    width: Annotated[int, Field(ge=1)] = 100,
    together: Annotated[int, Field(ge=1)] | None = None,
) -> nn.Module:
    """DoppelGANger's generator: attributes by a perceptron, then features by an LSTM.

    Args:
        spec: Series `(C + A, T)`, whose last A channels are attributes.
        latent_size: The size of a latent.
        width: Units of the LSTM, and of each hidden layer of the perceptron.
        together: Steps that the LSTM makes at a time; `None` for as many that it takes about fifty.

    Example:
        >>> from poise.spec import Span
        >>> spec = DataSpec("series", (1, 30), spans=(Span("value", "real", 1),))
        >>> doppelganger_generator(spec, latent_size=8, width=4)(torch.randn(3, 8)).shape
        torch.Size([3, 1, 30])

    Source: Lin et al. 2020, section 4 and appendix B. Not its noise of each step, which a latent cannot name.
    """
    features, attributes, filling = _parts(spec, "doppelganger")
    length = spec.shape[1]
    steps = together or max(1, round(length / 50))
    recurrent = Recurrent(latent_size + attributes, features.shape[0], length, width, steps)
    if not attributes:
        return recurrent
    perceptron = _perceptron(latent_size, [width] * 3, attributes)
    return AttributesFirst(perceptron, recurrent, length, filling)


class TwoCritics(nn.Module):
    """A perceptron of the whole sample and one of its attributes alone: two scores of each sample."""

    def __init__(self, spec: DataSpec, width: int, depth: int) -> None:
        super().__init__()
        _, attributes, _ = _parts(spec, "doppelganger")
        self.attributes = attributes
        self.whole = _perceptron(math.prod(spec.shape), [width] * depth, 1)
        self.of_attributes = _perceptron(attributes, [width] * depth, 1) if attributes else None

    def forward(self, samples: Tensor) -> Tensor:
        """Samples `(N, C + A, T)` to scores `(N,)`, or `(N, 2)` if they have attributes."""
        scores: Tensor = self.whole(samples.flatten(1))
        if self.of_attributes is None:
            return scores[:, 0]
        alone: Tensor = self.of_attributes(samples[:, -self.attributes :].mean(2))
        return torch.cat([scores, alone], 1)


def doppelganger_discriminator(
    spec: DataSpec,
    *,
    width: Annotated[int, Field(ge=1)] = 200,
    depth: Annotated[int, Field(ge=1)] = 5,
) -> nn.Module:
    """DoppelGANger's critics: a perceptron of the whole sample, and one of its attributes alone.

    Args:
        spec: Series `(C + A, T)`, whose last A channels are attributes.
        width: Units of a hidden layer.
        depth: Hidden layers.

    Example:
        >>> from poise.spec import Span
        >>> spec = DataSpec("series", (1, 30), spans=(Span("value", "real", 1),))
        >>> doppelganger_discriminator(spec, width=4)(torch.randn(3, 1, 30)).shape
        torch.Size([3])

    Source: Lin et al. 2020, section 4.2 and appendix B.
    """
    return TwoCritics(spec, width, depth)


def _perceptron(inputs: int, hidden: list[int], outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for units in hidden:
        layers += [nn.Linear(inputs, units), LeakyReLU(0.2)]
        inputs = units
    return nn.Sequential(*layers, nn.Linear(inputs, outputs))


def _parts(spec: DataSpec, network: str) -> tuple[DataSpec, int, int]:
    """What features alone look like, how many attributes there are, and how many features fill [-1, 1]."""
    if len(spec.shape) != 2:
        what = f"The network '{network}' cannot be built for the shape {spec.shape}"
        why = "it makes series (channels, steps)"
        raise PoiseError(what, code="networks.not-series", why=why, hint="use the network 'dcgan'")
    attributes = sum(span.size for span in spec.spans if is_attribute(span))
    channels = spec.shape[0] - attributes
    filling = sum(span.size for span in spec.spans if span.kind == "bounded")
    alone = DataSpec(spec.kind, (channels, spec.shape[1]), spans=(Span("features", "real", channels),))
    return alone, attributes, filling


SERIES_GENERATOR = Network(
    name="series",
    build=series_generator,
    summary="What holds for a whole series first, then its course by transposed convolutions.",
    source="Lin et al. 2020, section 4.2; Radford et al. 2015",
    kinds=("series",),
    takes_width=True,
)
SERIES_DISCRIMINATOR = Network(
    name="series",
    build=dcgan_discriminator,
    summary="Strided convolutions along a series, attributes as channels beside its values.",
    source="Radford et al. 2015, section 3",
    kinds=("series",),
    takes_width=True,
)
DOPPELGANGER_GENERATOR = Network(
    name="doppelganger",
    build=doppelganger_generator,
    summary="What holds for a whole series first, then its course by an LSTM, several steps at a time.",
    source="Lin et al. 2020, section 4 and appendix B",
    kinds=("series",),
)
DOPPELGANGER_DISCRIMINATOR = Network(
    name="doppelganger",
    build=doppelganger_discriminator,
    summary="Two perceptrons: of a whole series, and of its attributes alone.",
    source="Lin et al. 2020, section 4.2 and appendix B",
    kinds=("series",),
)
