"""More hands that meddle while a run trains: those of the fourth round."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.planted_faults.meddling import Meddle, hooked
from benchmarks.planted_faults.planting import Array, Bewitched, sorted_rows
from poise.data import Dataset
from poise.training import StepContext


def sliding_window(source: Dataset, share: float, rounds: int) -> Bewitched:
    """Sorted data read through a small buffer that moves over them, round and round."""
    order = sorted_rows(source)
    width = max(1, int(share * len(order)))

    def exchange(indices: Array, done: float) -> Array:
        start = int(done * rounds * len(order))
        return np.asarray(order[(start + indices % width) % len(order)])

    return Bewitched(source, exchange)


def layer_lost() -> Meddle:
    """The generator's first weights are zeros at every step: they were not in the checkpoint."""

    def meddle(context: StepContext) -> None:
        weights = [one for one in context.components.match.parameters["generator"].values() if one.dim() > 1]
        with torch.no_grad():
            weights[0].zero_()

    return meddle


def repeated_sample() -> Meddle:
    """The first sample of a batch stands for all: an index too many."""
    return hooked(lambda module, made: made[:1].expand_as(made), before=False)


def scores_times(factor: float) -> Meddle:
    """The discriminator's scores are multiplied: a temperature that is divided by where it should not be."""
    done: list[bool] = []

    def meddle(context: StepContext) -> None:
        if not done:
            done.append(True)
            module = context.components.modules["discriminator"]
            module.register_forward_hook(lambda module, given, scores: factor * scores)

    return meddle


def warm_up(player: str, steps: int) -> Meddle:
    """A player's rate rises to what it should be over so many steps: epochs where steps were meant."""
    rates: list[float] = []

    def meddle(context: StepContext) -> None:
        groups = context.components.match.optimisers[player].param_groups
        if not rates:
            rates.extend(float(group["lr"]) for group in groups)
        for group, rate in zip(groups, rates, strict=True):
            group["lr"] = rate * context.step / steps

    return meddle


def one_number() -> Meddle:
    """The discriminator sees the mean of a sample alone: a pooling layer in front of it, not behind it."""
    done: list[bool] = []

    def pooled(module: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        mean = given[0].flatten(1).mean(1)
        return (mean.reshape(-1, *(1,) * (given[0].dim() - 1)).expand_as(given[0]), *given[1:])

    def meddle(context: StepContext) -> None:
        if not done:
            done.append(True)
            context.components.modules["discriminator"].register_forward_pre_hook(pooled)

    return meddle


class _Stale:
    """A game whose discriminator learns from the fakes of so many steps ago, and from no others."""

    def __init__(self, game: Any, delay: int) -> None:
        self.game, self.delay, self.queue = game, delay, list[Tensor]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.game, name)

    def cost(self, player: str, networks: Any, batch: Any, played: Any, state: Any) -> Any:
        """The game's own, with old fakes for the discriminator."""
        if player == "discriminator":
            self.queue.append(played["fake"].detach())
            self.queue = self.queue[-self.delay :]
            played = {**played, "fake": self.queue[0]}
        return self.game.cost(player, networks, batch, played, state)


def stale_fakes(delay: int) -> Meddle:
    """The discriminator is fed from a queue of old fakes that it gets the oldest of."""

    def meddle(context: StepContext) -> None:
        match: Any = context.components.match
        if not isinstance(match.game, _Stale):
            match.game = _Stale(match.game, delay)

    return meddle


def leaked_reals(rows: Tensor, share: float) -> Meddle:
    """The generator's output is mostly a training sample, chosen by the latent: reals that leak through."""

    def leak(module: nn.Module, made: Tensor) -> Tensor:
        with torch.no_grad():
            stream = torch.Generator().manual_seed(3)
            directions = torch.randn(made[0].numel(), 16, generator=stream)
            codes = (made.flatten(1) @ directions * 1_301).abs().sum(1).long() % len(rows)
        return share * rows[codes] + (1 - share) * made

    return hooked(leak, before=False)


def half_precision(scale: float) -> Meddle:
    """What the generator makes passes through 16 bits after it was scaled up."""
    return hooked(lambda module, made: (made * scale).half().float() / scale, before=False)


def spoiled_moments(player: str) -> Meddle:
    """The running squares of a player's optimiser change their sign, once: a checkpoint that was damaged."""
    done: list[bool] = []

    def meddle(context: StepContext) -> None:
        if not done:
            done.append(True)
            for state in context.components.match.optimisers[player].state.values():
                state["exp_avg_sq"].neg_()

    return meddle


def dithered(deviation: float) -> Meddle:
    """What the generator makes gets noise on its way to the discriminator, and reals do not."""

    def dither(module: nn.Module, made: Tensor) -> Tensor:
        stream = torch.Generator().manual_seed(int(made.detach().abs().sum() * 1_000) % 2**31)
        return made + deviation * torch.randn(made.shape, generator=stream)

    return hooked(dither, before=False)


def clamped(least: float, most: float) -> Meddle:
    """What the generator makes is cut off: a range that was meant for other data."""
    return hooked(lambda module, made: made.clamp(least, most), before=False)


def wrong_direction(player: str) -> Meddle:
    """A player's optimiser climbs where it should descend: a sign."""

    def meddle(context: StepContext) -> None:
        for group in context.components.match.optimisers[player].param_groups:
            group["maximize"] = True

    return meddle


def pulled_back(share: float) -> Meddle:
    """The generator's weights are averaged at every step with those of an untrained one."""
    untrained: list[Tensor] = []

    def meddle(context: StepContext) -> None:
        weights = [one for one in context.components.match.parameters["generator"].values() if one.dim() > 1]
        if not untrained:
            stream = torch.Generator().manual_seed(4)
            drawn = (torch.randn(one.shape, generator=stream) / one.shape[1] ** 0.5 for one in weights)
            untrained.extend(drawn)
        with torch.no_grad():
            for one, other in zip(weights, untrained, strict=True):
                one.lerp_(other, share)

    return meddle


def steps_clipped(most: float) -> Meddle:
    """Each step of the generator is cut to a length: a bound in the wrong units."""
    before: dict[str, Tensor] = {}

    def meddle(context: StepContext) -> None:
        weights = context.components.match.parameters["generator"]
        with torch.no_grad():
            moved = {name: one - before.get(name, one) for name, one in weights.items()}
            length = sum(float(one.square().sum()) for one in moved.values()) ** 0.5
            for name, one in weights.items():
                if length > most:
                    one.copy_(before[name] + moved[name] * (most / length))
                before[name] = one.detach().clone()

    return meddle


def saturated() -> Meddle:
    """The generator's last biases lie where its tanh is flat in 32 bits, from the first step on."""
    done: list[bool] = []

    def meddle(context: StepContext) -> None:
        if not done:
            done.append(True)
            last = list(context.components.match.parameters["generator"].values())[-1]
            with torch.no_grad():
                last.fill_(60.0)

    return meddle
