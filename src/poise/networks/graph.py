"""Generators of graphs: presence and types of nodes, and types of edges, cut from one vector."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from poise.errors import PoiseError
from poise.networks.layers import LeakyReLU
from poise.networks.mixture import LEAST_NOISE, MixtureGenerator, even
from poise.networks.network import Network
from poise.networks.spans import chosen
from poise.spec import EDGE, NODE, PRESENT, DataSpec, Span


@dataclass(frozen=True)
class Layout:
    """Where the numbers of a graph are: flags of presence, types of nodes, then of pairs of nodes.

    Args:
        nodes: The most nodes of a graph.
        varies: Whether a flag says of each node whether it is there.
        types: Types of nodes; 1 if they have none, which takes no numbers.
        edges: Types of pairs, the first of which is none.
    """

    nodes: int
    varies: bool
    types: int
    edges: int

    @staticmethod
    def of(spec: DataSpec, network: str) -> Layout:
        """The layout of the spans of graphs.

        Raises:
            PoiseError: The data are no graphs.
        """
        sizes = {
            part: [span.size for span in spec.spans if span.name.startswith(f"{part} ")]
            for part in (PRESENT, NODE, EDGE)
        }
        pairs = len(sizes[EDGE])
        nodes = round(0.5 + math.sqrt(0.25 + 2 * pairs))
        if not pairs or nodes * (nodes - 1) // 2 != pairs or spec.shape[0] % sum(map(sum, sizes.values())):
            what = f"The network '{network}' cannot be built for the shape {spec.shape}"
            raise PoiseError(what, code="networks.not-graphs", why="it is for graphs", hint="use another")
        return Layout(nodes, bool(sizes[PRESENT]), (sizes[NODE] or [1])[0], sizes[EDGE][0])

    @property
    def pairs(self) -> int:
        """How many pairs of nodes there are."""
        return self.nodes * (self.nodes - 1) // 2

    @property
    def sizes(self) -> list[int]:
        """How many numbers the flags, the types of nodes and those of pairs take."""
        typed = self.nodes * self.types if self.types > 1 else 0
        return [self.nodes * self.varies, typed, self.pairs * self.edges]

    @property
    def choices(self) -> int:
        """How many flags and one-hots there are."""
        return self.nodes * (self.varies + (self.types > 1)) + self.pairs


def masked(layout: Layout, present: Tensor | None, types: Tensor | None, edges: Tensor) -> Tensor:
    """Flags `(N, n)`, one-hots of nodes `(N, n, types)` and of pairs `(N, pairs, edges)` as rows of numbers.

    What is not present has no type and no edges.
    """
    if present is None:
        parts = [] if types is None else [types.flatten(1)]
        return torch.cat([*parts, edges.flatten(1)], 1)
    first, second = np.triu_indices(layout.nodes, 1)
    both = (present[:, first] * present[:, second])[:, :, None]
    none = torch.zeros_like(edges[:1, :1])
    none[..., 0] = 1
    parts = [present] if types is None else [present, (types * present[:, :, None]).flatten(1)]
    return torch.cat([*parts, (edges * both + none * (1 - both)).flatten(1)], 1)


class GraphGenerator(nn.Module):
    """A perceptron to flags, types of nodes and types of pairs, each a hard choice; straight-through.

    A pair stands once, so that graphs are symmetric. A node that is missing has no type and no edges. If
    choices are drawn, each is drawn by a number of its own that follows from the latent by a fixed rotation,
    so that a latent has one graph.
    """

    directions: Tensor

    def __init__(self, layout: Layout, latent_size: int, *, width: int, depth: int, drawn: bool) -> None:
        super().__init__()
        self.layout = layout
        layers: list[nn.Module] = []
        features = latent_size
        for _ in range(depth):
            layers += [nn.Linear(features, width), LeakyReLU(0.2)]
            features = width
        self.layers = nn.Sequential(*layers, nn.Linear(features, sum(layout.sizes)))
        self.drawn = drawn
        if drawn:
            self.register_buffer("directions", fixed_directions(latent_size, layout.choices))

    def forward(self, latent: Tensor) -> Tensor:
        """Latents `(N, latent_size)` to graphs `(N, numbers)`."""
        layout = self.layout
        flags, types, pairs = self.layers(latent).split(layout.sizes, 1)
        uniform = even(latent @ self.directions) if self.drawn else None
        start, present, found = 0, None, None
        if layout.varies:
            probability = flags.sigmoid()
            bound = 0.5 if uniform is None else uniform[:, : layout.nodes]
            hard = (probability.detach() > bound).to(flags.dtype)
            present, start = hard + (probability - probability.detach()), layout.nodes
        if layout.types > 1:
            found = self._chosen(types, layout.types, uniform, start)
            start += layout.nodes
        edges = self._chosen(pairs, layout.edges, uniform, start)
        return masked(layout, present, found, edges)

    @staticmethod
    def _chosen(logits: Tensor, size: int, uniform: Tensor | None, start: int) -> Tensor:
        """One-hots `(N, places, size)`."""
        each = logits.unflatten(1, (-1, size))
        drawn = None if uniform is None else uniform[:, start : start + each.shape[1]]
        return chosen(each.softmax(2).movedim(2, 1), drawn).movedim(1, 2)


def graph_generator(
    spec: DataSpec,
    *,
    latent_size: int,
    width: Annotated[int, Field(ge=1)] = 128,
    depth: Annotated[int, Field(ge=0, le=64)] = 3,
    drawn: bool = True,
) -> nn.Module:
    """MolGAN's generator: a perceptron to the types of nodes and of pairs of nodes.

    Args:
        spec: Graphs.
        latent_size: The size of a latent.
        width: Units of a hidden layer.
        depth: Hidden layers.
        drawn: Whether each node and pair is drawn by its probabilities, by numbers that follow from the
            latent; otherwise the most probable is taken.

    Raises:
        PoiseError: The data are no graphs.

    Example:
        >>> from poise.spec import Span
        >>> pairs = tuple(Span(f"edge {i} {j}", "one-hot", 2) for i, j in ((0, 1), (0, 2), (1, 2)))
        >>> graph_generator(DataSpec("graph", (6,), spans=pairs), latent_size=8)(torch.randn(5, 8)).shape
        torch.Size([5, 6])

    Source: De Cao and Kipf 2018 (MolGAN), section 3.1; choices are straight-through, in place of its
    softmax or Gumbel-softmax.
    """
    layout = Layout.of(spec, "graph")
    return GraphGenerator(layout, latent_size, width=width, depth=depth, drawn=drawn)


class GraphMixture(nn.Module):
    """Graphs of a mixture that is fitted to the data in their own order of nodes, and moved by a network.

    Its critic does not see the order, so that one order of each graph is enough.
    """

    directions: Tensor

    def __init__(self, layout: Layout, latent_size: int, *, components: int, width: int, depth: int) -> None:
        super().__init__()
        self.layout = layout
        self.flags = 2 * layout.nodes * layout.varies
        spans = [Span(f"{PRESENT} {node}", "one-hot", 2) for node in range(layout.nodes) if layout.varies]
        spans += [
            Span(f"{NODE} {i}", "one-hot", layout.types) for i in range(layout.nodes) if layout.types > 1
        ]
        spans += [Span(f"{EDGE} {pair}", "one-hot", layout.edges) for pair in range(layout.pairs)]
        needed = max(latent_size, 1 + len(spans) + LEAST_NOISE)
        self.mixture = MixtureGenerator(spans, needed, components=components, width=width, depth=depth)
        self.register_buffer("directions", fixed_directions(latent_size, needed))

    def forward(self, latent: Tensor) -> Tensor:
        """Latents `(N, latent_size)` to graphs `(N, numbers)`."""
        layout = self.layout
        made = self.mixture(latent @ self.directions)
        flags, types, pairs = made.split([self.flags, *layout.sizes[1:]], 1)
        present = flags.unflatten(1, (layout.nodes, 2))[..., 1] if layout.varies else None
        found = types.unflatten(1, (layout.nodes, layout.types)) if layout.types > 1 else None
        return masked(layout, present, found, pairs.unflatten(1, (layout.pairs, layout.edges)))

    def fit(self, rows: Tensor, seed: int) -> str:
        """Fit the mixture to graphs `(N, numbers)`; see `MixtureGenerator.fit`."""
        flags, rest = rows[:, : self.flags // 2], rows[:, self.flags // 2 :]
        return self.mixture.fit(torch.cat([torch.stack([1 - flags, flags], 2).flatten(1), rest], 1), seed)


def fixed_directions(latent_size: int, needed: int) -> Tensor:
    """A matrix `(latent_size, needed)` from latents to normal numbers; a rotation if they are as many."""
    turned: Tensor = nn.init.orthogonal_(torch.empty(latent_size, needed))
    return turned.div(turned.norm(dim=0))


def graph_mixture_generator(
    spec: DataSpec,
    *,
    latent_size: int,
    components: Annotated[int, Field(ge=1, le=10_000)] = 300,
    width: Annotated[int, Field(ge=1)] = 128,
    depth: Annotated[int, Field(ge=0, le=64)] = 2,
) -> nn.Module:
    """A generator of graphs that begins as a mixture fitted to the data.

    Args:
        spec: Graphs.
        latent_size: The size of a latent.
        components: The most components of the mixture; of few graphs one for every 25.
        width: Units of a hidden layer.
        depth: Residual layers.

    Raises:
        PoiseError: The data are no graphs.

    Example:
        >>> from poise.spec import Span
        >>> pairs = tuple(Span(f"edge {i} {j}", "one-hot", 2) for i, j in ((0, 1), (0, 2), (1, 2)))
        >>> generator = graph_mixture_generator(DataSpec("graph", (6,), spans=pairs), latent_size=8)
        >>> generator(torch.randn(5, 8)).shape
        torch.Size([5, 6])

    Source: ours; the mixture of products of the network `mixture`, for tables.
    """
    layout = Layout.of(spec, "graph-mixture")
    return GraphMixture(layout, latent_size, components=components, width=width, depth=depth)


GRAPH_GENERATOR = Network(
    name="graph",
    build=graph_generator,
    summary="Fully connected layers to the types of nodes and of pairs of nodes, each a hard choice.",
    source="De Cao and Kipf 2018, section 3.1",
    kinds=("graph",),
    takes_width=True,
)
GRAPH_MIXTURE = Network(
    name="graph-mixture",
    build=graph_mixture_generator,
    summary="A mixture fitted to graphs, whose components a network changes.",
    source="ours, 2026",
    kinds=("graph",),
    takes_width=True,
    fit=lambda module, rows, seed: module.fit(rows, seed),
)
