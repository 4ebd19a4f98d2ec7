"""How public implementations of StyleGAN2 name their weights, and what these are called here."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from poise.errors import PoiseError

Weights = Mapping[str, Tensor]


@dataclass(frozen=True)
class Layout:
    """The names of an implementation. A new one is a row in `LAYOUTS` and a test.

    Attributes:
        name: What people call it.
        known_by: Weights that it alone has.
        renamed: `(weights)` to pairs of our name and theirs.
        filters: A pattern of the buffers that hold the smoothing filter, which must be [1, 3, 3, 1].
        mean_style: Their name of the mean style.
    """

    name: str
    known_by: tuple[str, ...]
    renamed: Callable[[Weights], Iterator[tuple[str, str]]]
    filters: str
    mean_style: str


@dataclass(frozen=True)
class Described:
    """A generator of StyleGAN2 as `poise.networks` builds it.

    Attributes:
        shape: Of its images, `(C, H, W)`.
        latent_size: Of its latents.
        condition_size: Of its conditions; 0 for none.
        settings: Of the network.
        weights: By our names; the mean style may be missing.
    """

    shape: tuple[int, int, int]
    latent_size: int
    condition_size: int
    settings: dict[str, int | float]
    weights: dict[str, Tensor]


def layout_of(weights: Weights) -> Layout:
    """The layout that has these names.

    Raises:
        PoiseError: None has.
    """
    for layout in LAYOUTS:
        if set(layout.known_by) <= set(weights):
            return layout
    few = ", ".join(sorted(weights)[:3]) or "none"
    known = " and ".join(layout.name for layout in LAYOUTS)
    raise PoiseError(
        "The weights are not those of a StyleGAN2 generator that Poise knows",
        code="import.unknown-layout",
        why=f"their names are {few}",
        hint=f"take a generator of {known}",
    )


def described(weights: Weights) -> Described:
    """A generator by its weights.

    Raises:
        PoiseError: The layout is not known, a weight has no counterpart, or the filter is another one.
    """
    layout = layout_of(weights)
    names = dict(layout.renamed(weights))
    missing = sorted(set(names.values()) - set(weights))
    filters = {name for name in weights if re.fullmatch(layout.filters, name)}
    left = sorted(set(weights) - set(names.values()) - filters - {layout.mean_style})
    if missing or left:
        what = f"The generator has weights that StyleGAN2 has not: {', '.join(left[:3])}"
        what = what if left else f"The generator lacks weights: {', '.join(missing[:3])}"
        why = f"it is no generator with output skips of {layout.name}"
        raise PoiseError(what, code="import.other-architecture", why=why)
    for name in filters:
        _check_filter(weights[name], name)
    made = {ours: weights[theirs].float() for ours, theirs in names.items()}
    if layout.mean_style in weights:
        made["mean_style"] = weights[layout.mean_style].float().flatten()
    try:
        return _described(made)
    except (IndexError, KeyError, RuntimeError) as error:
        what = "The weights are not of the shapes of a StyleGAN2 generator"
        why = str(error).splitlines()[0]
        raise PoiseError(what, code="import.other-architecture", why=why) from None


def _described(made: dict[str, Tensor]) -> Described:
    """The settings of our network, from the shapes of its weights; and the weights in their shapes."""
    layers = sorted({int(name.split(".")[2]) for name in made if name.startswith("mapping.layers.")})
    first, style_size = made["mapping.layers.0.weight"].shape[1], made["mapping.layers.0.weight"].shape[0]
    embedded = made.get("mapping.embedding.weight")
    condition_size = 0 if embedded is None else int(embedded.shape[1])
    grids = sum(bool(re.fullmatch(r"synthesis\.images\.\d+\.bias", name)) for name in made)
    side, channels = 4 * 2 ** (grids - 1), made["synthesis.images.0.bias"].numel()
    for name, value in made.items():
        if name.endswith("convolution.weight"):
            made[name] = value.reshape(value.shape[-4:])
        elif name.endswith("noise"):
            made[name] = value.reshape(value.shape[-2:])
        elif name.endswith("strength"):
            made[name] = value.reshape(())
        elif name.endswith("bias"):
            made[name] = value.flatten()
    start = made["synthesis.start"]
    made["synthesis.start"] = start.reshape(1, *start.shape[-3:])
    widths = [made[f"synthesis.images.{grid}.convolution.weight"].shape[1] for grid in range(grids)]
    width = max(widths)
    base = max(count * 4 * 2**grid for grid, count in enumerate(widths))
    settings: dict[str, int | float] = {
        "width": width,
        "channel_base": base,
        "style_size": int(style_size),
        "mapping_layers": len(layers),
        "mixing": 0.9,
    }
    latent_size = int(first) - (int(style_size) if condition_size else 0)
    return Described((int(channels), side, side), latent_size, condition_size, settings, made)


def _check_filter(kernel: Tensor, name: str) -> None:
    row = torch.tensor([1.0, 3.0, 3.0, 1.0])
    wanted, given = torch.outer(row, row) / 64, kernel.float().reshape(kernel.shape[-2:])
    same = given.shape == wanted.shape and torch.allclose(given / given.sum(), wanted, atol=1e-5)
    if not same:
        what = f"The generator smooths by another filter than [1, 3, 3, 1]: {name}"
        raise PoiseError(what, code="import.other-filter", hint="import one with the usual filter")


def _styled(ours: str, theirs: str, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """A modulated convolution: weight, style, bias; and for one with noise its strength and map."""
    weight, affine, bias, *noise = names
    yield f"{ours}.convolution.weight", f"{theirs}{weight}"
    for kind in ("weight", "bias"):
        yield f"{ours}.convolution.style.{kind}", f"{theirs}{affine}.{kind}"
    yield f"{ours}.bias", f"{theirs}{bias}"
    if noise:
        yield f"{ours}.strength", f"{theirs}{noise[0]}"


def _ada(weights: Weights) -> Iterator[tuple[str, str]]:
    """Those of the official PyTorch code: mapping.fc0, synthesis.b4.conv1, synthesis.b8.torgb."""
    layers = sum(bool(re.fullmatch(r"mapping\.fc\d+\.weight", name)) for name in weights)
    for number in range(layers):
        for kind in ("weight", "bias"):
            yield f"mapping.layers.{number}.{kind}", f"mapping.fc{number}.{kind}"
    if "mapping.embed.weight" in weights:
        for kind in ("weight", "bias"):
            yield f"mapping.embedding.{kind}", f"mapping.embed.{kind}"
    yield "synthesis.start", "synthesis.b4.const"
    sides = sorted({int(name[11:].split(".")[0]) for name in weights if re.match(r"synthesis\.b\d+\.", name)})
    parts, place = ("weight", "affine", "bias", "noise_strength"), 0
    for grid, side in enumerate(sides):
        for layer in ("conv1",) if not grid else ("conv0", "conv1"):
            theirs = f"synthesis.b{side}.{layer}."
            yield from _styled(f"synthesis.layers.{place}", theirs, parts)
            yield f"synthesis.layers.{place}.noise", f"{theirs}noise_const"
            place += 1
        yield from _styled(f"synthesis.images.{grid}", f"synthesis.b{side}.torgb.", parts[:3])


def _rosinality(weights: Weights) -> Iterator[tuple[str, str]]:
    """Those of rosinality's: style.1, conv1.conv, convs.0.conv, to_rgbs.0."""
    layers = sum(bool(re.fullmatch(r"style\.\d+\.weight", name)) for name in weights)
    for layer in range(layers):
        for kind in ("weight", "bias"):
            yield f"mapping.layers.{layer}.{kind}", f"style.{layer + 1}.{kind}"
    yield "synthesis.start", "input.input"
    further = sum(bool(re.fullmatch(r"convs\.\d+\.conv\.weight", name)) for name in weights)
    for place in range(further + 1):
        theirs = f"convs.{place - 1}." if place else "conv1."
        parts = ("conv.weight", "conv.modulation", "activate.bias", "noise.weight")
        yield from _styled(f"synthesis.layers.{place}", theirs, parts)
        if f"noises.noise_{place}" in weights:
            yield f"synthesis.layers.{place}.noise", f"noises.noise_{place}"
    for grid in range(math.ceil((further + 1) / 2)):
        theirs = f"to_rgbs.{grid - 1}." if grid else "to_rgb1."
        yield from _styled(f"synthesis.images.{grid}", theirs, ("conv.weight", "conv.modulation", "bias"))


LAYOUTS = (
    Layout(
        name="NVlabs/stylegan2-ada-pytorch",
        known_by=("mapping.fc0.weight", "synthesis.b4.const"),
        renamed=_ada,
        filters=r"synthesis\..*resample_filter",
        mean_style="mapping.w_avg",
    ),
    Layout(
        name="rosinality/stylegan2-pytorch",
        known_by=("style.1.weight", "input.input"),
        renamed=_rosinality,
        filters=r".*\.(blur|upsample)\.kernel",
        mean_style="latent_avg",
    ),
)
