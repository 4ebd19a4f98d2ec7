"""The parts of a report that compute something."""

from __future__ import annotations

import doctest
import importlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poise.recipes import RECIPES, Recipe, recipe_with
from poise.report.columns import Table, history_table, keep_extremes
from poise.report.findings import cards
from poise.report.history_charts import history_charts
from poise.report.measurements import metric_points
from poise.report.metric_charts import metric_charts
from poise.report.pictures import Album, Picture, album_lead, keep_evenly
from poise.report.settings import settings
from poise.report.summary import Standing, command_line, next_commands, verdict
from poise.report.wording import facts
from poise.run_folder import Makes
from poise.text import duration, number

PARTS = (
    "columns",
    "findings",
    "history_charts",
    "measurements",
    "pictures",
    "settings",
    "summary",
    "wording",
    "write",
)


@pytest.mark.parametrize("name", PARTS)
def test_examples_in_docstrings_hold(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"poise.report.{name}"))
    assert result.attempted > 0
    assert result.failed == 0


@given(st.lists(st.integers(1, 50), max_size=200), st.integers(2, 70), st.integers(2, 2000))
def test_pictures_kept_are_the_ends_and_evenly_spread(sizes: list[int], most: int, most_bytes: int) -> None:
    kept = keep_evenly(sizes, most=most, most_bytes=most_bytes)
    assert len(kept) == len(set(kept)) <= max(most, min(2, len(sizes)))
    assert kept[:1] == [0][: len(sizes)]
    assert kept[-1:] == [len(sizes) - 1][: len(sizes)]
    gaps = {later - earlier for earlier, later in pairwise(kept)}
    assert not gaps or max(gaps) - min(gaps) <= 1
    assert len(kept) <= 2 or sum(sizes[index] for index in kept) <= most_bytes


@given(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=1, max_size=400), st.integers(12, 60))
def test_thinning_keeps_the_extremes_the_ends_and_the_order(column: list[float | None], most: int) -> None:
    other: list[float | None] = [float(row % 7) for row in range(len(column))]
    table: Table = {"step": [float(row) for row in range(len(column))], "a": column, "b": other}
    thin = keep_extremes(table, most)
    present = [value for value in column if value is not None]
    left = [value for value in thin["a"] if value is not None]
    assert len(thin["step"]) <= max(most, 6)
    assert (thin["step"][0], thin["step"][-1]) == (table["step"][0], table["step"][-1])
    assert thin["step"] == sorted(step for step in thin["step"] if step is not None)
    assert all(
        table["a"][int(step)] == value
        for step, value in zip(thin["step"], thin["a"], strict=True)
        if step is not None
    )
    if present:
        assert (min(left), max(left)) == (min(present), max(present))


def test_history_takes_any_number_and_nothing_else() -> None:
    lines: list[dict[str, Any]] = [
        {"step": 20, "generator_loss": 1.0, "note": "text", "flag": True, "nested": {"a": 1}},
        {"step": 10, "generator_loss": 3.0, "loss_scale": float("nan")},
        {"step": 20, "generator_loss": 2.0},
        {"generator_loss": 9.0},
        {"step": True, "generator_loss": 9.0},
    ]
    assert history_table(lines) == {"step": [10, 20], "generator_loss": [3.0, 2.0]}


def test_every_column_is_drawn_once_in_the_chart_that_fits() -> None:
    names = ["fake_score", "real_score", "generator_loss", "discriminator_loss", "penalty_wgan-gp", "balance"]
    names += ["generator_gradient_norm", "discriminator_gradient_norm", "real_right", "bright_pixels"]
    table: Table = {name: [1.0] for name in ["step", *names]}
    charts = history_charts(table)
    found = {chart.title: [(line.label, line.role) for line in chart.lines] for chart in charts}
    assert found["Losses"] == [("Discriminator", "discriminator"), ("Generator", "generator")]
    assert found["Scores of reals and fakes"] == [("Real", "real"), ("Fake", "fake")]
    assert found["Judged right"] == [("Real", "real")]
    assert found["Penalties"] == [("Wgan-gp", "other-1")]
    assert found["Bright pixels"] == [("Bright pixels", "other-1")]
    assert sorted(line.key for chart in charts for line in chart.lines) == sorted(names)
    assert [chart.title for chart in charts if chart.logarithmic] == ["Gradient norms"]


