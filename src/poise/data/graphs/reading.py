"""Graphs of files and of networkx: GraphML, graph6 and SMILES; what cannot be used is named."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol
from xml.etree.ElementTree import ParseError

from poise.data.graphs.molecules import graph_of_smiles
from poise.data.sources.files import GRAPH_SUFFIXES, suffix_of
from poise.errors import PoiseError, report_system_errors, system_reason

if TYPE_CHECKING:
    from poise.data.kinds.kind import Given

MOST_NODES = 64
_FORMS = {
    ".graphml": "graphml",
    ".g6": "graph6",
    ".graph6": "graph6",
    ".smi": "smiles",
    ".smiles": "smiles",
    ".txt": "smiles",
    ".csv": "smiles",
}
_GZ = ".gz"


class NetworkxGraph(Protocol):
    """A graph of networkx."""

    @property
    def nodes(self) -> Any:
        """Its nodes."""

    @property
    def edges(self) -> Any:
        """Its edges."""

    def is_directed(self) -> bool:
        """Whether edges have a direction."""

    def is_multigraph(self) -> bool:
        """Whether two nodes can have several edges."""

    def add_node(self, node: Any, **attributes: Any) -> None:
        """Add a node."""

    def add_edge(self, first: Any, second: Any, **attributes: Any) -> None:
        """Join two nodes."""

    def __len__(self) -> int:
        """How many nodes there are."""


@dataclass
class Graphs:
    """Graphs that were read, and those that cannot be used with the reason of each."""

    form: str
    graphs: list[NetworkxGraph] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)

    def add(self, place: str, read: Callable[[], NetworkxGraph]) -> None:
        """Read a graph, and refuse it if it cannot be used."""
        try:
            graph = read()
            unfit = _unfit(graph)
        # what networkx raises for a damaged file differs by where it is damaged
        except (
            ValueError,
            KeyError,
            IndexError,
            TypeError,
            AttributeError,
            ParseError,
            _networkx_error(),
        ) as error:
            unfit = str(error).strip().rstrip(".") or type(error).__name__
        if unfit:
            self.refused[place] = unfit
        else:
            self.graphs.append(graph)


def are_graphs(data: Any) -> bool:
    """Whether these are graphs of networkx, in a list or a tuple.

    Example:
        >>> import networkx
        >>> are_graphs([networkx.path_graph(3)]), are_graphs([[1, 2], [3, 4]]), are_graphs([])
        (True, False, False)
    """
    return (
        isinstance(data, list | tuple) and bool(data) and all(hasattr(one, "is_multigraph") for one in data)
    )


def is_graph_file(name: str) -> bool:
    """Whether a file of this name holds graphs, and nothing else that Poise reads."""
    return _suffix(name) in GRAPH_SUFFIXES


def read_graphs(given: Given) -> Graphs:
    """The graphs that a person named, in the order of files and rows.

    Raises:
        PoiseError: There are none.
    """
    if are_graphs(given.data):
        found = Graphs("networkx")
        for number, graph in enumerate(given.data):
            found.add(f"graph {number:,}", partial(_given, graph))
        return found
    if given.files is not None:
        names = [name for name in given.files.listing().files if is_graph_file(name)]
        read = given.files.read
    elif given.path is not None:
        path = given.path
        names = [path.name]

        def read(name: str, most: int = -1) -> bytes:
            return path.read_bytes()

    else:
        names = []
    forms = {_FORMS.get(_suffix(name), "") for name in names}
    if len(forms) != 1 or "" in forms:
        several = "several forms of graphs" if len(forms) > 1 else "no graphs"
        hint = "name a folder of .graphml files, a .g6 or .smi file, or give a list of networkx graphs"
        raise PoiseError(f"'{given.name}' holds {several}", code="data.not-graphs", hint=hint)
    found = Graphs(forms.pop())
    for name in names:
        with report_system_errors(f"'{name}' cannot be read", code="data.graphs-unreadable"):
            content = read(name)
        try:
            content = gzip.decompress(content) if suffix_of(name) == _GZ else content
        except (OSError, EOFError) as error:
            reason = system_reason(error) if isinstance(error, OSError) else "it ends early"
            raise PoiseError(
                f"'{name}' cannot be unpacked", code="data.graphs-unreadable", why=reason
            ) from None
        for place, make in _READERS[found.form](name, content):
            found.add(place, make)
    return found


def _given(graph: NetworkxGraph) -> NetworkxGraph:
    return graph


def _suffix(name: str) -> str:
    """The suffix of a file name before `.gz`, if there is that."""
    return suffix_of(name.lower().removesuffix(_GZ))


def _graphml(name: str, content: bytes) -> Iterator[tuple[str, Callable[[], NetworkxGraph]]]:
    from networkx.readwrite.graphml import GraphMLReader  # noqa: PLC0415 - only graphs need it

    try:
        graphs = list(GraphMLReader()(io.BytesIO(content)))
    except Exception as error:
        reason = error

        def fail() -> NetworkxGraph:
            raise ValueError(f"it is no GraphML: {reason}")

        yield name, fail
        return
    for number, graph in enumerate(graphs):
        place = name if len(graphs) == 1 else f"{name}, graph {number + 1:,}"
        yield place, partial(_given, graph)


def _graph6(name: str, content: bytes) -> Iterator[tuple[str, Callable[[], NetworkxGraph]]]:
    import networkx  # noqa: PLC0415 - only graphs need it

    for number, line in enumerate(content.removeprefix(b">>graph6<<").splitlines(), 1):
        if text := line.strip():
            yield f"{name}, row {number:,}", partial(networkx.from_graph6_bytes, text)


def _smiles(name: str, content: bytes) -> Iterator[tuple[str, Callable[[], NetworkxGraph]]]:
    lines = content.decode("utf-8", "replace").splitlines()
    if _suffix(name) == ".csv":
        texts = _smiles_column(name, lines)
    else:
        texts = [(number, line.split()[0]) for number, line in enumerate(lines, 1) if line.strip()]
        texts = texts[1:] if texts and texts[0][1].lower() == "smiles" else texts
    for number, text in texts:
        yield f"{name}, row {number:,}", partial(graph_of_smiles, text)


def _smiles_column(name: str, lines: list[str]) -> list[tuple[int, str]]:
    reader = csv.DictReader(lines)
    column = next((one for one in reader.fieldnames or () if one.strip().lower() == "smiles"), None)
    if column is None:
        what = f"'{name}' has no column of the name smiles"
        raise PoiseError(what, code="data.no-smiles", hint="name the column of molecules so")
    return [(reader.line_num, (row[column] or "").strip()) for row in reader]


_READERS = {"graphml": _graphml, "graph6": _graph6, "smiles": _smiles}


def _unfit(graph: NetworkxGraph) -> str:
    """Why a graph cannot be trained on; empty if it can."""
    if graph.is_directed():
        return "its edges have directions; give graph.to_undirected()"
    if graph.is_multigraph():
        return "two of its nodes have several edges"
    if not len(graph):
        return "it has no nodes"
    if len(graph) > MOST_NODES:
        return f"it has {len(graph):,} nodes, and at most {MOST_NODES} are taken"
    if any(first == second for first, second in graph.edges):
        return "an edge joins a node with itself"
    return ""


def _networkx_error() -> type[Exception]:
    from networkx import NetworkXException  # noqa: PLC0415 - only graphs need it

    found: type[Exception] = NetworkXException
    return found
