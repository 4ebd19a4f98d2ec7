"""Changes to a recipe: dotted and nested, whole parts, and what is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poise.errors import PoiseError
from poise.recipes import RECIPES, Recipe, parse_override, recipe_with, saved_recipe
from poise.recipes.overrides import documented_paths, known_paths
from poise.spec import DataSpec
from poise.training.resolve import resolve

BEGAN = RECIPES["began"]
DEFAULT = RECIPES["non-saturating"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("packing=2", ("packing", 2)),
        ("loss=hinge", ("loss", "hinge")),
        ("optimisers.generator.learning_rate=1e-4", ("optimisers.generator.learning_rate", 1e-4)),
        ("steps=null", ("steps", None)),
        ("steps=None", ("steps", None)),
        ("horizontal_flips=true", ("horizontal_flips", True)),
        ("horizontal_flips=True", ("horizontal_flips", True)),
        ("summary=a=b", ("summary", "a=b")),
        ("name=", ("name", "")),
        (" packing =2", ("packing", 2)),
        ('regularisers={"r1": {"weight": 2}}', ("regularisers", {"r1": {"weight": 2}})),
    ],
)
def test_an_override_is_a_path_and_a_value(text: str, wanted: tuple[str, Any]) -> None:
    assert parse_override(text) == wanted


@pytest.mark.parametrize("text", ["packing", "=2", " =2", ""])
def test_an_override_without_path_or_value_is_refused(text: str) -> None:
    with pytest.raises(PoiseError) as refusal:
        parse_override(text)
    assert refusal.value.code == "recipes.no-value"


def test_dotted_and_nested_changes_are_the_same() -> None:
    dotted = recipe_with(DEFAULT, {"optimisers.generator.learning_rate": 0.5, "ema.half_life": 3})
    nested = recipe_with(
        DEFAULT, {"optimisers": {"generator": {"learning_rate": 0.5}}, "ema": {"half_life": 3}}
    )
    assert dotted == nested
    assert (dotted.optimisers.generator.learning_rate, dotted.ema.half_life) == (0.5, 3)
    assert dotted.optimisers.generator.beta2 == DEFAULT.optimisers.generator.beta2
    assert dotted.optimisers.discriminator == DEFAULT.optimisers.discriminator


def test_the_recipe_itself_is_not_changed() -> None:
    before = DEFAULT.model_dump()
    recipe_with(
        DEFAULT, {"optimisers.generator.learning_rate": 0.5, "loss": "hinge", "regularisers.r1": None}
    )
    assert DEFAULT.model_dump() == before


@pytest.mark.parametrize(
    "changes", [{"loss": "hinge"}, {"loss.name": "hinge"}, {"loss": {"name": "hinge"}}], ids=str
)
def test_a_part_replaced_by_name_drops_the_old_ones_settings(changes: dict[str, Any]) -> None:
    assert BEGAN.loss.options
    changed = recipe_with(BEGAN, changes)
    assert (changed.loss.name, changed.loss.options) == ("hinge", {})


def test_a_part_named_as_it_is_keeps_its_settings() -> None:
    assert recipe_with(BEGAN, {"loss": "began"}) == BEGAN
    assert recipe_with(BEGAN, {"loss.diversity": 0.7}).loss.options == {
        "diversity": 0.7,
        "balance_rate": 1e-3,
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "began", "loss.diversity": 0.7},
        {"loss.diversity": 0.7, "loss": "began"},
        {"loss.diversity": 0.7, "loss.name": "began"},
        {"loss": {"diversity": 0.7, "name": "began"}},
    ],
    ids=str,
)
def test_a_new_part_takes_its_settings_in_any_order(changes: dict[str, Any]) -> None:
    changed = recipe_with(DEFAULT, changes)
    assert (changed.loss.name, changed.loss.options) == ("began", {"diversity": 0.7})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"penalties.r1.weight": 0.5}, {"regularisers.r1.weight": 0.5}),
        ({"penalties": {"r2": {"every": 4}}}, {"regularisers.r2.every": 4}),
        ({"penalties": "none"}, {"regularisers": "none"}),
        ({"average.ramp": 0.1}, {"ema.ramp": 0.1}),
    ],
    ids=str,
)
def test_a_former_name_is_taken_with_a_notice(old: dict[str, Any], new: dict[str, Any]) -> None:
    with pytest.warns(FutureWarning, match="is called '(regularisers|ema)") as notices:
        changed = recipe_with(DEFAULT, old)
    assert {notice.filename for notice in notices} == {__file__}  # not a line of Poise's own
    assert changed == recipe_with(DEFAULT, new) != DEFAULT


def test_a_saved_recipe_may_have_former_names() -> None:
    values = DEFAULT.model_dump()
    values["penalties"] = values.pop("regularisers")
    assert saved_recipe(values) == DEFAULT


def test_regularisers_are_added_changed_and_removed() -> None:
    assert dict(recipe_with(DEFAULT, {"regularisers.r1": None}).regularisers) == {}
    assert recipe_with(DEFAULT, {"regularisers.r2": None}) == DEFAULT
    lighter = recipe_with(DEFAULT, {"regularisers.r1.weight": 0.5}).regularisers["r1"]
    assert (lighter.weight, lighter.every) == (0.5, DEFAULT.regularisers["r1"].every)
    added = recipe_with(DEFAULT, {"regularisers": {"wgan-gp": {"weight": 10, "target": 0.5}}}).regularisers
    assert set(added) == {"r1", "wgan-gp"}
    assert added["wgan-gp"].options == {"target": 0.5}
    assert dict(recipe_with(DEFAULT, {"regularisers": {}}).regularisers) == {}


@pytest.mark.parametrize(("named", "wanted"), [("none", []), (None, []), ("dragan", ["dragan"])])
def test_regularisers_may_be_named_as_they_are_listed(named: str | None, wanted: list[str]) -> None:
    assert list(recipe_with(RECIPES["wasserstein-gp"], {"regularisers": named}).regularisers) == wanted


UNKNOWN, WRONG, SINGLE = "unknown-setting", "recipes.wrong-value", "recipes.single-value"


@pytest.mark.parametrize(
    ("changes", "code", "what", "advice"),
    [
        ({"batchsize": 3}, UNKNOWN, "'batchsize'", "'batch_size'"),
        (
            {"optimisers.generator.learning_rat": 3},
            UNKNOWN,
            "'optimisers.generator.learning_rat'",
            "'optimisers.generator.learning_rate'",
        ),
        ({"optimiser": {"generator": {"learning_rate": 3}}}, UNKNOWN, "'optimiser'", "'optimisers."),
        ({"packing.size": 2}, SINGLE, "'packing'", "packing=VALUE"),
        ({"steps.more": 2}, SINGLE, "'steps'", "steps=VALUE"),
        ({"packing": 0}, WRONG, "'packing'", ""),
        ({"packing": "two"}, WRONG, "'packing'", ""),
        ({"optimisers.generator.learning_rate": float("nan")}, WRONG, "nan", ""),
        ({"regularisers.r1.weight": -1}, WRONG, "'regularisers.r1.weight'", ""),
        ({"regularisers.r1": 2.0}, WRONG, "'regularisers.r1'", ""),
        ({"channels": 0}, WRONG, "'channels'", ""),
        ({"loss": 3}, WRONG, "'loss'", ""),
        ({"latent.name": "normal"}, UNKNOWN, "'latent.name'", ""),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_is_refused_by_its_path(
    changes: dict[str, Any], code: str, what: str, advice: str
) -> None:
    with pytest.raises(PoiseError) as refusal:
        recipe_with(DEFAULT, changes)
    assert refusal.value.code == code
    assert what in refusal.value.what and refusal.value.hint and advice in refusal.value.hint


@pytest.mark.parametrize(
    ("changes", "code", "what", "advice"),
    [
        ({"loss.smooth": 0.1}, UNKNOWN, "loss 'non-saturating' 'smooth'", "'smoothing'"),
        ({"loss.smoothing": 1.5}, "registry.wrong-value", "'smoothing'", ""),
        ({"loss": "wasserstein", "loss.smoothing": 0.1}, "registry.no-settings", "'wasserstein'", ""),
        ({"loss": "hing"}, "unknown-loss", "'hing'", "'hinge'"),
        ({"regularisers.r3.weight": 1}, "unknown-regulariser", "'r3'", "'r1'"),
        ({"label_flip": 0.5}, "registry.wrong-value", "'label-flip'", ""),
        ({"dynamics.discriminator_step": 2}, UNKNOWN, "'alternating'", "'discriminator_steps'"),
        ({"dynamics.epoch_steps": 2}, UNKNOWN, "'epoch_steps'", ""),
        ({"generator.latent_size": 2}, UNKNOWN, "'latent_size'", ""),
        ({"dynamics": "alternate"}, "unknown-dynamics", "'alternate'", "'alternating'"),
        ({"generator": "autoencoder"}, "unknown-generator", "'autoencoder'", "mlp"),
    ],
    ids=str,
)
def test_what_a_part_does_not_take_is_refused_when_the_recipe_meets_the_data(
    changes: dict[str, Any], code: str, what: str, advice: str
) -> None:
    with pytest.raises(PoiseError) as refusal:
        resolve(recipe_with(DEFAULT, changes), DataSpec("image", (1, 8, 8)))
    assert refusal.value.code == code
    assert what in refusal.value.what and advice in refusal.value.hint


@given(
    rate=st.floats(1e-9, 10),
    beta=st.floats(0, 0.999),
    packing=st.integers(1, 9),
    loss=st.sampled_from(["hinge", "began", "non-saturating"]),
)
def test_changed_recipes_survive_json(rate: float, beta: float, packing: int, loss: str) -> None:
    changes = {
        "optimisers.discriminator": {"learning_rate": rate, "beta1": beta},
        "packing": packing,
        "loss": loss,
    }
    changed = recipe_with(DEFAULT, changes)
    assert Recipe.model_validate_json(changed.model_dump_json()) == changed
    assert changed.optimisers.discriminator.learning_rate == rate


def test_every_path_has_its_help_and_can_be_set_to_what_it_is() -> None:
    values = DEFAULT.model_dump()
    for path, help_text in documented_paths():
        assert help_text, path
        here: Any = values
        for key in path.split("."):
            here = here[key]
        assert recipe_with(DEFAULT, {path: here}) == DEFAULT
    assert len(set(known_paths())) == len(known_paths()) > 30


def test_a_recipe_refuses_unknown_keys_and_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="extra_forbidden"):
        Recipe.model_validate({"name": "mine", "batchsize": 3})
    with pytest.raises(ValueError, match="frozen"):
        DEFAULT.packing = 3  # type: ignore[misc]  # on purpose
