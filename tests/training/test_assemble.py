"""From a resolved recipe to networks, game and optimisers."""

import time
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import nn

from poise.api import train
from poise.recipes import RECIPES, Recipe, recipe_with
from poise.recipes.settings import Optimiser
from poise.run_folder import RunFolder
from poise.schedules import Schedule
from poise.spec import DataSpec
from poise.training.components import Components, build_components, build_optimiser
from poise.training.loop import Saver
from poise.training.resolve import resolve
from poise.training.state import TrainState

CPU = torch.device("cpu")


def resolved(name: str, **changes: Any) -> Recipe:
    small = {"generator.width": 4, "discriminator.width": 4}
    return resolve(recipe_with(RECIPES[name], {**small, **changes}), DataSpec("vector", (2,)))


def built(name: str, **changes: Any) -> Components:
    return build_components(resolved(name, **changes), DataSpec("vector", (2,)), CPU)


def values(components: Components) -> dict[str, dict[str, torch.Tensor]]:
    return {player: dict(module.state_dict()) for player, module in components.modules.items()}


def test_weights_are_a_function_of_the_seed() -> None:
    before = torch.get_rng_state()
    first = values(built("minimax", seed=3))
    assert torch.equal(before, torch.get_rng_state()), "the global randomness is as it was"
    torch.manual_seed(99)
    torch.testing.assert_close(values(built("minimax", seed=3)), first, rtol=0, atol=0)
    other = values(built("minimax", seed=4))
    assert not torch.equal(other["generator"]["0.weight"], first["generator"]["0.weight"])


def test_a_players_weights_do_not_depend_on_the_other_players_network() -> None:
    wide = values(built("minimax", **{"discriminator.width": 9}))
    torch.testing.assert_close(wide["generator"], values(built("minimax"))["generator"], rtol=0, atol=0)


@pytest.mark.parametrize("every", [1, 4, 8])
def test_a_lazy_penalty_slows_the_optimiser_by_its_extra_move(every: int) -> None:
    """Karras et al. 2020, appendix B: k + 1 moves with these do what k moves did."""
    rate, beta1, beta2 = 1e-2, 0.5, 0.99
    optimisers = {"discriminator": {"learning_rate": rate, "beta1": beta1, "beta2": beta2}}
    components = built("non-saturating", **{"regularisers.r1.every": every, "optimisers": optimisers})
    found = components.players.optimisers["discriminator"].defaults
    share = every / (every + 1) if every > 1 else 1.0
    assert found["lr"] * (1 / share) == pytest.approx(rate)
    assert tuple(beta ** (1 / share) for beta in found["betas"]) == pytest.approx((beta1, beta2))
    untouched = components.players.optimisers["generator"].defaults
    assert (untouched["lr"], untouched["betas"]) == (1e-3, (0.0, 0.99))


@pytest.mark.parametrize(
    ("settings", "kind", "wanted"),
    [
        ({"name": "adam", "beta1": 0.5, "beta2": 0.9}, torch.optim.Adam, {"betas": (0.5, 0.9)}),
        ({"name": "rmsprop", "beta2": 0.9}, torch.optim.RMSprop, {"alpha": 0.9}),
        ({"name": "sgd", "beta1": 0.9}, torch.optim.SGD, {"momentum": 0.9}),
    ],
    ids=["adam", "rmsprop", "sgd"],
)
def test_an_optimiser_is_built_with_its_settings(
    settings: dict[str, Any], kind: type, wanted: dict[str, Any]
) -> None:
    module = nn.Linear(2, 2)
    optimiser = build_optimiser(Optimiser(learning_rate=0.125, epsilon=1e-5, **settings), module.parameters())
    assert isinstance(optimiser, kind)
    assert optimiser.defaults["lr"] == 0.125
    assert {name: optimiser.defaults[name] for name in wanted} == wanted
    assert optimiser.defaults.get("eps", 1e-5) == 1e-5
    assert [id(p) for p in optimiser.param_groups[0]["params"]] == [id(p) for p in module.parameters()]


def test_the_game_is_what_the_recipe_says() -> None:
    changes = {"packing": 2, "label_flip": 0.1, "instance_noise": {"deviation": 0.3, "steps": 50}}
    game: Any = built("dragan", **changes).players.game
    names = [(term.name, term.player, term.weight, term.every) for term in game.terms]
    assert names == [
        ("discriminator_loss", "discriminator", 1.0, 1),
        ("penalty_dragan", "discriminator", 10.0, 1),
        ("generator_loss", "generator", 1.0, 1),
    ]
    chain = {one.name: one for one in game.scoring.augmentations}
    assert list(chain) == ["label-flip", "instance-noise", "packing"]
    assert chain["instance-noise"].apply.keywords == {"deviation": 0.3, "steps": 50}
    assert chain["label-flip"].relabel.keywords == {"share": 0.1}
    assert chain["packing"].apply.keywords == {"count": 2}


def test_settings_of_a_loss_reach_its_functions() -> None:
    game: Any = built("began", **{"loss.balance_rate": 1.0, "loss.diversity": 1.0}).players.game
    (update,) = [term.update.args[0] for term in game.terms if term.update is not None]
    assert update.keywords == {"diversity": 1.0, "balance_rate": 1.0}
    smoothed: Any = built("minimax", **{"loss.smoothing": 0.1}).players.game
    assert smoothed.terms[0].value.args[0].keywords == {"smoothing": 0.1}


def test_clipping_is_for_the_discriminator_alone() -> None:
    components = built("wasserstein")
    assert set(components.players.projections) == {"discriminator"}
    components.players.projections["discriminator"]()
    assert all(
        float(value.detach().abs().max()) <= 0.01
        for value in components.modules["discriminator"].parameters()
    )
    assert built("minimax").players.projections == {}


def test_jumps_of_the_clock_bring_no_checkpoint_and_keep_none_back(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    components = built("minimax", **{"checkpoints.every_seconds": 60.0})
    run, state = RunFolder(tmp_path), cast("TrainState", None)
    saver = Saver(components.recipe.checkpoints, run, print, state=state, saved_step=0)
    for jump in (-1e9, 1e9, 0.0):
        monkeypatch.setattr(time, "time", lambda jump=jump: 1.7e9 + jump)
        assert not saver.due(1)
    now[0] += 61
    assert saver.due(1)


def test_a_weight_may_follow_a_schedule_over_a_share_of_the_run(tmp_path: Path) -> None:
    """The check before training computes the terms once, on a batch that must know the length of the run."""
    falling = {"start": 0.1, "end": 0.01, "after": 0.5, "over": 0.5}
    run = train("ring", steps=4, batch_size=8, regularisers={"r1": {"weight": falling}}, out=tmp_path / "run")
    weight = run.recipe.regularisers["r1"].weight
    assert isinstance(weight, Schedule)
    assert weight.at(run.history[-1]["images_seen"], 32) == pytest.approx(0.01)
