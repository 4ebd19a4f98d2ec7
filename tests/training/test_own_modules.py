"""A user's own modules: the usual mistakes are one sentence each before training, and frozen layers train."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import poise
from poise.errors import PoiseError
from poise.networks import GENERATORS, Network
from poise.recipes import RECIPES, recipe_with
from poise.run_folder import RunFolder, game_folders
from poise.training import begin, pick_device, plan
from poise.training.vectorised import begin_many, plan_many

pytestmark = pytest.mark.usefixtures("few_compared")
CPU = pick_device("cpu")


def generator(end: nn.Module | None = None) -> nn.Sequential:
    last = nn.Tanh() if end is None else end
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), last, nn.Unflatten(1, (1, 8, 8)))


def critic(*end: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 128), nn.LeakyReLU(0.2), nn.Linear(128, 1), *end)


def frozen(module: nn.Module) -> nn.Module:
    return module.requires_grad_(False)


def with_batch_norm() -> nn.Sequential:
    module = generator()
    module.insert(1, nn.BatchNorm1d(128))
    return module


class Fixed(nn.Module):
    """The same picture for every latent."""

    def __init__(self) -> None:
        super().__init__()
        self.picture = nn.Parameter(torch.zeros(1, 1, 8, 8))

    def forward(self, latent: Tensor) -> Tensor:
        return self.picture.expand(len(latent), -1, -1, -1).tanh()


def public_dcgan() -> nn.Sequential:
    """A generator as the tutorials have it, of latents (N, 100, 1, 1)."""
    return nn.Sequential(
        nn.ConvTranspose2d(100, 32, 4, 1, 0),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.ConvTranspose2d(32, 1, 4, 2, 1),
        nn.Tanh(),
    )


Pair = tuple[nn.Module, nn.Module]


def twice() -> Pair:
    module = generator()
    return module, module


REFUSED: Mapping[str, tuple[Callable[[], Pair], dict[str, Any], str, str]] = {
    "latents as images": (
        lambda: (public_dcgan(), critic()),
        {"latent.size": 100},
        "training.module-fails",
        "nn.Unflatten(1, (100, 1, 1))",
    ),
    "BatchNorm at batch 1": (
        lambda: (with_batch_norm(), critic()),
        {"batch_size": 1},
        "training.module-fails",
        "batch_size=2",
    ),
    "float64": (lambda: (generator().double(), critic()), {}, "training.module-type", ".float()"),
    "lazy layers": (
        lambda: (nn.Sequential(nn.LazyLinear(64), nn.Tanh(), nn.Unflatten(1, (1, 8, 8))), critic()),
        {},
        "training.module-lazy",
        "once on a batch",
    ),
    "in place on the input": (
        lambda: (generator(), nn.Sequential(nn.LeakyReLU(0.2, inplace=True), nn.Flatten(), nn.Linear(64, 1))),
        {},
        "training.module-in-place",
        "inplace=False",
    ),
    "one module twice": (twice, {}, "training.module-shared", "a module of its own"),
    "all frozen": (
        lambda: (frozen(generator()), critic()),
        {},
        "training.module-untrainable",
        "requires_grad",
    ),
    "another size": (
        lambda: (nn.Sequential(nn.Linear(64, 64), nn.Tanh()), critic()),
        {},
        "training.generator-shape",
        "shape of the data",
    ),
    "one score a batch": (
        lambda: (generator(), nn.Sequential(nn.Flatten(0), nn.Linear(64 * 64, 1))),
        {},
        "training.module-scores",
        "(N,)",
    ),
    "labels instead of scores": (
        lambda: (
            generator(),
            type("Labels", (nn.Linear,), {"forward": lambda m, x: x.flatten(1).argmax(1)})(1, 1),
        ),
        {},
        "training.module-output",
        "raw scores",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_trained_is_refused_before_training(case: str, tmp_path: Path) -> None:
    make, settings, code, hint = REFUSED[case]
    mine, its = make()
    with pytest.raises(PoiseError, check=lambda error: error.code == code and hint in error.hint):
        poise.train("digits", generator=mine, discriminator=its, steps=2, out=tmp_path / "run", **settings)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("mine", "hint"), [(nn.Tanh, "generator=Tanh(...)"), (torch.tanh, "class Mine(nn.Module)")]
)
def test_a_function_or_a_class_is_no_module(mine: Any, hint: str) -> None:
    with pytest.raises(PoiseError, check=lambda error: error.code == "api.no-module" and hint in error.hint):
        poise.train("digits", generator=mine, steps=2)


NOTICED: Mapping[str, tuple[Callable[[], Pair], str | None, str]] = {
    "sigmoid": (lambda: (generator(), critic(nn.Sigmoid())), None, "ends in a sigmoid"),
    "sigmoid, squeezed": (
        lambda: (generator(), critic(nn.Sigmoid(), nn.Flatten(0))),
        "wasserstein",
        "sigmoid",
    ),
    "tanh": (lambda: (generator(), critic(nn.Tanh())), "hinge-sn", "ends in a tanh"),
    "two classes": (
        lambda: (generator(), nn.Sequential(nn.Flatten(), nn.Linear(64, 2))),
        None,
        "gives 2 scores for each sample",
    ),
    "BatchNorm under a penalty": (
        lambda: (
            generator(),
            nn.Sequential(nn.Flatten(), nn.Linear(64, 9), nn.BatchNorm1d(9), nn.LeakyReLU(), nn.Linear(9, 1)),
        ),
        "wasserstein-gp",
        "BatchNorm",
    ),
    "generator from 0 to 1": (lambda: (generator(nn.Sigmoid()), critic()), None, "no value below 0"),
    "latents without effect": (lambda: (Fixed(), critic()), None, "same sample of every latent"),
}

HEALTHY: Mapping[str, tuple[Callable[[], Pair], str | None]] = {
    "plain": (lambda: (generator(), critic()), None),
    "scores (N, 1, 1, 1)": (
        lambda: (
            generator(),
            nn.Sequential(nn.Conv2d(1, 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(16, 1, 4, 1, 0)),
        ),
        None,
    ),
    "patches": (
        lambda: (
            generator(),
            nn.Sequential(nn.Conv2d(1, 16, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(16, 1, 3, 1, 1)),
        ),
        None,
    ),
    "generator without tanh": (lambda: (generator(nn.Identity()), critic()), None),
    "in place behind the first layer": (
        lambda: (
            generator(),
            nn.Sequential(nn.Flatten(), nn.Linear(64, 9), nn.ReLU(inplace=True), nn.Linear(9, 1)),
        ),
        None,
    ),
    "BatchNorm without a penalty": (
        lambda: (
            with_batch_norm().eval(),
            nn.Sequential(nn.Flatten(), nn.Linear(64, 9), nn.BatchNorm1d(9), nn.LeakyReLU(), nn.Linear(9, 1)),
        ),
        "minimax",
    ),
}


def notices_of(make: Callable[[], Pair], recipe: str | None) -> tuple[str, ...]:
    mine, its = make()
    before = {name: value.clone() for name, value in mine.state_dict().items()}
    stream = torch.random.get_rng_state()
    chosen = recipe_with(RECIPES[recipe or "non-saturating"], {"steps": 2})
    chosen = recipe_with(chosen, {"generator": "mlp", "discriminator": "mlp"})
    planned = plan("digits", chosen, CPU, given={"generator": mine, "discriminator": its})
    assert all(torch.equal(value, before[name]) for name, value in mine.state_dict().items())
    assert torch.equal(torch.random.get_rng_state(), stream)
    return planned.notices


@pytest.mark.parametrize("case", NOTICED)
def test_what_will_hardly_work_is_told_before_training(case: str) -> None:
    make, recipe, wanted = NOTICED[case]
    [notice] = notices_of(make, recipe)
    assert wanted in notice


@pytest.mark.parametrize("case", HEALTHY)
def test_modules_that_work_bring_no_notice(case: str) -> None:
    assert notices_of(*HEALTHY[case]) == ()


def test_notices_are_told_and_recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = poise.train(
        "digits", generator=generator(), discriminator=critic(nn.Sigmoid()), steps=2, out=tmp_path / "run"
    )
    assert "ends in a sigmoid" in capsys.readouterr().err
    assert any("ends in a sigmoid" in notice for notice in run.folder.data["notices"])


def half_frozen() -> dict[str, Any]:
    torch.manual_seed(0)
    mine, its = generator(), critic()
    mine[0].weight.requires_grad_(False)
    frozen(its[1])
    return {"generator": mine, "discriminator": its}


def test_frozen_layers_stay_as_they_are_the_others_train_and_resume_to_the_bit(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"batch_size": 16, "device": "cpu", "checkpoints.every_steps": None}
    whole, modules = tmp_path / "whole", half_frozen()
    poise.train("digits", steps=6, out=whole, **modules, **settings)
    start = half_frozen()
    for player, place in (
        ("generator", "0.weight"),
        ("discriminator", "1.weight"),
        ("discriminator", "1.bias"),
    ):
        assert torch.equal(modules[player].get_parameter(place), start[player].get_parameter(place))
    assert not torch.equal(
        modules["generator"].get_parameter("0.bias"), start["generator"].get_parameter("0.bias")
    )

    parts = tmp_path / "parts"
    poise.train("digits", steps=3, out=parts, **half_frozen(), **settings)
    poise.resume(parts, steps=6, device="cpu", **half_frozen())
    ended, wanted = (RunFolder.open(one).load_checkpoint(6).trained for one in (parts, whole))
    assert ended.keys() == wanted.keys()
    for name, value in wanted.items():
        assert torch.equal(ended[name], value), name
    assert not [name for name in wanted if name.startswith("optimiser/generator/0.weight/")]


def test_frozen_layers_of_a_network_train_side_by_side_as_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(spec: Any, *, latent_size: int, width: int = 8) -> nn.Module:
        module = nn.Sequential(nn.Linear(latent_size, width), nn.ReLU(), nn.Linear(width, 2))
        frozen(module[0])
        return module

    row = Network("half-frozen", build, "Of this test.", "none", kinds=("vector",))
    monkeypatch.setitem(GENERATORS._parts, "half-frozen", row)
    changes = {"generator": "half-frozen", "discriminator": {"name": "mlp", "width": 8}, "latent.size": 4}
    recipe = recipe_with(RECIPES["non-saturating"], {**changes, "steps": 5, "batch_size": 16})
    begin_many(plan_many("ring", recipe, CPU, seeds=2), tmp_path / "many", notify=lambda sentence: None)
    begin(plan("ring", recipe_with(recipe, {"seed": 1}), CPU), tmp_path / "one", notify=lambda sentence: None)
    many = game_folders(tmp_path / "many")[1].load_checkpoint(5).trained
    one = RunFolder.open(tmp_path / "one").load_checkpoint(5).trained
    assert many.keys() == one.keys()
    for name, value in one.items():
        torch.testing.assert_close(many[name], value, rtol=2e-3, atol=2e-5)
    other = game_folders(tmp_path / "many")[0].load_checkpoint(5).trained
    assert not torch.equal(other["network/generator/0.weight"], many["network/generator/0.weight"])


def test_a_run_shows_what_the_doctor_found(tmp_path: Path) -> None:
    run = poise.train("digits", steps=2, out=tmp_path / "run", doctor="off")
    assert run.findings == []
    line = {"name": "mode-collapse", "severity": "trouble", "first_step": 1, "sentence": "All alike."}
    run.folder.append("findings", {"step": 1, "status": "open", "last_step": 1, **line})
    run.folder.append("findings", {"step": 2, "status": "recovered", "last_step": 2, **line})
    [finding] = run.findings
    assert (finding.name, finding.status, finding.last_step) == ("mode-collapse", "recovered", 2)
    assert "mode-collapse" in str(finding)
