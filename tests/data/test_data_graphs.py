"""Graphs: read from files and networkx, permuted in every batch, made, drawn, written and measured."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import networkx
import numpy as np
import pytest
import torch
from refusals import refused

import poise
from graphs import file_of_graphs, plain_graphs, typed_graphs
from poise.data import Dataset, Files, kind_of, open_data, spec_of
from poise.data.graphs import in_another_order, in_one_order, matrices, networkx_graphs, of_graphs
from poise.data.graphs.drawing import layout
from poise.metrics.graph_sets import connected
from poise.networks import DISCRIMINATORS, GENERATORS
from poise.recipes.settings import Latent
from poise.training.batches import BatchSampler

MOLECULES = ["CCO", "C#N", "c1ccoc1", "CC(=O)N", "OC1CC1", "FC(F)F", "C1CC1C=O", "[NH3+]CC(=O)[O-]"]


def same(first: Any, second: Any) -> bool:
    """Whether two graphs are the same up to the order of nodes, with all of their attributes."""
    alike = {"node_match": lambda one, two: one == two, "edge_match": lambda one, two: one == two}
    return bool(networkx.is_isomorphic(first, second, **alike))


def again(dataset: Dataset) -> list[Any]:
    """The graphs that come out of the encoding, after their nodes were put in another order."""
    stored = in_another_order(dataset.gather(np.arange(len(dataset))), torch.Generator().manual_seed(1))
    decoded = dataset.transform.decode(dataset.transform.encode(stored))
    return networkx_graphs(matrices(decoded), of_graphs(dataset.transform))


@pytest.mark.parametrize("graphs", [plain_graphs(), typed_graphs()], ids=["plain", "typed"])
def test_graphs_come_back_with_their_types_whatever_the_order_of_their_nodes(graphs: list[Any]) -> None:
    dataset = open_data(graphs)
    assert kind_of(dataset).name == "graph" and dataset.summary["nodes"] == [3, 6]
    assert all(same(one, two) for one, two in zip(graphs, again(dataset), strict=True))
    spans = spec_of(dataset).spans
    assert sum(span.size for span in spans) == dataset.shape[0]
    assert sum(span.kind == "flag" for span in spans) == 6


def test_graphs_of_one_size_without_types_are_their_pairs_alone() -> None:
    dataset = open_data([networkx.gnp_random_graph(5, 0.5, seed=seed) for seed in range(20)])
    assert dataset.shape == (20,) and not of_graphs(dataset.transform).connected


def test_every_batch_has_its_own_order_of_nodes_that_follows_from_the_seed_and_its_number() -> None:
    dataset = open_data([networkx.path_graph(6)] * 8)
    samples: dict[str, Any] = {"samples": 8, "latent": Latent(size=2), "device": torch.device("cpu")}
    vary = kind_of(dataset).vary

    def batches(drawn: int, seed: int = 1) -> BatchSampler:
        return BatchSampler(dataset, dataset.transform, seed=seed, drawn=drawn, vary=vary, **samples)

    whole = batches(0)
    first, second = whole.next(1).real, whole.next(2).real
    assert not torch.equal(first, second) and len(first.unique(dim=0)) > 1
    assert torch.equal(batches(1).next(2).real, second) and not torch.equal(batches(0, 2).next(1).real, first)
    paths = networkx_graphs(matrices(dataset.transform.decode(first)), of_graphs(dataset.transform))
    assert all(networkx.is_isomorphic(path, networkx.path_graph(6)) for path in paths)


def test_graphml_and_graph6_come_back_from_their_files(tmp_path: Path) -> None:
    folder = tmp_path / "graphml"
    folder.mkdir()
    graphs = typed_graphs(24)
    for number, graph in enumerate(graphs):
        networkx.write_graphml(graph, folder / f"{number:02}.graphml")
    dataset = open_data(folder, cache=tmp_path)
    assert of_graphs(dataset.transform).node_attribute == "colour"
    assert all(
        networkx.is_isomorphic(one, two, edge_match=lambda a, b: a == b)
        for one, two in zip(graphs, again(dataset), strict=True)
    )
    rows = open_data(file_of_graphs(tmp_path / "graphs.g6"), cache=tmp_path)
    assert all(same(one, two) for one, two in zip(plain_graphs(), again(rows), strict=True))


def test_a_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = file_of_graphs(tmp_path / "some.g6")
    first = open_data(path, cache=tmp_path / "cache")
    monkeypatch.setattr("poise.data.kinds.graph.read_graphs", None)
    second = open_data(path, cache=tmp_path / "cache")
    assert second.fingerprint == first.fingerprint and second.transform == first.transform
    assert (second.shape, second.summary, second.notices) == (first.shape, first.summary, first.notices)
    rows = np.arange(len(first))
    assert torch.equal(second.gather(rows), first.gather(rows))
    path.write_bytes(path.read_bytes()[: len(path.read_bytes()) // 2].rpartition(b"\n")[0] + b"\n")
    with pytest.raises(TypeError):  # the file has changed and has to be read again
        open_data(path, cache=tmp_path / "cache")


def test_molecules_come_back_as_the_same_smiles(tmp_path: Path) -> None:
    chemistry = pytest.importorskip("rdkit.Chem")
    path = tmp_path / "molecules.smi"
    path.write_text("".join(f"{smiles} name{number}\n" for number, smiles in enumerate(MOLECULES)))
    dataset = open_data(path, cache=tmp_path)
    kind = kind_of(dataset)
    samples = kind.sample(dataset.transform.encode(dataset.gather(np.arange(8))), dataset.transform)
    kind.write(tmp_path, [samples[:5], samples[5:]], 8, dataset.transform)
    rows = [line.split() for line in (tmp_path / "samples.smi").read_text().splitlines()]
    assert [smiles for smiles, _ in rows] == list(map(chemistry.CanonSmiles, MOLECULES))
    assert {valid for _, valid in rows} == {"valid"}
    samples[0, 0, 1] = samples[0, 1, 0] = (
        3.0  # C#CO, whose second carbon would have five bonds, were it bound thrice
    )
    samples[0, 1, 2] = samples[0, 2, 1] = 2.0
    kind.write(tmp_path, [samples[:1]], 1, dataset.transform)
    assert (tmp_path / "samples.smi").read_text().split()[1] == "invalid"


@pytest.mark.parametrize("name", ["table.csv", "rows.txt.gz"])
def test_molecules_are_read_from_columns_and_packed_text(name: str, tmp_path: Path) -> None:
    pytest.importorskip("rdkit")
    path = tmp_path / name
    if name.endswith(".csv"):
        path.write_text("id,SMILES\n" + "".join(f"{i},{one}\n" for i, one in enumerate(MOLECULES)))
    else:
        path.write_bytes(gzip.compress("\n".join(MOLECULES).encode()))
    dataset = open_data(Files(path, kind="graph"), cache=tmp_path)
    assert len(dataset) == 8 and dataset.summary["node_types"]["N+"] == 1


def test_the_attribute_of_types_is_the_one_that_is_asked_for_and_others_are_named() -> None:
    graphs = typed_graphs()
    for graph in graphs:
        networkx.set_node_attributes(graph, {node: node % 2 for node in graph}, "charge")
    first = open_data(graphs)
    assert of_graphs(first.transform).node_attribute is None and "'colour'" in first.notices[0]
    second = open_data(graphs, encoding="node=charge")
    assert of_graphs(second.transform).node_types == (0, 1)


def large() -> list[Any]:
    return [networkx.path_graph(65), *plain_graphs(3)]


def looped() -> list[Any]:
    graph = networkx.path_graph(3)
    graph.add_edge(0, 0)
    return [graph, *plain_graphs(3)]


REFUSED: dict[str, tuple[Any, str | None, str, str]] = {
    "empty": ([networkx.Graph(), *plain_graphs(3)], None, "data.graphs-refused", "no nodes"),
    "large": (large(), None, "data.graphs-refused", "65 nodes, and at most 64"),
    "directed": ([networkx.DiGraph([(0, 1)])] * 3, None, "data.graphs-refused", "directions"),
    "several edges": (
        [networkx.MultiGraph([(0, 1), (0, 1)])] * 3,
        None,
        "data.graphs-refused",
        "several edges",
    ),
    "a loop": (looped(), None, "data.graphs-refused", "itself"),
    "single nodes": ([networkx.empty_graph(1)] * 3, None, "data.graphs-too-small", "one node"),
    "an unknown attribute": (typed_graphs(), "node=color", "unknown-attribute", "colour"),
    "an encoding of images": (typed_graphs(), "linear", "data.graph-encoding", "node=element"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_trained_on_is_refused_in_a_sentence(name: str) -> None:
    data, encoding, code, word = REFUSED[name]
    with refused(code) as caught:
        open_data(data, encoding=encoding)
    error = caught.value
    assert word in f"{error.what} {error.why} {error.hint}"


def test_rows_that_are_no_molecules_are_named_and_left_out_if_they_are_few(tmp_path: Path) -> None:
    pytest.importorskip("rdkit")
    path = tmp_path / "molecules.smi"
    path.write_text("\n".join([*MOLECULES[:2], "C1CC", *MOLECULES[2:]]) + "\n")
    with refused("data.graphs-refused") as caught:
        open_data(path, cache=tmp_path)
    assert "molecules.smi, row 3" in caught.value.what and "C1CC" in caught.value.what
    dataset = open_data(Files(path, tolerate=0.2), cache=tmp_path)
    assert len(dataset) == 8 and dataset.summary["refused_count"] == 1 and "row 3" in dataset.notices[0]


@pytest.mark.parametrize("graphs", [plain_graphs(), typed_graphs()], ids=["plain", "typed"])
def test_made_graphs_are_hard_and_lose_nothing_by_decoding(graphs: list[Any]) -> None:
    dataset = open_data(graphs)
    spec = spec_of(dataset)
    ways: list[tuple[str, dict[str, Any]]] = [
        ("graph", {"drawn": True}),
        ("graph", {"drawn": False}),
        ("graph-mixture", {"components": 4}),
    ]
    for name, settings in ways:
        torch.manual_seed(0)
        generator = GENERATORS[name].build(spec, latent_size=64, width=16, **settings)
        made = generator(torch.randn(50, 64))
        assert set(made.unique().tolist()) <= {0.0, 1.0}
        decoded = dataset.transform.decode(made.detach())
        # Nothing says more than the decoded graph: missing nodes have neither types nor edges
        assert torch.equal(dataset.transform.encode(decoded), made)
        assert len(decoded.unique(dim=0)) > 1
        made.sum(1).square().sum().backward()
        assert all(one.grad is not None and torch.isfinite(one.grad).all() for one in generator.parameters())


def test_a_mixture_of_graphs_begins_at_the_shares_of_the_data() -> None:
    dataset = open_data(typed_graphs(400))
    rows = dataset.transform.encode(dataset.gather(np.arange(400)))
    torch.manual_seed(0)
    network = GENERATORS["graph-mixture"]
    generator = network.build(spec_of(dataset), latent_size=64, width=4)
    assert network.fit is not None and "mixture of 16 components" in network.fit(generator, rows, 0)
    made = generator(torch.randn(4_000, 64, generator=torch.Generator().manual_seed(1)))
    assert torch.allclose(made.mean(0), rows.mean(0), atol=0.04)
    # A mixture knows what goes together: most of its graphs are in one piece, as those of the data are
    whole = matrices(dataset.transform.decode(made)).numpy()
    assert connected(whole).mean() > 0.9


@pytest.mark.parametrize("packing", [1, 3])
def test_the_critic_gives_every_order_of_nodes_one_score(packing: int) -> None:
    dataset = open_data(typed_graphs(42))
    spec = spec_of(dataset)
    spec = type(spec)(spec.kind, (spec.shape[0] * packing,), spans=spec.spans)
    torch.manual_seed(0)
    critic = DISCRIMINATORS["graph"].build(spec, width=8)
    stored = dataset.gather(np.arange(42))
    scores = []
    for seed in (None, 1, 2):
        rows = stored if seed is None else in_another_order(stored, torch.Generator().manual_seed(seed))
        scores.append(critic(dataset.transform.encode(rows).reshape(-1, spec.shape[0])))
    assert scores[0].shape == (42 // packing,) and scores[0].std() > 1e-3
    assert torch.allclose(scores[0], scores[1], atol=1e-5) and torch.allclose(scores[0], scores[2], atol=1e-5)


def test_closed_walks_tell_apart_what_convolutions_alone_cannot() -> None:
    ring, triangles = networkx.cycle_graph(6), networkx.disjoint_union(*[networkx.cycle_graph(3)] * 2)
    dataset = open_data([ring, triangles])
    encoded = dataset.transform.encode(dataset.gather(np.arange(2)))
    torch.manual_seed(0)
    for walks, apart in ((0, False), (3, True)):
        scores = DISCRIMINATORS["graph"].build(spec_of(dataset), width=8, walks=walks)(encoded)
        assert bool((scores[0] - scores[1]).abs() > 1e-4) == apart


def test_places_of_a_ring_are_those_of_a_regular_polygon_and_of_a_path_evenly_apart() -> None:
    ring = layout(networkx.to_numpy_array(networkx.cycle_graph(6)))
    from_middle = np.linalg.norm(ring - ring.mean(0), axis=1)
    assert np.allclose(from_middle, from_middle.mean(), rtol=0.02)
    steps = np.linalg.norm(np.diff(layout(networkx.to_numpy_array(networkx.path_graph(4))), axis=0), axis=1)
    assert np.allclose(steps, steps.mean(), rtol=0.02)


def test_graphs_train_resume_sample_and_are_evaluated(tmp_path: Path) -> None:
    sizes: dict[str, Any] = {"batch_size": 8, "generator.width": 8, "discriminator.width": 8}
    graphs = [networkx.gnp_random_graph(5, 0.6, seed=seed) for seed in range(60)]
    run = poise.train(graphs, out=tmp_path / "run", steps=4, evaluate_every=2, held_out=0.4, **sizes)
    assert run.recipe.name == "graph"
    samples = run.sample(5)
    assert samples.shape == (5, 5, 5) and np.array_equal(samples, samples.transpose(0, 2, 1))
    made = run.generator.graphs(5)
    adjacency = np.stack([networkx.to_numpy_array(graph) for graph in made])
    assert np.array_equal(adjacency + np.eye(5), samples)
    found = poise.evaluate(run, graphs)
    names = {name for result in found.results for name in result.values}
    assert {"valid_unique_novel", "orbit_mmd", "orbit_mmd_of_erdos_renyi", "frechet-distance"} <= names


def test_graphs_of_other_data_are_measured_by_the_codes_of_those_that_were_trained_on(tmp_path: Path) -> None:
    first = open_data(typed_graphs())
    few = [graph for graph in typed_graphs() if len(graph) == 3]
    dataset = open_data(few, like=first.transform)
    assert dataset.transform == first.transform
    assert all(same(one, two) for one, two in zip(few, again(dataset), strict=True))
    for graph in few:
        networkx.set_node_attributes(graph, "green", "colour")
    with refused("data.other-graphs") as caught:
        open_data(few, like=first.transform)
    assert "green" in caught.value.what


def test_graphs_in_any_order_of_nodes_come_to_one() -> None:
    graphs = [graph for graph in networkx.graph_atlas_g() if len(graph) == 6 and networkx.is_connected(graph)]
    codes = open_data(graphs).gather(np.arange(len(graphs)))
    one = in_one_order(codes)
    assert len(torch.unique(one, dim=0)) == len(graphs) == 112
    turned = in_one_order(in_another_order(codes, torch.Generator().manual_seed(0)))
    assert float((one == turned).all(1).float().mean()) > 0.98
    whole = matrices(one)
    plain = (whole - torch.diag_embed(whole.diagonal(dim1=1, dim2=2))).numpy()
    made = [networkx.from_numpy_array(matrix) for matrix in plain]
    assert all(networkx.is_isomorphic(*pair) for pair in zip(graphs, made, strict=True))


def test_molecules_keep_their_types_in_the_one_order() -> None:
    dataset = open_data(typed_graphs())
    codes = dataset.gather(np.arange(len(dataset)))
    made = networkx_graphs(matrices(in_one_order(codes)), of_graphs(dataset.transform))
    assert all(same(one, two) for one, two in zip(typed_graphs(), made, strict=True))


class _Collapsed(torch.nn.Module):
    """One graph, its nodes in another order for each latent."""

    def __init__(self, dataset: Dataset) -> None:
        super().__init__()
        self.dataset, self.weight = dataset, torch.nn.Parameter(torch.zeros(1))

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        rows = self.dataset.gather(np.full(len(latent), 300))
        turned = in_another_order(rows, torch.Generator().manual_seed(int(latent.abs().sum() * 1000)))
        return self.dataset.transform.encode(turned) + 0 * self.weight


def test_the_doctor_sees_one_graph_in_every_order_of_its_nodes(tmp_path: Path) -> None:
    graphs = [graph for graph in networkx.graph_atlas_g() if len(graph) == 7 and networkx.is_connected(graph)]
    dataset = open_data(graphs)
    brief: dict[str, Any] = {"steps": 60, "batch_size": 16, "sample_every": 60}
    run = poise.train(graphs, generator=_Collapsed(dataset), out=tmp_path / "run", **brief)
    assert "mode-collapse" in {finding["name"] for finding in run.folder.lines("findings")}
