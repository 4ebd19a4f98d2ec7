from __future__ import annotations

import shutil
from pathlib import Path

from .conftest import Cli, refused


def test_runs_side_by_side(cli: Cli, ring_run: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        shutil.copytree(ring_run, tmp_path / name)
    words = ("compare", "one", "two", "--metrics", "frechet-distance", "coverage")
    *rows, end = cli(*words, "--samples", "60", "--json").events
    assert [row["metric"] for row in rows] == [
        "frechet-distance",
        "precision",
        "recall",
        "density",
        "coverage",
    ]
    # The same generator twice: whatever is called best, the other is within chance of it.
    assert {cell["verdict"] for row in rows for cell in row["runs"].values()} == {"best", "within"}
    assert end["measured"] is True
    done = cli(*words[:3], "--metrics", "frechet-distance")
    assert done.status == 0 and "Fréchet distance: no difference beyond chance" in done.out
    whole = cli(*words, "--samples", "60").out
    assert "Fréchet distance, Precision, Recall, Density, Coverage: no difference beyond chance" in whole
    assert cli(*words[:3], "--metrics", "frechet-distance").out.endswith(
        "measured before, and saved in the runs\n"
    )


def test_one_run_is_refused(cli: Cli, ring_run: Path) -> None:
    refused(cli, "compare", ring_run, code="evaluation.one-run")
