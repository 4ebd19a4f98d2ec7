"""Workers claim trials, die at any moment, and lose nothing: with real processes."""

import os
import signal
import subprocess
import sys
import time
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import pytest
from small_studies import BRIEF, FOUR, finished, four, results_of, small, whole

from forks import forked
from poise.cli import main
from poise.errors import PoiseError
from poise.run_folder import RunFolder
from poise.studies.choosing import chosen, score_of, shortlist, wanted
from poise.studies.folder import LEASE, StudyFolder, Unit
from poise.studies.preparing import expected_seconds, prepare
from poise.studies.progress import images_of, runs_of, standing
from poise.studies.running import work, work_together
from poise.studies.trials import sets_of
from poise.training.single import SingleState
from poise.training.state import Position


@pytest.fixture(scope="module")
def done() -> StudyFolder:
    return whole()


def test_a_study_searches_screens_and_confirms(done: StudyFolder) -> None:
    plan, results = done.plan, done.results()
    found = standing(done)
    assert (found.stage, found.done, found.planned) == ("finished", 22, 22)  # 2 x (3 + 2 x 3 + 2)
    assert runs_of(plan) == {"search": 6, "screening": 12, "confirmation": 4}
    assert images_of(plan) == found.images == 22 * plan.budget.images
    assert {trial.name for trial in wanted(plan, results)} == results.keys()
    for name in plan.recipes:
        scores = [score_of(results, plan.trial(name, number)) for number in range(3)]
        assert shortlist(plan, results, name) == sorted(range(3), key=scores.__getitem__)[:2]
        assert chosen(plan, results, name) in shortlist(plan, results, name)


def test_what_all_runs_take_is_known_before_unless_they_are_stacked(done: StudyFolder) -> None:
    sets = sets_of(done.plan)
    seconds = expected_seconds(done.plan, sets)
    assert seconds is not None and 0 < seconds < 3_600
    assert expected_seconds(done.plan.model_copy(update={"stack": 5}), sets) is None


def test_a_trial_is_a_run_folder_like_any_other(done: StudyFolder) -> None:
    result = done.results()["lucic-wasserstein-0001"]
    run = RunFolder.open(done.path / result["folder"])
    assert run.status == "finished"
    assert run.recipe["optimisers"]["generator"]["beta1"] == result["settings"]["optimisers.generator.beta1"]
    assert run.recipe["seed"] == result["seed"]
    assert run.data["origin"]["sets"]["choosing"] == done.plan.choosing
    assert (run.path / "checkpoints" / "best").is_dir()


