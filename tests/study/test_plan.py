"""The plan is a pure function: nothing that was drawn changes when anything is added."""

import math
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from poise.errors import PoiseError
from poise.recipes import RECIPES, recipe_with
from poise.studies.plan import Budget, Plan, differences, grown, recipes_named
from poise.studies.space import Space, space_named, space_names

LUCIC = [name for name in RECIPES if name.startswith("lucic/")]


def plan_of(*recipes: str, **changes: Any) -> Plan:
    values = {
        "seed": 7,
        "data": {"kind": "built-in", "value": "digits"},
        "fingerprint": "abc",
        "choosing": 299,
        "scoring": 299,
        "recipes": recipes_named(recipes or LUCIC, {}),
        "space": space_named("wide"),
        "budget": Budget(images=1_000_000, asked="1M-images"),
        "trials": 20,
        "seeds": 10,
        "shortlist": 3,
        "evaluations": 10,
        "stack": 1,
    }
    return Plan(**{**values, **changes})


def test_further_trials_recipes_and_seeds_change_nothing_that_was_drawn() -> None:
    small, large = plan_of("lucic/dragan", trials=5), plan_of(trials=1_000, seeds=50)
    for number in range(5):
        assert small.trial("lucic/dragan", number) == large.trial("lucic/dragan", number)
    for stage in ("screening", "confirmation"):
        few, many = (plan.repeats("lucic/dragan", 3, stage) for plan in (small, large))
        assert many[: len(few)] == few


def test_a_further_setting_of_the_space_changes_no_other_draw() -> None:
    space = space_named("wide")
    fewer = space.model_copy(update={"settings": space.settings[1:]})
    before = plan_of().trial("lucic/wasserstein", 4).settings
    after = plan_of(space=fewer).trial("lucic/wasserstein", 4).settings
    assert after == {path: before[path] for path in after}
    assert len(after) < len(before)


def test_trial_0_is_the_default_and_all_trials_differ() -> None:
    plan = plan_of()
    assert plan.trial("lucic/began", 0).settings == {}
    drawn = {str(plan.trial("lucic/began", number).settings) for number in range(20)}
    assert len(drawn) == 20


def test_recipes_share_draws_and_seeds() -> None:
    plan = plan_of()
    one, other = (plan.trial(name, 9) for name in ("lucic/minimax", "lucic/wasserstein-gp"))
    shared = one.settings.keys() & other.settings.keys()
    assert "optimisers.generator.learning_rate" in shared
    assert {path: one.settings[path] for path in shared} == {path: other.settings[path] for path in shared}
    assert one.seed == other.seed


def test_confirmation_has_other_seeds_than_search_and_screening() -> None:
    plan = plan_of(trials=50)
    searched = {trial.seed for trial in plan.search()}
    screened = {run.seed for run in plan.repeats("lucic/dragan", 1, "screening")}
    confirmed = {run.seed for run in plan.repeats("lucic/dragan", 1, "confirmation")}
    assert len(confirmed) == 10
    assert not confirmed & (searched | screened)
    assert not searched & screened


def test_draws_are_spread_as_the_space_says() -> None:
    plan = plan_of("lucic/wasserstein", trials=400)
    trials = [plan.trial("lucic/wasserstein", number).settings for number in range(1, 400)]
    rates = [math.log10(float(one["optimisers.generator.learning_rate"])) for one in trials]
    assert stats.kstest(rates, "uniform", args=(-5, 3)).pvalue > 0.01
    betas = [float(one["optimisers.generator.beta1"]) for one in trials]
    assert stats.kstest(betas, "uniform").pvalue > 0.01
    steps = [one["dynamics.discriminator_steps"] for one in trials]
    assert stats.binomtest(steps.count(5), len(steps)).pvalue > 0.01
    assert stats.spearmanr(rates, betas).pvalue > 0.01


@pytest.mark.parametrize("space", space_names())
@pytest.mark.parametrize("recipe", LUCIC)
def test_every_recipe_of_the_paper_takes_every_space(space: str, recipe: str) -> None:
    found = space_named(space)
    found.check(RECIPES[recipe])
    drawn = found.drawn(RECIPES[recipe], 0, 1)
    assert ("weight_clip" in drawn) == (recipe == "lucic/wasserstein" and space != "kurach")
    assert ("loss.diversity" in drawn) == (recipe == "lucic/began" and space != "kurach")
    recipe_with(RECIPES[recipe], drawn)


