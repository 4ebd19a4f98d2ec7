"""Rungs of a search: nested subsets of rows, and shares of the budget; the best go on, the others are cut."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_studies import QUICK, finished, small

from poise.data import ThreeSets, open_data
from poise.errors import PoiseError
from poise.run_folder import RunFolder
from poise.studies.asking import rungs_of
from poise.studies.choosing import cut_trials, score_of, survivors, wanted
from poise.studies.folder import StudyFolder
from poise.studies.plan import Rung
from poise.studies.preparing import prepare
from poise.studies.progress import standing
from poise.studies.report import write_report
from poise.studies.results import table_of
from poise.studies.statistics import rank_agreement

ONE: dict[str, Any] = {
    "recipes": ("lucic/minimax",),
    "seeds": 0,
    "shortlist": 1,
    "budget": "640-images",
    "space": QUICK,
}


@pytest.fixture(scope="module")
def laddered(tmp_path_factory: pytest.TempPathFactory) -> StudyFolder:
    path = tmp_path_factory.mktemp("rungs") / "study"
    return finished(path, trials=4, ladder="500,all", stop_early=0.5, **ONE)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> StudyFolder:
    return finished(tmp_path_factory.mktemp("plain") / "study", trials=4, **ONE)


def test_the_best_of_each_rung_go_on(laddered: StudyFolder) -> None:
    plan, results = laddered.plan, laddered.results()
    name = "lucic/minimax"
    assert plan.ladder == [Rung(rows=500), Rung(share=0.5), Rung()]
    assert plan.counts() == [4, 2, 1]
    for index, count in enumerate(plan.counts()[1:], 1):
        before = survivors(plan, results, name, index - 1) or ()
        ranked = sorted((score_of(results, plan.trial(name, n, plan.ladder[index - 1])), n) for n in before)
        assert survivors(plan, results, name, index) == [n for _, n in ranked[:count]]
    assert {trial.name for trial in wanted(plan, results)} == results.keys()
    assert len(results) == 7
    stands = standing(laddered)
    assert (stands.stage, stands.planned, stands.images_left) == ("finished", 7, 0)
    assert stands.images == 4 * 640 + 2 * 320 + 320


def test_a_trial_that_goes_on_from_a_share_is_the_one_that_never_paused(
    laddered: StudyFolder, plain: StudyFolder
) -> None:
    whole = [one for one in laddered.results().values() if one["rung"] == {"rows": None, "share": 1.0}]
    (last,) = whole
    alone = plain.results()[last["name"]]
    of_the_clock = {"seconds", "findings"}  # the doctor checks as often as a share of the time allows
    assert {name: last[name] for name in last.keys() - of_the_clock} == {
        name: alone[name] for name in alone.keys() - of_the_clock
    }
    assert len(RunFolder.open(laddered.path / last["folder"]).lines("history")) > 0


def test_cut_trials_are_called_cut_and_neither_finished_nor_failed(laddered: StudyFolder) -> None:
    plan, results = laddered.plan, laddered.results()
    assert len(cut_trials(plan, results, "lucic/minimax")) == 3
    (row,) = table_of(plan, results).rows
    assert (row.trials, row.cut, row.failed) == (4, 3, 0)
    most: dict[str, int] = {}
    for one in results.values():
        most[one["folder"]] = max(most.get(one["folder"], 0), one["images_seen"])
    assert row.cost.images == sum(most.values())
    paused = next(one for one in results.values() if one["name"].endswith("-to-50"))
    step = 16 * paused["discriminator_steps"] // paused["generator_steps"]
    assert 320 <= paused["images_seen"] < 320 + step  # half of the budget
    page = write_report(laddered).read_text("utf-8")
    assert "cut at 500 rows" in page
    assert "500 rows against 50 % of the budget: Kendall" in page
    assert "nothing was trained again with fresh seeds" in page
    assert "cut at 50 % of the budget" in page


def test_few_rows_are_those_that_more_begin_with_and_hold_every_class() -> None:
    parts = [open_data(ThreeSets("digits", 3, 300, 300, rows=count)) for count in (100, 400, None)]
    rows = [set(np.asarray(part.rows).tolist()) for part in parts]
    assert [len(own) for own in rows] == [100, 400, 1_197]
    assert rows[0] < rows[1] < rows[2]
    for part in parts[:2]:
        counts = np.bincount(np.asarray(part.labels), minlength=10)
        whole = np.bincount(np.asarray(parts[2].labels), minlength=10)
        assert np.abs(counts - whole * len(part) / 1_197).max() <= 1
    assert len({part.fingerprint for part in parts}) == 3
    scored = [open_data(ThreeSets("digits", 3, 300, 300, "scoring", rows)) for rows in (100, None)]
    assert scored[0].fingerprint == scored[1].fingerprint


def test_a_rank_agreement_is_kendalls_and_its_interval_covers() -> None:
    from scipy import stats

    stream = np.random.default_rng(0)
    one, other = stream.standard_normal((2, 12))
    assert rank_agreement([(one.tolist(), other.tolist())]).tau == pytest.approx(
        stats.kendalltau(one, other).statistic
    )
    for correlation in (0.0, 0.6, 0.9):
        true = 2 / math.pi * math.asin(correlation)
        inside = told = 0
        for _ in range(400):
            orders = []
            for _ in range(3):
                first, noise = stream.standard_normal((2, 10))
                orders.append(
                    (first.tolist(), (correlation * first + math.sqrt(1 - correlation**2) * noise).tolist())
                )
            found = rank_agreement(orders)
            assert found.interval is not None
            inside += found.interval[0] <= true <= found.interval[1]
            told += found.ranks
        assert inside / 400 > 0.91, correlation
        assert told / 400 < 0.05 if correlation == 0 else told / 400 > 0.8


def test_too_few_settings_do_not_rank() -> None:
    found = rank_agreement([([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])])
    assert (found.tau, found.interval, found.ranks) == (1.0, None, False)
    assert rank_agreement([([1.0], [math.inf])]).tau is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"ladder": "500,2000"}, "studies.ladder-unread"),
        ({"ladder": "500,200,all"}, "studies.ladder-unread"),
        ({"ladder": "some,all"}, "studies.ladder-unread"),
        ({"ladder": "10,all"}, "studies.rung-unfit"),
        ({"ladder": "200000,all"}, "studies.rung-unfit"),
        ({"stop_early": 0.1}, "studies.stop-too-early"),
        ({"stop_early": 1.0}, "studies.stop-too-early"),
        ({"ladder": "500,all", "going_on": 1.5}, "studies.bad-share"),
    ],
)
def test_what_is_no_rung_is_refused(tmp_path: Path, changes: dict[str, object], code: str) -> None:
    with pytest.raises(PoiseError) as caught:
        prepare(small(**changes), StudyFolder(tmp_path / "study"))
    assert caught.value.code == code
    assert not (tmp_path / "study").exists()


def test_shares_double_until_the_whole() -> None:
    assert [one.share for one in rungs_of(None, 0.2, 0.5, rows=1_000)] == [0.2, 0.4, 0.8, 1.0]
    assert rungs_of(None, None, 0.5, rows=1_000) == []