def test_all_recipes_see_the_same_images_whatever_a_step_holds(done: StudyFolder) -> None:
    for result in done.results().values():
        per_step = 4 * (result["discriminator_steps"] // result["generator_steps"])
        assert 160 - per_step < result["images_seen"] <= 160
    assert len({one["discriminator_steps"] // one["generator_steps"] for one in done.results().values()}) == 2


def test_workers_that_are_killed_lose_nothing(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "killed")
    prepare(small(**FOUR), folder)
    for kill in range(2):
        killed_within_the_second(folder, 1 + 9 * kill)
        assert folder.count() == kill + 1
    assert standing(folder).stage != "finished"
    assert work(folder, lambda sentence: None, on_unit=lambda: None) == 0
    assert results_of(folder) == results_of(four()) and len(folder.results()) == 4


def killed_within_the_second(folder: StudyFolder, step: int) -> None:
    """A worker in a process of its own that dies in a step of the second trial that it trains."""
    child = os.fork()
    if child == 0:
        train_step, begun = SingleState.step, count()

        def until(state: SingleState, position: Position) -> int:
            if position.step == step and next(begun) == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            return train_step(state, position)

        SingleState.step = until  # type: ignore[method-assign, assignment]  # of this process alone
        try:
            work(folder, lambda sentence: None, on_unit=lambda: None)
        finally:
            os._exit(3)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def test_a_signal_stops_a_worker_that_saves_and_the_same_command_goes_on(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "stopped")
    prepare(small(budget="200k-images", trials=1, seeds=0, recipes=("lucic/minimax",)), folder)
    run = RunFolder(folder.path / "trials" / "lucic-minimax-0000")
    with forked(lambda: main(["study", "resume", str(folder.path)])) as worker:
        while not run.lines("history"):
            assert worker.running
            time.sleep(0.05)
        worker.send_signal(signal.SIGINT)
        said, _ = worker.wait()
    assert worker.status == 130
    assert "poise study resume" in said
    assert run.checkpoint_steps()
    assert folder.count() == 0


def test_a_result_that_is_damaged_is_measured_again(tmp_path: Path) -> None:
    folder = finished(tmp_path / "study", trials=1, seeds=0, recipes=("lucic/minimax",), **BRIEF)
    file = folder.path / "results" / "lucic-minimax-0000.json"
    before = file.read_bytes()
    file.write_bytes(before[:40])
    assert work(folder, lambda sentence: None, on_unit=lambda: None) == 0
    assert file.read_bytes() == before


def test_trials_that_are_added_leave_the_others_as_they_are(tmp_path: Path) -> None:
    asked: dict[str, Any] = {"seeds": 0, "stack": 2, **BRIEF}
    folder = finished(tmp_path / "study", trials=2, recipes=("lucic/minimax",), **asked)
    before, units = folder.results(), folder.units()
    prepare(small(trials=4, recipes=("lucic/minimax", "lucic/least-squares"), **asked), folder)
    assert folder.units()[: len(units)] == units
    names = [trial.name for unit in folder.units() for trial in unit.trials]
    assert len(names) == len(set(names)) == 8
    assert folder.results() == before
    assert folder.plan.trials == 4


def test_a_unit_is_claimed_once_and_the_claim_ends_with_the_process(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "study")
    prepare(small(), folder)
    unit = folder.units()[0]
    script = (
        "import sys, time; from poise.studies.folder import StudyFolder; s = StudyFolder(sys.argv[1]);"
        "u = s.units()[0]\nwith s.claimed(u) as mine:\n  print(mine, flush=True); time.sleep(600)"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", script, str(folder.path)], stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "True\n"
    with folder.claimed(unit) as mine:
        assert not mine
    assert folder.claimants()[0].startswith(f"{unit.name}: ")
    other.kill()
    other.wait()
    with folder.claimed(unit) as mine:
        assert mine


def test_the_lease_of_another_machine_holds_where_its_lock_does_not_reach(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "study")
    prepare(small(), folder)
    unit: Unit = folder.units()[0]
    claim = folder.path / "claims" / unit.name
    claim.write_text("another-machine 12", encoding="utf-8")
    with folder.claimed(unit) as mine:
        assert not mine
    stale = time.time() - LEASE - 1
    os.utime(claim, (stale, stale))
    with folder.claimed(unit) as mine:
        assert mine


class Worker:
    """What `Popen` starts, without the seconds that another start of Python and PyTorch takes."""

    def __init__(
        self, command: list[str], *, stdout: BinaryIO, stderr: BinaryIO, env: dict[str, str]
    ) -> None:
        assert command[:3] == [sys.executable, "-m", "poise"] and env["OMP_NUM_THREADS"]
        self.returncode: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            status = 3
            try:
                os.dup2(stdout.fileno(), 1)
                os.dup2(stderr.fileno(), 2)
                status = main(command[3:])
            finally:
                os._exit(status)

    def poll(self) -> int | None:
        if self.returncode is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if ended else None
        return self.returncode

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self) -> None:
        while self.poll() is None:
            time.sleep(0.01)


def test_many_workers_finish_a_study_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poise.studies.running.subprocess", SimpleNamespace(Popen=Worker))
    folder = StudyFolder(tmp_path / "study")
    prepare(small(trials=2, seeds=0, recipes=("lucic/minimax",), **BRIEF), folder)
    assert work_together(folder, 2, lambda: None) == 0
    assert standing(folder).stage == "finished"
    assert not folder.claimants()


def test_workers_that_cannot_go_on_end_the_study_with_what_they_said(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "study")
    prepare(small(trials=1, seeds=0, recipes=("lucic/minimax",)), folder)
    (folder.path / "plan.json").write_text("{", encoding="utf-8")
    with pytest.raises(PoiseError) as caught:
        work_together(folder, 1, lambda: None)
    assert caught.value.code in ("studies.workers-end", "studies.damaged-plan")
