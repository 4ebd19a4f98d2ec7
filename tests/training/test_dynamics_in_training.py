"""Dynamics in a run: what they remember is saved, and networks that they cannot serve are refused first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from poise.errors import PoiseError
from poise.recipes import RECIPES, Recipe, recipe_with
from poise.run_folder import RunFolder
from poise.training import Resumption, begin, pick_device, plan, resume

pytestmark = pytest.mark.usefixtures("few_compared")
CPU = pick_device("cpu")


def recipe(dynamics: str, **changes: Any) -> Recipe:
    tiny = {
        "batch_size": 8,
        "steps": 6,
        "log_every": 3,
        "sample_every": 6,
        "generator": {"name": "mlp", "width": 8},
        "discriminator": {"name": "mlp", "width": 8},
    }
    return recipe_with(RECIPES["minimax"], {"dynamics": dynamics, **tiny, **changes})


def silent(sentence: str) -> None:
    """Nobody is told."""


@pytest.mark.parametrize("optimiser", ["adam", "rmsprop", "sgd"])
@pytest.mark.parametrize("dynamics", ["optimistic", "extrapolation-from-the-past"])
def test_what_a_dynamics_remembers_is_in_the_checkpoint(
    dynamics: str, optimiser: str, tmp_path: Path
) -> None:
    changes = {f"optimisers.{player}.name": optimiser for player in ("generator", "discriminator")}
    begin(plan("digits", recipe(dynamics, **changes), CPU), tmp_path / "whole", notify=silent)
    begin(plan("digits", recipe(dynamics, steps=3, **changes), CPU), tmp_path / "parts", notify=silent)
    resume(Resumption(tmp_path / "parts", CPU, steps=6), notify=silent)
    whole, parts = (RunFolder.open(tmp_path / name).load_checkpoint(6).trained for name in ("whole", "parts"))
    remembered = [name for name in whole if name.startswith("dynamics/past_update/")]
    assert len(remembered) == sum(name.startswith("network/") for name in whole)
    assert any(bool(whole[name].any()) for name in remembered)
    assert whole.keys() == parts.keys()
    assert [name for name in whole if not torch.equal(whole[name], parts[name])] == []


class OnceOnly(torch.autograd.Function):
    """A square whose slope cannot be differentiated."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        ctx.save_for_backward(values)
        return values.square()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, outer: Tensor) -> Tensor:
        values: Tensor = ctx.saved_tensors[0]
        return 2 * values * outer


class Once(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.score = nn.Linear(64, 1)

    def forward(self, samples: Tensor) -> Tensor:
        squares: Tensor = OnceOnly.apply(samples.flatten(1) + self.score.weight)  # type: ignore[no-untyped-call]  # in torch
        linear: Tensor = self.score(samples.flatten(1)).flatten()
        return squares.mean(1) + linear


class Distances(nn.Module):
    """Torch's graph does not show that these cannot be differentiated twice; only trying tells."""

    def __init__(self) -> None:
        super().__init__()
        self.score = nn.Linear(64, 4)
        self.places = nn.Parameter(torch.randn(5, 4))

    def forward(self, samples: Tensor) -> Tensor:
        return torch.cdist(self.score(samples.flatten(1)), self.places).mean(1)


@pytest.mark.parametrize("network", [Once, Distances])
@pytest.mark.parametrize("dynamics", ["consensus", "symplectic-gradient-adjustment", "unrolled"])
def test_networks_that_cannot_be_differentiated_twice_are_refused_before_training(
    dynamics: str, network: type[nn.Module]
) -> None:
    with pytest.raises(PoiseError, check=lambda error: error.code == "training.dynamics-not-differentiable"):
        plan("digits", recipe(dynamics), CPU, given={"discriminator": network()})
    plan("digits", recipe("extragradient"), CPU, given={"discriminator": network()})


@pytest.mark.parametrize("network", [Once, Distances])
@pytest.mark.parametrize("penalty", ["r1", "wgan-gp"])
def test_a_penalty_on_a_network_that_cannot_be_differentiated_twice_is_refused(
    penalty: str, network: type[nn.Module]
) -> None:
    """Torch would train on with a part of the penalty's gradient left out, without a word."""
    for every in (1, 4):
        penalised = recipe("alternating", **{f"regularisers.{penalty}.every": every})
        with pytest.raises(PoiseError, match=f"differentiated twice.*--set regularisers.{penalty}=null"):
            plan("digits", penalised, CPU, given={"discriminator": network()})
    planned = plan("digits", penalised, CPU)
    assert list(planned.recipe.regularisers) == [penalty]


def test_the_check_leaves_no_trace() -> None:
    """Batch norm's statistics and spectral norm's vectors are as they were, and so is the randomness."""
    changes: dict[str, Any] = {
        "generator": {"name": "mlp", "width": 8, "batch_norm": True},
        "discriminator": {"name": "mlp", "width": 8, "spectral_norm": True},
    }
    checked, plain = (
        plan("digits", recipe(dynamics, **changes), CPU).components.modules
        for dynamics in ("consensus", "simultaneous")
    )
    penalised = plan("digits", recipe("simultaneous", **{**changes, "regularisers.r1.every": 2}), CPU)
    assert all(
        torch.equal(value, plain[player].state_dict()[name])
        for player, module in penalised.components.modules.items()
        for name, value in module.state_dict().items()
    )
    for player, module in checked.items():
        other = plain[player].state_dict()
        assert all(torch.equal(value, other[name]) for name, value in module.state_dict().items())