def test_the_narrow_space_has_the_ranges_of_the_paper() -> None:
    found = {setting.name: setting for setting in space_named("narrow").settings}
    rate = found["optimisers.discriminator.learning_rate"]
    assert (rate.draw, rate.low, rate.high) == ("log", 1e-4, 1e-3)
    assert (found["loss.diversity"].low, found["loss.diversity"].high) == (0.6, 0.9)
    drawn = space_named("narrow").drawn(RECIPES["lucic/wasserstein-gp"], 0, 5)
    assert drawn["discriminator.batch_norm"] is False
    assert drawn["optimisers.generator.beta1"] == 0.5
    assert drawn["dynamics.discriminator_steps"] == 1


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_space_of_ones_own_is_read_from_toml(tmp_path: Path) -> None:
    file = write(tmp_path / "own.toml", '''
name = "own"
[[settings]]
paths = ["batch_size"]
draw = "choice"
values = [16, 32]
[[settings]]
paths = ["regularisers.r1.weight"]
draw = "log"
low = 0.1
high = 10.0
when = { "regularisers.r1" = "set" }
''')  # fmt: skip
    space = space_named(file)
    assert set(space.drawn(RECIPES["non-saturating"], 0, 1)) == {"batch_size", "regularisers.r1.weight"}
    assert set(space.drawn(RECIPES["minimax"], 0, 1)) == {"batch_size"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('draw = "log"\nlow = 1.0\nhigh = 0.1', "nothing lies between"),
        ('draw = "log"\nlow = 0.0\nhigh = 0.1', "above 0"),
        ('draw = "choice"', "a choice has values"),
        ('draw = "choice"\nvalues = [1]\nlow = 1.0', "neither low nor high"),
        ('draw = "uniform"\nlow = 1.0', "low and high"),
    ],
)
def test_an_empty_range_is_refused(tmp_path: Path, text: str, why: str) -> None:
    file = write(tmp_path / "own.toml", f'name = "own"\n[[settings]]\npaths = ["packing"]\n{text}\n')
    with pytest.raises(PoiseError) as caught:
        space_named(file)
    assert caught.value.code == "studies.space-wrong"
    assert why in caught.value.why


def test_an_unknown_path_comes_with_the_nearest() -> None:
    space = Space.model_validate({
        "name": "own",
        "settings": [
            {"paths": ["optimisers.generator.learning_rat"], "draw": "log", "low": 1e-4, "high": 1e-3}
        ],
    })  # fmt: skip
    with pytest.raises(PoiseError) as caught:
        space.check(RECIPES["lucic/minimax"])
    assert caught.value.code == "unknown-setting"
    assert "optimisers.generator.learning_rate" in caught.value.hint


def test_a_space_that_has_nothing_of_a_recipe_is_refused() -> None:
    settings = [
        {"paths": ["weight_clip"], "draw": "log", "low": 0.1, "high": 1, "when": {"weight_clip": "set"}}
    ]
    with pytest.raises(PoiseError) as caught:
        Space.model_validate({"name": "own", "settings": settings}).check(RECIPES["lucic/minimax"])
    assert caught.value.code == "studies.empty-intersection"


def test_unknown_names_come_with_the_nearest() -> None:
    with pytest.raises(PoiseError) as caught:
        space_named("wid")
    assert (caught.value.code, "'wide'" in caught.value.hint) == ("studies.unknown-space", True)
    with pytest.raises(PoiseError) as caught:
        recipes_named(["lucic/dragn"], {})
    assert (caught.value.code, "lucic/dragan" in caught.value.hint) == ("unknown-recipe", True)


def test_a_plan_grows_and_any_other_difference_is_shown() -> None:
    old = plan_of("lucic/dragan", trials=5)
    more = plan_of(trials=9, seeds=20)
    assert differences(old, more) == []
    assert grown(old, more).trials == 9
    assert next(iter(grown(old, more).recipes)) == "lucic/dragan"
    assert grown(more, old) == more
    found = differences(old, plan_of("lucic/dragan", seed=8, budget=Budget(images=9, asked="9")))
    assert [line.split(":")[0] for line in found] == ["budget.images", "seed"]
    other = recipes_named(["lucic/dragan"], {"batch_size": 32})
    assert differences(old, plan_of(recipes=other)) == [
        "recipes.lucic/dragan.batch_size: 64 in the folder, 32 now"
    ]
