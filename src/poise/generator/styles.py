"""The styles of a generator that has a mapping and a synthesis: the space between latents and samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from poise.errors import PoiseError
from poise.generator.network import task_of

if TYPE_CHECKING:
    from poise.generator.generator import Generator

PARTS = ("mapping", "synthesis")


@dataclass(frozen=True)
class Styles:
    """From latents to styles, and from styles to samples, as tensors on the generator's device.

    Attributes:
        module: The generator's network.
        mapping: `(latent, condition)` to styles `(N, size)`.
        synthesis: Styles of each layer, `(N, layers, size)`, to samples; it is not clamped.
        layers: How many layers have a style of their own.
        size: The size of a style.
    """

    module: nn.Module
    mapping: nn.Module
    synthesis: nn.Module
    layers: int
    size: int

    def of(self, latent: Tensor, condition: Tensor | None = None) -> Tensor:
        """The styles of latents, `(N, size)`, one for all layers; not truncated."""
        made: Tensor = self.mapping(latent, condition)
        return made

    def mean(self, latent: Tensor, condition: Tensor | None = None) -> Tensor:
        """The mean style of each sample, under its condition if there is one, `(N, size)`."""
        if condition is None:
            average: Tensor = self.module.mean_style  # type: ignore[assignment]  # a buffer
            return average.expand(latent.shape[0], -1)  # Not len(), which a trace takes for a constant
        means: Tensor = self.module.mean_styles(condition, latent)  # type: ignore[operator]  # a method
        return means

    def truncated(
        self, latent: Tensor, condition: Tensor | None = None, *, truncation: float = 1.0
    ) -> Tensor:
        """The styles of latents, `(N, size)`, drawn to their mean."""
        styles = self.of(latent, condition)
        return styles if truncation == 1 else torch.lerp(self.mean(latent, condition), styles, truncation)

    def images(self, styles: Tensor) -> Tensor:
        """Samples in [-1, 1] of styles `(N, size)`, or of each layer's, `(N, layers, size)`."""
        each = styles if styles.dim() == 3 else styles[:, None].expand(-1, self.layers, -1)
        made: Tensor = self.synthesis(each)
        return made.clamp(-1, 1)


def has_styles(generator: Generator) -> bool:
    """Whether the generator has styles."""
    return _parts(generator) is not None


def styles_of(generator: Generator) -> Styles:
    """The styles of a generator.

    Raises:
        PoiseError: It has none.
    """
    found = _parts(generator)
    if found is None:
        what = "This generator has no styles"
        why = "its network has no mapping between latents and samples"
        hint = "take one that has: --recipe stylegan2"
        raise PoiseError(what, code="generator.no-styles", why=why, hint=hint)
    mapping, synthesis = found
    count, size = int(synthesis.styles), len(generator.module.mean_style)  # type: ignore[arg-type]  # numbers
    return Styles(generator.module, mapping, synthesis, count, size)


def _parts(generator: Generator) -> tuple[nn.Module, nn.Module] | None:
    """The mapping and the synthesis by the network's own row; `None` without them."""
    part = generator.description.get("network") or {}
    table, name = task_of(generator.description).generators, str(part.get("name"))
    if name not in table or not set(PARTS) <= set(table[name].parts):
        return None
    network = table[name]
    return network.part(generator.module, "mapping"), network.part(generator.module, "synthesis")
