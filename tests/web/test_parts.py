"""The parts of a report that compute something."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poise.diagnosis.finding import Evidence, Finding, Remedy
from poise.recipes import RECIPES, Recipe, recipe_with
from poise.spec import Makes
from poise.text import duration, number
from poise.web.charts import (
    Table,
    charts_json,
    history_charts,
    history_note,
    history_table,
    keep_extremes,
    number_rows,
)
from poise.web.facts import data_facts, facts, settings
from poise.web.metrics import evaluations, measured, metric_charts, while_training
from poise.web.pictures import Album, Picture, album_lead, keep_evenly
from poise.web.summary import (
    Standing,
    command_line,
    evidence_rows,
    findings_of,
    next_commands,
    sentence,
    typed_path,
)


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
        {"step": 10, "generator_loss": 3.0, "loss_scale": None},
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
    found = {chart.title: [(line.label, line.role) for line in chart.series] for chart in charts}
    assert found["Losses"] == [("Discriminator", "discriminator"), ("Generator", "generator")]
    assert found["Scores of reals and fakes"] == [("Real", "real"), ("Fake", "fake")]
    assert found["Classified correctly"] == [("Real", "real")]
    assert found["Penalties"] == [("WGAN-GP", "other-1")]
    assert found["Bright pixels"] == [("Bright pixels", "other-1")]
    assert sorted(line.key for chart in charts for line in chart.series) == sorted(names)
    assert [chart.title for chart in charts if chart.logarithmic] == ["Gradient norms"]


def test_numbers_that_are_not_finite_stay_apart_from_those_that_are_missing() -> None:
    table = history_table([{"step": 1, "loss": math.nan}, {"step": 2}, {"step": 3, "loss": -math.inf}])
    assert math.isnan(table["loss"][0] or 0) and table["loss"][1:] == [None, -math.inf]
    written = charts_json(history_charts(table), {"history": table}, unit="images")
    assert written["tables"]["history"]["loss"] == ["NaN", None, "-Infinity"]
    json.dumps(written, allow_nan=False)


def test_the_table_of_numbers_says_what_was_not_finite() -> None:
    steps: list[float | None] = list(range(1000))
    table: Table = {"step": steps, "loss": [math.inf if step == 123 else 0.5 for step in range(1000)]}
    assert [row for row in number_rows(table) if row[1] != "0.5"] == [["123", "infinity"]]
    assert "cross" in history_note(table, table) and not history_note({"step": steps}, {"step": steps})


@given(st.sets(st.integers(0, 299), max_size=4), st.integers(40, 120))
def test_thinning_keeps_a_number_that_was_not_finite(lost: set[int], most: int) -> None:
    column: list[float | None] = [math.nan if row in lost else math.sin(row) for row in range(300)]
    thin = keep_extremes({"step": list(range(300)), "a": column}, most)
    assert len(thin["step"]) <= most
    assert any(math.isnan(value) for value in thin["a"] if value is not None) == bool(lost)
    assert set(thin["a"]) >= {max(math.sin(row) for row in set(range(300)) - lost)}


def test_metric_lines_become_numbers() -> None:
    lines: list[dict[str, Any]] = [
        {"step": 2, "metric": "a", "value": 3, "interval": [1, 5], "floor": 0.5, "better": "lower"},
        {"step": 1, "metric": "a", "value": 4.0, "interval": [1, None], "floor": None},
        {"step": 1, "metric": "b", "value": "many"},
        {"step": 3, "metric": "a", "value": None},
        {"step": 3, "metric": "a", "value": 9.0, "by": "evaluate"},
        {"metric": "a", "value": 1.0},
    ]
    (points,) = while_training(measured(lines)).values()
    assert [(p.step, p.low, p.high, p.floor) for p in points] == [
        (1, None, None, None),
        (2, 1, 5, 0.5),
        (3, None, None, None),
    ]
    assert [p.value for p in points[:2]] == [4.0, 3] and math.isnan(points[2].value)
    (chart,), _ = metric_charts(measured(lines))
    assert "Newest not a number, at step 3" in chart.note and "best 3, at step 2" not in chart.note
    assert [row.value for row in evaluations(measured(lines))] == [9.0]


def test_findings_stand_open_first_then_by_gravity_then_by_step() -> None:
    lines = [
        {"name": "a", "severity": "trouble", "status": "recovered", "first_step": 1},
        {"name": "b", "severity": "info", "status": "open", "first_step": 2},
        {"name": "c", "severity": "trouble", "status": "open", "first_step": 9},
        {"name": "d", "severity": "trouble", "status": "open", "first_step": 3, "last_step": 2},
        {},
    ]
    found = findings_of(lines)
    assert [finding.name for finding in found] == ["d", "c", "finding", "b", "a"]
    assert all(finding.last_step >= finding.first_step for finding in found)


def test_a_finding_is_read_as_it_was_written() -> None:
    remedy = Remedy("lower the rate", "it is high", "poise train", "it falls", 100, {"packing": 2}, True)
    evidence = Evidence({"a": 3.14159, "b": 2}, {"a": 3.0}, {"a": "below 2"})
    written = Finding("x", "watch", "recovered", 3, 9, 0.75, "It is.", evidence, (remedy,), "mode-collapse")
    assert Finding.from_json(json.loads(json.dumps(written.to_json()))) == written
    assert evidence_rows(evidence) == [("A", "3.142", "3", "below 2"), ("B", "2", "–", "–")]


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
            "regularisers.r1.weight": 1.0,
            "resolution": 32,
            "regularisers.wgan-gp.weight": 5.0,
        },
    ).model_dump()
    origins = {row.path: row.origin for row in settings(changed)}
    assert origins["generator.name"] == "changed"
    assert origins["generator.width"] == "part"
    assert (
        origins["optimisers.generator.beta1"] == "changed"
    )  # back at the default, which is not the recipe's
    assert origins["optimisers.discriminator.beta1"] == "recipe"
    assert origins["regularisers.r1.weight"] == "changed"
    assert origins["regularisers.wgan-gp.weight"] == "changed"
    assert origins["resolution"] == "data"
    assert origins["packing"] == "default"
    old = {"average": changed.pop("ema"), **changed}
    assert {row.path: row.help for row in settings(old)}["ema.half_life"]
    without = RECIPES["lucic/wasserstein-gp"].model_dump() | {"regularisers": {}}
    assert {row.path: row.origin for row in settings(without)}["regularisers"] == "changed"


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
    ("status", "text"),
    [
        ("running", "Training was still running when this report was written: step 30 of 100 after 1 min."),
        ("interrupted", "Interrupted at step 30 of 100 after 1 min."),
        ("failed", "Failed at step 30 of 100 after 1 min."),
        ("finished", "Finished 30 steps in 1 min."),
    ],
)
def test_the_status_of_a_run_in_a_sentence(status: str, text: str) -> None:
    assert Standing(status, "", 30, 100, 1920, 60.0).sentence == text


def test_the_findings_of_a_run_in_a_sentence() -> None:
    collapse = {"name": "mode-collapse", "severity": "trouble", "status": "open", "first_step": 1200}
    texts = {
        "There are no findings.": [],
        "One finding is open: mode collapse since step 1,200.": [collapse],
        "All findings have recovered.": [collapse | {"status": "recovered"}],
        "No problem is open; the findings below are information.": [collapse | {"severity": "info"}],
    }
    assert {sentence(findings_of(lines)): lines for lines in texts.values()} == texts


@pytest.mark.parametrize(
    ("side", "told"), [((80, 30), " Each row is a class, from the top: sun, moon, star."), ((80, 80), "")]
)
def test_the_rows_of_a_sheet_are_named_by_their_classes(side: tuple[int, int], told: str) -> None:
    album = Album((Picture(10, *side, b""),), 1, ())
    kind = "label" if told else "vector"
    data = {"kind": "image", "condition": {"kind": kind, "names": ["sun", "moon", "star", "comet"]}}
    assert album_lead(data, album) == album_lead({"kind": "image", "condition": None}, album) + told


def test_eigenvalues_are_written_as_people_write_them() -> None:
    line = {"metric": "leading_eigenvalue_modulus", "value": 1.0, "step": 5, "parameters": 9}
    pairs = [[1.0, 0.0], [-0.5, 0.25], [-0.5, -0.25]]
    (chart, *_), _ = metric_charts(measured([{**line, "eigenvalues": pairs}]))
    assert "1, -0.5 ± 0.25i" in {fact.text for fact in chart.protocol}


def test_commands_can_be_typed_where_the_run_was_started(tmp_path: Path) -> None:
    environment = {"cwd": str(tmp_path)}
    run = Standing("interrupted", "", 30, 100, None, None)
    here = typed_path(tmp_path / "my run", environment)
    assert [text for text, _ in next_commands(run, here, environment, makes="samples")] == [
        "poise resume 'my run'",
        "poise sample 'my run'",
        "poise report 'my run'",
    ]
    verbs: dict[Makes, str] = {"images": "translate", "tags": "tag"}
    for makes, verb in verbs.items():
        assert next_commands(run, "a", environment, makes=makes)[1][0].startswith(f"poise {verb} a ")
    finished = Standing("finished", "", 100, 100, None, None)
    elsewhere = typed_path(tmp_path / "a", {"cwd": "/nowhere"})
    spent = Standing("finished", "", 100, 100, None, None, extendable=False)
    assert [text for text, _ in next_commands(spent, "a", {}, makes=None)] == ["poise report a"]
    assert [text for text, _ in next_commands(finished, elsewhere, {}, makes=None)] == [
        f"poise resume {tmp_path}/a --steps 200",
        f"poise report {tmp_path}/a",
    ]
    (one, *_) = next_commands(finished, "many", {}, makes="samples", one="seed-0")
    assert one[0] == "poise sample many/seed-0"


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


def test_a_fact_of_the_data_is_shown_once_and_a_span_of_sizes_on_one_line() -> None:
    span = {"min": 8, "median": 64.0, "max": 512}
    data = {"kind": "image", "count": 9, "summary": {"kind": "other", "width": span}, "origin": {"path": "a"}}
    texts = {fact.name: fact.text for fact in data_facts(data)}
    assert texts == {"Kind": "image", "Count": "9", "Width": "8 to 512, median 64", "Origin path": "a"}


def test_the_number_of_games_is_a_curve_only_where_it_changes() -> None:
    steady = history_charts({"step": [1.0, 2.0], "games": [8.0, 8.0]})
    falling = history_charts({"step": [1.0, 2.0], "games": [8.0, 7.0]})
    assert [chart.title for chart in steady] == []
    assert [chart.title for chart in falling] == ["Games"]


def test_the_speed_counts_what_the_data_hold() -> None:
    (chart,) = history_charts({"step": [1.0], "images_per_second": [5.0]}, unit="samples")
    assert (chart.unit, chart.series[0].label) == ("per second", "Samples")


def test_adaptive_augmentation_has_a_chart_with_its_target() -> None:
    table: Table = {"step": [1.0, 2.0], "ada_probability": [0.0, 0.1], "ada_r_t": [0.9, 0.7]}
    (chart,) = history_charts(table)
    assert (chart.title, chart.guide) == ("Adaptive augmentation", 0.6)
    assert [(one.key, one.label) for one in chart.series] == [
        ("ada_probability", "Probability"),
        ("ada_r_t", "r_t"),
    ]
