"""Metrics of graphs: validity, uniqueness and novelty together, and distances of what is counted in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from poise.errors import PoiseError
from poise.metrics.graph_forms import forms
from poise.metrics.graph_sets import GraphSet
from poise.metrics.intervals import Floor, floor_of, half_samples, intervals_of, share_interval
from poise.metrics.metric import metric
from poise.metrics.result import Result
from poise.metrics.row_sets import Array
from poise.randomness import numpy_stream

AT_ONCE = 4_000_000
"""Triples of nodes that are in memory at once."""

MOST, REPLICATES = 1_000, 20
LEAST = 24
BINS = {"clustering": 100, "spectrum": 200}
WIDTHS = {"degree": 1.0, "clustering": 0.1, "orbit": 30.0, "spectrum": 1.0}
"""The widths of the kernels: those of GraphRNN's code, and for spectra that of GRAN's."""

DISTANCES = tuple(f"{name}_mmd" for name in WIDTHS)


@metric(
    "Whether graphs are valid, different from each other and from those trained on, each and all at once.",
    "De Cao and Kipf 2018 (MolGAN), section 5, with the product beside its three parts",
    needs=("train_graphs", "fake_graphs"),
    lower_is_better=False,
)
def graph_novelty(
    train: GraphSet, fake: GraphSet, *, others: GraphSet | None = None, seed: int = 0
) -> Result:
    """Shares of graphs that are valid; of these, different; of these, not trained on; and the product.

    Any of the three can be had for nothing: by one valid graph again and again, by noise, by copies. The
    product, `valid_unique_novel`, is the share of all samples that are valid, are the first of their kind
    among the samples, and are not among the graphs that were trained on. It falls as more samples are drawn.

    Args:
        train: Graphs that were trained on.
        fake: Samples.
        others: Graphs that were not trained on, for the floor, which is that of as many as there are.
        seed: Not used.
    """
    _check(train, fake)
    known = np.unique(forms(train.whole))
    values = _novelty(known, fake)
    found = round(values["valid_unique_novel"] * len(fake))
    bounds = {
        "valid": share_interval(float(fake.valid.sum()), len(fake)),
        "valid_unique_novel": share_interval(found, len(fake)),
    }
    floor = (
        None
        if others is None or not len(others)
        else _novelty(known, others.taken(np.arange(len(others))[: len(fake)]))
    )
    return Result(
        "graph-novelty",
        values,
        bounds,
        "Wilson's, of a share",
        floor,
        "none: there are no other reals"
        if floor is None
        else f"{min(len(others or ()), len(fake)):,} held-out reals",
        {"train": len(train), "fake": len(fake)},
        settings={},
        reference="graphs",
    )


def _novelty(known: Array, graphs: GraphSet) -> dict[str, float]:
    valid = graphs.taken(graphs.valid)
    different = np.unique(forms(valid.whole))
    new = int((~np.isin(different, known)).sum())
    return {
        "valid": len(valid) / len(graphs),
        "unique": len(different) / max(1, len(valid)),
        "novel": new / max(1, len(different)),
        "valid_unique_novel": new / len(graphs),
    }


@metric(
    "How far degrees, clustering, small subgraphs and spectra are from those of reals.",
    "You et al. 2018 (GraphRNN), section 4.2, and its code; spectra as in Liao et al. 2019 (GRAN)",
    needs=("real_graphs", "fake_graphs"),
    lower_is_better=True,
)
def graph_distances(
    real: GraphSet,
    fake: GraphSet,
    *,
    others: GraphSet | None = None,
    plain: Mapping[str, GraphSet] | None = None,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Result:
    """Squared maximum mean discrepancies between what is counted in each graph, as in GraphRNN: biased.

    Of each graph: the histogram of degrees; that of clustering coefficients in 100 bins; the mean numbers of
    the 15 orbits of subgraphs of up to four nodes; the histogram of the eigenvalues of the normalised
    Laplacian in 200 bins. The kernel is `exp(-d^2 / (2 w^2))`, with the earth mover's distance between
    histograms, in bins (of clustering in shares of 1), or Euclid's between numbers of orbits. It is biased:
    two sets of reals are apart, too, and the floor says how far. Graphs whose edges are drawn one by one can
    stand beside it, as `degree_mmd_of_erdos_renyi`. At most 1,000 graphs of a side are used.

    Args:
        real: Reals.
        fake: Samples.
        others: Other reals, for the floor.
        plain: Graphs of plain generators by their names: `erdos_renyi`.
        replicates: Half-samples for the intervals; 0 for none.
        seed: Draws the graphs and the half-samples.
    """
    _check(real, fake)
    sides = {"real": real, "fake": fake, **(plain or {})}
    described = {name: _described(_some(side, seed)) for name, side in sides.items()}
    first, second = described.pop("real"), described.pop("fake")
    statistic = _statistic(real.whole.shape[1])
    values = statistic(first, second)
    intervals, method = intervals_of(
        statistic,
        [first, second],
        values,
        DISTANCES,
        replicates=replicates,
        most=MOST,
        stream=half_samples(seed),
        high=dict.fromkeys(DISTANCES, 2.0),
    )
    floor = Floor(None, "none: not asked for (replicates=0)")
    if replicates or others is not None:
        held_out = None if others is None else _described(_some(others, seed))
        floor = floor_of(statistic, first, len(second), held_out, seed=seed, repeats=4, bias_power=1.0)
    found = dict(zip(DISTANCES, values.tolist(), strict=True))
    for name, side in described.items():
        found |= {
            f"{number}_of_{name}": value
            for number, value in zip(DISTANCES, statistic(first, side).tolist(), strict=True)
        }
    return Result(
        metric="graph-distances",
        value=found,
        interval=intervals,
        interval_method=method,
        floor=floor.named(DISTANCES),
        floor_method=floor.method,
        samples={"real": len(first), "fake": len(second)},
        settings={"widths": dict(WIDTHS), "seed": seed},
        reference="graphs",
    )


def _check(*sides: GraphSet) -> None:
    least = min(map(len, sides))
    if least < LEAST:
        what = f"There are {least} graphs on the smaller side, and {LEAST} are needed"
        raise PoiseError(what, code="metrics.too-few-graphs", hint="measure more: --samples 1000")


def _some(side: GraphSet, seed: int) -> GraphSet:
    if len(side) <= MOST:
        return side
    return side.taken(np.sort(numpy_stream(seed, 0, "graphs").permutation(len(side))[:MOST]))


def _described(side: GraphSet) -> Tensor:
    """A row for each graph: cumulative histograms of degrees, clustering and spectrum, and mean orbits."""
    nodes = side.whole.shape[1]
    step = max(1, AT_ONCE // nodes**3)
    return torch.cat(
        [_rows(torch.from_numpy(side.whole[start : start + step])) for start in range(0, len(side), step)]
    )


def _rows(whole: Tensor) -> Tensor:
    there = (whole.diagonal(dim1=1, dim2=2) > 0).double()
    joined = (whole > 0).double() * (1 - torch.eye(whole.shape[1], dtype=torch.float64))
    orbits = orbit_counts(joined)
    degree, triangles = orbits[..., 0], orbits[..., 3]
    clustering = 2 * triangles / (degree * (degree - 1)).clamp(min=1)
    count = there.sum(1, keepdim=True).clamp(min=1)
    last = there.sort(1).values  # The eigenvalues of missing nodes are 0, and come first
    return torch.cat(
        [
            _cumulative(degree, there, whole.shape[1], 1.0),
            _cumulative(clustering, there, BINS["clustering"], 1 / BINS["clustering"]),
            _cumulative(eigenvalues(joined, there), last, BINS["spectrum"], 2 / BINS["spectrum"]),
            (orbits * there[..., None]).sum(1) / count,
        ],
        1,
    )


def _cumulative(values: Tensor, there: Tensor, bins: int, width: float) -> Tensor:
    """The cumulative shares `(N, bins)` of the values of nodes that are there."""
    place = (values / width + 1e-6).floor().clamp(0, bins - 1).long()
    counts = values.new_zeros(len(values), bins).scatter_add_(1, place, there)
    return counts.cumsum(1) / there.sum(1, keepdim=True).clamp(min=1)


def _statistic(nodes: int) -> Callable[[Tensor, Tensor], Tensor]:
    """`(rows, rows)` to the four squared discrepancies."""
    sizes = [nodes, BINS["clustering"], BINS["spectrum"], 15]
    scales = [1.0, 1 / BINS["clustering"], 1.0, 1.0]
    names = ("degree", "clustering", "spectrum", "orbit")

    def statistic(real: Tensor, fake: Tensor) -> Tensor:
        parts = zip(names, scales, real.split(sizes, 1), fake.split(sizes, 1), strict=True)
        found = {
            name: _discrepancy(one * scale, two * scale, WIDTHS[name], power=2.0 if name == "orbit" else 1.0)
            for name, scale, one, two in parts
        }
        return torch.stack([found[name] for name in WIDTHS])

    return statistic


def _discrepancy(real: Tensor, fake: Tensor, width: float, *, power: float) -> Tensor:
    def similar(one: Tensor, two: Tensor) -> Tensor:
        return (-torch.cdist(one, two, p=power).square() / (2 * width**2)).exp().mean()

    return (similar(real, real) + similar(fake, fake) - 2 * similar(real, fake)).clamp(min=0)


def orbit_counts(joined: Tensor) -> Tensor:
    """How often each node takes each of the 15 places in induced subgraphs of two to four nodes.

    Args:
        joined: Symmetric matrices of 0 and 1 with zeros on the diagonal, `(N, n, n)`.

    Returns:
        `(N, n, 15)` in the order of Pržulj: an edge; ends and middle of a path of three; a triangle; ends and
        middle of a path of four; leaves and centre of a star; a ring of four; the leaf, the two far nodes and
        the joint of a triangle with a leaf; the nodes of degree 2 and 3 of two triangles on one edge; all
        four joined.

    Example:
        >>> orbit_counts(torch.ones(1, 4, 4) - torch.eye(4))[0, 0].tolist()
        [3.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]

    Source: Hočevar and Demšar 2014 (Orca), whose idea is to count what is not induced, and to solve.
    """
    degree = joined.sum(2)
    common = joined @ joined  # Paths of two edges between two nodes
    on_edge = joined * common  # Triangles of an edge
    triangle = on_edge.sum(2) / 2
    onward = (joined @ degree[..., None])[..., 0]

    def neighbours(values: Tensor) -> Tensor:
        return (joined @ values[..., None])[..., 0]

    def two(values: Tensor) -> Tensor:
        return values * (values - 1) / 2

    # Not induced: as subgraphs, whatever other edges there are
    near = joined[:, :, :, None] * joined[:, :, None, :] * joined[:, None]  # Triangles (i, j, k)
    k4 = (near @ near * near).sum((2, 3)) / 6
    diamond_3 = (joined * two(common)).sum(2)
    diamond_2 = (near * (common[:, None] - 1)).sum((2, 3)) / 2
    paw_centre = triangle * (degree - 2)
    paw_far = (on_edge * (degree[:, None] - 2)).sum(2)
    paw_leaf = neighbours(triangle) - on_edge.sum(2)
    ring = two(common).sum(2) - two(common.diagonal(dim1=1, dim2=2))
    star_centre = degree * (degree - 1) * (degree - 2) / 6
    star_leaf = neighbours(two(degree - 1))
    path_middle = (joined * ((degree[:, :, None] - 1) * (degree[:, None] - 1) - common)).sum(2)
    path_end = neighbours(neighbours(degree - 1)) - degree * (degree - 1) - 2 * triangle

    o14 = k4
    o13, o12 = diamond_3 - 3 * o14, diamond_2 - 3 * o14
    o11, o10, o9 = (
        paw_centre - 2 * o13 - 3 * o14,
        paw_far - 2 * o13 - 2 * o12 - 6 * o14,
        paw_leaf - 2 * o12 - 3 * o14,
    )
    o8 = ring - o12 - o13 - 3 * o14
    o7, o6 = star_centre - o11 - o13 - o14, star_leaf - o9 - o10 - o13 - 2 * o12 - 3 * o14
    o5 = path_middle - 2 * o8 - 2 * o11 - o10 - 2 * o12 - 4 * o13 - 6 * o14
    o4 = path_end - 2 * o8 - 2 * o9 - o10 - 4 * o12 - 2 * o13 - 6 * o14
    o3, o2, o1 = triangle, two(degree) - triangle, onward - degree - 2 * triangle
    return torch.stack([degree, o1, o2, o3, o4, o5, o6, o7, o8, o9, o10, o11, o12, o13, o14], 2)


def eigenvalues(joined: Tensor, there: Tensor) -> Tensor:
    """Eigenvalues `(N, n)` of the normalised Laplacian, in order; those of nodes that are missing are 0.

    Args:
        joined: Symmetric matrices of 0 and 1 with zeros on the diagonal, `(N, n, n)`.
        there: 1 for each node that is there, `(N, n)`.
    """
    degree = joined.sum(2)
    root = torch.where(degree > 0, degree.clamp(min=1).rsqrt(), torch.zeros_like(degree))
    laplacian = (
        torch.diag_embed((degree > 0).to(joined.dtype) * there) - root[:, :, None] * joined * root[:, None]
    )
    found: Tensor = torch.linalg.eigvalsh(laplacian)
    return found
