"""Weights by name as NVlabs/stylegan2-ada-pytorch has them, and images that its code computes with them.

`python -m generator.ada_numbers CHECKOUT`, in `tests/`, records `ada_numbers.json` from a checkout of that
repository, whose code stays outside of this one. Names and shapes are facts of its files.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

FILE = Path(__file__).with_suffix(".json")
SIDES, WIDTHS, STYLE, LATENT, LAYERS, COUNT, COLOURS = (4, 8, 16), (8, 8, 6), 8, 10, 2, 3, 3
BASE, MOST = 96, 8
PSI = 0.5


def noise(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).float()


def shapes(classes: int) -> dict[str, tuple[int, ...]]:
    """Weights and buffers by full name, but for the filters."""
    found: dict[str, tuple[int, ...]] = {"mapping.w_avg": (STYLE,)}

    def linear(name: str, before: int, after: int) -> None:
        found.update({f"{name}.weight": (after, before), f"{name}.bias": (after,)})

    if classes:
        linear("mapping.embed", classes, STYLE)
    for layer in range(LAYERS):
        linear(f"mapping.fc{layer}", STYLE if layer else LATENT + (STYLE if classes else 0), STYLE)
    before = 0
    for side, width in zip(SIDES, WIDTHS, strict=True):
        block = f"synthesis.b{side}"
        layers = [("conv0", before), ("conv1", width)] if before else [("conv1", width)]
        found |= {} if before else {f"{block}.const": (width, side, side)}
        for name, inputs in layers:
            linear(f"{block}.{name}.affine", STYLE, inputs)
            found[f"{block}.{name}.weight"] = (width, inputs, 3, 3)
            found[f"{block}.{name}.bias"] = (width,)
            found[f"{block}.{name}.noise_strength"] = ()
            found[f"{block}.{name}.noise_const"] = (side, side)
        linear(f"{block}.torgb.affine", STYLE, width)
        found[f"{block}.torgb.weight"], found[f"{block}.torgb.bias"] = (COLOURS, width, 1, 1), (COLOURS,)
        before = width
    return found


def weights(classes: int) -> dict[str, Tensor]:
    """Numbers that follow from the place of a name in the sorted list."""
    sized = sorted(shapes(classes).items())
    return {
        name: noise(int(torch.Size(shape).numel()), seed=seed).reshape(shape)
        for seed, (name, shape) in enumerate(sized)
    }


def inputs(classes: int) -> tuple[Tensor, Tensor | None]:
    latent = noise(COUNT, LATENT, seed=2_000)
    return latent, torch.eye(classes)[torch.arange(COUNT) % classes] if classes else None


def sparse(images: Tensor) -> list[float]:
    found: list[float] = images.detach()[:, :, ::5, ::5].flatten().tolist()
    return found


def main() -> None:
    sys.path.insert(0, sys.argv[1])
    sys.modules.setdefault("requests", ModuleType("requests"))
    networks: Any = __import__("training.networks", fromlist=["Generator"])
    recorded: dict[str, Mapping[str, list[float]]] = {}
    for classes in (0, 3):
        made = networks.Generator(
            z_dim=LATENT, c_dim=classes, w_dim=STYLE, img_resolution=SIDES[-1], img_channels=COLOURS,
            mapping_kwargs={"num_layers": LAYERS},
            synthesis_kwargs={"channel_base": BASE, "channel_max": MOST},
        ).eval()  # fmt: skip
        own = {name: value for name, value in made.state_dict().items() if "filter" not in name}
        given = weights(classes)
        assert {name: tuple(value.shape) for name, value in own.items()} == shapes(classes)
        made.load_state_dict(given, strict=False)
        images = {
            str(psi): made(*inputs(classes), truncation_psi=psi, noise_mode="const") for psi in (1, PSI)
        }
        recorded[str(classes)] = {psi: sparse(image) for psi, image in images.items()}
    FILE.write_text(json.dumps(recorded, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
