"""Networks in bfloat16: what changes, what must not, and when it is refused."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import poise
from poise.dynamics import DYNAMICS, Batch
from poise.errors import PoiseError
from poise.games.view import View
from poise.networks import DISCRIMINATORS, GENERATORS, Network
from poise.recipes import RECIPES, Recipe
from poise.spec import DataSpec
from poise.training import engine
from poise.training.components import Components, build_components
from poise.training.engine import with_precision
from poise.training.resolve import resolve

CPU = torch.device("cpu")
SPEC = DataSpec("image", (3, 32, 32))


def built(name: str) -> Components:
    recipe = resolve(RECIPES["non-saturating"].model_copy(update={"precision": name}), SPEC)
    return build_components(recipe, SPEC, CPU)


def parameters_of(network: Network) -> set[str]:
    return set(inspect.signature(network.build).parameters)


@pytest.fixture
def with_hardware(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "multiplies_in_bfloat16", lambda device: True)


def gradients(components: Components, *, lazy: bool) -> Tensor:
    players, batch = components.players, batch_of(components)
    outputs = players.game.forward(players.networks, batch)
    loss = (
        players.game.lazy_loss("discriminator", players.networks, batch, outputs, players.state)
        if lazy
        else players.game.loss("discriminator", players.networks, batch, outputs, players.state)
    )
    assert loss is not None
    assert loss.value.dtype == torch.float32
    slopes = torch.autograd.grad(
        loss.value, list(players.parameters["discriminator"].values()), materialize_grads=True
    )
    assert {slope.dtype for slope in slopes} == {torch.float32}
    return torch.cat([slope.flatten() for slope in slopes])


def batch_of(components: Components) -> Batch:
    stream = torch.Generator().manual_seed(3)
    real = torch.rand((16, *SPEC.shape), generator=stream) * 2 - 1
    latent = torch.randn((16, components.recipe.latent.size), generator=stream)
    return Batch(real, latent, step=0, generator=stream, images_seen=0, run_images=1000)


def test_gradients_agree_within_what_eight_bits_give_and_those_of_penalties_are_the_same() -> None:
    """Rounding to eight bits is wrong by 2^-9 in the mean; eight layers there and back may add up to 6 %."""
    full, half = built("float32"), built("bf16")
    exact, rounded = gradients(full, lazy=False), gradients(half, lazy=False)
    assert 0 < float((exact - rounded).norm() / exact.norm()) < 0.06
    assert torch.equal(gradients(full, lazy=True), gradients(half, lazy=True))


def test_penalties_average_and_weights_stay_in_float32() -> None:
    half = built("bf16")
    networks = half.players.networks
    assert networks["critic"] is half.modules["discriminator"]
    assert {value.dtype for value in half.ema.module.state_dict().values() if value.is_floating_point()} == {
        torch.float32
    }
    game: Any = half.players.game
    view = View(game.scoring, networks, batch_of(half), {"fake": torch.zeros(16, 3, 32, 32)})
    assert view.real_scores.dtype == torch.float32


@pytest.mark.parametrize("name", [name for name, row in GENERATORS.items() if row.serves(SPEC)])
def test_every_generator_of_images_trains_in_bfloat16(name: str) -> None:
    options = {"width": 8} if "width" in parameters_of(GENERATORS[name]) else {}
    generator = GENERATORS[name].build(SPEC, latent_size=8, **options).train()
    samples = engine.InBfloat16(generator)(torch.randn(4, 8))
    samples.square().mean().backward()
    assert samples.dtype == torch.float32
    assert samples.shape == (4, *SPEC.shape)
    slopes = [one.grad for one in generator.parameters() if one.grad is not None]
    assert slopes and all(slope.dtype == torch.float32 and slope.isfinite().all() for slope in slopes)


@pytest.mark.parametrize("name", [name for name, row in DISCRIMINATORS.items() if row.serves(SPEC)])
def test_every_discriminator_of_images_trains_in_bfloat16(name: str) -> None:
    options = {"width": 8} if "width" in parameters_of(DISCRIMINATORS[name]) else {}
    discriminator = DISCRIMINATORS[name].build(SPEC, **options).train()
    scores = engine.InBfloat16(discriminator)(torch.randn(4, *SPEC.shape))
    scores.mean().backward()
    assert scores.dtype == torch.float32
    slopes = [one.grad for one in discriminator.parameters() if one.grad is not None]
    assert slopes and all(slope.dtype == torch.float32 and slope.isfinite().all() for slope in slopes)


def test_the_recipe_says_what_the_machine_took(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for there, taken in ((True, "bf16"), (False, "float32")):
        monkeypatch.setattr(engine, "multiplies_in_bfloat16", lambda device, there=there: there)
        run = poise.train("digits", steps=1, precision="auto", out=tmp_path / taken, doctor="off")
        assert run.recipe.precision == taken


@pytest.mark.parametrize("name", [name for name, row in DYNAMICS.items() if row.second_order])
def test_dynamics_that_differentiate_twice_need_float32(name: str, with_hardware: None) -> None:
    recipe = Recipe(name="mine", dynamics={"name": name}, precision="bf16")
    with pytest.raises(PoiseError) as refused:
        with_precision(recipe, CPU)
    assert refused.value.code == "training.no-bf16"
    assert with_precision(recipe.model_copy(update={"precision": "auto"}), CPU).precision == "float32"


def test_bf16_without_hardware_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "multiplies_in_bfloat16", lambda device: False)
    with pytest.raises(PoiseError) as refused:
        with_precision(Recipe(name="mine", precision="bf16"), CPU)
    assert refused.value.code == "training.no-bf16"


def test_a_run_in_bfloat16_resumes_bit_for_bit(tmp_path: Path, with_hardware: None) -> None:
    settings: dict[str, Any] = {"precision": "bf16", "steps": 6, "doctor": "off", "evaluate_every": 0}
    settings |= {"batch_size": 16, "generator.width": 16, "discriminator.width": 16}
    whole = poise.train("digits", out=tmp_path / "whole", **settings)

    def stop_at_three(context: Any) -> str | None:
        return "stop" if context.step == 3 else None

    poise.train("digits", out=tmp_path / "cut", callbacks=[stop_at_three], **settings)
    cut = poise.resume(tmp_path / "cut")
    for name, value in whole.folder.load_checkpoint(6).tensors.items():
        assert torch.equal(value, cut.folder.load_checkpoint(6).tensors[name]), name


def test_many_games_at_once_are_trained_in_float32(tmp_path: Path, with_hardware: None) -> None:
    settings: dict[str, Any] = {"steps": 1, "doctor": "off", "evaluate_every": 0, "seeds": 2}
    with pytest.raises(PoiseError) as refused:
        poise.train("digits", precision="bf16", out=tmp_path / "refused", **settings)
    assert refused.value.code == "training.no-bf16"
    many = poise.train("digits", precision="auto", out=tmp_path / "many", **settings)
    assert {game.recipe.precision for game in many} == {"float32"}