def test_metric_lines_of_many_makes() -> None:
    lines: list[dict[str, Any]] = [
        {"step": 2, "metric": "a", "value": 3, "interval": {"low": 1, "high": 5}, "floor": {"value": 0.5}},
        {"step": 1, "name": "a", "value": 4.0, "interval": [1, None], "floor": "none"},
        {"step": 1, "metric": "b", "value": "many"},
        {"metric": "a", "value": 1.0},
    ]
    points = metric_points(lines)
    assert list(points) == ["a"]
    assert [(p.step, p.value, p.low, p.high, p.floor) for p in points["a"]] == [
        (1, 4.0, None, None, None),
        (2, 3, 1, 5, 0.5),
    ]


def test_findings_stand_open_first_then_by_gravity_then_by_step() -> None:
    lines = [
        {"name": "a", "severity": "trouble", "status": "recovered", "first_step": 1},
        {"name": "b", "severity": "info", "status": "open", "first_step": 2},
        {"name": "c", "severity": "trouble", "status": "open", "first_step": 9},
        {"name": "d", "severity": "trouble", "status": "open", "first_step": 3, "last_step": 2},
        {},
    ]
    found = cards(lines)
    assert [card.title for card in found] == ["D", "C", "Finding", "B", "A"]
    assert [card.number for card in found] == [1, 2, 3, 4, 5]
    assert all(card.last_step >= card.first_step for card in found)


@pytest.mark.parametrize(
    ("evidence", "rows"),
    [
        ({"measured": 3.14159, "threshold": 3, "healthy": "below 2"}, [("", "3.142", "3", "below 2")]),
        ({"measured": {"a": 1, "b": 2}, "threshold": {"a": 3}}, [("A", "1", "3", "–"), ("B", "2", "–", "–")]),
        ({"measured": {"a": 1, "b": 2}, "threshold": 9}, [("A", "1", "9", "–"), ("B", "2", "–", "–")]),
        ({}, []),
        ("text", []),
    ],
)
def test_evidence_of_any_make(evidence: Any, rows: list[tuple[str, ...]]) -> None:
    (card,) = cards([{"name": "x", "evidence": evidence}])
    assert [(row.quantity, row.measured, row.threshold, row.healthy) for row in card.evidence] == rows


def test_an_untouched_recipe_differs_by_its_row_alone() -> None:
    rows = settings(RECIPES["lucic/began"].model_dump())
    assert {row.origin for row in rows} == {"default", "recipe"}
    differing = {row.path: row.value for row in rows if row.differs}
    assert differing["loss.diversity"] == "0.75"
    assert differing["dynamics.discriminator_steps"] == "5"
    assert differing["ema.half_life"] == "0"
    assert "batch_size" not in differing


def test_where_each_value_comes_from() -> None:
    changed = recipe_with(
        RECIPES["lucic/wasserstein-gp"],
        {
            "generator": {"name": "dcgan", "width": 32},
            "optimisers.generator.beta1": 0.0,
            "penalties.r1.weight": 1.0,
            "resolution": 32,
            "penalties.wgan-gp.weight": 5.0,
        },
    ).model_dump()
    origins = {row.path: row.origin for row in settings(changed)}
    assert origins["generator.name"] == "changed"
    assert origins["generator.width"] == "part"
    assert (
        origins["optimisers.generator.beta1"] == "changed"
    )  # back at the default, which is not the recipe's
    assert origins["optimisers.discriminator.beta1"] == "recipe"
    assert origins["penalties.r1.weight"] == "changed"
    assert origins["penalties.wgan-gp.weight"] == "changed"
    assert origins["resolution"] == "data"
    assert origins["packing"] == "default"
    without = RECIPES["lucic/wasserstein-gp"].model_dump() | {"penalties": {}}
    assert {row.path: row.origin for row in settings(without)}["penalties"] == "changed"


def test_every_field_of_a_recipe_is_explained() -> None:
    rows = settings(RECIPES["non-saturating"].model_dump())
    assert [row.path for row in rows if not row.help] == []
    assert {row.path.split(".")[0] for row in rows} == set(Recipe.model_fields) - {
        "name",
        "summary",
        "paper",
        "when",
    }


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("running", "Still training when this was written: step 30 of 100 after 1 min."),
        ("interrupted", "Interrupted at step 30 of 100 after 1 min."),
        ("failed", "Failed at step 30 of 100 after 1 min."),
        ("finished", "Finished 30 steps in 1 min."),
    ],
)
def test_how_a_run_stands(status: str, said: str) -> None:
    assert verdict(Standing(status, "", 30, 100, 1920, 60.0), []) == f"{said} No findings are recorded."


