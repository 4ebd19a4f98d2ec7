"""What a study says: its table, its advice and its report."""

import io
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from small_studies import small, whole

import poise
from poise.data import open_data
from poise.generator import Generator
from poise.studies.choosing import chosen, wanted
from poise.studies.conclusions import changes_text, joint_path
from poise.studies.folder import StudyFolder
from poise.studies.pairs import seeds_that_tell
from poise.studies.plan import Plan, Trial
from poise.studies.preparing import prepare
from poise.studies.progress import standing
from poise.studies.report import write_report
from poise.studies.results import Table, table_of
from poise.studies.samples import picture_of
from tones import series_of_tones


def result(trial: Trial, score: float | None, **more: Any) -> dict[str, Any]:
    """What a trial came to, without training it."""
    return {
        "name": trial.name,
        **trial.model_dump(),
        "folder": f"trials/{trial.name}",
        "findings": [],
        "images_seen": 2_000,
        "discriminator_steps": 125,
        "generator_steps": 125,
        "seconds": 1.0,
        "score": score,
        **({"why": "a value was not finite"} if score is None else {}),
        **more,
    }


@pytest.mark.parametrize(("data", "kind"), [("ring", None), (series_of_tones, "series")])
def test_samples_are_drawn_as_their_kind_draws_them(tmp_path: Path, data: Any, kind: str | None) -> None:
    given = data if kind is None else data(tmp_path / "tones.npy")
    run = poise.train(given, steps=2, batch_size=8, out=tmp_path / "run", doctor="off")
    reals = open_data(given, cache=tmp_path)
    picture = Image.open(io.BytesIO(picture_of(run.path, reals))).convert("RGB")
    generator = Generator.load(run.path)
    count, columns = (32, 8) if kind else (1_000, None)
    beneath = (
        None
        if kind
        else reals.transform.encode(reals.gather(np.linspace(0, len(reals) - 1, 1_000).astype(int)))
    )
    expected = generator.picture(generator.latents(count, seed=0), columns=columns, real=beneath)
    assert np.array_equal(np.asarray(picture), np.asarray(expected.convert("RGB")))


def scored(plan: Plan, quality: dict[str, float], *, spread: float = 0.1) -> dict[str, dict[str, Any]]:
    """Results of every stage, with scores about a quality of each recipe."""
    stream, results = np.random.default_rng(0), dict[str, dict[str, Any]]()
    while left := [trial for trial in wanted(plan, results) if trial.name not in results]:
        for trial in left:
            score = quality[trial.recipe] + spread * float(stream.standard_normal())
            results[trial.name] = result(trial, score)
    return results


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return prepare(small(trials=12, seeds=10), StudyFolder(tmp_path_factory.mktemp("plan") / "study"))


def of(table: Table, recipe: str) -> Any:
    return next(row for row in table.rows if row.recipe == recipe)


GOOD, BAD = "lucic/non-saturating", "lucic/wasserstein"


def test_the_better_recipe_is_named_with_its_command(plan: Plan) -> None:
    results = scored(plan, {GOOD: 1.0, BAD: 3.0})
    table = table_of(plan, results)
    assert [row.recipe for row in table.rows] == [GOOD, BAD]
    assert table.pairs[0].verdict in ("first", "second")
    assert table.advice[0].startswith(f"Take '{GOOD}'")
    assert f"poise train ring --recipe {GOOD} --set" in table.advice[1]
    assert f"'{BAD}'" in table.advice[2]
    low, high = of(table, GOOD).interval
    assert low <= of(table, GOOD).median <= high


def test_recipes_that_are_alike_are_not_ranked(plan: Plan) -> None:
    table = table_of(plan, scored(plan, {GOOD: 1.0, BAD: 1.001}))
    assert table.pairs[0].verdict == "cannot tell"
    assert any("cannot be distinguished" in sentence and "seeds" in sentence for sentence in table.advice)


def test_a_low_score_of_runs_in_trouble_is_not_recommended(plan: Plan) -> None:
    """Blank pictures can have the lowest Fréchet distance of all."""
    results = scored(plan, {GOOD: 1.0, BAD: 3.0})
    number = chosen(plan, results, GOOD)
    assert number is not None
    for count, run in enumerate(plan.repeats(GOOD, number, "confirmation"), 1):
        results[run.name]["findings"] = ["mode-collapse"]
        table = table_of(plan, results)
        assert (of(table, GOOD).troubled, len(of(table, GOOD).confirmed)) == (count, 10)
        assert table.advice[0].startswith("Take") == (count < 5)
    assert "of its 10 runs the doctor names mode collapse in 10" in table.advice[0]
    assert table.rows[0].recipe == GOOD and f"--recipe {GOOD}" in table.advice[1]


def test_it_is_said_that_few_seeds_can_tell_nothing(plan: Plan) -> None:
    for seeds, told in ((5, False), (6, True)):  # Of two recipes
        few = plan.model_copy(update={"seeds": seeds})
        table = table_of(few, scored(few, {GOOD: 1.0, BAD: 3.0}))
        assert (table.pairs[0].verdict != "cannot tell") == told
        assert any("no two recipes can be told apart" in one for one in table.advice) != told
    assert [seeds_that_tell(recipes) for recipes in (2, 3, 4, 7)] == [6, 7, 8, 10]


