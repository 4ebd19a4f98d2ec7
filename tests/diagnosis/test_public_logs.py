"""Real logs of public programs: their columns are guessed, and what their runs came to is said."""

from __future__ import annotations

import json
from typing import Any

import pytest
from benchmarks.public_logs import FOLDER, PAGE, Outcome, outcomes, page

RUNS: list[dict[str, Any]] = json.loads((FOLDER / "runs.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def found() -> dict[str, Outcome]:
    return {one.run["file"]: one for one in outcomes()}


def test_there_are_thirty_logs_of_eight_programs_each_with_its_source_and_truth() -> None:
    assert len(RUNS) >= 30 and len({run["program"] for run in RUNS}) >= 8
    assert all(run["source"] and run["truth"] for run in RUNS)
    assert {file.name for file in FOLDER.iterdir()} == {"runs.json", *(run["file"] for run in RUNS)}


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run["file"])
def test_the_columns_of_a_log_are_guessed_and_its_run_is_judged(
    run: dict[str, Any], found: dict[str, Outcome]
) -> None:
    one = found[run["file"]]
    assert one.columns == run["columns"]
    assert one.readings > 0
    if run["ended"] == "well":
        assert one.status in ("OK", "WATCH")
    else:
        assert one.findings


def test_runs_that_ended_well_are_seldom_even_watched(found: dict[str, Outcome]) -> None:
    well = [one for one in found.values() if one.run["ended"] == "well"]
    assert sum(one.status == "OK" for one in well) >= 0.75 * len(well)


def test_the_page_is_as_the_code_has_it(found: dict[str, Outcome]) -> None:
    text = page(list(found.values()))
    assert PAGE.read_text(encoding="utf-8") == text, "run: python -m benchmarks.public_logs"
