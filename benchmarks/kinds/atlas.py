"""The 853 connected graphs of seven nodes as modes: `python -m benchmarks.kinds.atlas FOLDER --seconds 600`.

Each call trains FOLDER on for a while, then counts in 25,600 samples how many of the 853 there are, and the
reverse Kullback-Leibler divergence of their shares from even ones, in nats. Beside it stand as many graphs
whose edges are drawn with one probability (Erdos-Renyi), and as many of the data.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import networkx
import numpy as np
import torch

import poise
from benchmarks.kinds.training_on import Stop, trained_on
from poise.data import Array, open_data
from poise.data.graphs import matrices
from poise.metrics.graph_forms import forms

NODES, MODES, SAMPLES = 7, 853, 25_600


def atlas(path: Path) -> None:
    """Write the graphs as graph6."""
    graphs = [
        graph for graph in networkx.graph_atlas_g() if len(graph) == NODES and networkx.is_connected(graph)
    ]
    assert len(graphs) == MODES
    path.write_bytes(b"".join(networkx.to_graph6_bytes(graph, header=False) for graph in graphs))


def counted(whole: Array, known: Array) -> dict[str, float]:
    """How many modes there are, how far their shares are from even ones, and the share that is connected."""
    found = forms(whole)
    within = np.isin(found, known)
    counts = np.bincount(np.searchsorted(known, found[within]), minlength=MODES)
    shares = counts[counts > 0] / max(1, counts.sum())
    return {
        "modes": int((counts > 0).sum()),
        "reverse_kl": round(float((shares * np.log(shares * MODES)).sum()), 4),
        "connected": round(float(within.mean()), 4),
    }


def main() -> None:
    """Train on, count and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    path, out = asked.folder / "atlas.g6", asked.folder / "run"
    if not path.exists():
        atlas(path)
    changes: dict[str, Any] = {"held_out": 0} | dict(one.split("=", 1) for one in asked.set)

    def begin(enough: Stop) -> None:
        poise.train(path, out=out, callbacks=[enough], **changes)

    print(json.dumps(measured(trained_on(out, asked.seconds, begin), path)))


def measured(run: poise.Run, path: Path) -> Mapping[str, object]:
    """Samples, graphs with even edges and graphs of the data, by the same counts."""
    dataset = open_data(path)
    real = matrices(dataset.gather(np.arange(MODES))).numpy()
    known = np.sort(forms(real))
    generator = run.generator
    made = generator.sample(SAMPLES, seed=1)
    edges = (real.sum() - MODES * NODES) / (MODES * NODES * (NODES - 1))
    drawn = torch.rand(SAMPLES, NODES, NODES, generator=torch.Generator().manual_seed(1))
    drawn = (drawn < edges).triu(1)
    plain = (drawn | drawn.transpose(1, 2)).long() + torch.eye(NODES, dtype=torch.long)
    rows = np.random.default_rng(1).integers(0, MODES, SAMPLES)
    return {
        "steps": generator.description["step"],
        "samples": counted(made.astype(np.int64), known),
        "erdos-renyi": counted(plain.numpy(), known),
        "data": counted(real[rows], known),
    }


if __name__ == "__main__":
    main()
