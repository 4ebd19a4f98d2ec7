"""Reals against other reals: no generator can be expected to do better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from poise.randomness import derive

HELD_OUT = "held-out reals"


@dataclass(frozen=True)
class Floor:
    """The statistics `(K,)` of two sets of reals, and which reals these were, in words."""

    values: Tensor
    method: str


def floor_of(
    statistic: Callable[[Tensor, Tensor], Tensor],
    real: Tensor,
    fakes: int,
    held_out: Tensor | None,
    *,
    seed: int,
    repeats: int,
    bias_power: float = 0.0,
    others: str = HELD_OUT,
) -> Floor:
    """The statistic of reals against other reals, at the sample sizes of reals against fakes.

    If there are at least as many other reals as fakes, they take the place of the fakes. If not, all reals
    are split at random in the proportion of the two sides, several times, and the mean at the smaller size is
    scaled to the full size by the known rate of the statistic's bias.
    """
    count = real.shape[0]
    if held_out is not None and held_out.shape[0] >= fakes:
        return Floor(statistic(real, held_out[:fakes]), f"reals against {fakes} {others}")
    pool = real if held_out is None else torch.cat([real, held_out])
    shrink = min(1.0, pool.shape[0] / (count + fakes))
    sizes = max(1, int(shrink * count)), max(1, int(shrink * fakes))
    stream = torch.Generator().manual_seed(derive(seed, 0, "floor"))
    values = []
    for _ in range(repeats):
        order = torch.randperm(pool.shape[0], generator=stream).to(pool.device)
        values.append(statistic(pool[order[: sizes[0]]], pool[order[sizes[0] : sizes[0] + sizes[1]]]))
    at_size = torch.stack(values).mean(0)
    mixed = "reals" if held_out is None else f"reals and {others}"
    method = f"{mixed}, split at random: {sizes[0]} against {sizes[1]}"
    if shrink < 1 and bias_power:
        method += ", brought to the full size"
    return Floor(at_size * shrink**bias_power, method)
