"""How faults are planted: in the rows that are shown, in the reals, or by interfering with a run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.planted_faults.games import Array
from poise.data import Dataset
from poise.data.transform import Transform
from poise.tasks.held_out import split
from poise.training import StepContext

Meddle = Callable[[StepContext], object]
Plant = Callable[[Dataset, int], Meddle]
"""From the data and the seed to what interferes with one run at its steps."""

Memory = dict[str, Any]


@dataclass(frozen=True, eq=False)
class ExchangedRows:
    """Rows that `exchange(indices, done)` replaces once `state` holds the share of the run that is done."""

    dataset: Dataset
    exchange: Callable[[Array, float], Array]
    state: dict[str, float] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.dataset)

    def gather(self, indices: Array) -> Tensor:
        done = self.state.get("done")
        return self.dataset.gather(indices if done is None else self.exchange(indices, done))


@dataclass(frozen=True)
class Distorted:
    """A transform with something done to reals after it, in the networks' space."""

    transform: Transform
    distort: Callable[[Tensor], Tensor]

    def encode(self, stored: Tensor) -> Tensor:
        return self.distort(self.transform.encode(stored))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transform, name)


def sorted_rows(dataset: Dataset) -> Array:
    """The rows' numbers by label, or by the angle of a point, or by the mean of an image."""
    if dataset.labels is not None:
        return np.asarray(np.argsort(dataset.labels, kind="stable"))
    rows = dataset.gather(np.arange(len(dataset))).float().flatten(1).numpy()
    key = np.arctan2(rows[:, 1], rows[:, 0]) if dataset.kind == "vector" else rows.mean(1)
    return np.asarray(np.argsort(key, kind="stable"))


def only(dataset: Dataset, chosen: Array) -> ExchangedRows:
    """No rows but those chosen are ever shown."""
    return ExchangedRows(dataset, lambda indices, done: chosen[indices % len(chosen)])


def first_part(dataset: Dataset, share: float) -> ExchangedRows:
    """Only the first rows of sorted data are ever shown."""
    order = sorted_rows(dataset)
    return only(dataset, order[: max(1, int(share * len(order)))])


def one_after_another(dataset: Dataset, parts: int, rounds: int) -> ExchangedRows:
    """Sorted data without shuffling: one part at a time, in several rounds."""
    pieces = np.array_split(sorted_rows(dataset), parts)

    def exchange(indices: Array, done: float) -> Array:
        piece = pieces[int(done * parts * rounds) % parts]
        return np.asarray(piece[indices % len(piece)])

    return ExchangedRows(dataset, exchange)


def sliding_window(dataset: Dataset, share: float, rounds: int) -> ExchangedRows:
    """Sorted data read through a small buffer that moves over them, in several rounds."""
    order = sorted_rows(dataset)
    width = max(1, int(share * len(order)))

    def exchange(indices: Array, done: float) -> Array:
        start = int(done * rounds * len(order))
        return np.asarray(order[(start + indices % width) % len(order)])

    return ExchangedRows(dataset, exchange)


