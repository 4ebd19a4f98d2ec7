"""Rows of a table on the command line: files, conditions, missing cells."""

from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Cli, refused

PEOPLE = Path(__file__).parents[1] / "fixtures" / "people.csv"


@pytest.fixture
def run(cli: Cli) -> str:
    words = ("--steps", "2", "--batch-size", "40", "--set", "generator.components=4", "--doctor", "off")
    assert cli("train", str(PEOPLE), "--out", "people", *words).status == 0
    return "people"


def test_rows_conditions_and_missing_cells(cli: Cli, run: str) -> None:
    done = cli("sample", run, "-n", "30", "--out", "rows.csv", "--where", "age > 40 and member == 'yes'")
    assert done.status == 0 and "probability" in done.out
    header, *rows = Path("rows.csv").read_text().splitlines()
    assert header == PEOPLE.read_text().splitlines()[0] and len(rows) == 30
    assert all(int(row.split(",")[0]) > 40 and row.endswith(",yes") for row in rows)

    Path("gaps.csv").write_text("\n".join([header, "40,,,,Oslo,Norway,,,", "NA,,,,Oslo,Norway,,,"]) + "\n")
    done = cli("impute", run, "gaps.csv", "--draws", "2", "--out", "filled/")
    assert done.status == 0 and "13 missing cells of 2 rows" in done.out
    for number in (1, 2):
        row, other = Path(f"filled/gaps-{number}.csv").read_text().splitlines()[1:]
        assert row.startswith("40,") and ",Oslo,Norway," in row and all(row.split(","))
        assert int(other.split(",")[0]) > 0 and all(other.split(","))

    done = cli("impute", run, "gaps.csv", "--out", "whole")
    assert done.status == 2 and "'whole'" in done.err and not Path("whole").exists()

    Path("other.csv").write_text("mine\n")
    assert cli("sample", run, "--out", "other.csv").status == 2 and Path("other.csv").read_text() == "mine\n"
    refused(cli, "sample", run, "--where", "aeg > 3", code="unknown-column")
    refused(cli, "sample", run, "--where", "age > 3", "--truncation", "0.5", code="cli.not-of-rows")
