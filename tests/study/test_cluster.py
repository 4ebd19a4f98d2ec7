"""Units as tasks of a cluster: what is submitted when, what is tried again, and a node that is killed."""

import importlib.util
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from small_studies import FOUR, four, results_of, small

from poise.errors import PoiseError
from poise.studies import scheduling
from poise.studies.finishing import Workforce
from poise.studies.folder import StudyFolder
from poise.studies.preparing import prepare
from poise.studies.progress import standing
from poise.studies.scheduling import Ended, train_unit, work_by


class Here:
    """A scheduler that trains in this process, one unit at each look, and may begin with other ends."""

    def __init__(self, folder: StudyFolder, *ends: Ended | Callable[[], Ended]) -> None:
        self.folder, self.ends = folder, list(ends)
        self.queue: list[str] = []
        self.submitted: list[str] = []
        self.cancelled = False

    def submit(self, unit: str) -> None:
        assert unit not in self.queue
        self.queue.append(unit)
        self.submitted.append(unit)

    def ended(self, seconds: float) -> dict[str, Ended]:
        if not self.queue:
            time.sleep(0.001)
            return {}
        unit = self.queue.pop(0)
        if self.ends:
            end = self.ends.pop(0)
            return {unit: end if isinstance(end, Ended) else end()}
        words = train_unit(str(self.folder.path), unit, [])
        return {unit: Ended(**json.loads(json.dumps(words)))}

    def cancel(self) -> None:
        self.cancelled = True


ONE = {"trials": 2, "seeds": 0, "recipes": ("lucic/minimax",)}


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StudyFolder:
    monkeypatch.setattr(scheduling, "AGAIN", 0.01)
    folder = StudyFolder(tmp_path / "study")
    prepare(small(**ONE), folder)
    return folder


def by(scheduler: Here) -> int:
    return work_by(scheduler, scheduler.folder, lambda sentence: None, lambda: None)


def test_a_cluster_comes_to_what_one_process_comes_to(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "study")
    plan = prepare(small(**FOUR), folder)
    here = Here(folder)
    assert by(here) == 0
    searched = [trial.name for trial in plan.search()]
    assert here.submitted[: len(searched)] == searched  # in the order of the plan
    assert sorted(here.submitted) == sorted(unit.name for unit in folder.units())  # each once
    assert results_of(folder) == results_of(four()) and len(folder.results()) == 4


def test_what_ends_without_results_is_submitted_again(study: StudyFolder) -> None:
    here = Here(study, Ended("held"), Ended("stopped"), Ended("done"))
    assert by(here) == 0
    assert standing(study).stage == "finished"
    first, second = (unit.name for unit in study.units())
    assert here.submitted[:2] == [first, second]
    assert sorted(here.submitted[2:]) in ([first, first, second], [first, second, second])


def test_a_unit_that_another_worker_holds_is_left_to_it(study: StudyFolder) -> None:
    unit = study.units()[0]
    claim = study.path / "claims" / unit.name
    claim.write_text("another-machine 12", encoding="utf-8")
    assert train_unit(str(study.path), unit.name, [])["outcome"] == "held"
    assert not study.has_result(unit.name)


WORDS = ("It is broken", "room.broken", "it fell", "mend it")


def test_what_cannot_be_trained_ends_the_study_with_its_words(study: StudyFolder) -> None:
    here = Here(study, Ended("failed", dict(zip(("what", "code", "why", "hint"), WORDS, strict=True))))
    with pytest.raises(PoiseError) as caught:
        by(here)
    error = caught.value
    assert (error.what, error.code, error.why, error.hint) == WORDS
    assert here.cancelled


def test_a_signal_cancels_what_runs(study: StudyFolder) -> None:
    def interrupted() -> Ended:
        os.kill(os.getpid(), signal.SIGINT)
        return Ended("stopped")

    here = Here(study, interrupted)
    assert by(here) == 130
    assert here.cancelled


def test_a_machine_that_does_not_see_the_folder_says_so(tmp_path: Path) -> None:
    ended = train_unit(str(tmp_path), "any", [])
    assert (ended["outcome"], ended["error"]["code"]) == ("failed", "studies.not-on-node")
    assert str(tmp_path) in ended["error"]["what"]


def test_parts_that_a_machine_does_not_see_are_named(study: StudyFolder) -> None:
    ended = train_unit(str(study.path), study.units()[0].name, ["/nowhere/parts.py"])
    assert (ended["outcome"], ended["error"]["code"]) == ("failed", "extension.unreadable-file")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (Workforce(workers=0), "studies.no-workers"),
        (Workforce(processors=0), "studies.no-workers"),
        (Workforce(workers=2, cluster="ray"), "studies.workers-and-cluster"),
    ],
)
def test_who_cannot_train_is_refused(asked: Workforce, code: str) -> None:
    with pytest.raises(PoiseError) as caught:
        asked.check()
    assert caught.value.code == code


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(PoiseError) as caught:
        Workforce(cluster="ray").check()
    assert caught.value.code == "studies.needs-ray"
    assert "poise[cluster]" in caught.value.hint


needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")


@needs_ray
@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "nowhere", "ray"])
def test_a_cluster_that_is_not_there_is_one_sentence(study: StudyFolder, address: str) -> None:
    from poise.studies.ray_cluster import ray_cluster

    with pytest.raises(PoiseError) as caught, ray_cluster(address, study, 1, lambda sentence: None):
        pass
    assert caught.value.code == "studies.no-cluster"
    assert "\n" not in caught.value.sentence


@needs_ray
def test_the_trial_of_a_node_that_is_killed_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    from benchmarks.study.nodes import contents, kill_a_node, planned, resume

    uninterrupted, killed = (planned(tmp_path / name, "300k-images") for name in ("whole", "killed"))
    assert resume(uninterrupted).wait() == 0
    seen = kill_a_node(killed)
    assert seen["exit_status"] == 0
    assert seen["saved_step"] > 0
    assert contents(killed) == contents(uninterrupted)