def test_what_was_found_is_in_the_verdict() -> None:
    run = Standing("finished", "", 30, 30, None, None)
    collapse = {"name": "mode-collapse", "severity": "trouble", "status": "open", "first_step": 1200}
    said = {
        "Finished 30 steps. One finding is open: mode collapse since step 1,200.": [collapse],
        "Finished 30 steps. What was found on the way has recovered.": [collapse | {"status": "recovered"}],
        "Finished 30 steps. Nothing was found wrong; there is something to know.": [
            collapse | {"severity": "info"}
        ],
    }
    assert {verdict(run, cards(lines)): lines for lines in said.values()} == said


@pytest.mark.parametrize(
    ("side", "told"), [((80, 30), " Each row is a class, from the top: sun, moon, star."), ((80, 80), "")]
)
def test_the_rows_of_a_sheet_are_named_by_their_classes(side: tuple[int, int], told: str) -> None:
    album = Album((Picture(10, *side, b""),), 1, ())
    kind = "label" if told else "vector"
    data = {"kind": "image", "condition": {"kind": kind, "names": ["sun", "moon", "star", "comet"]}}
    assert album_lead(data, album, "") == album_lead({"kind": "image", "condition": None}, album, "") + told


def test_eigenvalues_are_written_as_people_write_them() -> None:
    line = {"metric": "leading_eigenvalue_modulus", "value": 1.0, "step": 5, "parameters": 9}
    pairs = [[1.0, 0.0], [-0.5, 0.25], [-0.5, -0.25]]
    (chart, *_), _ = metric_charts([{**line, "eigenvalues": pairs}])
    assert "1, -0.5 ± 0.25i" in {fact.text for fact in chart.protocol}


def test_commands_can_be_typed_where_the_run_was_started(tmp_path: Path) -> None:
    run = Standing("interrupted", "", 30, 100, None, None)
    here = next_commands(tmp_path / "my run", run, {"cwd": str(tmp_path)}, can_sample=True)
    assert [command.text for command in here] == [
        "poise resume 'my run'",
        "poise sample 'my run'",
        "poise report 'my run'",
    ]
    verbs: dict[Makes, str] = {"images": "translate", "tags": "tag"}
    for makes, verb in verbs.items():
        asked = next_commands(tmp_path / "a", run, {"cwd": str(tmp_path)}, can_sample=True, makes=makes)
        assert asked[1].text.startswith(f"poise {verb} a ")
    finished = Standing("finished", "", 100, 100, None, None)
    elsewhere = next_commands(tmp_path / "a", finished, {"cwd": "/nowhere"}, can_sample=False)
    assert [command.text for command in elsewhere] == [
        f"poise resume {tmp_path}/a --steps 200",
        f"poise report {tmp_path}/a",
    ]


@pytest.mark.parametrize(
    ("command", "typed"),
    [
        (["/a/bin/poise", "train", "x y"], "poise train 'x y'"),
        (["/lib/poise/__main__.py", "train"], "poise train"),
        (["mine.py", "--fast"], "python mine.py --fast"),
        (["-c"], ""),
        (["/lib/ipykernel_launcher.py", "-f", "x"], ""),
        ([], ""),
        (None, ""),
        ("poise demo", "poise demo"),
    ],
)
def test_the_command_line_as_typed(command: Any, typed: str) -> None:
    assert command_line({"command": command}) == typed


@given(st.floats(-1e300, 1e300))
def test_a_number_reads_back_as_nearly_itself(value: float) -> None:
    assert float(number(value).replace(",", "")) == pytest.approx(value, rel=6e-3)


@given(st.floats(0, 1e8))
def test_a_duration_reads_back_as_nearly_itself(seconds: float) -> None:
    units = {"d": 86_400, "h": 3_600, "min": 60, "s": 1}
    words = duration(seconds).split()
    back = sum(float(count) * units[unit] for count, unit in zip(words[::2], words[1::2], strict=True))
    assert back == pytest.approx(seconds, rel=0.05, abs=0.5)


def test_long_lists_are_folded_and_counted() -> None:
    (fact,) = facts({"refused": [f"photo {index}" for index in range(500)]})
    assert fact.text == "500 entries"
    assert fact.items[-1] == "and 300 more"
    assert len(fact.items) == 201


def test_the_number_of_games_is_a_curve_only_where_it_changes() -> None:
    steady = history_charts({"step": [1.0, 2.0], "games": [8.0, 8.0]})
    falling = history_charts({"step": [1.0, 2.0], "games": [8.0, 7.0]})
    assert [chart.title for chart in steady] == []
    assert [chart.title for chart in falling] == ["Games"]
