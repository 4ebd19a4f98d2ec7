"""What R3GAN computes with given weights: ours, and as recorded of the authors' code.

`python -m networks.r3gan_numbers CHECKOUT`, in `tests/`, records `r3gan_numbers.json` from a checkout of
brownvc/R3GAN, whose code stays outside of this repository.
"""

from __future__ import annotations

import itertools
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

FILE = Path(__file__).with_suffix(".json")
SIDE, LATENT, CLASSES, COUNT, GAMMA = 16, 8, 3, 4, 0.7
WIDTHS, BLOCKS, GROUP = (32, 32, 16), 2, 16
TIMES = 0.3
"""What standard normal weights are multiplied with, so that features stay of one size."""


def noise(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def filled(names: Mapping[str, nn.Parameter]) -> None:
    """Weights that follow from their place in the list of names."""
    for seed, value in enumerate(names.values()):
        value.data = TIMES * noise(value.numel(), seed=seed).reshape(value.shape)


def inputs() -> tuple[Tensor, Tensor, Tensor]:
    """Latents, conditions and reals."""
    classes = torch.eye(CLASSES, dtype=torch.float64)[torch.arange(COUNT) % CLASSES]
    return noise(COUNT, LATENT, seed=2_000), classes, noise(COUNT, 3, SIDE, SIDE, seed=2_001)


def outputs(make: nn.Module, score: nn.Module) -> dict[str, list[float]]:
    """Images of the latents, and scores of images and reals."""
    latents, classes, reals = inputs()
    images = make(latents, classes)
    return {
        "images": images[:, :, ::5, ::5].flatten().tolist(),
        "scores": [*score(images, classes).tolist(), *score(reals, classes).tolist()],
    }


def norms(values: Sequence[Tensor | None]) -> list[float]:
    return [0.0 if value is None else float(value.norm()) for value in values]


def ours() -> tuple[nn.Module, nn.Module, dict[str, nn.Parameter]]:
    """Our networks with those weights, and the weights by name."""
    from poise.networks import DISCRIMINATORS, GENERATORS
    from poise.spec import DataSpec

    spec = DataSpec("image", (3, SIDE, SIDE), condition=(CLASSES,))
    settings = {"width": WIDTHS[0], "full_until": 8, "blocks": BLOCKS, "group_width": GROUP}
    generator = GENERATORS["r3gan"].build(spec, latent_size=LATENT, **settings).double()
    discriminator = DISCRIMINATORS["r3gan"].build(spec, **settings).double()
    names = {f"generator.{name}": value for name, value in generator.named_parameters()}
    names |= {f"discriminator.{name}": value for name, value in discriminator.named_parameters()}
    filled(names)
    return generator, discriminator, names


def their_names() -> Iterator[tuple[str, str]]:
    """Our names of weights and theirs."""
    last = len(WIDTHS) - 1
    yield "generator.embedding.weight", "generator.EmbeddingLayer.weight"
    yield "generator.start", "generator.MainLayers.0.Layers.0.Basis"
    yield "generator.scale.weight", "generator.MainLayers.0.Layers.0.LinearLayer.weight"
    yield "generator.last.weight", "generator.AggregationLayer.Layer.weight"
    yield "discriminator.embedding.weight", "discriminator.EmbeddingLayer.weight"
    yield "discriminator.first.weight", "discriminator.ExtractionLayer.Layer.weight"
    yield "discriminator.whole.weight", f"discriminator.MainLayers.{last}.Layers.{BLOCKS}.Basis.weight"
    yield "discriminator.score.weight", f"discriminator.MainLayers.{last}.Layers.{BLOCKS}.LinearLayer.weight"
    transitions = {"generator": ("narrowed", 0), "discriminator": ("widened", BLOCKS)}
    for player, (changed, layer) in transitions.items():
        widths = WIDTHS if player == "generator" else WIDTHS[::-1]
        for stage, (before, after) in enumerate(itertools.pairwise(widths)):
            if before != after:
                there = stage + (player == "generator")
                where = f"{player}.MainLayers.{there}.Layers.{layer}.LinearLayer.Layer.weight"
                yield f"{player}.{changed}.{stage}.weight", where
        for stage in range(len(WIDTHS)):
            for block in range(BLOCKS):
                here = f"{player}.stages.{stage}.{block}.residual"
                there_block = f"{player}.MainLayers.{stage}.Layers.{block + (player == 'generator')}"
                for place, number in ((0, 1), (2, 2)):
                    yield f"{here}.{place}.weight", f"{there_block}.LinearLayer{number}.Layer.weight"
                    yield f"{here}.{place}.bias", f"{there_block}.NonLinearity{number}.Bias"
                yield f"{here}.4.weight", f"{there_block}.LinearLayer3.Layer.weight"


def main() -> None:
    sys.path.insert(0, sys.argv[1])
    sys.modules["requests"] = ModuleType("requests")  # they import it and only download with it
    versions = ModuleType("pkg_resources")
    vars(versions)["parse_version"] = lambda text: [int(part) for part in re.findall(r"\d+", text)[:2]]
    sys.modules["pkg_resources"] = versions
    from R3GAN.Networks import Discriminator, Generator  # type: ignore[import-not-found]
    from R3GAN.Trainer import AdversarialTraining  # type: ignore[import-not-found]

    groups = [2 * width // GROUP for width in WIDTHS]
    blocks = [BLOCKS] * len(WIDTHS)
    condition = {"ConditionDimension": CLASSES}
    generator = Generator(LATENT, WIDTHS, groups, blocks, 2, ConditionEmbeddingDimension=LATENT, **condition)
    discriminator = Discriminator(
        WIDTHS[::-1], groups[::-1], blocks, 2, ConditionEmbeddingDimension=WIDTHS[0], **condition
    )
    for network in (generator.double(), discriminator.double()):
        for module in network.modules():
            if hasattr(module, "DataType"):
                module.DataType = torch.float64
            if hasattr(module, "Kernel"):
                module.Kernel = module.Kernel.float()  # their filters must be, and are cast when used
    found = {f"generator.{name}": value for name, value in generator.named_parameters()}
    found |= {f"discriminator.{name}": value for name, value in discriminator.named_parameters()}
    _, _, names = ours()
    pairs = dict(their_names())
    assert set(pairs) == set(names), set(pairs) ^ set(names)
    assert set(pairs.values()) == set(found), set(pairs.values()) ^ set(found)
    ordered = {name: found[pairs[name]] for name in names}
    filled(ordered)
    recorded: dict[str, Any] = dict(outputs(generator, discriminator))
    latents, classes, reals = inputs()
    training = AdversarialTraining(generator, discriminator)
    steps: dict[str, tuple[Any, tuple[Any, ...]]] = {
        "discriminator": (training.AccumulateDiscriminatorGradients, (latents, reals, classes, GAMMA)),
        "generator": (training.AccumulateGeneratorGradients, (latents, reals, classes)),
    }
    for player, (accumulate, given) in steps.items():
        for value in found.values():
            value.grad = None
        accumulate(*given)
        own = [name for name in names if name.startswith(player)]
        recorded[player] = dict(zip(own, norms([ordered[name].grad for name in own]), strict=True))
    FILE.write_text(json.dumps(recorded, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
