"""Graphs in the form in which the data came: GraphML, graph6 or SMILES."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from torch import Tensor

from poise.data.graphs.codes import GraphTransform, networkx_graphs
from poise.data.graphs.molecules import smiles_of

SUFFIXES = {"graphml": ".graphml", "networkx": ".graphml", "graph6": ".g6", "smiles": ".smi"}
"""The endings of what is written for each form that data come in."""


def file_names(count: int, transform: GraphTransform) -> list[str]:
    """The files that `count` graphs are written to: one, or one for each if they are GraphML."""
    suffix = SUFFIXES[transform.form]
    if suffix != ".graphml":
        return [f"samples{suffix}"]
    digits = max(5, len(str(count - 1)))
    return [f"sample-{number:0{digits}}{suffix}" for number in range(count)]


def write_graphs(folder: Path, pieces: Iterable[Tensor], count: int, transform: GraphTransform) -> None:
    """Write pieces of matrices `(B, n, n)` to the files of `file_names`."""
    names = file_names(count, transform)
    if len(names) == 1 and SUFFIXES[transform.form] != ".graphml":
        write_one_file(folder / names[0], pieces, transform)
        return
    import networkx  # noqa: PLC0415 - only graphs need it

    graphs = (graph for piece in pieces for graph in networkx_graphs(piece, transform))
    for name, graph in zip(names, graphs, strict=True):
        networkx.write_graphml(graph, folder / name)


def write_one_file(path: Path, pieces: Iterable[Tensor], transform: GraphTransform) -> None:
    """Write all graphs to one file: a row of graph6 or SMILES for each, or one GraphML document.

    A row of SMILES ends in `valid` or `invalid`: whether RDKit reads it as a molecule, in one piece if those
    of the data are.
    """
    suffix = SUFFIXES[transform.form]
    if suffix == ".graphml":
        _write_graphml(path, pieces, transform)
        return
    lines = _smiles(pieces, transform) if suffix == ".smi" else _graph6(pieces, transform)
    with path.open("w", encoding="ascii") as file:
        file.writelines(lines)


def _graph6(pieces: Iterable[Tensor], transform: GraphTransform) -> Iterator[str]:
    import networkx  # noqa: PLC0415 - only graphs need it

    for piece in pieces:
        for graph in networkx_graphs(piece, transform):
            yield networkx.to_graph6_bytes(graph, header=False).decode("ascii")


def _smiles(pieces: Iterable[Tensor], transform: GraphTransform) -> Iterator[str]:
    for piece in pieces:
        for text, valid in smiles_of(networkx_graphs(piece, transform)):
            whole = valid and not (transform.connected and "." in text)
            yield f"{text} {'valid' if whole else 'invalid'}\n"


def _write_graphml(path: Path, pieces: Iterable[Tensor], transform: GraphTransform) -> None:
    from networkx.readwrite.graphml import GraphMLWriter  # noqa: PLC0415 - only graphs need it

    writer = GraphMLWriter()
    for piece in pieces:
        writer.add_graphs(networkx_graphs(piece, transform))
    with path.open("wb") as file:
        writer.dump(file)
