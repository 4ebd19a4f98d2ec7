"""The class of all adversarial games: a forward pass, and terms that sum to each player's loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial

from torch import Tensor

from poise.augment import Augmentation
from poise.dynamics.game import Batch, Networks, Outputs, PlayerLoss, State
from poise.dynamics.players import detached
from poise.games.view import Scoring, View
from poise.schedules import Number, value_at


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


Forward = Callable[[Networks, Batch], Outputs]


@dataclass(frozen=True)
class AdversarialGame:
    """The game of Goodfellow et al. 2014 in its general form: a forward pass, and terms for both players.

    Every game of images, tables or two numbers is one of these with other terms. A player's loss is the sum
    of its terms' means; a term that is applied now and then is left to `lazy_loss`.

    Attributes:
        forward: `(networks, batch)` to what both players are judged on, `{"fake": ...}`, and `"real"` if that
            is not the batch's.
        terms: The terms of the players' losses.
        scoring: How samples are scored.
        players: The two, in the order in which they are updated.

    Raises:
        ValueError: Two terms have one name, or a term belongs to no player.
    """

    forward: Forward
    terms: tuple[Term, ...]
    scoring: Scoring = field(default_factory=Scoring)
    players: tuple[str, str] = ("discriminator", "generator")

    def __post_init__(self) -> None:
        names = [one.name for one in self._owners]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two terms or augmentations of a game are named '{twice[0]}'")
        for term in self.terms:
            if term.player not in self.players:
                raise ValueError(f"the term '{term.name}' is of '{term.player}', who is no player")

    @property
    def _owners(self) -> list[Term | Augmentation]:
        return [*self.terms, *self.scoring.augmentations]

    def initial_state(self) -> dict[str, Tensor]:
        """The numbers of all terms and augmentations at the start, by `owner/name`."""
        return {
            f"{owner.name}/{name}": value
            for owner in self._owners
            if owner.init is not None
            for name, value in owner.init().items()
        }

    def terms_of(self, player: str, *, lazy: bool) -> list[Term]:
        """A player's terms of every step, or those that are applied now and then."""
        return [term for term in self.terms if term.player == player and (term.every > 1) == lazy]

    def lazy_share(self, player: str) -> float:
        """By what a player's optimiser is corrected for its lazy terms; see `lazy_share`."""
        return lazy_share(term.every for term in self.terms if term.player == player)

    def loss(
        self, player: str, networks: Networks, batch: Batch, outputs: Outputs, state: State
    ) -> PlayerLoss:
        """One player's terms of every step; the graph of the outputs is the caller's to cut."""
        view = View(self.scoring, networks, batch, outputs, state=state, player=player)
        return self._sum(self.terms_of(player, lazy=False), view)

    def losses(
        self, networks: Networks, batch: Batch, outputs: Outputs, state: State
    ) -> dict[str, PlayerLoss]:
        """Both players' terms at one point, from one scoring of reals and fakes."""
        first, second = self.players
        whole = View(self.scoring, networks, batch, outputs, state=state)
        shared = whole.share_scores() if "fake" in outputs else {}
        found = {}
        for player, seen in ((first, detached(outputs)), (second, outputs)):
            view = View(self.scoring, networks, batch, seen, state=state, player=player, shared=shared)
            found[player] = self._sum(self.terms_of(player, lazy=False), view)
        return found

    def lazy_loss(
        self, player: str, networks: Networks, batch: Batch, outputs: Outputs | None, state: State
    ) -> PlayerLoss | None:
        """A player's terms that are due at this step, each `every` times as heavy; `None` if none is."""
        due = [term for term in self.terms_of(player, lazy=True) if term.due(batch.step)]
        if not due:
            return None
        seen = cache(partial(self.forward, networks, batch)) if outputs is None else outputs
        view = View(self.scoring, networks, batch, seen, state=state, player=player)
        return self._sum(due, view, lazy=True)

    def _sum(self, terms: Iterable[Term], view: View, *, lazy: bool = False) -> PlayerLoss:
        total: Tensor | None = None
        logs: dict[str, Tensor] = {}
        carried: dict[str, Tensor] = {}
        for term in terms:
            own = view.of(term.name)
            mean = term.value(own).mean()
            # In the order of computation, so that the first value that is not finite is the culprit.
            logs |= view.logs
            logs[term.name] = mean.detach()
            part = term.weighted(mean, view.batch, times=term.every if lazy else 1)
            total = part if total is None else total + part
            if term.update is not None:
                carried |= _owned(term.name, term.update(own.state, own))
        if not lazy and view.player == self.players[0]:
            carried |= self._augmentation_state(view)
        logs |= view.logs
        if total is None:
            raise ValueError(f"the game has no term for the {view.player}")
        return PlayerLoss(total, logs, carried)

    def _augmentation_state(self, view: View) -> dict[str, Tensor]:
        carried: dict[str, Tensor] = {}
        for one in self.scoring.augmentations:
            if one.update is not None:
                context = view.context(one.name)
                # As the adversarial term has logged them: of a game in two domains, those of both.
                real, fake = view.logs["real_scores"], view.logs["fake_scores"]
                state = one.update(context.state, real, fake, context)
                for name in one.logs:
                    view.log(f"{one.name.replace('-', '_')}_{name}", state[name])
                carried |= _owned(one.name, state)
        return carried


def _owned(owner: str, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{owner}/{name}": value.detach() for name, value in state.items()}
