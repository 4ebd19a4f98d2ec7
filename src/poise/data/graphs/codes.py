"""Graphs as whole numbers, a code for each node and each pair of nodes; and as what networks see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from poise.data.rows import Array
from poise.data.transform import Transform, damaged_transform, fields_to_json
from poise.spec import EDGE, NODE, PRESENT, Span

if TYPE_CHECKING:
    from poise.data.graphs.reading import NetworkxGraph

Value = str | int | float | bool | None


@dataclass(frozen=True)
class GraphTransform:
    """Codes of nodes and pairs to one-hots, and back.

    Stored rows are `(n + n (n - 1) / 2,)` uint8 for graphs of at most n nodes: of each node 0 if there is
    none, else 1 and up for its type; then of each pair of nodes, row by row, 0 if there is no edge, else 1
    and up. The networks see a flag for each node if sizes vary, then its type as a one-hot if there are
    several, then a one-hot for each pair, whose first number is 1 if there is no edge.

    Args:
        nodes: The most nodes of a graph.
        node_types: The values of the attribute that types nodes; one `None` if nodes have no types.
        edge_types: The same of edges.
        node_attribute: The name of that attribute of nodes; `None` if there is none.
        edge_attribute: The same of edges.
        varies: Whether graphs have several sizes.
        connected: Whether every graph of the data is in one piece.
        form: What the data came as: `"graphml"`, `"graph6"`, `"smiles"` or `"networkx"`.
    """

    nodes: int
    node_types: tuple[Value, ...]
    edge_types: tuple[Value, ...]
    node_attribute: str | None
    edge_attribute: str | None
    varies: bool
    connected: bool
    form: str
    name: ClassVar[str] = "graphs"
    bounded: ClassVar[bool] = False

    @property
    def pairs(self) -> int:
        """How many pairs of nodes there are."""
        return self.nodes * (self.nodes - 1) // 2

    @property
    def spans(self) -> tuple[Span, ...]:
        """What the networks see, in order."""
        types, edges = len(self.node_types), len(self.edge_types) + 1
        first, second = np.triu_indices(self.nodes, 1)
        spans = [Span(f"{PRESENT} {node}", "flag", 1) for node in range(self.nodes) if self.varies]
        spans += [Span(f"{NODE} {node}", "one-hot", types) for node in range(self.nodes) if types > 1]
        return (
            *spans,
            *(Span(f"{EDGE} {i} {j}", "one-hot", edges) for i, j in zip(first, second, strict=True)),
        )

    def encode(self, stored: Tensor) -> Tensor:
        """Codes `(B, n + pairs)` to flags and one-hots `(B, numbers)`, float32."""
        codes = stored.long()
        nodes, pairs = codes[:, : self.nodes], codes[:, self.nodes :]
        parts = [(nodes > 0).float()] if self.varies else []
        if len(self.node_types) > 1:
            parts.append(one_hot(nodes, len(self.node_types) + 1)[..., 1:].float().flatten(1))
        parts.append(one_hot(pairs, len(self.edge_types) + 1).float().flatten(1))
        return torch.cat(parts, 1)

    def decode(self, value: Tensor) -> Tensor:
        """The most probable codes, uint8; a node that is missing has no edges."""
        types, edges = len(self.node_types), len(self.edge_types) + 1
        ends = [self.nodes * self.varies, self.nodes * types * (types > 1), self.pairs * edges]
        present, kinds, pairs = value.split(ends, 1)
        nodes = torch.ones(len(value), self.nodes, dtype=torch.long, device=value.device)
        if types > 1:
            nodes = kinds.unflatten(1, (self.nodes, types)).argmax(2) + 1
        if self.varies:
            nodes = nodes * (present > 0.5)
        found = pairs.unflatten(1, (self.pairs, edges)).argmax(2)
        first, second = np.triu_indices(self.nodes, 1)
        there = (nodes[:, first] > 0) & (nodes[:, second] > 0)
        return torch.cat([nodes, found * there], 1).to(torch.uint8)

    to_json = fields_to_json

    @staticmethod
    def from_json(written: Mapping[str, Any]) -> GraphTransform:
        """What `to_json` wrote."""
        try:
            made = GraphTransform(
                nodes=int(written["nodes"]),
                node_types=tuple(written["node_types"]),
                edge_types=tuple(written["edge_types"]),
                node_attribute=written["node_attribute"],
                edge_attribute=written["edge_attribute"],
                varies=bool(written["varies"]),
                connected=bool(written["connected"]),
                form=str(written["form"]),
            )
            good = made.nodes > 1 and bool(made.node_types) and bool(made.edge_types)
        except (KeyError, TypeError, ValueError):
            good = False
        if not good:
            raise damaged_transform("graphs")
        return made


def of_graphs(transform: Transform) -> GraphTransform:
    """The transform of graphs."""
    assert isinstance(transform, GraphTransform)
    return transform


@lru_cache(maxsize=64)
def _places(nodes: int) -> Array:
    """The place in a row of codes of each node (on the diagonal) and of each pair, `(n, n)`."""
    first, second = np.triu_indices(nodes, 1)
    places = np.diag(np.arange(nodes))
    places[first, second] = places[second, first] = nodes + np.arange(len(first))
    return places


def matrices(codes: Tensor) -> Tensor:
    """Rows of codes as symmetric matrices `(B, n, n)`: nodes on the diagonal, edges beside it.

    Example:
        >>> matrices(torch.tensor([[1, 1, 2, 0, 3, 0]]))
        tensor([[[1, 0, 3],
                 [0, 1, 0],
                 [3, 0, 2]]])
    """
    nodes = int((2 * codes.shape[1] + 0.25) ** 0.5 - 0.5)
    return codes[:, torch.from_numpy(_places(nodes)).to(codes.device)]


def codes_of(whole: Tensor) -> Tensor:
    """Rows of codes of symmetric matrices, the inverse of `matrices`.

    Example:
        >>> codes_of(matrices(torch.tensor([[1, 1, 2, 0, 3, 0]])))
        tensor([[1, 1, 2, 0, 3, 0]])
    """
    nodes = whole.shape[1]
    first, second = np.triu_indices(nodes, 1)
    place = np.concatenate([np.arange(nodes) * (nodes + 1), first * nodes + second])
    return whole.flatten(1)[:, torch.from_numpy(place).to(whole.device)]


def in_another_order(codes: Tensor, randomness: torch.Generator) -> Tensor:
    """The same graphs with their nodes in an order that is drawn for each.

    Example:
        >>> codes = torch.tensor([[1, 1, 2, 0, 3, 0]])
        >>> in_another_order(codes, torch.Generator().manual_seed(1)).sort().values
        tensor([[0, 0, 1, 1, 2, 3]])
    """
    whole = matrices(codes)
    order = torch.rand(whole.shape[:2], generator=randomness, device=codes.device).argsort(1)
    turned = whole.gather(1, order[:, :, None].expand_as(whole))
    return codes_of(turned.gather(2, order[:, None].expand_as(whole)))


def planes(codes: Tensor, transform: GraphTransform) -> Tensor:
    """What extractors see: a plane for each type, `(B, types of nodes and edges, 1, n, n)`, float32.

    A plane of nodes has its ones on the diagonal, a plane of edges beside it.
    """
    whole = matrices(codes).long()
    nodes = one_hot(whole.diagonal(dim1=1, dim2=2), len(transform.node_types) + 1)[..., 1:]
    edges = one_hot(whole - torch.diag_embed(whole.diagonal(dim1=1, dim2=2)), len(transform.edge_types) + 1)
    both = torch.cat([torch.diag_embed(nodes.movedim(2, 1)), edges[..., 1:].movedim(3, 1)], 1)
    return both[:, :, None].float()


def networkx_graphs(whole: Tensor, transform: GraphTransform) -> list[NetworkxGraph]:
    """Networkx graphs of matrices `(B, n, n)`, with the attributes that the data had.

    Example:
        >>> transform = GraphTransform(3, ("C", "O"), (1, 2), "atom", "bond", True, True, "networkx")
        >>> (graph,) = networkx_graphs(matrices(torch.tensor([[1, 2, 0, 2, 0, 0]])), transform)
        >>> graph.nodes(data=True), graph.edges(data=True)
        (NodeDataView({0: {'atom': 'C'}, 1: {'atom': 'O'}}), EdgeDataView([(0, 1, {'bond': 2})]))
    """
    import networkx  # noqa: PLC0415 - only graphs need it

    made = []
    for matrix in whole.long().tolist():
        graph = networkx.Graph()
        there = [node for node in range(len(matrix)) if matrix[node][node]]
        for number, node in enumerate(there):
            code = matrix[node][node]
            graph.add_node(number, **_typed(transform.node_attribute, transform.node_types[code - 1]))
            for earlier, other in enumerate(there[:number]):
                if edge := matrix[node][other]:
                    graph.add_edge(
                        earlier, number, **_typed(transform.edge_attribute, transform.edge_types[edge - 1])
                    )
        made.append(graph)
    return made


def _typed(attribute: str | None, value: Value) -> dict[str, Any]:
    return {} if attribute is None else {attribute: value}


def rows_of_codes(
    graphs: Sequence[NetworkxGraph],
    nodes: int,
    types: tuple[Mapping[Any, int], Mapping[Any, int]],
    attributes: tuple[str | None, str | None],
) -> Array:
    """Codes `(N, n + pairs)` uint8 of networkx graphs."""
    places, (of_node, of_edge), (node_name, edge_name) = _places(nodes), types, attributes
    rows = np.zeros((len(graphs), nodes + nodes * (nodes - 1) // 2), dtype=np.uint8)
    for row, graph in zip(rows, graphs, strict=True):
        place = {node: number for number, node in enumerate(graph.nodes)}
        for node, data in graph.nodes(data=True):
            row[place[node]] = 1 if node_name is None else of_node[data[node_name]]
        for first, second, data in graph.edges(data=True):
            code = 1 if edge_name is None else of_edge[data[edge_name]]
            row[places[place[first], place[second]]] = code
    return rows
