"""What StyleGAN2 computes with given weights: ours, and as recorded of another implementation.

`python -m networks.stylegan2_numbers CHECKOUT`, in `tests/`, records `stylegan2_numbers.json` from a checkout
of rosinality/stylegan2-pytorch (MIT licence; at bef283a), whose code stays outside of this repository.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

FILE = Path(__file__).with_suffix(".json")
SIDE, WIDTH, STYLE, LAYERS, COUNT = 16, 8, 8, 2, 4


def noise(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def filled(names: Mapping[str, nn.Parameter]) -> None:
    """Weights that follow from their place in the list of names."""
    for seed, value in enumerate(names.values()):
        value.data = noise(value.numel(), seed=seed).reshape(value.shape)


def noise_maps() -> list[Tensor]:
    sides = [4, 8, 8, 16, 16]
    return [noise(side, side, seed=1_000 + place) for place, side in enumerate(sides)]


def numbers(
    make: Callable[[Tensor], Tensor], score: Callable[[Tensor], Tensor], names: Mapping[str, Tensor]
) -> dict[str, Any]:
    """Images, scores, and first and second derivatives by every weight, each as its norm.

    `make` maps latents to images; `names` are the weights of both networks by our names.
    """
    latents = noise(COUNT, STYLE, seed=2_000).requires_grad_()
    images = make(latents)
    scores = score(images).flatten()
    parameters = list(names.values())
    first = torch.autograd.grad(scores.square().sum(), parameters, retain_graph=True)
    along = (images * noise(*images.shape, seed=2_001)).sum()
    (slopes,) = torch.autograd.grad(along, latents, create_graph=True)
    second = torch.autograd.grad(slopes.square().sum(), parameters, allow_unused=True, materialize_grads=True)
    points = images.detach().requires_grad_()
    (slopes,) = torch.autograd.grad(score(points).sum(), points, create_graph=True)
    penalty = torch.autograd.grad(
        slopes.square().sum(), parameters, allow_unused=True, materialize_grads=True
    )
    derivatives = {"first": first, "second": second, "penalty": penalty}
    return {
        "images": images[:, :, ::5, ::5].flatten().tolist(),
        "scores": scores.tolist(),
        **{kind: dict(zip(names, _norms(values), strict=True)) for kind, values in derivatives.items()},
    }


def _norms(values: tuple[Tensor, ...]) -> Iterator[float]:
    return (float(value.norm()) for value in values)


def ours() -> tuple[nn.Module, nn.Module, dict[str, nn.Parameter]]:
    """Our networks with those weights, and the weights by name."""
    from poise.networks import DISCRIMINATORS, GENERATORS
    from poise.spec import DataSpec

    spec, width = DataSpec("image", (3, SIDE, SIDE)), {"width": WIDTH}
    settings = {"style_size": STYLE, "mapping_layers": LAYERS, "mixing": 0.0, **width}
    generator = GENERATORS["stylegan2"].build(spec, latent_size=STYLE, **settings).double()
    discriminator = DISCRIMINATORS["stylegan2"].build(spec, **width).double()
    names = {f"generator.{name}": value for name, value in generator.named_parameters()}
    names |= {f"discriminator.{name}": value for name, value in discriminator.named_parameters()}
    filled(names)
    buffers = dict(generator.named_buffers())
    for place, one in enumerate(noise_maps()):
        buffers[f"synthesis.layers.{place}.noise"].copy_(one)
    return generator, discriminator, names


def their_names() -> Iterator[tuple[str, str]]:
    """Our names of weights and theirs."""
    for layer in range(LAYERS):
        for kind in ("weight", "bias"):
            yield f"generator.mapping.layers.{layer}.{kind}", f"generator.style.{layer + 1}.{kind}"
    yield "generator.synthesis.start", "generator.input.input"
    styled = {f"layers.{place}": "conv1" if not place else f"convs.{place - 1}" for place in range(5)}
    images = {f"images.{place}": "to_rgb1" if not place else f"to_rgbs.{place - 1}" for place in range(3)}
    for mine, other in {**styled, **images}.items():
        here, there = f"generator.synthesis.{mine}", f"generator.{other}"
        yield f"{here}.convolution.weight", f"{there}.conv.weight"
        for kind in ("weight", "bias"):
            yield f"{here}.convolution.style.{kind}", f"{there}.conv.modulation.{kind}"
        if mine in styled:
            yield f"{here}.strength", f"{there}.noise.weight"
        yield f"{here}.bias", f"{there}.activate.bias" if mine in styled else f"{there}.bias"
    layers = {"first": ("convs.0.0", "convs.0.1"), "last.1": ("final_conv.0", "final_conv.1")}
    for block in range(2):
        there = f"convs.{block + 1}"
        layers[f"blocks.{block}.residual.0"] = f"{there}.conv1.0", f"{there}.conv1.1"
        layers[f"blocks.{block}.residual.1"] = f"{there}.conv2.1", f"{there}.conv2.2"
        yield f"discriminator.blocks.{block}.shortcut.weight", f"discriminator.{there}.skip.1.weight"
    layers |= {f"last.{3 + place}": (f"final_linear.{place}",) * 2 for place in (0, 1)}
    for mine, (weight, bias) in layers.items():
        yield f"discriminator.{mine}.weight", f"discriminator.{weight}.weight"
        yield f"discriminator.{mine}.bias", f"discriminator.{bias}.bias"


def main() -> None:
    checkout = Path(sys.argv[1])
    sys.path.insert(0, str(checkout))
    without_compiler = ModuleType("torch.utils.cpp_extension")
    vars(without_compiler)["load"] = lambda *names, **settings: None
    sys.modules["torch.utils.cpp_extension"] = without_compiler
    source = (checkout / "model.py").read_text(encoding="utf-8")
    theirs: dict[str, Any] = {"__name__": "theirs"}
    exec(compile(source.replace(": 512,", f": {WIDTH},"), "model.py", "exec"), theirs)
    generator = theirs["Generator"](SIDE, STYLE, LAYERS).double()
    discriminator = theirs["Discriminator"](SIDE).double()
    found = {f"generator.{name}": value for name, value in generator.named_parameters()}
    found |= {f"discriminator.{name}": value for name, value in discriminator.named_parameters()}
    _, _, names = ours()
    pairs = dict(their_names())
    assert set(pairs) == set(names) and set(pairs.values()) == set(found)
    ordered = {name: found[pairs[name]] for name in names}
    filled(ordered)
    maps = [one[None, None] for one in noise_maps()]
    recorded = numbers(lambda latents: generator([latents], noise=maps)[0], discriminator, ordered)
    FILE.write_text(json.dumps(recorded, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
