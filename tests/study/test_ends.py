"""A trial ends early for two reasons alone: a value that is not finite, and samples that are all the same."""

from pathlib import Path

import pytest
import torch
from small_studies import NETWORKS, small
from torch import Tensor, nn

from poise.run_folder import RunFolder
from poise.studies.folder import StudyFolder
from poise.studies.preparing import prepare
from poise.studies.results import table_of
from poise.studies.running import work
from poise.training.ema import EmaGenerator


class Constant(nn.Module):
    """The generator of a trial that has collapsed."""

    def forward(self, latent: Tensor, *_: Tensor) -> Tensor:
        return torch.full((len(latent), 2), 0.25)


@pytest.mark.parametrize("stack", [1, 2])
def test_a_collapsed_trial_ends_and_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stack: int
) -> None:
    folder = StudyFolder(tmp_path / "study")
    asked = small(trials=2, seeds=0, recipes=("lucic/minimax",), stack=stack, budget="3200-images")
    plan = prepare(asked, folder)
    monkeypatch.setattr(EmaGenerator, "current", lambda self: Constant())
    assert work(folder, lambda sentence: None, on_unit=lambda: None) == 0
    for name, result in folder.results().items():
        assert (result["score"], result["failed"]) == (None, "mode-collapse")
        ended = RunFolder(folder.path / result["folder"]).read_json("ended")
        assert (ended["step"], ended["images_seen"]) == (60, 60 * 16), name  # the second check from 50 on
        assert result["images_seen"] == 960
        assert result["generator_steps"] * 16 == 960
    row = table_of(plan, folder.results()).rows[0]
    assert row.failed == 2
    assert row.failures[0] == ("Mode collapse, ended early", 2)


def test_a_trial_that_does_not_collapse_is_as_without_the_watch(tmp_path: Path) -> None:
    scores = []
    for on in ("true", "false"):
        folder = StudyFolder(tmp_path / on)
        settings = {**NETWORKS, "callbacks.doctor.on": False}
        asked = small(trials=1, seeds=0, recipes=("lucic/minimax",), settings=settings, budget="1280-images")
        prepare(asked, folder)  # twenty steps longer than until a second check
        with pytest.MonkeyPatch.context() as patch:
            if on == "false":
                patch.setattr("poise.studies.plan.BESIDE", {})
            assert work(folder, lambda sentence: None, on_unit=lambda: None) == 0
        (result,) = folder.results().values()
        scores.append(result["score"])
    assert scores[0] == scores[1] is not None
