"""The averaged generators of many games."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from poise.recipes.settings import Ema
from poise.training.ema import followed


@dataclass
class StackedEma:
    """The averaged generators of G games; the arithmetic is that of `EmaGenerator`.

    Attributes:
        settings: How slowly they follow.
        live: Parameters and buffers of the generators, by name.
        own: The averages; where there are none, the generators themselves.
    """

    settings: Ema
    live: Mapping[str, Tensor]
    own: Mapping[str, Tensor]

    @torch.no_grad()
    def update(self, images: int, images_seen: int) -> None:
        """Follow the generators after a step."""
        share = followed(self.settings, images, images_seen)
        if share is None:
            return
        smooth = [name for name, value in self.own.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.own[name] for name in smooth], [self.live[name] for name in smooth], share)
        for name in self.own.keys() - set(smooth):
            self.own[name].copy_(self.live[name])

    @torch.no_grad()
    def current(self) -> Mapping[str, Tensor]:
        """The averages by name, `(G, ...)`."""
        if not self.settings.half_life:
            for name, value in self.own.items():
                value.copy_(self.live[name])
        return self.own
