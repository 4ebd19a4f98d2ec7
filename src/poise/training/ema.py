"""The exponential moving average (EMA) of the generator's weights."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from poise.recipes.settings import Ema
from poise.schedules import value_at

MOST_STEPS = 16
"""The most steps between two updates of the average."""

FINE = 128
"""Updates in a half-life; more would not change the average visibly."""

RUNNING_STATISTICS = ("running_mean", "running_var")
"""The buffers of BatchNorm that are averaged as parameters are."""


def ema_weight(settings: Ema, images: int, images_seen: int, run_images: int = 0) -> float | None:
    """The weight of the generator in the average after a step.

    The update reads and writes all weights, which takes a per cent or two of a step with a small batch. If a
    half-life is many steps long, the average is therefore updated every so many steps, with the weight of as
    many steps.

    `images` are those of the step, `images_seen` those since the start. The weight is `None` if there is no
    update after this step, or no average.

    Example:
        >>> ema_weight(Ema(half_life=100, ramp=0), 100, 1_000)
        0.5
        >>> shares = [ema_weight(Ema(half_life=10_000, ramp=0), 16, 16 * step) for step in (1, 2, 3, 4)]
        >>> [share and round(share, 5) for share in shares]
        [None, None, None, 0.00443]
    """
    half_life = float(value_at(settings.half_life, images_seen, run_images))
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


def named_tensors(module: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers by name, detached; a tensor that stands twice has its first name only."""
    return {
        name: value.detach()
        for named in (module.named_parameters(), module.named_buffers())
        for name, value in named
    }


class EmaTensors:
    """Averages of named tensors: of one generator, or `(G, ...)` of a stack of them.

    Parameters and the running statistics of BatchNorm are averaged. Other buffers are copied: a counter has
    no mean, and the mean of spectral norm's vectors are no singular vectors.

    `live` are the generator's parameters and buffers, `own` the averages under the same names; with a
    half-life of 0 these equal the generator. `parameters` says which are parameters.

    Source: Karras et al. 2018, section 4.1 of the appendix; the ramp as in Karras et al. 2020 (ADA).
    """

    def __init__(
        self, settings: Ema, live: Mapping[str, Tensor], own: Mapping[str, Tensor], parameters: set[str]
    ) -> None:
        self.settings, self.live, self.own = settings, live, own
        averaged = [
            name
            for name, value in own.items()
            if value.is_floating_point()
            and (name in parameters or name.rpartition(".")[2] in RUNNING_STATISTICS)
        ]
        self._averages = [own[name] for name in averaged]
        self._followed = [live[name] for name in averaged]
        self._copied = [(own[name], live[name]) for name in own.keys() - set(averaged)]

    @torch.no_grad()
    def update(self, images: int, images_seen: int, run_images: int = 0) -> None:
        """Update the averages after a step of so many images."""
        share = ema_weight(self.settings, images, images_seen, run_images)
        if share is None:
            return
        torch._foreach_lerp_(self._averages, self._followed, share)
        for mine, theirs in self._copied:
            mine.copy_(theirs)

    @torch.no_grad()
    def current(self) -> Mapping[str, Tensor]:
        """The averages by name."""
        if not self.settings.half_life:
            for name, value in self.own.items():
                value.copy_(self.live[name])
        return self.own


class EmaGenerator:
    """A copy of a generator whose tensors are the averages of its tensors.

    Args:
        generator: What is averaged; it is not changed.
        settings: Half-life and ramp.
        averages: The averages by name, if somebody else updates them; their memory is shared.
    """

    def __init__(
        self, generator: nn.Module, settings: Ema, averages: Mapping[str, Tensor] | None = None
    ) -> None:
        self.module = copy.deepcopy(generator).eval().requires_grad_(False)
        for name, own in (*self.module.named_parameters(), *self.module.named_buffers()):
            if averages is not None:
                own.data = averages[name]
        names = {name for name, _ in generator.named_parameters()}
        self._tensors = EmaTensors(settings, named_tensors(generator), named_tensors(self.module), names)

    def update(self, images: int, images_seen: int, run_images: int = 0) -> None:
        """Update the averages after a step, as `EmaTensors.update` does."""
        self._tensors.update(images, images_seen, run_images)

    def current(self) -> nn.Module:
        """The averaged generator, in eval mode."""
        self._tensors.current()
        return self.module
