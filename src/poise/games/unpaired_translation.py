"""Two domains without pairs: there and back again must end where it began."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from poise.dynamics.game import Batch, Cost, Networks, Played, State
from poise.games.noise_to_data import NoiseToData
from poise.games.pool import room_for, shown


@dataclass(frozen=True)
class Side:
    """One domain, as the game between its discriminator and the generator that makes it.

    Attributes:
        name: `"a"` or `"b"`.
        other: The domain that it is made from.
        made_by: The network that makes it.
    """

    name: str
    other: str
    made_by: str


SIDES = (Side("a", "b", "b_to_a"), Side("b", "a", "a_to_b"))


@dataclass(frozen=True)
class UnpairedTranslation:
    """An adversarial game in each domain, tied by what an image is after the way there and back.

    The first domain, a, is the batch's condition; the second, b, its reals. Networks by name: `a_to_b` and
    `b_to_a`, images to images; `discriminator_a` and `discriminator_b`, and as penalties see them `critic_a`
    and `critic_b`.

    Attributes:
        game: What is played in each domain.
        shape: Of an image of either domain, `(C, H, W)`.
        cycle: The weight of the mean absolute difference after the way there and back.
        identity: The weight, in units of `cycle`, of what a network changes in images that are already of
            the domain that it makes.
        pool: How many images made earlier are kept for each discriminator; 0 for none.

    Source: Zhu et al. 2017, equations 1 to 3 and section 5.2.
    """

    game: NoiseToData
    shape: tuple[int, ...]
    cycle: float = 10.0
    identity: float = 0.5
    pool: int = 50

    @property
    def players(self) -> tuple[str, str]:
        """Those of the game within."""
        return self.game.players

    def initial_state(self) -> dict[str, Tensor]:
        """Two empty pools, and how much of them is filled."""
        pools = {f"pool_{side.name}": torch.zeros(self.pool, *self.shape) for side in SIDES}
        return {**pools, "pool_filled": torch.tensor(0)} if self.pool else {}

    def play(self, networks: Networks, batch: Batch) -> Played:
        """Each domain made from the other; and from itself, in the same forward, where that costs."""
        real = _real(batch)
        played: dict[str, Tensor] = {}
        for side in SIDES:
            network, source = networks[side.made_by], real[side.other]
            if not self.identity:
                played[f"fake_{side.name}"] = network(source)
                continue
            # One forward for both; with normalisation within samples, the same as one for each.
            made = network(torch.cat([source, real[side.name]]))
            played[f"fake_{side.name}"] = made[: len(source)]
            played[f"same_{side.name}"] = made[len(source) :]
        return played

    def cost(self, player: str, networks: Networks, batch: Batch, played: Played, state: State) -> Cost:
        """Over both domains: what the discriminators pay, or the generators."""
        if player == self.players[0]:
            return self._discriminators_cost(networks, batch, played, state)
        return self._generators_cost(networks, batch, played)

    def costs(self, networks: Networks, batch: Batch, played: Played, state: State) -> Mapping[str, Cost]:
        """What both pay at one point."""
        return {player: self.cost(player, networks, batch, played, state) for player in self.players}

    def lazy_cost(self, networks: Networks, batch: Batch, played: Played) -> Cost | None:
        """The penalties of both discriminators that are due."""
        due = [
            self.game.lazy_cost(_within(networks, side), _alone(batch, side), _one(played, side))
            for side in SIDES
        ]
        found = [cost for cost in due if cost is not None]
        return _sum(found) if found else None

    def advance(self, state: State, cost: Cost) -> State:
        """The pools as the discriminators' cost leaves them."""
        return {**state, **cost.carried}

    def _discriminators_cost(self, networks: Networks, batch: Batch, played: Played, state: State) -> Cost:
        costs: list[Cost] = []
        carried: dict[str, Tensor] = {}
        for side in SIDES:
            fake = played[f"fake_{side.name}"].detach()
            if self.pool:
                key = f"pool_{side.name}"
                fake, carried[key] = shown(state[key], state["pool_filled"], fake, batch.generator)
            costs.append(
                self.game.cost(
                    self.players[0], _within(networks, side), _alone(batch, side), {"fake": fake}, {}
                )
            )
        if self.pool:
            room = room_for(self.pool, len(batch.real))
            carried["pool_filled"] = (state["pool_filled"] + len(batch.real)).clamp(max=room)
        return _sum(costs)._replace(carried=carried)

    def _generators_cost(self, networks: Networks, batch: Batch, played: Played) -> Cost:
        real, player = _real(batch), self.players[1]
        total = _sum(
            [
                self.game.cost(player, _within(networks, side), _alone(batch, side), _one(played, side), {})
                for side in SIDES
            ]
        )
        # From each domain to the other and back.
        backs = [
            _difference(networks[side.made_by](played[f"fake_{side.other}"]), real[side.name])
            for side in SIDES
        ]
        cycle = torch.stack(backs).sum()
        value, measured = total.value + self.cycle * cycle, {**total.measured, "cycle_loss": cycle.detach()}
        if self.identity:
            sames = [_difference(played[f"same_{side.name}"], real[side.name]) for side in SIDES]
            same = torch.stack(sames).sum()
            value = value + self.cycle * self.identity * same
            measured["identity_loss"] = same.detach()
        return Cost(value, measured)


def _real(batch: Batch) -> dict[str, Tensor]:
    if batch.condition is None:
        raise ValueError("a game between two domains was given a batch of one")
    return {"a": batch.condition, "b": batch.real}


def _within(networks: Networks, side: Side) -> Networks:
    """The networks of one domain by the names that the game within asks for."""
    return {
        "discriminator": networks[f"discriminator_{side.name}"],
        "critic": networks[f"critic_{side.name}"],
    }


def _alone(batch: Batch, side: Side) -> Batch:
    return dataclasses.replace(batch, real=_real(batch)[side.name], condition=None)


def _one(played: Played, side: Side) -> Played:
    return {"fake": played[f"fake_{side.name}"]}


def _difference(images: Tensor, wanted: Tensor) -> Tensor:
    return (images - wanted).abs().mean()


def _sum(costs: list[Cost]) -> Cost:
    """Costs added up; scores are laid side by side, and what else was measured is added."""
    names = dict.fromkeys(name for cost in costs for name in cost.measured)
    measured = {}
    for name in names:
        values = [cost.measured[name] for cost in costs if name in cost.measured]
        measured[name] = torch.cat(values) if name.endswith("_scores") else torch.stack(values).sum()
    return Cost(torch.stack([cost.value for cost in costs]).sum(), measured)
