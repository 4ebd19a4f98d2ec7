"""Beginning from another run's weights: by name and shape, told, and the same to the bit after a resume."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import poise
from poise.errors import PoiseError
from poise.games.view import own_part
from poise.recipes import RECIPES, Recipe, recipe_with
from poise.run_folder import RunFolder
from poise.training import Resumption, StepContext, begin, pick_device, plan, resume
from poise.training.remedies.branches import BranchSettings, Trial, train_branch
from poise.training.resuming import reopen

CPU = pick_device("cpu")


def recipe(**changes: Any) -> Recipe:
    small: dict[str, Any] = {
        "batch_size": 16,
        "generator": {"name": "mlp", "width": 8},
        "discriminator": {"name": "mlp", "width": 8},
        "checkpoints.every_seconds": None,
    }
    return recipe_with(RECIPES["non-saturating"], {**small, "latent.size": 4, "steps": 4, **changes})


def silent(sentence: str) -> None:
    """Nobody is told."""


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("first") / "ring"
    begin(plan("ring", recipe(seed=7), CPU), path, notify=silent)
    return path


def refused(code: str) -> Any:
    return pytest.raises(PoiseError, check=lambda error: error.code == code)


@pytest.mark.parametrize("place", [".", "checkpoints/step-00000004"])
def test_all_of_a_run_of_the_same_networks_is_taken(place: str, ring: Path) -> None:
    began = plan("ring", recipe(seed=1), CPU).started_from(ring / place)
    saved = RunFolder.open(ring).load_checkpoint(4).tensors
    for player, module in began.components.modules.items():
        for name, value in module.state_dict().items():
            assert torch.equal(value, saved[f"network/{player}/{name}"]), name
    for name, value in began.components.ema.current().state_dict().items():
        assert torch.equal(value, saved[f"ema/generator/{name}"]), name
    assert began.taken is not None
    assert all(some == whole > 0 for some, whole in began.taken.counts.values()) and not began.taken.left


def test_a_generators_folder_gives_the_average_and_no_discriminator(ring: Path, tmp_path: Path) -> None:
    alone = shutil.copytree(ring / "generator", tmp_path / "generator")
    drawn = plan("ring", recipe(seed=1), CPU).components.modules["discriminator"].state_dict()
    began = plan("ring", recipe(seed=1), CPU).started_from(alone)
    saved, _ = RunFolder.open(ring).load_generator()
    for name, value in saved.items():
        assert torch.equal(began.components.modules["generator"].state_dict()[name], value)
        assert torch.equal(began.components.ema.current().state_dict()[name], value)
    own = began.components.modules["discriminator"].state_dict()
    assert all(torch.equal(value, own[name]) for name, value in drawn.items())
    assert began.taken is not None and began.taken.counts["discriminator"][0] == 0


def test_what_has_another_shape_stays_and_is_named(ring: Path) -> None:
    drawn = plan("ring", recipe(**{"latent.size": 6}), CPU).components.modules["generator"].state_dict()
    began = plan("ring", recipe(**{"latent.size": 6}), CPU).started_from(ring)
    taken, saved = began.taken, RunFolder.open(ring).load_checkpoint(4).tensors
    assert taken is not None
    assert taken.left == ("generator's 0.weight (8 x 4 there, 8 x 6 here)",)
    assert "0.weight (8 x 4 there, 8 x 6 here)" in taken.sentence
    for name, value in began.components.modules["generator"].state_dict().items():
        kept = value.shape != saved[f"network/generator/{name}"].shape
        assert torch.equal(value, drawn[name] if kept else saved[f"network/generator/{name}"]), name


def test_a_conditional_game_begins_as_the_game_without_conditions(ring: Path) -> None:
    began = plan("ring", recipe(seed=1, game="conditional"), CPU).started_from(ring)
    assert began.taken is not None and not began.taken.left and len(began.taken.widened) == 2
    saved = RunFolder.open(ring).load_checkpoint(4).tensors
    networks = {}
    for player in ("generator", "discriminator"):
        plain = plan("ring", recipe(), CPU).components.modules[player]
        plain.load_state_dict(own_part(saved, f"network/{player}"))
        networks[player] = plain
    rows, classes = torch.randn(8, 4), torch.eye(8)
    made = began.components.modules["generator"](rows, classes)
    torch.testing.assert_close(made, networks["generator"](rows))
    scores = began.components.modules["discriminator"](made, classes)
    torch.testing.assert_close(scores, networks["discriminator"](made))


def test_a_discriminator_that_classifies_begins_with_the_scores_of_the_plain_one(
    ring: Path,
) -> None:
    began = plan("ring", recipe(seed=1, game="auxiliary-classifier"), CPU).started_from(ring)
    assert began.taken is not None and began.taken.counts["discriminator"] == (8, 10)
    assert [one.split(" (")[0] for one in began.taken.left] == [
        "discriminator's classifier.weight",
        "discriminator's classifier.bias",
    ]
    plain = plan("ring", recipe(), CPU).components.modules["discriminator"]
    plain.load_state_dict(own_part(RunFolder.open(ring).load_checkpoint(4).tensors, "network/discriminator"))
    rows = torch.randn(8, 2)
    torch.testing.assert_close(began.components.modules["discriminator"](rows)[:, 0], plain(rows))


def test_a_transfer_that_shares_nothing_is_refused_and_nothing_is_written(ring: Path, tmp_path: Path) -> None:
    with refused("training.nothing-to-take"):
        poise.train("digits", "non-saturating", steps=1, start_from=ring, out=tmp_path / "run", device="cpu")
    for place, code in ((tmp_path, "training.no-weights"), (tmp_path / "nowhere", "training.no-weights")):
        with refused(code):
            poise.train("ring", steps=1, start_from=place, out=tmp_path / "run", device="cpu")
    broken = shutil.copytree(ring / "generator", tmp_path / "generator")
    weights = broken / "generator.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with refused("training.weights-damaged"):
        poise.train("ring", recipe(), start_from=broken, out=tmp_path / "run", device="cpu")
    with refused("training.one-run-only"):
        poise.train("ring", recipe(), start_from=ring, seeds=2)
    assert not (tmp_path / "run").exists()


def test_frozen_layers_keep_their_weights_and_a_resume_is_exact(ring: Path, tmp_path: Path) -> None:
    changes = {"freeze_discriminator_layers": 2}
    told: list[str] = []
    begin(plan("ring", recipe(**changes), CPU).started_from(ring), tmp_path / "whole", notify=told.append)
    assert any("2 layers of the discriminator next to the image will not be trained" in one for one in told)
    begin(plan("ring", recipe(**changes, steps=2), CPU).started_from(ring), tmp_path / "parts", notify=silent)
    resume(Resumption(tmp_path / "parts", CPU, steps=4), notify=silent)
    source = RunFolder.open(ring).load_checkpoint(4).tensors
    whole, parts = (RunFolder.open(tmp_path / one).load_checkpoint(4) for one in ("whole", "parts"))
    assert all(torch.equal(parts.trained[name], value) for name, value in whole.trained.items())
    own = {name for name in source if name.startswith("network/discriminator/") and "weight" in name}
    same = {name for name in own if torch.equal(whole.tensors[name], source[name])}
    assert same == {f"network/discriminator/{layer}.weight" for layer in (0, 2)} < own


def test_layers_that_nobody_has_trained_are_not_frozen(ring: Path, tmp_path: Path) -> None:
    some = {"freeze_discriminator_layers": 1}
    with refused("training.frozen-without-from"):
        poise.train("ring", recipe(**some), out=tmp_path / "run", device="cpu")
    with refused("training.frozen-without-from"):
        poise.train("ring", recipe(**some), seeds=2, out=tmp_path / "run", device="cpu")
    with refused("training.frozen-not-taken"):
        poise.train("ring", recipe(**some), start_from=ring / "generator", out=tmp_path / "run", device="cpu")
    with refused("networks.too-many-frozen"):
        poise.train("ring", recipe(freeze_discriminator_layers=9), start_from=ring, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_resumed_run_restarts_remedies_from_the_weights_it_began_with(ring: Path, tmp_path: Path) -> None:
    begin(plan("ring", recipe(steps=2), CPU).started_from(ring), tmp_path / "run", notify=silent)
    run = RunFolder.open(tmp_path / "run")
    with run.locked():
        experiment, _ = reopen(run, Resumption(tmp_path / "run", CPU, steps=6), silent)
    assert experiment.taken is not None and experiment.taken.path == ring
    told: list[str] = []
    settings = BranchSettings(experiment, {}, (), told.append, 1)
    faster = recipe_with(experiment.recipe, {"optimisers.generator.learning_rate": 1e-3})
    remedy = {"change": "a higher rate", "restart": True}
    made = settings.beginning(faster)
    source = RunFolder.open(ring).load_checkpoint(4).tensors
    for player, module in made.modules.items():
        for name, value in module.state_dict().items():
            assert torch.equal(value, source[f"network/{player}/{name}"]), name
    branch = train_branch(settings, run, Trial("not-learning", 1, remedy, faster), tmp_path / "branch")
    assert branch.outcome.status == "finished" and any(f"from the weights of {ring}" in one for one in told)
    assert RunFolder.open(tmp_path / "branch").environment["from"]["path"] == str(ring)


def test_weights_that_have_changed_since_are_not_taken_for_a_branch(ring: Path, tmp_path: Path) -> None:
    source = shutil.copytree(ring, tmp_path / "source")
    experiment = plan("ring", recipe(), CPU).started_from(source)
    resume(Resumption(source, CPU, steps=6), notify=silent)
    settings = BranchSettings(experiment, {}, (), silent, 1)
    settings.beginning(experiment.recipe)  # the checkpoint of that step is still kept
    shutil.rmtree(source / "checkpoints/step-00000004")
    with refused("training.weights-changed"):
        settings.beginning(experiment.recipe)


def test_it_is_told_and_a_run_that_dies_before_its_first_checkpoint_goes_on_from_there(
    ring: Path, tmp_path: Path
) -> None:
    told: list[str] = []
    begin(plan("ring", recipe(), CPU).started_from(ring), tmp_path / "whole", notify=told.append)
    assert any("were taken" in sentence and str(ring) in sentence for sentence in told)
    assert RunFolder.open(tmp_path / "whole").environment["from"]["path"] == str(ring)

    def die(context: StepContext) -> None:
        raise RuntimeError("the machine is gone")

    with pytest.raises(RuntimeError, match="gone"):
        begin(
            plan("ring", recipe(), CPU).started_from(ring), tmp_path / "cut", callbacks=[die], notify=silent
        )
    resume(Resumption(tmp_path / "cut", CPU), notify=silent)
    ended, wanted = (RunFolder.open(tmp_path / one).load_checkpoint(4).trained for one in ("cut", "whole"))
    assert all(torch.equal(ended[name], value) for name, value in wanted.items())
    fresh = tmp_path / "fresh"
    begin(plan("ring", recipe(), CPU), fresh, notify=silent)
    other = RunFolder.open(fresh).load_checkpoint(4).trained
    assert not torch.equal(other["network/generator/0.weight"], wanted["network/generator/0.weight"])
