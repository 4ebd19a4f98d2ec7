"""Features of graphs that nobody trained, the same for every order of their nodes."""

from __future__ import annotations

import torch
from torch import Tensor

from poise.metrics.features.extractor import FunctionExtractor
from poise.metrics.graphs import eigenvalues, orbit_counts

NO_WEIGHTS = ""
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)  # Of the nodes or eigenvalues that lie below a feature


def graph_statistics() -> FunctionExtractor:
    """Features of planes `(N, C, 1, n, n)`, a plane for each type of nodes and of edges.

    How many nodes and edges of each type there are; means and deviations over nodes of the logarithms of the
    numbers of degrees and four-node orbits; quantiles of degrees and of eigenvalues of the Laplacian.

    Example:
        >>> graph_statistics()(torch.ones(2, 1, 1, 5, 5)).shape
        torch.Size([2, 42])
    """
    preparation = f"types, 15 orbits, {len(SHARES)} quantiles of degrees and of eigenvalues"
    return FunctionExtractor("graph-statistics", _features, preparation=preparation, weights_hash=NO_WEIGHTS)


def _features(samples: Tensor) -> Tensor:
    whole = samples[:, :, 0].double()
    types = torch.cat([whole.diagonal(dim1=2, dim2=3).sum(2), whole.sum((2, 3))], 1)
    there = whole.diagonal(dim1=2, dim2=3).sum(1)
    joined = whole.sum(1) - torch.diag_embed(there)
    count = there.sum(1, keepdim=True).clamp(min=1)
    orbits = (1 + orbit_counts(joined)).log() * there[..., None]
    mean = orbits.sum(1) / count
    deviation = (((orbits - mean[:, None]) * there[..., None]).square().sum(1) / count).sqrt()
    shares = torch.tensor(SHARES, dtype=whole.dtype, device=whole.device)
    quantiles = [
        torch.quantile(values, shares, dim=1).T for values in (joined.sum(2), eigenvalues(joined, there))
    ]
    return torch.cat([types, mean, deviation, *quantiles], 1).float()