def test_only_fresh_seeds_are_compared(plan: Plan) -> None:
    results = scored(plan, {GOOD: 1.0, BAD: 3.0})
    number = chosen(plan, results, BAD)
    assert number is not None
    # A search that looked wonderful changes which setting is confirmed, and nothing else.
    results[plan.trial(BAD, number).name]["score"] = 0.001
    table = table_of(plan, results)
    assert of(table, BAD).searched == 0.001
    assert of(table, BAD).median > 2
    assert table.rows[0].recipe == GOOD


def test_failures_are_counted_and_named(plan: Plan) -> None:
    results = scored(plan, {GOOD: 1.0, BAD: 3.0})
    for number in range(4):
        trial = plan.trial(BAD, number)
        results[trial.name] = result(trial, None, findings=["non-finite"])
    results[plan.trial(GOOD, 0).name]["findings"] = ["mode-collapse"]
    table = table_of(plan, results)
    assert (of(table, BAD).failed, of(table, BAD).trials) == (4, 12)
    assert dict(of(table, BAD).failures) == {"Not finite": 4}
    assert dict(of(table, GOOD).failures) == {"Mode collapse": 1}
    assert any("failed in 4 of 12" in sentence for sentence in table.advice)
    assert chosen(plan, results, BAD) not in range(4)


def test_a_recipe_that_always_fails_is_last_and_confirms_nothing(plan: Plan) -> None:
    results: dict[str, dict[str, Any]] = {}
    while left := [trial for trial in wanted(plan, results) if trial.name not in results]:
        results |= {
            trial.name: result(trial, None if trial.recipe == BAD else 1.0 + trial.number) for trial in left
        }
    table = table_of(plan, results)
    assert table.rows[-1].recipe == BAD
    assert math.isinf(table.rows[-1].median)
    assert all(trial.recipe == GOOD for trial in wanted(plan, results) if trial.stage != "search")


def test_costs_count_both_players_over_all_stages(plan: Plan) -> None:
    results = scored(plan, {GOOD: 1.0, BAD: 3.0})
    cost = of(table_of(plan, results), GOOD).cost
    runs = sum(one["recipe"] == GOOD for one in results.values())
    assert (cost.images, cost.generator_steps) == (2_000 * runs, 125 * runs)


def test_published_figures_stand_beside(plan: Plan) -> None:
    rows = table_of(plan, {}).rows
    assert {row.recipe: row.published["MNIST"] for row in rows} == {GOOD: "6.8 ± 0.5", BAD: "6.7 ± 0.4"}


def test_paths_that_share_a_draw_are_shown_once() -> None:
    assert joint_path(["a.b.c", "a.x.c"]) == "a.*.c"
    assert joint_path(["weight_clip"]) == "weight_clip"


class Reader(HTMLParser):
    """Tags that open and close, and what a page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        values = dict(attrs)
        self.loads += [value for key, value in values.items() if key in ("src", "href") and value]
        if tag not in ("meta", "link", "img", "line", "circle", "polyline", "polygon", "path", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        self.text += data


def read(path: Path) -> Reader:
    reader = Reader()
    reader.feed(path.read_text("utf-8"))
    return reader


def test_the_report_is_one_file_that_loads_nothing() -> None:
    page = read(write_report(whole()))
    assert page.open == []
    assert all(one.startswith(("data:", "#")) for one in page.loads)
    assert sum(one.startswith("data:image/png") for one in page.loads) == 2  # samples of each recipe
    for heading in ("What to do next", "Pairs", "Trials", "Settings", "Failures"):
        assert heading in page.text
    content = (whole().path / "report.html").read_text("utf-8")
    assert "nan" not in re.findall(r'points="[^"]*"', content).__repr__().lower()


def test_a_study_that_has_just_begun_has_a_report(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "study")
    prepare(small(), folder)
    page = read(write_report(folder))
    assert "0 of 22 runs are done" in page.text
    assert "No trial has a score at the full budget yet" in page.text
    first = folder.plan.search()[0]
    folder.write_result(first.name, result(first, None))
    page = read(write_report(folder))
    assert "1 run without a score" in page.text
    assert standing(folder).failed == 1


def test_a_report_of_seeds_none_says_that_nothing_is_confirmed(tmp_path: Path) -> None:
    plan = prepare(small(seeds=0), StudyFolder(tmp_path / "study"))
    table = table_of(plan, {trial.name: result(trial, 1.0) for trial in plan.search()})
    assert "Nothing was confirmed" in table.advice[0]


def test_a_path_that_may_be_drawn_in_two_ways_is_told_once(tmp_path: Path) -> None:
    asked = small(recipes=("lucic/non-saturating",), space="narrow")
    plan = prepare(asked, StudyFolder(tmp_path / "study"), dry_run=True)
    paths = [setting.paths for setting in plan.space.settings]
    assert paths.count(["discriminator.batch_norm"]) == 2
    told = changes_text(plan, {"discriminator.batch_norm": True, "optimisers.generator.beta1": 0.5})
    assert told == "optimisers.generator.beta1 0.5, discriminator.batch_norm true"
