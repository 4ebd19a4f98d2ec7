"""Graphs: read from files, molecules as text and networkx; as codes, as arrays, and back."""

from poise.data.graphs.codes import (
    GraphTransform,
    codes_of,
    in_another_order,
    matrices,
    networkx_graphs,
    of_graphs,
    planes,
)
from poise.data.graphs.order import in_one_order
from poise.data.graphs.reading import Graphs, NetworkxGraph, are_graphs, is_graph_file, read_graphs

__all__ = [
    "GraphTransform",
    "Graphs",
    "NetworkxGraph",
    "are_graphs",
    "codes_of",
    "in_another_order",
    "in_one_order",
    "is_graph_file",
    "matrices",
    "networkx_graphs",
    "of_graphs",
    "planes",
    "read_graphs",
]
