"""Metrics of graphs against counting by hand, networkx, and what must not change them."""

from __future__ import annotations

import itertools
from typing import Any

import networkx
import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance

from poise.data import Array
from poise.errors import PoiseError
from poise.metrics.features import extract, graph_statistics
from poise.metrics.graph_forms import forms
from poise.metrics.graph_sets import GraphSet, connected, erdos_renyi
from poise.metrics.graphs import eigenvalues, graph_distances, graph_novelty, orbit_counts

RANDOM = np.random.default_rng(0)


def whole(graphs: list[Any], nodes: int) -> Array:
    """Matrices of codes of graphs without types."""
    made = np.zeros((len(graphs), nodes, nodes), dtype=np.uint8)
    for matrix, graph in zip(made, graphs, strict=True):
        size = len(graph)
        matrix[:size, :size] = networkx.to_numpy_array(graph) + np.eye(size)
    return made


def reordered(matrices: Array) -> Array:
    orders = [RANDOM.permutation(matrices.shape[1]) for _ in matrices]
    return np.stack([one[order][:, order] for one, order in zip(matrices, orders, strict=True)])


def random_graphs(count: int, nodes: int = 8, share: float = 0.4, seed: int = 0) -> GraphSet:
    graphs = [
        networkx.gnp_random_graph(3 + (number % (nodes - 2)), share, seed=1_000 * seed + number)
        for number in range(count)
    ]
    made = whole(graphs, nodes)
    return GraphSet(made, connected(made))


def orbit(part: Any, node: Any) -> int:
    """The orbit of a node of an induced connected subgraph of two to four nodes, by its degrees."""
    degrees, edges = dict(part.degree), part.number_of_edges()
    own, most = degrees[node], max(degrees.values())
    if len(part) < 4:
        return {(1, 1): 0, (2, 1): 1, (2, 2): 2, (3, 2): 3}[edges, own]
    if edges == 3:
        return (6 if own == 1 else 7) if most == 3 else (4 if own == 1 else 5)
    return int({4: 8 if most == 2 else 8 + own, 5: 10 + own, 6: 14}[edges])


def test_orbits_are_those_that_are_counted_one_by_one() -> None:
    for nodes, share in ((6, 0.5), (8, 0.35), (9, 0.7)):
        graph = networkx.gnp_random_graph(nodes, share, seed=nodes)
        counted = np.zeros((nodes, 15))
        for size in (2, 3, 4):
            for few in itertools.combinations(graph, size):
                part = graph.subgraph(few)
                if networkx.is_connected(part):
                    for node in few:
                        counted[node, orbit(part, node)] += 1
        found = orbit_counts(torch.from_numpy(networkx.to_numpy_array(graph))[None])[0].numpy()
        assert np.array_equal(found.round(9), counted)


def test_all_graphs_of_up_to_seven_nodes_are_told_apart_and_their_orders_are_not() -> None:
    atlas = whole(networkx.graph_atlas_g(), 7)
    found = forms(atlas)
    assert len(np.unique(found)) == len(atlas) == 1_253
    assert np.array_equal(forms(reordered(atlas)), found)


def test_types_of_nodes_and_edges_make_other_graphs() -> None:
    ring = whole([networkx.cycle_graph(5)], 5).repeat(4, axis=0)
    ring[1, 0, 0] = 2
    ring[2, 0, 1] = ring[2, 1, 0] = 2
    ring[3, 2, 2] = 2
    found = forms(ring)
    assert len(np.unique(found)) == 3 and found[1] == found[3]


def test_connected_graphs_are_those_of_networkx() -> None:
    graphs = [networkx.gnp_random_graph(2 + seed % 8, 0.3, seed=seed) for seed in range(80)]
    assert connected(whole(graphs, 9)).tolist() == [networkx.is_connected(graph) for graph in graphs]


def test_eigenvalues_are_those_of_networkx() -> None:
    graph = networkx.gnp_random_graph(7, 0.5, seed=2)
    joined = torch.from_numpy(networkx.to_numpy_array(graph))[None]
    expected = np.sort(networkx.normalized_laplacian_spectrum(graph))
    assert np.allclose(eigenvalues(joined, torch.ones(1, 7, dtype=torch.float64))[0], expected, atol=1e-9)


