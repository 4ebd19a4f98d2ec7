"""The spread over many games: bands, and what they came to, against numbers written by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from poise.cli.events import SessionEnd
from poise.cli.verb import output
from poise.run_folder import RunFolder, write_games
from poise.web import write_report
from poise.web.charts import HIGH, LOW, history_charts, history_table, keep_extremes
from poise.web.games import open_findings, reached, spread_of

GAMES = 5


@pytest.fixture
def parent(tmp_path: Path) -> RunFolder:
    """Five games of three lines each, the last of which was lost before its third."""
    above = RunFolder.create(
        tmp_path / "many",
        recipe={"name": "minimax", "steps": 30},
        environment={},
        data={"name": "ring", "kind": "vector", "shape": [2], "count": 9},
    )
    rows = [{"run": f"seed-{seed}", "seed": seed, "settings": {}, "recipe": {}} for seed in range(GAMES)]
    write_games(above, rows)
    for seed in range(GAMES):
        run = RunFolder.create(above.path / f"seed-{seed}", recipe={}, environment={}, data={})
        for step in (10, 20, 30)[: 2 if seed == GAMES - 1 else 3]:
            run.append("history", {"step": step, "seconds": 1.0, "generator_loss": float(step + seed**2)})
            for metric, value, better in (("modes", 8 - seed, "higher"), ("reverse_kl", seed / 10, "lower")):
                run.append(
                    "metrics", {"step": step, "metric": metric, "value": value + step, "better": better}
                )
        judged = {"step": 20, "by": "evaluate", "value": 0.5, "better": "higher"}
        for metric in ("modes", "recall") if seed == 1 else ():
            run.append("metrics", {**judged, "metric": metric})
    for step in (10, 20, 30):
        above.append("history", {"step": step, "seconds": 1.0, "games": 5, "generator_loss": step + 4.0})
    return above


def test_bands_are_quantiles_over_the_games_that_have_the_step(parent: RunFolder) -> None:
    history = history_table(parent.lines("history"))
    spread = spread_of(parent, history)
    assert spread is not None and set(spread.bands) == {f"{LOW}generator_loss", f"{HIGH}generator_loss"}
    low, high = spread.bands[f"{LOW}generator_loss"], spread.bands[f"{HIGH}generator_loss"]
    # By hand: between the first two and the last two, at tenths of the four (or three) gaps.
    assert (low[0], high[0]) == pytest.approx((10.4, 23.2), rel=1e-12)
    assert (low[2], high[2]) == pytest.approx((30.3, 37.5), rel=1e-12)
    charts = history_charts(keep_extremes({**history, **spread.bands}))
    ((line,),) = (chart.series for chart in charts)
    assert (line.key, line.low, line.high) == ("generator_loss", *spread.bands)
    assert all(chart.series[0].low == "" for chart in history_charts(history))


def test_what_the_games_came_to_is_of_those_that_are_left(parent: RunFolder) -> None:
    modes, divergence = reached(parent)
    assert (modes.metric, modes.median, modes.worst, modes.run, modes.games) == (
        "modes", 30 + 6.5, 30 + 5, "seed-3", 4,
    )  # fmt: skip
    assert (divergence.median, divergence.worst, divergence.run) == (30 + 0.15, 30 + 0.3, "seed-3")


def test_it_is_told_at_the_end_and_drawn(parent: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    parent.set_status("finished", step=30)
    SessionEnd.of(parent, report=None).print(output())
    told = capsys.readouterr().out
    assert "median 36.5, worst 35 in seed-3 (4 games)" in told and "Reverse KL" in told
    page = write_report(parent.path).read_text(encoding="utf-8")
    assert f'"low":"{LOW}generator_loss"' in page


def test_findings_of_many_games_are_gathered_by_their_name(parent: RunFolder) -> None:
    for game, name in (
        (0, "oscillation"),
        (2, "mode-collapse"),
        (3, "mode-collapse"),
        (3, "oscillation-over"),
    ):
        run = RunFolder(parent.path / f"seed-{game}")
        status = "recovered" if name.endswith("over") else "open"
        run.append("findings", {"name": name, "severity": "watch", "status": status, "first_step": 5})
    assert [(one.title, one.games, one.of) for one in open_findings(parent)] == [
        ("Mode collapse", ("seed-2", "seed-3"), GAMES),
        ("Oscillation", ("seed-0",), GAMES),
    ]
    page = write_report(parent.path).read_text(encoding="utf-8")
    assert "Findings are open in 3 of 5 games." in page and "<td>2 of 5</td>" in page
