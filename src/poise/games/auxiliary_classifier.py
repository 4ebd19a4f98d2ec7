"""A game whose discriminator also tells classes, and whose players both want them told rightly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from poise.dynamics.game import Batch, Cost, Game, Networks, Played, State
from poise.games.conditioned import Given


@dataclass(frozen=True)
class AuxiliaryClassifier:
    """Another game, to which both players add the cross-entropy of a classifier within the discriminator.

    The generator is told each sample's class. The discriminator is not; it gives a score and a logit for
    each class, `(N, 1 + classes)`, and pays for the classes of reals and fakes alike; the generator pays for
    those of its fakes. The game within sees the scores alone, so that every loss and penalty serves.

    Attributes:
        game: The game within.
        weight: What the cross-entropy is multiplied with.

    Source: Odena et al. 2017, equations 2 and 3.
    """

    game: Game
    weight: float = 1.0

    @property
    def players(self) -> tuple[str, str]:
        """Those of the game within."""
        return self.game.players

    def initial_state(self) -> dict[str, Tensor]:
        """That of the game within."""
        return self.game.initial_state()

    def play(self, networks: Networks, batch: Batch) -> Played:
        """Samples of the batch's classes."""
        return self.game.play(_scoring(networks, batch), batch)

    def cost(self, player: str, networks: Networks, batch: Batch, played: Played, state: State) -> Cost:
        """What one player pays within, and the cross-entropy."""
        inner = _scoring(networks, batch)
        cost = self.game.cost(player, inner, batch, played, state)
        return self._with_classes(player, cost, inner, batch, played)

    def costs(self, networks: Networks, batch: Batch, played: Played, state: State) -> Mapping[str, Cost]:
        """What both pay within at one point, and the cross-entropy."""
        inner = _scoring(networks, batch)
        costs = self.game.costs(inner, batch, played, state)
        return {
            player: self._with_classes(player, cost, inner, batch, played) for player, cost in costs.items()
        }

    def lazy_cost(self, networks: Networks, batch: Batch, played: Played) -> Cost | None:
        """The penalties of the game within; classes are paid for on every step."""
        return self.game.lazy_cost(_scoring(networks, batch), batch, played)

    def advance(self, state: State, cost: Cost) -> State:
        """The state of the game within."""
        return self.game.advance(state, cost)

    def _with_classes(
        self, player: str, cost: Cost, networks: Mapping[str, nn.Module], batch: Batch, played: Played
    ) -> Cost:
        judge = networks["discriminator"]
        assert isinstance(judge, Scores) and batch.condition is not None
        fake = cross_entropy(judge.logits(played["fake"]), batch.condition)
        if player == "generator":
            seen = {"fake_class_loss": fake.detach()}
            return cost._replace(value=cost.value + self.weight * fake, measured={**cost.measured, **seen})
        logits = judge.logits(batch.real)
        real = cross_entropy(logits, batch.condition)
        right = (logits.argmax(1) == batch.condition.argmax(1)).float().mean()
        seen = {"real_class_loss": real.detach(), "real_class_accuracy": right.detach()}
        value = cost.value + self.weight * (real + fake)
        return cost._replace(value=value, measured={**cost.measured, **seen})


class FirstColumn(nn.Module):
    """The scores of a network that also gives logits.

    Args:
        network: From samples to `(N, 1 + classes)`.
    """

    def __init__(self, network: Callable[..., Tensor]) -> None:
        super().__init__()
        self.network = network

    def forward(self, samples: Tensor) -> Tensor:
        """The scores `(N,)`."""
        return self.network(samples)[:, 0]


class Scores(nn.Module):
    """The same, which remembers what it has scored, so that the logits of that cost nothing.

    Args:
        network: From samples to `(N, 1 + classes)`.
    """

    def __init__(self, network: Callable[..., Tensor]) -> None:
        super().__init__()
        self.network = network
        self._given: list[tuple[Tensor, Tensor]] = []

    def forward(self, samples: Tensor) -> Tensor:
        """The scores `(N,)`."""
        given = self.network(samples)
        self._given.append((samples, given))
        return given[:, 0]

    def logits(self, samples: Tensor) -> Tensor:
        """The logits `(N, classes)`, with their graph; of an earlier call where that scored these samples."""
        found = [given for scored, given in self._given if scored is samples and given.requires_grad]
        given = found[-1] if found else self.network(samples)
        return given[:, 1:]


def _scoring(networks: Networks, batch: Batch) -> dict[str, nn.Module]:
    """The generator with its classes held, and the scores alone of what judges."""
    if batch.condition is None:
        raise ValueError("a game with classes was given a batch without conditions")
    return {
        "generator": Given(networks["generator"], batch.condition),
        "discriminator": Scores(networks["discriminator"]),
        "critic": FirstColumn(networks["critic"]),
    }