def test_novelty_counts_what_is_valid_different_and_new_together() -> None:
    atlas = [graph for graph in networkx.graph_atlas_g() if len(graph) == 5 and networkx.is_connected(graph)]
    known, made = whole(atlas[:10], 5), whole(atlas, 5)
    apart = whole([networkx.empty_graph(5)], 5).repeat(9, axis=0)
    samples = np.concatenate([reordered(made), reordered(made), apart])
    train = GraphSet(known.repeat(3, axis=0), np.ones(30, bool))
    value = graph_novelty(train, GraphSet(samples, connected(samples))).value
    assert isinstance(value, dict)
    assert value["valid"] == pytest.approx(42 / 51) and value["unique"] == pytest.approx(1 / 2)
    assert value["novel"] == pytest.approx(11 / 21) and value["valid_unique_novel"] == pytest.approx(11 / 51)
    again = graph_novelty(train, train).value
    assert isinstance(again, dict) and again["valid_unique_novel"] == 0


def test_distances_of_degrees_are_those_of_the_formula() -> None:
    one, two = random_graphs(30, seed=1), random_graphs(30, seed=2, share=0.6)

    def degrees(side: GraphSet) -> list[Array]:
        joined = (side.whole > 0).sum(2) - 1
        return [row[np.diagonal(matrix) > 0] for row, matrix in zip(joined, side.whole, strict=True)]

    def similar(first: list[Array], second: list[Array]) -> float:
        apart = np.array([[wasserstein_distance(a, b) for b in second] for a in first])
        return float(np.exp(-(apart**2) / 2).mean())

    sides = degrees(one), degrees(two)
    expected = similar(sides[0], sides[0]) + similar(sides[1], sides[1]) - 2 * similar(*sides)
    value = graph_distances(one, two, replicates=0).value
    assert isinstance(value, dict) and value["degree_mmd"] == pytest.approx(expected, rel=1e-6)


def test_distances_are_those_of_the_graphs_and_not_of_their_orders() -> None:
    one, two = random_graphs(60, seed=1), random_graphs(60, seed=2, share=0.6)
    turned = GraphSet(reordered(two.whole), two.valid)
    first, second = (graph_distances(one, side, replicates=0).value for side in (two, turned))
    assert isinstance(first, dict) and first == pytest.approx(second, rel=1e-9)
    same = graph_distances(one, GraphSet(reordered(one.whole), one.valid), replicates=0).value
    assert isinstance(same, dict) and max(same.values()) < 1e-12 < min(first.values())


def test_floors_and_graphs_of_even_edges_stand_beside() -> None:
    real, others, fake = (
        random_graphs(80, seed=1),
        random_graphs(80, seed=2),
        random_graphs(80, seed=3, share=0.8),
    )
    plain = {"erdos_renyi": erdos_renyi(real, seed=0)}
    result = graph_distances(real, fake, others=others, plain=plain)
    assert isinstance(result.value, dict) and isinstance(result.floor, dict)
    for name in ("degree_mmd", "clustering_mmd", "orbit_mmd", "spectrum_mmd"):
        assert result.floor[name] < 0.4 * result.value[name]
        assert result.value[f"{name}_of_erdos_renyi"] < 0.6 * result.value[name]


def test_graphs_of_even_edges_have_the_nodes_and_the_share_of_edges_of_reals() -> None:
    real = random_graphs(2_000, nodes=6)
    made = erdos_renyi(real, seed=1)
    sizes = [(np.diagonal(side.whole, axis1=1, axis2=2) > 0).sum(1) for side in (real, made)]
    assert np.array_equal(np.bincount(sizes[0]), np.bincount(sizes[1]))
    for size in range(3, 7):
        edges = [
            (side.whole[of == size] > 0).sum((1, 2)).mean()
            for side, of in zip((real, made), sizes, strict=True)
        ]
        assert edges[0] == pytest.approx(edges[1], rel=0.05)


def test_features_do_not_depend_on_the_order_of_nodes() -> None:
    graphs = random_graphs(30)
    sides = [
        torch.from_numpy(side > 0).float()[:, None, None] for side in (graphs.whole, reordered(graphs.whole))
    ]
    planes = [torch.cat([side * torch.eye(8), side * (1 - torch.eye(8))], 1) for side in sides]
    first, second = (extract(graph_statistics(), side) for side in planes)
    assert torch.allclose(first, second, atol=1e-5) and bool((first.std(0) > 0).any())


def test_too_few_graphs_are_refused() -> None:
    with pytest.raises(PoiseError) as caught:
        graph_distances(random_graphs(23), random_graphs(60))
    assert caught.value.code == "metrics.too-few-graphs"
