"""What a run will take: it is found out without touching the run, and what does not fit is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from poise.errors import PoiseError
from poise.recipes import RECIPES, recipe_with
from poise.run_folder import RunFolder
from poise.training import Experiment, begin, plan, rehearsal
from poise.training.batches import training_batches
from poise.training.rehearsal import BESIDE, Rehearsal, check_memory, rehearse, remembered_bytes, within
from poise.training.state import tensors_of

CPU = torch.device("cpu")
PACE = Rehearsal(step_seconds=0.01, images_per_second=800.0, seconds=0.0, memory=0)
ASKED = recipe_with(RECIPES["non-saturating"], {"batch_size": 8})


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return plan("digits", ASKED, CPU)


def test_it_leaves_networks_optimisers_and_random_streams_as_they_are(experiment: Experiment) -> None:
    before = {name: value.clone() for name, value in tensors_of(experiment.components).items()}
    stream = torch.get_rng_state()
    found = rehearse(experiment)
    assert found is not None
    assert torch.equal(stream, torch.get_rng_state())
    after = tensors_of(experiment.components)
    assert before.keys() == after.keys()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert found.step_seconds > 0
    assert found.images_per_second == pytest.approx(8 / found.step_seconds)
    training = BESIDE * found.step_seconds * (experiment.recipe.steps or 0)
    assert found.picture_seconds > 0
    assert found.seconds == pytest.approx(training + found.picture_seconds)
    assert found.of(0).seconds == found.picture_seconds


def test_what_a_step_remembers_grows_with_the_batch(experiment: Experiment) -> None:
    sizes = {}
    for batch in (2, 16):
        recipe = experiment.recipe.model_copy(update={"batch_size": batch})
        sampler = training_batches(recipe, experiment.dataset, CPU, drawn=0)
        sizes[batch] = remembered_bytes(experiment.components, sampler.next(1))
    # But for what does not depend on the batch, such as the statistics of normalisation
    assert sizes[16] == pytest.approx(8 * sizes[2], rel=0.05)
    # The fakes and the reals alone are 2 x 16 x 64 numbers of four bytes
    assert sizes[16] > 2 * 16 * 64 * 4


def test_a_run_that_needs_more_memory_than_there_is_names_the_batch_that_fits(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = check_memory(experiment)
    monkeypatch.setattr(rehearsal, "free_memory", lambda device: needed - 1)
    with pytest.raises(PoiseError) as refused:
        check_memory(experiment)
    assert refused.value.code == "training.too-little-memory"
    fitting = int(str(refused.value.hint).split()[-1])
    assert fitting == 7
    recipe = experiment.recipe.model_copy(update={"batch_size": fitting})
    smaller = replace(experiment, components=replace(experiment.components, recipe=recipe))
    assert check_memory(smaller) < needed


def test_a_budget_becomes_steps_that_stand_in_the_recipe(experiment: Experiment) -> None:
    an_hour = within(experiment, PACE, 3600.0)
    steps = an_hour.recipe.steps or 0
    assert 0.95 * 3600 < steps * 0.01 * BESIDE < 3600
    assert an_hour.recipe.sample_every == round(steps / 40)
    two_hours = within(experiment, PACE, 7200.0)
    assert (two_hours.recipe.steps or 0) - steps == pytest.approx(3600 / 0.01 / BESIDE, abs=1)
    assert PACE.of(steps).seconds == pytest.approx(steps * 0.01 * BESIDE)


def test_a_budget_keeps_the_weights_that_a_run_begins_with(experiment: Experiment, tmp_path: Path) -> None:
    begin(within(experiment, PACE, 1.0), tmp_path / "first", notify=lambda sentence: None)
    shorter = within(experiment.started_from(tmp_path / "first"), PACE, 2.0)
    saved = RunFolder.open(tmp_path / "first").load_checkpoint(shorter.taken.step if shorter.taken else 0)
    weights = shorter.components.modules["generator"].state_dict()
    assert all(
        torch.equal(value, saved.tensors[f"network/generator/{name}"]) for name, value in weights.items()
    )


def test_a_budget_for_next_to_nothing_is_refused(experiment: Experiment) -> None:
    pace = Rehearsal(step_seconds=1.0, images_per_second=8.0, seconds=0.0, memory=0)
    with pytest.raises(PoiseError) as refused:
        within(experiment, pace, 15.0)
    assert refused.value.code == "training.budget-too-short"
