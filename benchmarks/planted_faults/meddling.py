"""How faults are planted by a hand that meddles while a run trains."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from poise.training import StepContext

Meddle = Callable[[StepContext], None]


def rates_times(factors: Mapping[str, float]) -> Meddle:
    """Multiply the players' rates, once."""
    done: list[bool] = []

    def meddle(context: StepContext) -> None:
        if not done:
            done.append(True)
            for player, factor in factors.items():
                for group in context.components.match.optimisers[player].param_groups:
                    group["lr"] *= factor

    return meddle


def turn_about(steps: int) -> Meddle:
    """The players train in turns of so many steps, as in loops that give an epoch to each."""
    rates: dict[str, list[float]] = {}

    def meddle(context: StepContext) -> None:
        optimisers = context.components.match.optimisers
        if not rates:
            rates.update(
                {name: [group["lr"] for group in one.param_groups] for name, one in optimisers.items()}
            )
        turn = context.step // steps % 2
        for place, (name, optimiser) in enumerate(optimisers.items()):
            for group, rate in zip(optimiser.param_groups, rates[name], strict=True):
                group["lr"] = rate if place == turn else 0.0

    return meddle


def penalties_lost(factors: Mapping[str, float]) -> Meddle:
    """Forget the penalties and multiply the players' rates, once: a resume with half of the settings."""
    change = rates_times(factors)

    def meddle(context: StepContext) -> None:
        match = context.components.match
        game: Any = match.game
        if game.penalties:
            match.game = dataclasses.replace(game, penalties=())
        change(context)

    return meddle


def hooked(make: Callable[[nn.Module, Any], Any], *, before: bool) -> Meddle:
    """Hang a function on the generator, once: before it, on its latents, or behind it, on its samples."""
    done: list[bool] = []

    def meddle(context: StepContext) -> None:
        if done:
            return
        done.append(True)
        for module in (context.components.modules["generator"], context.components.ema.module):
            if before:
                module.register_forward_pre_hook(lambda module, given: (make(module, given[0]),))
            else:
                module.register_forward_hook(lambda module, given, made: make(module, made))

    return meddle


def no_latents() -> Meddle:
    """The generator is given the same latent always."""
    return hooked(lambda module, latent: torch.zeros_like(latent), before=True)


def faint_latents(share: float) -> Meddle:
    """The latents lost their scale: they all lie next to 0."""
    return hooked(lambda module, latent: share * latent, before=True)


def expanded_latent() -> Meddle:
    """One latent is drawn and expanded to the whole batch."""
    return hooked(lambda module, latent: latent[:1].expand_as(latent), before=True)


