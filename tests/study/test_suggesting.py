"""Suggested settings follow from the results alone, and are never used to compare recipes."""

import math
import shutil
import sys
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from small_studies import finished, small

from poise.errors import PoiseError
from poise.studies.folder import StudyFolder
from poise.studies.plan import BEGINNING, Plan
from poise.studies.preparing import prepare
from poise.studies.progress import standing
from poise.studies.report import write_report
from poise.studies.results import table_of
from poise.studies.running import work
from poise.studies.space import Space
from poise.studies.suggesting import suggested

pytest.importorskip("optuna")

ONE: dict[str, Any] = {
    "recipes": ("lucic/minimax",),
    "seeds": 0,
    "shortlist": 1,
    "search": "optuna",
    "evaluations": 1,
    "budget": "640-images",
    "space": Space.model_validate({
        "name": "rates",
        "settings": [
            {"paths": ["optimisers.generator.learning_rate"], "draw": "log", "low": 1e-5, "high": 1e-1},
            {"paths": ["optimisers.generator.beta1"], "draw": "uniform", "low": 0.0, "high": 0.9},
            {"paths": ["batch_size"], "draw": "choice", "values": [16, 32]},
        ],
    }),
}  # fmt: skip
RATE, BETA = "optimisers.generator.learning_rate", "optimisers.generator.beta1"


def told(plan: Plan, numbers: range) -> dict[str, dict[str, Any]]:
    """Results of a bowl whose least score is at a rate of 1e-2 and a beta of 0.5; some have none."""
    found = {}
    for number in numbers:
        trial = plan.trial("lucic/minimax", number)
        values = plan.defaults["lucic/minimax"] | trial.settings
        score = (math.log10(values[RATE]) + 2) ** 2 + (values[BETA] - 0.5) ** 2
        found[trial.name] = {"score": None if number % 7 == 3 else score}
    return found


def grown(tmp_path: Path, trials: int) -> tuple[Plan, dict[str, dict[str, Any]]]:
    plan = prepare(small(**ONE, trials=trials), StudyFolder(tmp_path / "study"), dry_run=True)
    while plan.drawn < trials:
        plan.remember(suggested(plan, told(plan, range(plan.drawn))))
    return plan, told(plan, range(trials))


def test_suggestions_are_a_function_of_the_results_and_better_than_chance(tmp_path: Path) -> None:
    plan, results = grown(tmp_path, 62)
    again, same = grown(tmp_path, 62)
    assert [one.settings for one in plan.search()] == [one.settings for one in again.search()]
    assert results == same
    late = [one["score"] for one in results.values() if one["score"] is not None][-24:]
    random = Plan.model_validate({**plan.to_json(), "searched_by": "random", "trials": 400})
    chance = [one["score"] for one in told(random, range(400)).values() if one["score"] is not None]
    assert median(late) < median(chance) / 2
    settings = [str(trial.settings) for trial in plan.search()]
    assert len(set(settings)) == 62
    for trial in plan.search()[1:]:
        assert 1e-5 <= float(trial.settings[RATE]) <= 1e-1
        assert trial.settings["batch_size"] in (16, 32)


def test_other_scores_make_other_suggestions(tmp_path: Path) -> None:
    plan = prepare(small(**ONE, trials=20), StudyFolder(tmp_path / "study"), dry_run=True)
    results = told(plan, range(BEGINNING))
    first = suggested(plan, results)
    turned = {
        name: {"score": None if one["score"] is None else -one["score"]} for name, one in results.items()
    }
    assert [one.number for one in first] == [10, 11, 12, 13]
    assert [one.settings for one in first] != [one.settings for one in suggested(plan, turned)]


def begun(path: Path, trials: int) -> None:
    """A study of which one trial was trained; the others have its result, with scores of the bowl."""
    folder = finished(path, trials=1, **ONE)
    prepare(small(trials=trials, **ONE), folder)
    (trained,) = folder.results().values()
    for number in range(1, trials):
        trial = folder.plan.trial("lucic/minimax", number)
        score = told(folder.plan, range(number, number + 1))[trial.name]
        folder.write_result(trial.name, {**trained, "name": trial.name, **trial.model_dump(), **score})


def test_a_search_that_is_interrupted_suggests_the_same(tmp_path: Path) -> None:
    begun(tmp_path / "begun", BEGINNING - 1)  # what is drawn at random, all but one
    folders = [
        Path(shutil.copytree(tmp_path / "begun", tmp_path / name)) for name in ("whole", "interrupted")
    ]
    whole, folder = map(StudyFolder, folders)
    for one in (whole, folder):
        prepare(small(trials=12, **ONE), one)
    assert work(whole, lambda sentence: None, on_unit=lambda: None) == 0

    class Killed(Exception):  # noqa: N818 - no error
        pass

    def killed() -> None:
        raise Killed

    for _ in range(2):  # each worker dies after one trial, and what it knew is gone
        with pytest.raises(Killed):
            work(StudyFolder(folder.path), lambda sentence: None, on_unit=killed)
        assert standing(folder).stage == "search"
    assert work(folder, lambda sentence: None, on_unit=lambda: None) == 0
    assert folder.plan.search() == whole.plan.search()
    assert (
        table_of(folder.plan, folder.results()).to_json() == table_of(whole.plan, whole.results()).to_json()
    )
    assert standing(folder).done == standing(folder).planned == 12
    assert prepare(small(trials=12, **ONE), folder).search() == whole.plan.search()
    assert "no independent draws" in write_report(folder).read_text("utf-8")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"recipes": ("lucic/minimax", "lucic/wasserstein")}, "studies.search-not-for-comparison"),
        ({"stop_early": 0.5}, "studies.search-with-rungs"),
        ({"search": "grid"}, "unknown-search"),
    ],
)
def test_what_it_is_not_for_is_refused(tmp_path: Path, changes: dict[str, Any], code: str) -> None:
    with pytest.raises(PoiseError) as caught:
        prepare(small(**{**ONE, **changes}), StudyFolder(tmp_path / "study"))
    assert caught.value.code == code


def test_without_the_library_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(PoiseError) as caught:
        prepare(small(**ONE), StudyFolder(tmp_path / "study"))
    assert caught.value.code == "studies.needs-optuna"
    assert "poise[search]" in caught.value.hint
