"""A generator as one module that can be traced, with the inputs that it has."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from poise.errors import PoiseError
from poise.generator.generator import Generator
from poise.generator.naming import weights_hash
from poise.generator.styles import has_styles, styles_of
from poise.networks.layers import LeakyReLU, ReLU
from poise.registry import takes
from poise.spec import condition_kind
from poise.version import VERSION


@dataclass(frozen=True)
class Portable:
    """A module to be traced, and what its inputs are called.

    Attributes:
        module: From its inputs to samples, in eval mode, on the CPU.
        inputs: The names of its inputs, in order: `latent`, then `condition` and `truncation` if it has them,
            then `offset` if styles can be moved.
        style_size: The size of a style that can be moved; else 0.
    """

    module: nn.Module
    inputs: tuple[str, ...]
    style_size: int = 0

    def example(self, generator: Generator, count: int, *, seed: int = 0) -> tuple[Tensor, ...]:
        """Inputs of `count` samples of a seed."""
        made = [generator.latents(count, seed=seed).cpu()]
        if "condition" in self.inputs:
            condition = generator.conditions(count, seed=seed)
            assert condition is not None
            made.append(condition.cpu())
        if "truncation" in self.inputs:
            made.append(torch.full((1,), generator.truncation))
        if "offset" in self.inputs:
            made.append(torch.zeros(count, self.style_size))
        return tuple(made)


class _Plain(nn.Module):
    """The network as it is, and its samples as `Generator.exported` gives them."""

    def __init__(self, generator: Generator, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        growing = takes(network.forward, "growth")
        # A number instead of the buffer, on whose value the graph depends.
        self.more = {"growth": float(network.growth)} if growing else {}  # type: ignore[arg-type]  # a buffer
        self.sample = _sampler(generator)

    def forward(self, *inputs: Tensor) -> Tensor:
        made: Tensor = self.sample(self.network(*inputs, **self.more))
        return made


class _Styled(nn.Module):
    """A network of styles, whose truncation is an input, and what is added to each style if it is movable."""

    means: Tensor

    def __init__(self, generator: Generator, network: nn.Module, *, movable: bool) -> None:
        super().__init__()
        self.movable = movable
        other = copy.copy(generator)
        other.module = network
        self.network, self.styles = network, styles_of(other)
        classes = torch.eye(len(generator.classes))
        if len(classes):
            latent = torch.zeros(len(classes), generator.latent.size)
            self.register_buffer("means", self.styles.mean(latent, classes))
        self.sample = _sampler(generator)

    def forward(self, *inputs: Tensor) -> Tensor:
        offset = inputs[-1] if self.movable else 0.0
        latent, *condition, truncation = inputs[:-1] if self.movable else inputs
        styles = self.styles.of(latent, *condition)
        mean = condition[0].flatten(1) @ self.means if condition else self.styles.mean(latent)
        drawn = styles + (1 - truncation) * (mean - styles)  # Exactly the styles at truncation 1
        made: Tensor = self.sample(self.styles.images(drawn + offset))
        return made


def portable(generator: Generator, *, movable: bool = False) -> Portable:
    """A copy of the generator that can be traced; its activations are torch's own, with the same values.

    Args:
        generator: The generator.
        movable: Whether its styles, if it has some, can be moved by a further input.

    Raises:
        PoiseError: It makes its samples from images.
    """
    if generator.directions or (generator.condition and condition_kind(generator.condition).images):
        what, hint = "This generator makes its samples from images", "export one that makes them of noise"
        raise PoiseError(what, code="export.makes-images-of-images", hint=hint)
    network = with_plain_activations(copy.deepcopy(generator.module).cpu())
    inputs = ["latent"] + (["condition"] if generator.condition is not None else [])
    # A mean style of any list of tags would cost hundreds of mappings; classes have theirs in a table.
    if has_styles(generator) and (generator.condition is None or generator.classes):
        styled = _Styled(generator, network, movable=movable).eval()
        more = ("truncation", "offset") if movable else ("truncation",)
        return Portable(styled, (*inputs, *more), styles_of(generator).size if movable else 0)
    if generator.truncation != 1:
        what = "The truncation of this generator cannot be exported"
        why = "its mean style depends on the tags that are asked for"
        raise PoiseError(what, code="export.no-truncation", why=why, hint="leave --truncation out")
    return Portable(_Plain(generator, network).eval(), tuple(inputs))


def _sampler(generator: Generator) -> Callable[[Tensor], Tensor]:
    as_exported, transform = generator.kind.as_exported, generator.transform
    return lambda made: as_exported(made, transform)


def with_plain_activations(network: nn.Module) -> nn.Module:
    """The network with torch's activations in place of those that are cheap to differentiate twice."""
    for name, layer in network.named_children():
        if isinstance(layer, LeakyReLU):
            setattr(network, name, nn.LeakyReLU(layer.negative_slope))
        elif isinstance(layer, ReLU):
            setattr(network, name, nn.ReLU())
        else:
            with_plain_activations(layer)
    return network


def facts_of(generator: Generator, name: str, inputs: tuple[str, ...]) -> dict[str, Any]:
    """What a program must know to use an exported generator, ready for JSON."""
    description, kind = generator.description, generator.kind
    facts: dict[str, Any] = {
        "format": 1,
        "made_by": f"Poise {VERSION}",
        "name": name,
        "step": description.get("step"),
        "weights": weights_hash(generator.module),
        "kind": kind.name,
        "shape": list(generator.shape),
        "range": [-1.0, 1.0] if kind.pictorial else None,
        "latent_size": generator.latent.size,
        "latent_distribution": generator.latent.distribution,
        "inputs": list(inputs),
        "data": description.get("data"),
    }
    if kind.exported is not None:
        facts |= kind.exported.facts(generator.transform)
    condition: Mapping[str, Any] | None = generator.condition
    if condition is not None:
        facts["condition_size"] = int(condition["shape"][0])
        facts["classes"] = list(generator.classes)
        facts["counts"] = list(condition["counts"]) if generator.classes else []
        facts["tags"] = list(generator.tags)
        facts["condition_encoding"] = condition.get("encoding")
    if "truncation" in inputs:
        facts["truncation"] = generator.truncation
    return facts