def painted(samples: Tensor, part: str, value: float) -> Tensor:
    """Samples whose border, or a strip along whose lower edge, has one value."""
    kept = torch.zeros(samples.shape[-2:], dtype=torch.bool)
    kept[(slice(1, -1), slice(1, -1)) if part == "border" else slice(-max(1, len(kept) // 8))] = True
    return torch.where(kept, samples, value)


def some_undefined(real: Tensor) -> Tensor:
    """Reals divided by their deviation, which is 0 for a few of them: one in about fifty becomes NaN."""
    undefined = (real.flatten(1).sum(1).abs() * 997).long() % 50 == 0
    real = real.clone()
    real[undefined] = torch.nan
    return real


def always(action: Callable[..., object], *settings: Any, **named: Any) -> Plant:
    """`action(context, memory, ...)` at every step, without gradients; each run has a memory of its own."""

    def plant(dataset: Dataset, seed: int) -> Meddle:
        memory: Memory = {}
        return lambda context: torch.no_grad()(action)(context, memory, *settings, **named)

    return plant


def once(action: Callable[..., object], *settings: Any, **named: Any) -> Plant:
    """`action(context, ...)` at the first step only."""

    def first(context: StepContext, memory: Memory) -> None:
        if not memory:
            memory["done"] = True
            action(context, *settings, **named)

    return always(first)


def on_latents(change: Callable[..., Tensor], *settings: Any) -> Plant:
    """`change(latent, ...)` before the generator."""
    return once(_hook, _before(change, *settings))


def on_samples(change: Callable[..., Tensor], *settings: Any) -> Plant:
    """`change(samples, ...)` behind the generator."""
    return once(_hook, lambda one: one.register_forward_hook(lambda _, given, made: change(made, *settings)))


def _before(change: Callable[..., Tensor], *settings: Any) -> Callable[[nn.Module], object]:
    return lambda one: one.register_forward_pre_hook(lambda _, given: (change(given[0], *settings),))


def _hook(context: StepContext, hook: Callable[[nn.Module], object]) -> None:
    for module in (context.components.modules["generator"], context.components.ema.module):
        hook(module)


def weights(context: StepContext, player: str = "generator") -> Mapping[str, Tensor]:
    """A player's parameters by name."""
    return context.components.players.parameters[player]


def matrices(context: StepContext, player: str = "generator") -> list[Tensor]:
    """Those of a player's parameters that are no biases."""
    return [weight for weight in weights(context, player).values() if weight.dim() > 1]


def groups(context: StepContext, player: str) -> list[dict[str, Any]]:
    """The groups of a player's optimiser."""
    return context.components.players.optimisers[player].param_groups


def normal(*shape: int, seed: int) -> Tensor:
    """Standard normal noise of a seed."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def few_latents(latent: Tensor, count: int) -> Tensor:
    """The generator is given one of a few latents."""
    kept = normal(count, latent.shape[1], seed=1)
    return kept[(latent @ kept.T).argmax(1)]


def wandering_latents(context: StepContext, memory: Memory, every: int) -> None:
    """Latents lie next to one point, which is another one after some steps: a stream that is seeded anew."""

    def near_one_point(latent: Tensor) -> Tensor:
        return 2.0 * normal(1, latent.shape[1], seed=memory["step"] // every) + 0.05 * latent

    if not memory:
        _hook(context, _before(near_one_point))
    memory["step"] = context.step


def copies(
    count: int, choose: Callable[..., Tensor], *settings: Any, share: float = 1.0, own: float
) -> Plant:
    """The generator returns a share of one of `count` training samples and a share of its own sample.

    `choose(made, training, ...)` gives the number of a training sample for each of what was made.
    """

    def plant(dataset: Dataset, seed: int) -> Meddle:
        rows = dataset.transform.encode(dataset.gather(split(len(dataset), 0.1, seed).training[:count]))

        def copy(made: Tensor) -> Tensor:
            with torch.no_grad():
                chosen = rows[choose(made, rows, *settings)]
            return share * chosen + own * made

        return on_samples(copy)(dataset, seed)

    return plant


def by_code(made: Tensor, rows: Tensor, seed: int, width: int, factor: float) -> Tensor:
    """Choose by a hash of what was made."""
    directions = normal(made[0].numel(), width, seed=seed)
    return (made.flatten(1) @ directions * factor).abs().sum(1).long() % len(rows)


def dithered(made: Tensor, deviation: float) -> Tensor:
    """What the generator makes gets noise on its way to the discriminator, and reals do not."""
    return made + deviation * normal(*made.shape, seed=int(made.detach().abs().sum() * 1_000) % 2**31)


def scores_times(context: StepContext, factor: float) -> None:
    """The discriminator's scores are multiplied: a temperature that is applied twice."""
    discriminator = context.components.modules["discriminator"]
    discriminator.register_forward_hook(lambda _, given, scores: factor * scores)


def one_number(context: StepContext) -> None:
    """The discriminator sees the mean of a sample alone: a pooling layer in front of it, not behind it."""

    def pooled(module: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        mean = given[0].flatten(1).mean(1)
        return (mean.reshape(-1, *(1,) * (given[0].dim() - 1)).expand_as(given[0]), *given[1:])

    context.components.modules["discriminator"].register_forward_pre_hook(pooled)


class _Stale:
    """A game whose discriminator learns from the fakes of some steps ago, and from no others."""

    def __init__(self, game: Any, delay: int) -> None:
        self.game, self.delay, self.queue = game, delay, list[Tensor]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.game, name)

    def loss(self, player: str, networks: Any, batch: Any, outputs: Any, state: Any) -> Any:
        """The game's own, with old fakes for the discriminator."""
        if player == "discriminator":
            self.queue = [*self.queue, outputs["fake"].detach()][-self.delay :]
            outputs = {**outputs, "fake": self.queue[0]}
        return self.game.loss(player, networks, batch, outputs, state)


def stale_fakes(context: StepContext, delay: int) -> None:
    """The discriminator is given the oldest fakes of a queue."""
    players: Any = context.components.players
    players.game = _Stale(players.game, delay)


def penalties_lost(context: StepContext, **factors: float) -> None:
    """The penalties are gone and the rates multiplied: a resume with half of the settings."""
    players: Any = context.components.players
    kept = tuple(term for term in players.game.terms if not term.name.startswith("penalty_"))
    players.game = dataclasses.replace(players.game, terms=kept)
    rates_times(context, **factors)


def rates_times(context: StepContext, **factors: float) -> None:
    """The players' learning rates are multiplied."""
    for player, factor in factors.items():
        for group in groups(context, player):
            group["lr"] *= factor


def rates_by_step(context: StepContext, rates: Memory, factors: Callable[[int], Mapping[str, float]]) -> None:
    """The players' learning rates are multiplied by factors that follow from the step."""
    for player, factor in factors(context.step).items():
        for group in groups(context, player):
            group["lr"] = rates.setdefault(player, group["lr"]) * factor


def spoiled_moments(context: StepContext) -> None:
    """The running squares of the discriminator's optimiser change their sign: a damaged checkpoint."""
    for state in context.components.players.optimisers["discriminator"].state.values():
        state["exp_avg_sq"].neg_()


def put_back(context: StepContext, first: Memory, player: str) -> None:
    """A player's weights are put back after every step: its optimiser was given a copy of them."""
    for name, weight in weights(context, player).items():
        weight.copy_(first.setdefault(name, weight.detach().clone()))


def steps_clipped(context: StepContext, before: Memory, most: float) -> None:
    """Each step of the generator is cut to a length: a bound in the wrong units."""
    own = weights(context)
    moved = {name: one - before.get(name, one) for name, one in own.items()}
    length = sum(float(one.square().sum()) for one in moved.values()) ** 0.5
    for name, one in own.items():
        if length > most:
            one.copy_(before[name] + moved[name] * (most / length))
        before[name] = one.detach().clone()


def spoil_a_weight(context: StepContext, player: str) -> None:
    """One weight becomes a NaN."""
    next(iter(weights(context, player).values())).view(-1)[0] = torch.nan


def each_weight(context: StepContext, memory: Memory, change: Callable[[Tensor], object]) -> None:
    """Something is done to all weights of the generator."""
    for weight in weights(context).values():
        change(weight)


def shaken(context: StepContext, memory: Memory, share: float) -> None:
    """The generator's weights get noise at every step, as from a number format that is too coarse."""
    stream = torch.Generator().manual_seed(context.step)
    for weight in matrices(context):
        weight.add_(torch.randn(weight.shape, generator=stream), alpha=share * float(weight.std()))


def drawn_anew(context: StepContext, memory: Memory, player: str) -> None:
    """A player's weights are drawn anew at every step: it is built while it is called."""
    own = matrices(context, player)
    for weight, drawn in zip(own, untrained(own, context.step), strict=True):
        weight.copy_(drawn)


def last_drawn_anew(context: StepContext, memory: Memory) -> None:
    """The generator's last weights are drawn anew at every step: a layer that is made while it is called."""
    last = matrices(context)[-1]
    last.copy_(normal(*last.shape, seed=context.step) * last.std())


def pulled_back(context: StepContext, memory: Memory, share: float) -> None:
    """The generator's weights are averaged at every step with those of an untrained one."""
    own = matrices(context)
    for one, other in zip(own, memory.setdefault("untrained", untrained(own, 4)), strict=True):
        one.lerp_(other, share)


def untrained(like: list[Tensor], seed: int) -> list[Tensor]:
    """Weights of the same shapes as from an initialisation."""
    stream = torch.Generator().manual_seed(seed)
    return [torch.randn(one.shape, generator=stream) / one.shape[1] ** 0.5 for one in like]
