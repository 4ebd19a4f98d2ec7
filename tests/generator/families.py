"""A small generator of every built-in family of images, with and without classes, as a run describes it."""

from __future__ import annotations

import inspect
from typing import Any

import torch

from poise.generator import Generator
from poise.networks import GENERATORS
from poise.spec import DataSpec

CLASSES = ("a", "b", "c")
SHAPE = (3, 8, 8)
OF_IMAGES = {name: network for name, network in GENERATORS.items() if "image" in network.kinds}
FAMILIES = [(name, False) for name in OF_IMAGES] + [
    (name, True) for name, network in OF_IMAGES.items() if network.takes_condition
]


def family(name: str, *, classes: bool = False, shape: tuple[int, ...] = SHAPE, width: int = 16) -> Generator:
    """A generator with weights that are random, and running statistics that are not those of a start."""
    network = GENERATORS[name]
    parameters = inspect.signature(network.build).parameters
    settings: dict[str, Any] = {"width": width} if "width" in parameters else {}
    small = {"style_size": 12, "mapping_layers": 2, "blocks": 1}
    settings |= {key: value for key, value in small.items() if key in parameters}
    condition = {"kind": "label", "names": CLASSES, "counts": [5, 3, 1], "shape": [3]} if classes else None
    kind = "image" if len(shape) == 3 else "vector"
    torch.manual_seed(0)
    spec = DataSpec(kind, shape, condition=(3,) if classes else None)
    module = network.build(spec, latent_size=10, **settings)
    with torch.no_grad():  # such as training leaves them
        inputs = [torch.randn(64, 10), *([torch.eye(3)[torch.arange(64) % 3]] if classes else [])]
        for _ in range(3):
            module(*inputs)
    description = {
        "game": {"name": "conditional" if classes else "noise-to-data"},
        "kind": kind,
        "shape": list(shape),
        "latent": {"size": 10},
        "encoding": {"name": "pixels" if kind == "image" else "identity"},
        "condition": condition,
        "network": {"name": name, **settings},
        "step": 7,
    }
    return Generator(module, description)
