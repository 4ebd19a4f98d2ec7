"""What networks that grow compute with given weights: ours, and as recorded of another implementation.

`python -m networks.progressive_numbers CHECKOUT`, in `tests/`, records `progressive_numbers.json` from a
checkout of akanimax/pro_gan_pytorch (MIT licence; at 6206613), whose code stays outside of this repository.

It differs from the authors' code in constant factors of some weights, which are put right here, and has no
pixel norm after its first layer, which is put there.
"""

from __future__ import annotations

import builtins
import importlib
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import avg_pool2d, interpolate

FILE = Path(__file__).with_suffix(".json")
SIDE, WIDTH, COUNT = 16, 8, 4
GROWTHS = {"fading to 8": 0.3, "fading to 16": 0.85, "grown": 1.0}
"""Of 4 periods: 0.2 of the second, 0.4 of the fourth, and all."""


def noise(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def filled(names: Mapping[str, nn.Parameter]) -> None:
    """Weights that follow from their place in the list of names."""
    for seed, value in enumerate(names.values()):
        value.data = noise(value.numel(), seed=seed).reshape(value.shape)


def numbers(
    make: Callable[[Tensor], Tensor], score: Callable[[Tensor], Tensor], names: Mapping[str, Tensor]
) -> dict[str, Any]:
    """Images, scores, and first and second derivatives by every weight, each as its norm."""
    parameters = list(names.values())
    images = make(noise(COUNT, WIDTH, seed=2_000))
    scores = score(images).flatten()

    def norms(value: Tensor) -> dict[str, float]:
        slopes = torch.autograd.grad(
            value, parameters, retain_graph=True, allow_unused=True, materialize_grads=True
        )
        return {name: float(slope.norm()) for name, slope in zip(names, slopes, strict=True)}

    points = images.detach().requires_grad_()
    (slopes,) = torch.autograd.grad(score(points).sum(), points, create_graph=True)
    return {
        "images": images[:, :, ::5, ::5].flatten().tolist(),
        "scores": scores.tolist(),
        "first": norms(scores.square().sum()),
        "penalty": norms(slopes.square().sum()),
    }


def ours() -> tuple[nn.Module, nn.Module, dict[str, nn.Parameter]]:
    """Our networks with those weights, and the weights by name."""
    from poise.networks import DISCRIMINATORS, GENERATORS
    from poise.spec import DataSpec

    spec = DataSpec("image", (3, SIDE, SIDE))
    generator = GENERATORS["progressive"].build(spec, latent_size=WIDTH, width=WIDTH).double()
    discriminator = DISCRIMINATORS["progressive"].build(spec, width=WIDTH).double()
    names = {f"generator.{name}": value for name, value in generator.named_parameters()}
    names |= {f"discriminator.{name}": value for name, value in discriminator.named_parameters()}
    filled(names)
    return generator, discriminator, names


def their_names() -> Iterator[tuple[str, str, float, float]]:
    """Our names of layers, theirs, and what their weights and biases are as multiples of ours."""
    root = math.sqrt(2)
    yield "generator.blocks.0.0", "generator.layers.0.conv_1", 1 / 4, 1.0
    yield "generator.blocks.0.2", "generator.layers.0.conv_2", 1.0, root
    for block in (1, 2):
        for place, name in ((1, "conv_1"), (3, "conv_2")):
            yield f"generator.blocks.{block}.{place}", f"generator.layers.{block}.{name}", 1.0, root
    for place in range(3):
        yield f"generator.images.{place}", f"generator.rgb_converters.{place}", 1 / root, 1.0
        yield f"discriminator.images.{place}", f"discriminator.from_rgb.{2 - place}.0", 1.0, root
    for block in (0, 1):
        for place in (0, 1):
            there = f"discriminator.layers.{1 - block}.conv_{place + 1}"
            yield f"discriminator.blocks.{block}.{place}", there, 1.0, root
    for place, name, weight, bias in (
        (1, "conv_1", 1.0, root),
        (3, "conv_2", 1.0, root),
        (4, "conv_3", 1 / root, 1.0),
    ):
        yield f"discriminator.last.{place}", f"discriminator.layers.2.{name}", weight, bias


def main() -> None:
    checkout = Path(sys.argv[1])
    package = ModuleType("theirs")
    package.__path__ = [str(checkout)]
    sys.modules["theirs"] = package
    vars(builtins)["Tuple"] = tuple  # which one of its annotations lacks
    found = importlib.import_module("theirs.networks")
    layers = sys.modules["theirs.custom_layers"]
    # For a version of torch that calls it with other arguments
    layers.EqualizedConvTranspose2d._output_padding = lambda *arguments: (0, 0)
    found.nf.__defaults__ = (16 << 10, 1.0, 1, WIDTH)
    generator = found.Generator(4, 3, WIDTH).double()
    discriminator = found.Discriminator(4, 3, WIDTH).double()
    normalised_first = nn.Sequential(nn.LeakyReLU(0.2), generator.layers[0].pixNorm)
    generator.layers[0].lrelu = normalised_first
    theirs = {f"generator.{name}": value for name, value in generator.named_parameters()}
    theirs |= {f"discriminator.{name}": value for name, value in discriminator.named_parameters()}
    _, _, names = ours()
    scaled: dict[str, Tensor] = {}
    for mine, other, weight, bias in their_names():
        inner = f"{mine}.convolution" if mine.startswith("generator.images") else mine
        own = names[f"{inner}.weight"] * weight
        if other.endswith("layers.0.conv_1") and other.startswith("generator"):
            own = own.transpose(0, 1)
        scaled[f"{other}.weight"] = own.reshape(theirs[f"{other}.weight"].shape)
        scaled[f"{other}.bias"] = names[f"{mine}.bias"] * bias
    assert set(scaled) == set(theirs)

    def of(player: str) -> dict[str, Tensor]:
        own = {name: value for name, value in scaled.items() if name.startswith(player)}
        return {name.removeprefix(f"{player}."): value for name, value in own.items()}

    def at(depth: int, alpha: float) -> dict[str, Any]:
        def make(latents: Tensor) -> Tensor:
            images = functional_call(generator, of("generator"), (latents, depth, alpha))
            return interpolate(images, SIDE)

        def score(images: Tensor) -> Tensor:
            seen = avg_pool2d(images, SIDE // 2**depth)
            scores: Tensor = functional_call(discriminator, of("discriminator"), (seen, depth, alpha))
            return scores

        return numbers(make, score, names)

    recorded = {name: at(*place) for name, place in zip(GROWTHS, ((3, 0.2), (4, 0.4), (4, 1.0)), strict=True)}
    FILE.write_text(json.dumps(recorded, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
