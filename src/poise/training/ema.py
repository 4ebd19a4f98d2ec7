"""The running average of the generator's weights."""

from __future__ import annotations

import copy

import torch
from torch import nn

from poise.recipes.settings import Ema

MOST_STEPS = 16
"""The average follows at least this often."""

FINE = 128
"""Moves in a half-life beyond which further ones would not be seen in the average."""


def followed(settings: Ema, images: int, images_seen: int) -> float | None:
    """The share of the way to the generator's weights that the average goes after a step.

    Where a half-life is many steps long, the average goes every so many steps as far as in so many moves: it
    reads and writes all weights, which beside a small batch is a per cent or two of the step.

    Args:
        settings: How slowly it follows.
        images: Images in that step.
        images_seen: Images since the start.

    Returns:
        From 0 to 1; `None` where it stays as it is after this step, or nothing is averaged.

    Example:
        >>> followed(Ema(half_life=100, ramp=0), 100, 1_000)
        0.5
        >>> shares = [followed(Ema(half_life=10_000, ramp=0), 16, 16 * step) for step in (1, 2, 3, 4)]
        >>> [share and round(share, 5) for share in shares]
        [None, None, None, 0.00443]
    """
    half_life = float(settings.half_life)
    if not half_life:
        return None
    if settings.ramp:
        half_life = min(half_life, settings.ramp * images_seen)
    most = max(1, min(MOST_STEPS, int(half_life / (FINE * images)))) if images else 1
    steps = 1 << most.bit_length() - 1
    if images and images_seen // images % steps:
        return None
    share: float = 1.0 - 0.5 ** (steps * images / max(half_life, 1e-8))
    return share


class EmaGenerator:
    """A copy of the generator whose weights follow its weights slowly.

    Args:
        generator: What is averaged.
        settings: How slowly; a half-life of 0 makes the average equal the generator.

    Source: Karras et al. 2018, section 4.1 of the appendix; the ramp as in Karras et al. 2020 (ADA).
    """

    def __init__(self, generator: nn.Module, settings: Ema) -> None:
        self.settings = settings
        self.generator = generator
        self.module = copy.deepcopy(generator).eval().requires_grad_(False)
        self._pairs = [
            (mine, theirs.detach())
            for mine, theirs in zip(_tensors(self.module), _tensors(generator), strict=True)
        ]
        self._smooth = [(m, t) for m, t in self._pairs if m.is_floating_point()]
        self._rest = [(m, t) for m, t in self._pairs if not m.is_floating_point()]

    @torch.no_grad()
    def update(self, images: int, images_seen: int) -> None:
        """Follow the generator after a step.

        Args:
            images: Images in that step.
            images_seen: Images since the start.
        """
        share = followed(self.settings, images, images_seen)
        if share is None:
            return
        torch._foreach_lerp_([m for m, _ in self._smooth], [t for _, t in self._smooth], share)
        for mine, theirs in self._rest:
            mine.copy_(theirs)

    @torch.no_grad()
    def current(self) -> nn.Module:
        """The averaged generator, in eval mode."""
        if not self.settings.half_life:
            for mine, theirs in self._pairs:
                mine.copy_(theirs)
        return self.module


def _tensors(module: nn.Module) -> list[torch.Tensor]:
    return [*module.parameters(), *module.buffers()]
