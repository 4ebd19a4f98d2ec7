"""A few graphs: rings, paths and stars of several sizes, some with types; and as files."""

from pathlib import Path
from typing import Any

import networkx


def plain_graphs(count: int = 40) -> list[Any]:
    """Connected graphs of three to six nodes without types."""
    made = [networkx.path_graph(3), networkx.cycle_graph(5), networkx.star_graph(4), networkx.cycle_graph(6)]
    return [made[number % len(made)].copy() for number in range(count)]


def typed_graphs(count: int = 40) -> list[Any]:
    """The same with two types of nodes and three of edges."""
    graphs = plain_graphs(count)
    for number, graph in enumerate(graphs):
        for node in graph.nodes:
            graph.nodes[node]["colour"] = "red" if (node + number) % 3 else "blue"
        for first, second in graph.edges:
            graph.edges[first, second]["weight"] = (first + second) % 3
    return graphs


def file_of_graphs(path: Path, count: int = 40) -> Path:
    """The plain ones as graph6."""
    path.write_bytes(b"".join(networkx.to_graph6_bytes(one, header=False) for one in plain_graphs(count)))
    return path
