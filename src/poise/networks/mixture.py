"""A generator of rows that begins as a mixture fitted to the data, and the discriminator of rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from poise.errors import PoiseError
from poise.networks.layers import LeakyReLU
from poise.networks.network import Network
from poise.networks.noised_mixture import ROUNDS as NOISED_ROUNDS
from poise.networks.noised_mixture import noised_mixture
from poise.networks.spans import SpanFeatures, chosen, draws
from poise.spec import DataSpec, Span

LEAST_NOISE = 8
"""The least numbers of a latent that are left for what several columns share."""

SMOOTHING = 0.01
"""Rows that each component is given of the shares of the whole table, so that nothing is impossible."""

ROWS_A_COMPONENT = 25
"""The least rows for each component."""

ROWS_A_PRIVATE_COMPONENT = 500
"""The same of rows of which none may be known: fewer would not stand out from the noise."""

MOST_ROWS, PIECE = 50_000, 2_048
"""Rows that a mixture is fitted to, and how many at once."""

ROUNDS, ENOUGH = 60, 0.01
"""The most rounds of fitting, and the gain in log-likelihood of five rounds below which it ends."""


class MixtureGenerator(nn.Module):
    """Rows of a mixture whose components a network changes: each latent has its own share of every value.

    A latent chooses a component, which holds a share of each value of each column. A network moves the
    logits of these shares by what else the latent says, so that columns depend on each other within a
    component, too. Given the latent columns are independent: each is drawn by a number of the latent of its
    own. So the probability of any condition is known for each latent, and rows can be made for it.

    The network's last layer begins at 0: before the first step rows are those of the mixture.

    Args:
        spans: Choices first, then `bounded` spans, which are drawn evenly.
        latent_size: Numbers in a latent.
        components: Components of the mixture.
        width: Units of a hidden layer.
        depth: Residual layers.
    """

    fits_data = True
    bounds: Tensor

    def __init__(
        self, spans: Sequence[Span], latent_size: int, *, components: int, width: int, depth: int
    ) -> None:
        super().__init__()
        choices = [span for span in spans if span.chooses]
        self.sizes = [span.size for span in choices]
        self.places = len(spans) - len(choices)
        self.noise = latent_size - 1 - len(choices) - self.places
        numbers = sum(self.sizes)
        self.register_buffer("bounds", torch.arange(1, components + 1) / components)
        self.logits = nn.Parameter(torch.zeros(components, numbers))
        self.component = nn.Embedding(components, width)
        self.first = nn.Linear(self.noise, width)
        self.hidden = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.activation = LeakyReLU(0.2)
        self.last = nn.Linear(width, numbers)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def probabilities(self, latent: Tensor) -> Tensor:
        """The probability of each value of each column given the latent, `(N, numbers)`."""
        component = self.component_of(latent)
        shared = latent[:, 1 + len(self.sizes) + self.places :]
        features = self.activation(self.first(shared) + self.component(component))
        for layer in self.hidden:
            features = features + self.activation(layer(features))
        logits = self.logits[component] + self.last(features) / features.shape[1] ** 0.5
        return torch.cat([part.softmax(1) for part in logits.split(self.sizes, 1)], 1)

    def component_of(self, latent: Tensor) -> Tensor:
        """The component that each latent chooses, `(N,)`."""
        return torch.searchsorted(self.bounds, even(latent[:, 0]).contiguous()).clamp(
            max=len(self.bounds) - 1
        )

    def forward(self, latent: Tensor) -> Tensor:
        """Rows `(N, numbers)` of latents `(N, latent_size)`."""
        count = len(self.sizes)
        own = even(latent[:, 1 : 1 + count + self.places])
        parts = self.probabilities(latent).split(self.sizes, 1)
        made = [chosen(part, own[:, index]) for index, part in enumerate(parts)]
        return torch.cat([*made, own[:, count:] * 2 - 1], 1)

    @torch.no_grad()
    def fit(self, rows: Tensor, seed: int) -> str:
        """Fit the mixture to rows by expectation and maximisation.

        Args:
            rows: `(N, numbers)` as networks see them.
            seed: Draws the rows that components begin near.

        Returns:
            A sentence on what was done.

        Source: Dempster, Laird and Rubin 1977, section 4.3, for a finite mixture of products.
        """
        rows = rows[:, : sum(self.sizes)]
        stream = torch.Generator().manual_seed(seed)
        order = torch.randperm(len(rows), generator=stream)
        rows = rows[order[:MOST_ROWS].to(rows.device)]
        # with fewer rows a component would learn them by heart; those that are left over are never chosen
        count = max(1, min(len(self.bounds), len(rows) // ROWS_A_COMPONENT))
        whole = rows.mean(0)
        beginnings = rows[torch.arange(count) % len(rows)]
        shares, weights = 0.3 * beginnings + 0.7 * whole, torch.full((count,), 1 / count, device=rows.device)
        found: list[float] = []
        for _ in range(ROUNDS):
            taken, counts, total = torch.zeros_like(weights), torch.zeros_like(shares), 0.0
            logits = shares.clamp_min(1e-12).log()
            for piece in rows.split(PIECE):
                joint = piece @ logits.T + weights.log()
                likelihood = joint.logsumexp(1, keepdim=True)
                belongs = (joint - likelihood).exp()
                taken += belongs.sum(0)
                counts += belongs.T @ piece
                total += float(likelihood.sum())
            weights = (taken + SMOOTHING) / (taken + SMOOTHING).sum()
            smoothed = (counts + SMOOTHING * whole).split(self.sizes, 1)
            shares = torch.cat([part / part.sum(1, keepdim=True) for part in smoothed], 1)
            found.append(total / len(rows))
            if len(found) > 5 and found[-1] - found[-6] < ENOUGH:
                break
        self._begin_as(weights, shares, whole)
        return (
            f"The generator begins as a mixture of {count} components, fitted to {len(rows):,} rows in "
            f"{len(found)} rounds: log-likelihood {found[-1]:.2f} a row."
        )

    @torch.no_grad()
    def fit_privately(self, rows: Tensor, noise: float, stream: np.random.Generator) -> str:
        """Fit the mixture to rows of which none may be known, by noised counts.

        Args:
            rows: `(N, numbers)` as networks see them.
            noise: The deviation of the noise of all counts together, in what one row changes.
            stream: Draws the noise.

        Returns:
            A sentence on what was done.
        """
        rows = rows[:, : sum(self.sizes)]
        count = max(1, min(len(self.bounds), len(rows) // ROWS_A_PRIVATE_COMPONENT))
        self._begin_as(*noised_mixture(rows, self.sizes, count, noise=noise, stream=stream))
        return (
            f"The generator begins as a mixture of {count} components, fitted to noised counts of "
            f"{len(rows):,} rows in {NOISED_ROUNDS} rounds."
        )

    def _begin_as(self, weights: Tensor, shares: Tensor, whole: Tensor) -> None:
        """Take over a mixture; components that are left over have the shares of the whole."""
        count = len(weights)
        self.bounds.fill_(1.0)
        self.bounds[:count] = weights.cumsum(0)
        self.logits.copy_(whole.clamp_min(1e-9).log().expand_as(self.logits))
        self.logits[:count] = shares.clamp_min(1e-9).log()


def even(normal: Tensor) -> Tensor:
    """Standard normal numbers as even ones in [0, 1)."""
    return (0.5 * (1 + torch.erf(normal / math.sqrt(2)))).clamp(0.0, 1 - 2**-24)


def mixture_generator(
    spec: DataSpec,
    *,
    latent_size: int,
    components: Annotated[int, Field(ge=1, le=10_000)] = 200,
    width: Annotated[int, Field(ge=1)] = 256,
    depth: Annotated[int, Field(ge=0, le=64)] = 2,
) -> nn.Module:
    """A generator of rows of choices that begins as a mixture fitted to the data.

    Args:
        spec: A table.
        latent_size: The size of a latent: one number for the component, one for each column and each place
            within a cell, and the rest for what columns share.
        components: The most components of the mixture; of few rows one for every 25.
        width: Units of a hidden layer.
        depth: Residual layers.

    Raises:
        PoiseError: The spans are not those of a table, or the latent is too small for them.

    Example:
        >>> spec = DataSpec("table", (3,), spans=(Span("colour", "one-hot", 3),))
        >>> mixture_generator(spec, latent_size=16, components=4, width=8)(torch.randn(5, 16)).sum(1)
        tensor([1., 1., 1., 1., 1.], grad_fn=<SumBackward1>)

    Source: ours; the mixture of products as a prior, straight-through choices behind it.
    """
    count = draws(spec.spans)
    choices, places = spec.spans[:count], spec.spans[count:]
    unfit = not all(span.chooses for span in choices) or any(span.kind != "bounded" for span in places)
    if not choices or unfit:
        what = "The network 'mixture' cannot be built for these data"
        why = "it makes choices among values, and places that are even within them"
        raise PoiseError(what, code="networks.no-choices", why=why, hint="use the network 'mlp'")
    least = 1 + len(spec.spans) + LEAST_NOISE
    if latent_size < least:
        what = f"A latent of {latent_size} numbers is too small for {count} columns"
        raise PoiseError(what, code="networks.latent-too-small", hint=f"use --set latent.size={2 * least}")
    return MixtureGenerator(spec.spans, latent_size, components=components, width=width, depth=depth)


def row_discriminator(
    spec: DataSpec,
    *,
    width: Annotated[int, Field(ge=1)] = 256,
    depth: Annotated[int, Field(ge=1, le=64)] = 2,
    slope: Annotated[float, Field(ge=0, lt=1)] = 0.2,
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
) -> nn.Module:
    """A discriminator of rows that sees ordered columns as thresholds, too.

    Args:
        spec: A table; packed samples stand side by side.
        width: Units of a hidden layer.
        depth: Hidden layers.
        slope: The slope of the leaky ReLU below 0.
        dropout: The share of hidden units that are left out.

    Example:
        >>> spec = DataSpec("table", (3,), spans=(Span("size", "ordered", 3),))
        >>> row_discriminator(spec, width=8)(torch.eye(3)).shape
        torch.Size([3])

    Source: ours; widths and depth of Xu et al. 2019 (CTGAN), section 4.4.
    """
    numbers = sum(span.size for span in spec.spans) or spec.numbers
    seen = SpanFeatures(spec.spans, max(1, spec.numbers // numbers))
    return nn.Sequential(seen, *scoring_layers(seen.numbers, width, depth, slope, dropout))


def scoring_layers(
    features: int, width: int, depth: int, slope: float, dropout: float
) -> tuple[nn.Module, ...]:
    """Fully connected layers from features `(N, features)` to scores `(N,)`."""
    layers: list[nn.Module] = []
    for _ in range(depth):
        layers += [nn.Linear(features, width), LeakyReLU(slope)]
        layers += [nn.Dropout(dropout)] if dropout else []
        features = width
    return *layers, nn.Linear(features, 1), nn.Flatten(0)


MIXTURE_GENERATOR = Network(
    name="mixture",
    build=mixture_generator,
    summary="A mixture fitted to a table, whose components a network changes.",
    source="ours, 2026",
    kinds=("table",),
    takes_width=True,
    fit=lambda module, rows, seed: module.fit(rows, seed),
    fit_privately=lambda module, rows, noise, stream: module.fit_privately(rows, noise, stream),
)
ROW_DISCRIMINATOR = Network(
    name="rows",
    build=row_discriminator,
    summary="Fully connected layers that see ordered columns as thresholds, too.",
    source="ours; Xu et al. 2019, section 4.4",
    kinds=("table",),
    takes_width=True,
)
