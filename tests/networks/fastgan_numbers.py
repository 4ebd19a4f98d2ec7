"""What FastGAN computes with given weights: ours, and as recorded of the code that its authors published.

`python -m networks.fastgan_numbers CHECKOUT`, in `tests/`, records `fastgan_numbers.json` from a checkout of
kecol/FastGAN-pytorch (at c3bf4f0), whose code stays outside of this repository.

There the generator makes a second, small image for the small path of the discriminator, and reals are made
small by leaving pixels out. Here both are averaged; what is recorded is given the averaged image.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

FILE = Path(__file__).with_suffix(".json")
SIDE, WIDTH, LATENT, COUNT = 256, 8, 6, 2
SIDES = [4, 8, 16, 32, 64, 128, 256]


def noise(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def filled(tensors: Mapping[str, Tensor]) -> None:
    """Weights and statistics that follow from their place in the list of names.

    The vectors of spectral norm are the singular vectors, which no iteration moves.
    """
    for seed, (name, value) in enumerate(tensors.items()):
        drawn = noise(value.numel(), seed=seed).reshape(value.shape)
        value.data.copy_(drawn.square() + 0.5 if name.endswith("running_var") else drawn)
    for name, rows in tensors.items():
        if name.endswith("0._u"):
            weight = tensors[name.replace("0._u", "original")].data
            turned = weight if len(weight) == len(rows) else weight.transpose(0, 1)
            left, _, right = torch.linalg.svd(turned.flatten(1), full_matrices=False)
            rows.copy_(left[:, 0])
            tensors[name.replace("_u", "_v")].copy_(right[0])


def numbers(
    make: Callable[[Tensor], Tensor],
    score: Callable[[Tensor], Tensor],
    reconstruct: Callable[[Tensor], list[Tensor]],
    tensors: Mapping[str, Tensor],
) -> dict[str, Any]:
    """Images, scores, reconstructions, and the derivatives of both by every weight, each as its norm.

    `tensors` are the weights and buffers of both networks by our names.
    """
    weights = {name: value for name, value in tensors.items() if value.requires_grad}
    filled(tensors)
    torch.manual_seed(0)
    images = make(noise(COUNT, LATENT, seed=2_000))
    scores = score(images)
    by_scores = torch.autograd.grad(
        scores.square().sum(), list(weights.values()), allow_unused=True, materialize_grads=True
    )
    made = reconstruct(images.detach())
    by_errors = torch.autograd.grad(
        torch.stack([one.square().sum() for one in made]).sum(),
        list(weights.values()),
        allow_unused=True,
        materialize_grads=True,
    )
    return {
        "images": images[:, :, ::51, ::51].flatten().tolist(),
        "scores": scores.flatten().tolist(),
        "reconstructions": [one[:, :, ::31, ::31].flatten().tolist() for one in made],
        "by scores": {name: float(one.norm()) for name, one in zip(weights, by_scores, strict=True)},
        "by errors": {name: float(one.norm()) for name, one in zip(weights, by_errors, strict=True)},
    }


def ours() -> tuple[nn.Module, nn.Module, dict[str, Tensor]]:
    """Our networks, and their weights and buffers by name."""
    from poise.networks import DISCRIMINATORS, GENERATORS
    from poise.spec import DataSpec

    spec = DataSpec("image", (3, SIDE, SIDE))
    generator = GENERATORS["fastgan"].build(spec, latent_size=LATENT, width=WIDTH).double()
    discriminator = DISCRIMINATORS["fastgan"].build(spec, width=WIDTH).double()
    tensors: dict[str, Tensor] = {}
    for player, module in (("generator", generator), ("discriminator", discriminator)):
        for name, value in (*module.named_parameters(), *module.named_buffers()):
            if not name.endswith(("num_batches_tracked", "noise")):
                tensors[f"{player}.{name}"] = value
    return generator, discriminator, tensors


def layers() -> Iterator[tuple[str, str, str]]:
    """Our names of layers, theirs, and what they are."""
    for mine, other, kinds in modules():
        for place, kind in kinds.items():
            after = f".{place}" if place else ""
            yield f"{mine}{after}", f"{other}{after}", kind


def modules() -> Iterator[tuple[str, str, dict[str, str]]]:
    """Our names of modules, theirs, and what their layers are."""
    conv, norm = "convolution", "norm"
    gated, excitation = {"1": conv, "2": norm}, {"1": conv, "3": conv}
    deep = {"1": conv, "2": "noise", "3": norm, "5": conv, "6": "noise", "7": norm}
    yield "generator.start", "generator.init.init", {"0": conv, "1": norm}
    yield "generator.last", "generator.to_big", {"": conv}
    for stage, side in enumerate(SIDES[1:]):
        yield f"generator.stages.{stage}", f"generator.feat_{side}", gated if stage % 2 else deep
    for place, side in enumerate((64, 128, 256)):
        yield f"generator.excitations.{place}.layers", f"generator.se_{side}.main", excitation
    yield "discriminator.first", "discriminator.down_from_big", {"0": conv}
    for block in range(5):
        here, there = f"discriminator.blocks.{block}", f"discriminator.down_{4 << block}"
        yield f"{here}.main", f"{there}.main", {"0": conv, "1": norm, "3": conv, "4": norm}
        yield f"{here}.direct", f"{there}.direct", gated
    for place, name in enumerate(("se_2_16", "se_4_32", "se_8_64")):
        yield f"discriminator.excitations.{place}.layers", f"discriminator.{name}.main", excitation
    yield "discriminator.small.0", "discriminator.down_from_small", {"0": conv}
    for place in (1, 2, 3):
        there = f"discriminator.down_from_small.{place + 1}.main"
        yield f"discriminator.small.{place}", there, {"0": conv, "1": norm}
    scores = {"0": conv, "1": norm, "3": conv}
    yield "discriminator.whole_scores.layers", "discriminator.rf_big", scores
    yield "discriminator.small_scores.layers", "discriminator.rf_small", {"": conv}
    for mine, other in (("whole", "big"), ("part", "part"), ("small", "small")):
        here, there = f"discriminator.decoders.{mine}", f"discriminator.decoder_{other}.main"
        for place in range(4):
            yield f"{here}.{place}", f"{there}.{place + 1}", gated
        yield f"{here}.4", f"{there}.5", {"": conv}


TENSORS = {
    "convolution": {
        "parametrizations.weight.original": "weight_orig",
        "parametrizations.weight.0._u": "weight_u",
        "parametrizations.weight.0._v": "weight_v",
    },
    "norm": {name: name for name in ("weight", "bias", "running_mean", "running_var")},
    "noise": {"strength": "weight"},
}


def sizes(found: Mapping[str, Any], side: int) -> list[int]:
    """Numbers in both of their networks as published, without the layer of the second image."""
    made = found["Generator"](ngf=64, nz=256, im_size=side), found["Discriminator"](ndf=64, im_size=side)
    counts = [sum(value.numel() for value in network.parameters()) for network in made]
    return [counts[0] - made[0].to_128.weight_orig.numel(), counts[1]]


def main() -> None:
    source = (Path(sys.argv[1]) / "models.py").read_text(encoding="utf-8")
    found: dict[str, Any] = {"__name__": "theirs"}
    narrow = source.replace("int(v*32)", "int(v*base)")
    found["base"] = WIDTH // 2
    exec(compile(narrow, "models.py", "exec"), found)
    found["random"] = SimpleNamespace(randint=lambda low, high: 1)  # the upper quarter on the right
    torch.set_default_dtype(torch.float64)
    generator = found["Generator"](ngf=WIDTH, nz=LATENT, im_size=SIDE)
    discriminator = found["Discriminator"](ndf=WIDTH, im_size=SIDE)
    theirs: dict[str, Tensor] = {}
    for player, module in (("generator", generator), ("discriminator", discriminator)):
        for name, value in (*module.named_parameters(), *module.named_buffers()):
            theirs[f"{player}.{name}"] = value
    pairs = {
        f"{mine}.{name}": f"{other}.{theirs_}"
        for mine, other, kind in layers()
        for name, theirs_ in TENSORS[kind].items()
    }
    _, _, tensors = ours()
    assert set(pairs) == set(tensors), set(pairs) ^ set(tensors)
    left = {name for name in set(theirs) - set(pairs.values()) if "num_batches" not in name}
    assert left == {f"generator.to_128.weight_{kind}" for kind in ("orig", "u", "v")}, left
    ordered = {name: theirs[pairs[name]] for name in tensors}

    def both(images: Tensor) -> list[Tensor]:
        return [images, interpolate(images, 128, mode="area")]

    def score(images: Tensor) -> Tensor:
        flat = discriminator(both(images), "fake")
        scores: Tensor = torch.cat(list(flat.reshape(2, COUNT, -1)), 1)
        return scores

    recorded = numbers(
        lambda latents: generator(latents)[0].tanh(),
        score,
        lambda images: discriminator(both(images), "real")[1],
        ordered,
    )
    whole, small, part = recorded["reconstructions"]
    recorded["reconstructions"] = [whole, part, small]
    found["base"] = 32
    recorded["parameters"] = {side: sizes(found, side) for side in (256, 512, 1024)}
    FILE.write_text(json.dumps(recorded, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