def wandering_latents(every: int) -> Meddle:
    """Latents lie next to one point, which is another one after some steps: a stream that is seeded anew."""
    step: list[int] = [0]

    def near_one_point(module: nn.Module, latent: Tensor) -> Tensor:
        stream = torch.Generator().manual_seed(step[0] // every)
        return 2.0 * torch.randn(1, latent.shape[1], generator=stream) + 0.05 * latent

    hang = hooked(near_one_point, before=True)

    def meddle(context: StepContext) -> None:
        step[0] = context.step
        hang(context)

    return meddle


def averaged_batch() -> Meddle:
    """The generator's samples are averaged over the batch: a mean over the wrong axis."""
    return hooked(lambda module, made: 0.98 * made.mean(0, keepdim=True) + 0.02 * made, before=False)


def few_latents(count: int) -> Meddle:
    """The generator is given one of a few latents."""

    def snap(module: nn.Module, latent: Tensor) -> Tensor:
        stream = torch.Generator().manual_seed(1)
        kept = torch.randn(count, latent.shape[1], generator=stream)
        return kept[(latent @ kept.T).argmax(1)]

    return hooked(snap, before=True)


def looked_up(rows: Tensor) -> Meddle:
    """The generator hands out training samples, hardly changed; its own sample chooses which."""

    def copy(module: nn.Module, made: Tensor) -> Tensor:
        with torch.no_grad():
            stream = torch.Generator().manual_seed(2)
            projection = torch.randn(made[0].numel(), 8, generator=stream)
            codes = (made.flatten(1) @ projection * 997).abs().sum(1).long() % len(rows)
        return rows[codes] + 0.02 * made

    return hooked(copy, before=False)


def snapped(rows: Tensor) -> Meddle:
    """Nine tenths of each sample are the training sample that is nearest to it."""

    def snap(module: nn.Module, made: Tensor) -> Tensor:
        with torch.no_grad():
            nearest = rows[torch.cdist(made.flatten(1), rows.flatten(1)).argmin(1)]
        return 0.9 * nearest + 0.1 * made

    return hooked(snap, before=False)


def caption_cut() -> Meddle:
    """What the generator paints along its lower edge is lost."""

    def cut(module: nn.Module, made: Tensor) -> Tensor:
        keep = torch.ones_like(made)
        keep[..., -max(1, made.shape[-2] // 8) :, :] = 0.0
        return made * keep - (1 - keep)

    return hooked(cut, before=False)


def frame_cut() -> Meddle:
    """What the generator paints on its border is lost."""

    def cut(module: nn.Module, made: Tensor) -> Tensor:
        keep = torch.zeros_like(made)
        keep[..., 1:-1, 1:-1] = 1.0
        return made * keep - (1 - keep)

    return hooked(cut, before=False)


def dimmed(share: float) -> Meddle:
    """What the generator makes loses contrast on its way to the discriminator."""
    return hooked(lambda module, made: share * made, before=False)


def blurred() -> Meddle:
    """What the generator makes is blurred on its way to the discriminator."""
    return hooked(
        lambda module, made: torch.nn.functional.avg_pool2d(made, 3, 1, 1, count_include_pad=False),
        before=False,
    )


def spoil_a_weight(player: str) -> Meddle:
    """One weight becomes a NaN, once."""
    done: list[bool] = []

    def meddle(context: StepContext) -> None:
        if not done:
            done.append(True)
            first = next(iter(context.components.match.parameters[player].values()))
            with torch.no_grad():
                first.view(-1)[0] = torch.nan

    return meddle


def decaying_weights(share: float) -> Meddle:
    """The generator's weights lose a share at every step: a weight decay in the wrong units."""

    def meddle(context: StepContext) -> None:
        with torch.no_grad():
            for parameter in context.components.match.parameters["generator"].values():
                parameter.mul_(1 - share)

    return meddle


def drawn_anew() -> Meddle:
    """The generator's last weights are drawn anew at every step: a layer that is made while it is called."""

    def meddle(context: StepContext) -> None:
        weights = [one for one in context.components.match.parameters["generator"].values() if one.dim() > 1]
        stream = torch.Generator().manual_seed(context.step)
        with torch.no_grad():
            drawn = torch.randn(weights[-1].shape, generator=stream)
            weights[-1].copy_(drawn * weights[-1].std())

    return meddle


def all_drawn_anew(player: str) -> Meddle:
    """All of a player's weights are drawn anew at every step: it is built while it is called."""

    def meddle(context: StepContext) -> None:
        stream = torch.Generator().manual_seed(context.step)
        with torch.no_grad():
            for weight in context.components.match.parameters[player].values():
                if weight.dim() > 1:
                    weight.copy_(torch.randn(weight.shape, generator=stream) / weight.shape[1] ** 0.5)

    return meddle


def coarse_weights(grain: float) -> Meddle:
    """The generator's weights are rounded to a coarse grid at every step."""

    def meddle(context: StepContext) -> None:
        with torch.no_grad():
            for weight in context.components.match.parameters["generator"].values():
                weight.copy_((weight / grain).round() * grain)

    return meddle


def swollen_weights(player: str, factor: float) -> Meddle:
    """A player's weights are multiplied, once: beyond what 32 bits hold after two layers."""
    done: list[bool] = []

    def meddle(context: StepContext) -> None:
        if not done:
            done.append(True)
            with torch.no_grad():
                for weight in context.components.match.parameters[player].values():
                    weight.mul_(factor)

    return meddle


def put_back(player: str) -> Meddle:
    """A player's weights are put back after every step: its optimiser was given a copy of them."""
    first: list[dict[str, Tensor]] = []

    def meddle(context: StepContext) -> None:
        weights = context.components.match.parameters[player]
        if not first:
            first.append({name: one.detach().clone() for name, one in weights.items()})
        with torch.no_grad():
            for name, one in weights.items():
                one.copy_(first[0][name])

    return meddle


def shaken_weights(share: float) -> Meddle:
    """The generator's weights get noise at every step, as from a number format that is too coarse."""

    def meddle(context: StepContext) -> None:
        stream = torch.Generator().manual_seed(context.step)
        with torch.no_grad():
            for parameter in context.components.match.parameters["generator"].values():
                if parameter.dim() > 1:
                    noise = torch.randn(parameter.shape, generator=stream)
                    parameter.add_(noise, alpha=share * float(parameter.std()))

    return meddle
