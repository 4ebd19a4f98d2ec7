"""A term: one of the numbers that a player's loss is the sum of."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from poise.schedules import Number, value_at

if TYPE_CHECKING:
    from poise.dynamics.game import Batch
    from poise.games.view import View

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class Term:
    """One of the numbers that a player's loss is the sum of.

    Attributes:
        name: What it is called in the history and in the state; no two terms of a game share one.
        player: The player whose loss it belongs to.
        value: `(view) -> (N,)`: what each sample costs. The mean over samples is taken by the game.
        weight: What the mean is multiplied with; a tensor if many games are stacked.
        every: Applied every so many steps, so many times as heavy, in an update of its own (lazy
            regularisation of Karras et al. 2020, appendix B); 1 adds it to every update.
        init: `() -> state`: what it carries from step to step, at the start.
        update: `(state, view) -> state` after the player's update.

    Example:
        >>> import torch
        >>> def l1(view):
        ...     return (view.fake - view.real).abs().flatten(1).mean(1)
        >>> Term("l1_loss", "generator", l1, weight=100.0).every
        1
    """

    name: str
    player: str
    value: Callable[[View], Tensor]
    weight: Number | Tensor = 1.0
    every: int = 1
    init: Callable[[], State] | None = None
    update: Callable[[State, View], State] | None = None

    def due(self, step: int) -> bool:
        """Whether a lazy term is applied at a step."""
        return step % self.every == 0

    def weighted(self, mean: Tensor, batch: Batch, *, times: int = 1) -> Tensor:
        """The mean times the weight, and times how rarely the term is applied."""
        weight = (
            self.weight
            if isinstance(self.weight, Tensor)
            else value_at(self.weight, batch.images_seen, batch.run_images)
        )
        factor = weight * times
        return mean if isinstance(factor, float | int) and factor == 1 else factor * mean


def lazy_share(intervals: Iterable[int]) -> float:
    """How much longer a player's optimiser must remember, given the intervals of its lazy terms.

    With lazy terms a player is updated more often than once a step: in one period of all intervals, of L
    steps, it makes L updates and one more at each step at which some lazy term is due. The learning rate
    is multiplied by the share L / (L + due) and the decays are put to this power, so that their effect over
    time stays.

    Args:
        intervals: `every` of each of the player's terms; 1 for those of every step.

    Returns:
        A number of at most 1.

    Example:
        >>> lazy_share([1]), lazy_share([1, 16]), lazy_share([4, 6])
        (1.0, 0.9411764705882353, 0.75)

    Source: Karras et al. 2020 (StyleGAN2), appendix B, for one interval.
    """
    lazy = [every for every in intervals if every > 1]
    if not lazy:
        return 1.0
    # Steps at which some interval is due, by inclusion and exclusion over sets of intervals.
    due = 0.0
    for chosen in range(1, 1 << len(lazy)):
        members = [every for place, every in enumerate(lazy) if chosen >> place & 1]
        due += (-1) ** (len(members) + 1) / math.lcm(*members)
    return 1.0 / (1.0 + due)
