"""What does not fit is refused in one sentence, before the first trial, and nothing is written."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_studies import BRIEF, NETWORKS, small

from poise.errors import PoiseError
from poise.studies.asking import read_budget
from poise.studies.folder import StudyFolder
from poise.studies.plan import Plan
from poise.studies.preparing import prepare, rows_for
from poise.studies.running import work
from poise.text import short_path


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"budget": "100-images"}, "studies.budget-too-small"),
        ({"budget": "0.001s", "recipes": ("lucic/minimax",)}, "studies.budget-too-short"),
        ({"budget": "soon"}, "studies.budget-unread"),
        ({"trials": 0}, "studies.bad-number"),
        ({"recipes": ()}, "studies.no-recipes"),
        ({"recipes": ("lucic/dragn",)}, "unknown-recipe"),
        ({"recipes": ("pix2pix",)}, "studies.recipe-not-scored"),
        ({"settings": {}}, "studies.recipe-unfit"),  # InfoGAN's networks make no points
        ({"settings": {**NETWORKS, "generator.widht": 8}}, "studies.recipe-unfit"),
        ({"settings": {"batch_sise": 8}}, "unknown-setting"),
        ({"space": "narow"}, "studies.unknown-space"),
        ({"data": "no-such-data"}, "data.not-found"),
        ({"criterion": "triangle-f1"}, "studies.criterion-unfit"),
        ({"criterion": "triangle-f2"}, "unknown-criterion"),
    ],
)
def test_it_is_refused_and_nothing_is_written(tmp_path: Path, changes: dict[str, Any], code: str) -> None:
    with pytest.raises(PoiseError) as caught:
        prepare(small(**changes), StudyFolder(tmp_path / "study"))
    assert caught.value.code == code
    assert caught.value.hint
    assert not (tmp_path / "study").exists()


def test_too_few_reals_come_with_the_number_that_is_needed(tmp_path: Path) -> None:
    few = tmp_path / "few.npy"
    np.save(few, np.random.default_rng(0).standard_normal((120, 2)).astype(np.float32))
    with pytest.raises(PoiseError) as caught:
        prepare(small(data=str(few)), StudyFolder(tmp_path / "study"))
    assert caught.value.code == "studies.too-few-reals"
    assert "300 samples" in caught.value.hint


def test_a_folder_of_another_plan_is_refused_with_the_difference(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "study")
    prepare(small(), folder)
    before = (folder.path / "plan.json").read_bytes()
    with pytest.raises(PoiseError) as caught:
        prepare(small(seed=1, budget="3k-images"), folder)
    assert caught.value.code == "studies.another-plan"
    assert "2000 in the folder, 3000 now" in caught.value.sentence
    assert any("seed" in line for line in (caught.value.why, *caught.value.details))
    assert (folder.path / "plan.json").read_bytes() == before
    assert prepare(small(), folder) == folder.plan


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(PoiseError) as caught:
        prepare(small(), StudyFolder(tmp_path))
    assert caught.value.code == "studies.not-empty"
    with pytest.raises(PoiseError) as caught:
        StudyFolder.open(tmp_path)
    assert caught.value.code == "studies.not-a-study"


def test_a_study_that_two_begin_at_once_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = StudyFolder(tmp_path / "study")
    create = StudyFolder.create

    def late(self: StudyFolder, plan: Plan) -> bool:
        monkeypatch.setattr(StudyFolder, "create", create)
        prepare(small(trials=5), StudyFolder(self.path))  # another process is faster
        return create(self, plan)

    monkeypatch.setattr(StudyFolder, "create", late)
    assert prepare(small(), folder).trials == 5


def test_a_time_becomes_images_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = StudyFolder(tmp_path / "study")
    first = prepare(small(budget="20s"), folder)
    assert first.budget.images > 1_000
    assert "images a second of 'lucic/" in first.budget.measured

    def never(*_: Any) -> Any:
        raise AssertionError("a plan that is there is not rehearsed again")

    monkeypatch.setattr("poise.studies.preparing.rehearsed", never)
    assert prepare(small(budget="20s", trials=5), folder).budget == first.budget


def test_data_in_memory_are_saved_in_the_folder(tmp_path: Path) -> None:
    array = np.random.default_rng(0).standard_normal((1_200, 2)).astype(np.float32)
    folder = StudyFolder(tmp_path / "study")
    plan = prepare(small(data=array), folder)
    assert plan.data["value"] == str(folder.path / "data.npy")
    assert np.array_equal(np.load(folder.path / "data.npy"), array)


def test_budgets_are_read_as_people_write_them() -> None:
    for text in ("1M-images", "1m images", "1000k", "1,000,000"):
        if text == "1m images":
            assert read_budget(text) == (1_000_000, None)
        else:
            assert read_budget(text)[0] == 1_000_000
    assert read_budget("1h30m") == (None, 5_400.0)


def test_a_disk_that_refuses_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("poise.studies.folder.write_whole", full)
    with pytest.raises(PoiseError) as caught:
        prepare(small(), StudyFolder(tmp_path / "study"))
    assert caught.value.code == "studies.cannot-write"
    assert "no space left" in caught.value.sentence


def test_a_run_that_cannot_be_saved_names_the_command_of_the_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = StudyFolder(tmp_path / "study")
    prepare(small(trials=1, seeds=0, **BRIEF), folder)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("poise.run_folder.folder.RunFolder.save_checkpoint", full)
    with pytest.raises(PoiseError) as caught:
        work(folder, lambda sentence: None, on_unit=lambda: None)
    assert (caught.value.code, caught.value.exit_status) == ("studies.trial-not-saved", 5)
    assert f"poise study resume {short_path(folder.path)}" in caught.value.hint
    monkeypatch.undo()
    assert work(folder, lambda sentence: None, on_unit=lambda: None) == 0


def test_of_many_rows_two_thousand_score() -> None:
    class Rows:
        name = "many"

        def __len__(self) -> int:
            return 1_000_000

    assert rows_for(Rows()) == 2_000  # type: ignore[arg-type]  # only counted


def test_classes_are_divided_with_their_rows() -> None:
    from poise.data import ThreeSets, open_data

    sets = ThreeSets("digits", seed=3, choosing=300, scoring=300)
    training = open_data(sets)
    scoring = open_data(ThreeSets("digits", 3, 300, 300, part="scoring"))
    whole = open_data("digits")
    assert training.held_out is not None
    rows = [one.rows for one in (training, training.held_out, scoring)]
    assert sorted(np.concatenate([np.asarray(own) for own in rows])) == list(range(1797))
    for part in (training, training.held_out, scoring):
        assert part.labels is not None
        assert whole.labels is not None
        assert np.array_equal(part.labels, whole.labels[np.asarray(part.rows)])
    other = open_data(sets, seed=99)  # another run's seed
    assert other.fingerprint == training.fingerprint
