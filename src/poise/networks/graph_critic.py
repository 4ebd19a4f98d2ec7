"""A critic of graphs that does not see the order of their nodes."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from poise.networks.graph import Layout
from poise.networks.layers import LeakyReLU
from poise.networks.network import Network
from poise.spec import DataSpec


class RelationalConvolution(nn.Module):
    """Each node's features with those of its neighbours, summed for each type of edge by weights of its own.

    Source: Schlichtkrull et al. 2018, equation 2, without its mean, which cannot count neighbours.
    """

    def __init__(self, features: int, width: int, relations: int) -> None:
        super().__init__()
        self.own = nn.Linear(features, width)
        self.others = nn.Linear(features, width * relations, bias=False)
        self.activation = LeakyReLU(0.2)

    def forward(self, nodes: Tensor, joined: Tensor) -> Tensor:
        """Nodes `(N, n, features)` and edges `(N, relations, n, n)` to nodes `(N, n, width)`."""
        sent = self.others(nodes).unflatten(2, (joined.shape[1], -1)).movedim(2, 1)
        # By half the most neighbours, so that numbers stay of one size and neighbours can still be counted
        received = (joined @ sent).sum(1) * (2 / joined.shape[-1])
        made: Tensor = self.activation(self.own(nodes) + received)
        return made


class GraphCritic(nn.Module):
    """Relational convolutions, a gated sum over nodes, and a perceptron; of a pack, of all of its graphs."""

    def __init__(self, layout: Layout, packing: int, *, width: int, depth: int, walks: int) -> None:
        super().__init__()
        self.layout, self.packing, self.walks = layout, packing, walks
        relations = layout.edges - 1
        features = layout.types * (layout.types > 1) + layout.varies + walks
        self.start = nn.Linear(max(1, features), width)
        self.convolutions = nn.ModuleList(
            RelationalConvolution(width, width, relations) for _ in range(depth)
        )
        self.gate, self.value = nn.Linear(width, width), nn.Linear(width, width)
        self.last = nn.Sequential(
            nn.Linear(width * packing, width), LeakyReLU(0.2), nn.Linear(width, 1), nn.Flatten(0)
        )
        first, second = np.triu_indices(layout.nodes, 1)
        places = np.full((layout.nodes, layout.nodes), layout.pairs)
        places[first, second] = places[second, first] = np.arange(layout.pairs)
        self.places = torch.from_numpy(places.ravel())

    def forward(self, samples: Tensor) -> Tensor:
        """Graphs, or packs of them, `(N, packing * numbers)` to scores `(N,)`."""
        layout = self.layout
        flags, types, pairs = samples.reshape(len(samples) * self.packing, -1).split(layout.sizes, 1)
        edges = pairs.unflatten(1, (layout.pairs, layout.edges))[..., 1:].movedim(2, 1)
        edges = torch.cat([edges, torch.zeros_like(edges[..., :1])], 2)
        joined = edges[..., self.places].unflatten(2, (layout.nodes, layout.nodes))
        known = [flags[:, :, None]] if layout.varies else []
        if layout.types > 1:
            known.append(types.unflatten(1, (layout.nodes, layout.types)))
        known += self._closed_walks(joined.sum(1))
        nodes = self.start(torch.cat(known, 2) if known else torch.ones_like(joined[:, 0, :, :1]))
        for convolution in self.convolutions:
            nodes = convolution(nodes, joined)
        whole = self.gate(nodes).sigmoid() * self.value(nodes)
        if layout.varies:
            whole = whole * flags[:, :, None]
        whole = whole.sum(1) * layout.nodes**-0.5
        scores: Tensor = self.last(whole.reshape(len(samples), -1))
        return scores

    def _closed_walks(self, joined: Tensor) -> list[Tensor]:
        """How many walks of each length from 2 lead from a node back to it, as logarithms `(N, n, walks)`."""
        found, power = [], joined
        for _ in range(self.walks):
            power = power @ joined
            found.append((1 + power.diagonal(dim1=1, dim2=2)).log())
        return [torch.stack(found, 2)] if found else []


def graph_discriminator(
    spec: DataSpec,
    *,
    width: Annotated[int, Field(ge=1)] = 128,
    depth: Annotated[int, Field(ge=1, le=64)] = 3,
    walks: Annotated[int, Field(ge=0, le=16)] = 4,
) -> nn.Module:
    """MolGAN's critic: relational graph convolutions and a gated sum, the same for every order of nodes.

    Convolutions alone cannot tell graphs apart in which every node has the same neighbourhood, such as a ring
    of six and two of three; the numbers of closed walks can.

    Args:
        spec: Graphs, or packs of them.
        width: Features of a node.
        depth: Convolutions.
        walks: Lengths of closed walks that are counted at each node, from 2 on.

    Raises:
        PoiseError: The data are no graphs.

    Example:
        >>> from poise.spec import Span
        >>> pairs = tuple(Span(f"edge {i} {j}", "one-hot", 2) for i, j in ((0, 1), (0, 2), (1, 2)))
        >>> graph_discriminator(DataSpec("graph", (6,), spans=pairs), width=8)(torch.randn(5, 6)).shape
        torch.Size([5])

    Source: De Cao and Kipf 2018 (MolGAN), section 3.2; Schlichtkrull et al. 2018; the walks are ours.
    """
    layout = Layout.of(spec, "graph")
    packing = spec.shape[0] // sum(layout.sizes)
    return GraphCritic(layout, packing, width=width, depth=depth, walks=walks)


GRAPH_DISCRIMINATOR = Network(
    name="graph",
    build=graph_discriminator,
    summary="Relational graph convolutions, the same for every order of the nodes.",
    source="De Cao and Kipf 2018, section 3.2",
    kinds=("graph",),
    takes_width=True,
)
