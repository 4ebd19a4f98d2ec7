"""Graphs: of several sizes, with types of nodes and edges; molecules, too. Samples are graphs again."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from poise.data.cache import cached, read_entry
from poise.data.dataset import Dataset, array_dataset
from poise.data.graphs import (
    GraphTransform,
    NetworkxGraph,
    are_graphs,
    in_another_order,
    in_one_order,
    is_graph_file,
    matrices,
    of_graphs,
    planes,
    read_graphs,
)
from poise.data.graphs.codes import Value, rows_of_codes
from poise.data.graphs.drawing import draw_graphs
from poise.data.graphs.molecules import ATOM, BOND
from poise.data.graphs.reading import MOST_NODES
from poise.data.graphs.writing import SUFFIXES, file_names, write_graphs, write_one_file
from poise.data.kinds.image import to_pillow
from poise.data.kinds.kind import DataKind, Defaults, Given, Request
from poise.data.rows import JSON, RowWriter, digest_of, survey
from poise.data.transform import Transform
from poise.errors import PoiseError, unknown_name
from poise.spec import DataSpec
from poise.text import counted, first_few

NAME = "graph"
_TYPE = "type"
_MOST_TYPES = 32
_SIDES = ("node", "edge")
_CACHED, _VERSION = "graphs", 2


def _open(given: Given, request: Request) -> Dataset:
    if request.sides is not None or request.channels is not None or request.scale is not None:
        what = f"'{given.name}' holds graphs, which have no resolution, no channels and no scale"
        raise PoiseError(what, code="data.graphs-are-no-images", hint="leave them out")
    if given.path is None or not given.path.is_file():
        return _read(given, request)
    about = {
        "file": hashlib.sha256(given.path.read_bytes()).hexdigest(),
        "name": given.name,
        "encoding": request.encoding,
        "like": None if request.like is None else request.like.to_json(),
        "refuse_above": request.refuse_above,
    }
    key = digest_of([_VERSION, json.dumps(about, sort_keys=True)])
    entry = read_entry(request.cache, _CACHED, key)
    if entry is None:
        made = _read(given, request)
        assert made.array is not None
        rows = made.array

        def fill(store: RowWriter) -> dict[str, JSON]:
            store.write(rows)
            return {
                "transform": made.transform.to_json(),
                "summary": made.summary,
                "notices": list(made.notices),
            }

        entry = cached(request.cache, _CACHED, key, fill, shape=rows.shape[1:], dtype=str(rows.dtype))
    transform = GraphTransform.from_json(entry.about["transform"])
    summary, notices = entry.about["summary"], entry.about["notices"]
    dataset = array_dataset(entry.array, entry.survey.digest, NAME, given.name, transform, summary, notices)
    return _with_shape(dataset, transform)


def _read(given: Given, request: Request) -> Dataset:
    name = "the list" if given.origin == "dataset" else given.name
    read = read_graphs(given)
    notices = _refusals(read.graphs, read.refused, name, request.refuse_above)
    transform, more = _transform(read.graphs, read.form, name, request)
    types = [
        {value: code for code, value in enumerate(values, 1)}
        for values in (transform.node_types, transform.edge_types)
    ]
    attributes = transform.node_attribute, transform.edge_attribute
    stored = rows_of_codes(read.graphs, transform.nodes, (types[0], types[1]), attributes)
    sizes = [len(graph) for graph in read.graphs]
    refused: list[JSON] = [{"file": place, "reason": why} for place, why in sorted(read.refused.items())]
    summary: dict[str, JSON] = {
        "origin": given.origin,
        "count": len(stored),
        "form": read.form,
        "nodes": [min(sizes), max(sizes)],
        "node_types": _counts(transform.node_types, stored[:, : transform.nodes]),
        "edge_types": _counts(transform.edge_types, stored[:, transform.nodes :]),
        "connected": transform.connected,
        "refused_count": len(refused),
        "refused": refused,
        "policy": f"{transform.nodes} nodes and {transform.pairs:,} pairs, in a new order in every batch",
    }
    found = survey(stored)
    dataset = array_dataset(stored, found.digest, NAME, name, transform, summary, [*notices, *more])
    return _with_shape(dataset, transform)


def _with_shape(dataset: Dataset, transform: GraphTransform) -> Dataset:
    return dataclasses.replace(dataset, shape=(sum(span.size for span in transform.spans),))


def _counts(types: tuple[Value, ...], codes: Any) -> dict[str, JSON]:
    found = np.bincount(codes.ravel(), minlength=len(types) + 1)[1:]
    return {str(one): int(count) for one, count in zip(types, found, strict=True) if one is not None}


def _refusals(
    graphs: list[NetworkxGraph], refused: Mapping[str, str], name: str, refuse_above: float
) -> list[str]:
    """What to tell of graphs that are left out."""
    if not refused:
        return []
    few = first_few([f"{place} ({why})" for place, why in refused.items()])
    total = len(graphs) + len(refused)
    if not graphs or len(refused) > refuse_above * total:
        what = f"{len(refused):,} of {counted(total, 'graph')} in '{name}' cannot be used: {few}"
        share = -(-100 * len(refused) // total)
        hint = f"correct or remove them, or go on without them: --tolerate-bad {share}%"
        raise PoiseError(what, code="data.graphs-refused", hint=hint if graphs else "correct them")
    return [f"{counted(len(refused), 'graph')} left out: {few}."]


def _transform(
    graphs: list[NetworkxGraph], form: str, name: str, request: Request
) -> tuple[GraphTransform, list[str]]:
    """The transform that the graphs decide, with what a person should know of it."""
    import networkx  # noqa: PLC0415 - only graphs need it

    sizes = {len(graph) for graph in graphs}
    if max(sizes) < 2:
        what = f"No graph of '{name}' has more than one node"
        raise PoiseError(what, code="data.graphs-too-small", hint=f"give graphs of 2 to {MOST_NODES} nodes")
    if request.like is not None:
        return _as(of_graphs(request.like), graphs, name), []
    asked = _asked(request.encoding)
    notices: list[str] = []
    found = []
    for side in _SIDES:
        known = {"node": ATOM, "edge": BOND}[side] if form == "smiles" else asked[side]
        values = [list(getattr(graph, f"{side}s").values()) for graph in graphs]
        attribute, types, told = _typed([one for each in values for one in each], side, known, name)
        found.append((attribute, types))
        notices += told
    (node_attribute, node_types), (edge_attribute, edge_types) = found
    made = GraphTransform(
        nodes=max(sizes),
        node_types=node_types,
        edge_types=edge_types,
        node_attribute=node_attribute,
        edge_attribute=edge_attribute,
        varies=len(sizes) > 1,
        connected=all(networkx.is_connected(graph) for graph in graphs),
        form=form,
    )
    return made, notices


def _asked(encoding: str | None) -> dict[str, str | None]:
    """The attributes that are to be types, if they are named: `"node=element,edge=bond"`."""
    found: dict[str, str | None] = dict.fromkeys(_SIDES)
    for word in (encoding or "").replace(" ", "").split(","):
        side, equals, attribute = word.partition("=")
        if word and (side not in _SIDES or not equals or not attribute):
            what = f"The encoding of graphs cannot be '{encoding}'"
            hint = "name the attributes that are types: --set encoding=node=element,edge=bond"
            raise PoiseError(what, code="data.graph-encoding", hint=hint)
        if word:
            found[side] = attribute
    return found


def _typed(
    data: list[Mapping[str, Any]], side: str, asked: str | None, name: str
) -> tuple[str | None, tuple[Value, ...], list[str]]:
    """The attribute that types nodes or edges, its values in order, and what to tell of the others."""
    present = Counter(attribute for one in data for attribute in one)
    if asked is not None and asked not in present:
        raise unknown_name(f"attribute of {side}s", asked, list(present), where=f"in '{name}'")
    fit = {}
    for attribute, count in present.items():
        values = {one.get(attribute) for one in data if _plain(one.get(attribute))}
        if (
            count == len(data)
            and len(values) <= _MOST_TYPES
            and all(_plain(one.get(attribute)) for one in data)
        ):
            fit[attribute] = tuple(sorted(values, key=lambda value: (type(value).__name__, value)))
    chosen = asked or (_TYPE if _TYPE in fit else next(iter(fit)) if len(fit) == 1 else None)
    if chosen is not None and chosen not in fit:
        what = f"The attribute '{chosen}' of {side}s in '{name}' cannot be their type"
        why = f"every {side} needs one of at most {_MOST_TYPES} texts or numbers"
        raise PoiseError(what, code="data.graph-types", why=why, hint="choose another, or leave it out")
    others = [str(attribute) for attribute in present if attribute != chosen]
    told = []
    if others:
        few = first_few([f"'{attribute}'" for attribute in others])
        named = (
            f"'{chosen}' is the type of {side}s; left out: {few}"
            if chosen
            else f"{side.capitalize()}s have no types; left out: {few}"
        )
        told = [f"{named}. --set encoding={side}={others[0]} chooses another."]
    return chosen, fit.get(chosen, (None,)) if chosen else (None,), told


def _plain(value: Any) -> bool:
    return isinstance(value, str | int | float | bool)


def _as(transform: GraphTransform, graphs: list[NetworkxGraph], name: str) -> GraphTransform:
    """The transform of other data, if these graphs fit it."""
    unknown = None
    if max(map(len, graphs)) > transform.nodes:
        unknown = f"{max(map(len, graphs))} nodes, and at most {transform.nodes} are known"
    elif not transform.varies and {len(graph) for graph in graphs} != {transform.nodes}:
        unknown = f"other numbers of nodes than {transform.nodes}"
    for side, attribute, types in (
        ("nodes", transform.node_attribute, transform.node_types),
        ("edges", transform.edge_attribute, transform.edge_types),
    ):
        values = {data.get(attribute) for graph in graphs for data in getattr(graph, side).values()}
        if attribute is not None and not values <= set(types):
            strange = first_few(sorted(map(repr, values - set(types))))
            unknown = f"{side} of the type {strange}, which the data do not have"
    if unknown:
        what = f"The graphs of '{name}' do not fit the data that they are measured with: {unknown}"
        raise PoiseError(what, code="data.other-graphs", hint="take graphs of the same sizes and types")
    return transform


def _draw(
    samples: Tensor, transform: Transform, *, columns: int | None = None, real: Tensor | None = None
) -> Image.Image:
    """A cell for each graph."""
    known = of_graphs(transform)
    whole = matrices(known.decode(samples.detach().cpu().nan_to_num()))
    return to_pillow(draw_graphs(whole.numpy(), known), columns=columns)


def _write(folder: Path, pieces: Iterable[Tensor], count: int, transform: Transform) -> None:
    write_graphs(folder, pieces, count, of_graphs(transform))


def _write_file(path: Path, pieces: Iterable[Tensor], transform: Transform) -> None:
    write_one_file(path, pieces, of_graphs(transform))


def _describe(shape: tuple[int, ...], count: int) -> str:
    return f"{counted(count, 'graph')}, as {shape[0]:,} numbers"


def _vary(stored: Tensor, randomness: torch.Generator) -> Tensor:
    return in_another_order(stored, randomness)


GRAPH = DataKind(
    name=NAME,
    singular="graph",
    plural="graphs",
    describe=_describe,
    recognises=lambda given: (
        are_graphs(given.data)
        or (given.files is not None and is_graph_file(f"graph{given.suffix}"))
        or (given.path is not None and given.path.is_file() and is_graph_file(given.path.name))
    ),
    open=_open,
    load_transform=GraphTransform.from_json,
    spec=lambda shape, transform: DataSpec(NAME, shape, spans=of_graphs(transform).spans),
    network=lambda spec: "graph",
    defaults=lambda spec: Defaults(64, 4e-4, 20_000),
    gradient_weight=lambda spec: 0.1,
    settings=lambda spec: {},
    augmentations=frozenset(),
    draw=_draw,
    preview=24,
    gridded=True,
    pictorial=False,
    sample=lambda samples, transform: matrices(of_graphs(transform).decode(samples)).float(),
    to_data=lambda samples, transform: transform.decode(samples),
    stored_data=lambda stored, transform: stored,
    written=lambda count, transform: file_names(count, of_graphs(transform)),
    write=_write,
    lead="Each cell is the graph of one latent. The latents are the same in every picture.",
    as_picture="as drawings",
    as_files="in files of graphs",
    features="graph-statistics",
    metrics=("graph-novelty", "graph-distances", "frechet-distance"),
    value_range=None,
    measured=lambda samples, transform: planes(transform.decode(samples), of_graphs(transform)),
    comparable=lambda data, transform: planes(data, of_graphs(transform)),
    preparation=lambda shape, transform: "the most probable type of each node and pair",
    recipe="graph",
    encodings=("node=ATTRIBUTE", "edge=ATTRIBUTE"),
    write_file=_write_file,
    graphs=of_graphs,
    file_suffixes=lambda transform: (SUFFIXES[of_graphs(transform).form],),
    vary=_vary,
    arranged=lambda samples, transform: transform.encode(in_one_order(transform.decode(samples))),
)
