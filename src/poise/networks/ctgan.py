"""The networks of CTGAN, in our own code."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from poise.errors import PoiseError
from poise.networks.layers import ReLU
from poise.networks.mixture import even, scoring_layers
from poise.networks.network import Network
from poise.networks.spans import SpanHeads, draws
from poise.spec import DataSpec, Span


class ConcatenatingGenerator(nn.Module):
    """Layers that each hand on their input beside what they make of it, and heads of spans.

    The first numbers of a latent draw the choices, one each, and the rest goes through the layers.
    """

    def __init__(self, spans: tuple[Span, ...], latent_size: int, *, width: int, depth: int) -> None:
        super().__init__()
        self.choices = draws(spans)
        features = latent_size - self.choices
        self.layers = nn.ModuleList()
        for _ in range(depth):
            self.layers.append(nn.Sequential(nn.Linear(features, width), nn.BatchNorm1d(width), ReLU()))
            features += width
        self.last = nn.Linear(features, sum(span.size for span in spans))
        self.heads = SpanHeads(spans)

    def forward(self, latent: Tensor) -> Tensor:
        """Samples `(N, numbers)` of latents `(N, latent_size)`."""
        made: Tensor = self.heads(self._logits(latent), even(latent[:, : self.choices]))
        return made

    def with_shares(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """Samples, and beside each choice the probabilities that it was drawn by, both `(N, numbers)`."""
        logits = self._logits(latent)
        parts = [
            part.softmax(1) if span.chooses else part
            for span, part in zip(self.heads.spans, logits.split(self.heads.sizes, 1), strict=True)
        ]
        return self.heads(logits, even(latent[:, : self.choices])), torch.cat(parts, 1)

    def _logits(self, latent: Tensor) -> Tensor:
        features = latent[:, self.choices :]
        for layer in self.layers:
            features = torch.cat([layer(features), features], 1)
        logits: Tensor = self.last(features)
        return logits


def ctgan_generator(
    spec: DataSpec,
    *,
    latent_size: int,
    width: Annotated[int, Field(ge=1)] = 256,
    depth: Annotated[int, Field(ge=0, le=64)] = 2,
) -> nn.Module:
    """A generator of rows whose layers concatenate their input, with batch normalisation.

    Args:
        spec: Data that are cut into spans.
        latent_size: The size of a latent: one number for each choice, the rest for the layers.
        width: Units of a hidden layer.
        depth: Hidden layers.

    Raises:
        PoiseError: The data have no spans, or the latent is too small for them.

    Example:
        >>> spec = DataSpec("table", (3,), spans=(Span("colour", "one-hot", 3),))
        >>> ctgan_generator(spec, latent_size=8, width=8)(torch.randn(5, 8)).shape
        torch.Size([5, 3])

    Source: Xu et al. 2019, section 4.4; choices are straight-through, in place of its Gumbel-softmax.
    """
    if not spec.spans:
        what, why = "The network 'ctgan' cannot be built for these data", "they are not cut into spans"
        raise PoiseError(what, code="networks.no-spans", why=why, hint="use the network 'mlp'")
    if latent_size <= draws(spec.spans):
        what = f"A latent of {latent_size} numbers is too small for {draws(spec.spans)} choices"
        hint = f"use --set latent.size={2 * draws(spec.spans) + 8}"
        raise PoiseError(what, code="networks.latent-too-small-for-choices", hint=hint)
    return ConcatenatingGenerator(spec.spans, latent_size, width=width, depth=depth)


def ctgan_discriminator(
    spec: DataSpec,
    *,
    width: Annotated[int, Field(ge=1)] = 256,
    depth: Annotated[int, Field(ge=1, le=64)] = 2,
    slope: Annotated[float, Field(ge=0, lt=1)] = 0.2,
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.5,
) -> nn.Module:
    """A discriminator of rows as they are; packed rows stand side by side.

    Args:
        spec: A table.
        width: Units of a hidden layer.
        depth: Hidden layers.
        slope: The slope of the leaky ReLU below 0.
        dropout: The share of hidden units that are left out.

    Example:
        >>> spec = DataSpec("table", (3,), spans=(Span("size", "ordered", 3),))
        >>> ctgan_discriminator(spec, width=8)(torch.eye(3)).shape
        torch.Size([3])

    Source: Xu et al. 2019, section 4.4.
    """
    return nn.Sequential(*scoring_layers(spec.numbers, width, depth, slope, dropout))


CTGAN_GENERATOR = Network(
    name="ctgan",
    build=ctgan_generator,
    summary="Layers that concatenate their input, with batch normalisation, for rows of a table.",
    source="Xu et al. 2019, section 4.4",
    kinds=("table",),
    takes_width=True,
)
CTGAN_DISCRIMINATOR = Network(
    name="ctgan",
    build=ctgan_discriminator,
    summary="Fully connected layers with dropout, for rows of a table as they are.",
    source="Xu et al. 2019, section 4.4",
    kinds=("table",),
    takes_width=True,
)
