"""A step of every recipe on a device that is not the CPU, and that holds no values.

On torch's device `meta` an operator of two devices raises, and so does whatever reads a value: what would
stop a run on a card, or make it wait at every step, stops here.
"""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from golden.record import cases, data_for
from poise.dynamics import players as of_players
from poise.recipes import Recipe, recipe_with
from poise.registry import bound, provided
from poise.training import plan
from poise.training.batches import training_batches
from poise.training.components import build_components

META = torch.device("meta")
CPU = torch.device("cpu")


class Stream(torch.Generator):
    """A stream of the device `meta`, which has none: the CPU's, which says that it is of `meta`."""

    device = META

    def __new__(cls, device: object = None) -> Stream:
        return super().__new__(cls)


class Fused(torch.optim.SGD):
    """Plain steps, by an optimiser that says that it is fused."""

    def __init__(self, targets: list[Tensor], *, lr: float, **_: Any) -> None:
        super().__init__(targets, lr=lr)
        self.defaults["fused"] = True

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for target in group["params"]:
                if target.grad is not None:
                    target.sub_(torch.where(self.found_inf > 0, 0.0, target.grad))  # type: ignore[attr-defined]


@pytest.fixture
def without_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams and optimisers for `meta`, of which torch has none and no fused ones."""
    for name in ("Adam", "SGD"):
        monkeypatch.setattr(torch.optim, name, Fused)
    monkeypatch.setattr(torch, "Generator", Stream)
    monkeypatch.setattr(torch, "autocast", lambda device, *_, **__: nullcontext())  # there is none for `meta`
    monkeypatch.setattr(of_players, "waits_for_norm", lambda norm, optimiser: False)


def at_most_twice(recipe: Recipe) -> Recipe:
    """A third update of the discriminator in a step would ask nothing new."""
    often = recipe.dynamics.options.get("discriminator_steps", 1) > 2
    return recipe_with(recipe, {"dynamics.discriminator_steps": 2}) if often else recipe


ON_META = [(name, at_most_twice(recipe)) for name, recipe in cases().items()]


@pytest.mark.usefixtures("without_values")
@pytest.mark.parametrize(("name", "recipe"), ON_META, ids=[name for name, _ in ON_META])
def test_a_step_reads_no_value_and_stays_on_its_device(name: str, recipe: Recipe, tmp_path: Path) -> None:
    planned = plan(data_for(recipe, tmp_path), recipe, CPU)
    components = build_components(planned.recipe, planned.spec, META)
    sampler = training_batches(planned.recipe, planned.dataset, META, drawn=0)
    step = bound(components.dynamics.step, planned.recipe.dynamics.options)
    step = provided(step, epoch_steps=sampler.epoch_steps)
    every = [term.every for term in components.players.game.terms]  # type: ignore[attr-defined]
    plain = planned.recipe.dynamics.name == "alternating" and max(every) == 1
    # One with lazy terms, if there are any, and one without; two of the dynamics that remember
    for number in (0,) if plain else (0, max(1, max(every) - 1)):
        logs = step(components.players, partial(sampler.next, number), number)
        components.ema.update(8, 8 * (number + 1), 1_000)
    assert {value.device.type for value in logs.values()} == {"meta"}
