"""The table of recipes: complete, sound, and true to the papers that its rows name."""

import json
from typing import Any

import pytest

from poise.networks import GENERATORS
from poise.recipes import DEFAULT_RECIPE, RECIPES, Recipe
from poise.spec import DataSpec, Span
from poise.tasks import TASKS
from poise.training.resolve import resolve

LUCIC = [
    # row, loss, beta1, rate, discriminator steps, batch norm, more
    ("minimax", "minimax", 0.0, 5e-5, 1, True, {}),
    ("non-saturating", "non-saturating", 0.0, 5e-5, 1, True, {}),
    ("least-squares", "least-squares", 0.5, 2e-4, 1, True, {}),
    ("wasserstein", "wasserstein", 0.5, 5e-5, 5, True, {"weight_clip": 0.01}),
    ("wasserstein-gp", "wasserstein", 0.5, 1e-4, 5, False, {"regularisers": {"wgan-gp": 10.0}}),
    ("dragan", "non-saturating", 0.5, 1e-4, 1, True, {"regularisers": {"dragan": 10.0}}),
    ("began", "began", 0.5, 1e-4, 5, None, {"diversity": 0.75, "balance_rate": 1e-3}),
]


def test_the_first_is_the_default_and_every_row_of_lucic_is_checked_below() -> None:
    assert next(iter(RECIPES)) == DEFAULT_RECIPE == "non-saturating"
    assert {name for name in RECIPES if name.startswith("lucic/")} == {f"lucic/{row[0]}" for row in LUCIC}


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda recipe: recipe.name)
def test_every_recipe_says_what_it_is_where_it_is_from_and_when_to_use_it(recipe: Recipe) -> None:
    assert recipe.summary.endswith(".")
    assert recipe.when.endswith(".")
    assert any(year in recipe.paper for year in map(str, range(2014, 2027)))


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda recipe: recipe.name)
def test_every_recipe_goes_to_json_and_back(recipe: Recipe) -> None:
    written = json.dumps(recipe.model_dump())
    again = Recipe.model_validate(json.loads(written))
    assert again == recipe
    assert json.dumps(again.model_dump()) == written
    assert set(json.loads(written)) == set(Recipe.model_fields), "every default is spelled out"


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)])
@pytest.mark.parametrize("recipe", RECIPES.values(), ids=lambda recipe: recipe.name)
def test_every_recipe_can_be_spelled_out_for_its_data(recipe: Recipe, shape: tuple[int, ...]) -> None:
    spec = DataSpec("image", shape)
    if recipe.encoding == "waveform":
        spec = DataSpec("sound", (1, 4_096), spans=(Span("wave", "bounded", 1),))
    elif recipe.name == "doppelganger":
        spec = DataSpec("series", (1, 24), spans=(Span("value", "real", 1),))
    elif recipe.name == "graph":
        spec = DataSpec("graph", (2,), spans=(Span("edge 0 1", "one-hot", 2),))
    elif recipe.generator.name in GENERATORS and not GENERATORS[recipe.generator.name].serves(spec):
        spec = DataSpec("table", (3,), spans=(Span("colour", "one-hot", 3),))
    resolved = resolve(recipe, spec)
    assert "auto" not in (resolved.generator.name, resolved.discriminator.name)
    assert resolved.steps
    assert resolve(resolved, spec) == resolved, "what is spelled out stays"
    assert Recipe.model_validate(json.loads(resolved.model_dump_json())) == resolved


@pytest.mark.parametrize(
    ("kind", "shape", "gamma"),
    [
        ("image", (1, 8, 8), 0.1),
        ("image", (3, 16, 16), 0.4),
        ("image", (1, 32, 64), 3.2),
        ("image", (3, 256, 256), 10.0),
        ("vector", (2,), 0.001),
    ],
)
def test_a_weight_left_to_the_data_grows_with_the_pixels(
    kind: str, shape: tuple[int, ...], gamma: float
) -> None:
    left_open = {"r1": {"every": 4}, "r2": {}, "wgan-gp": {}, "dragan": {"weight": 3}}
    recipe = Recipe.model_validate({"name": "mine", "regularisers": left_open})
    weights = {
        name: part.weight for name, part in resolve(recipe, DataSpec(kind, shape)).regularisers.items()
    }
    assert weights == pytest.approx({"r1": gamma, "r2": gamma, "wgan-gp": 10.0, "dragan": 3.0})


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, recipe in RECIPES.items()
        if recipe.generator.name in ("auto", "mlp") and TASKS[recipe.game.name].directions is None
    ],
)
def test_every_recipe_that_names_no_network_of_images_serves_vectors(name: str) -> None:
    assert resolve(RECIPES[name], DataSpec("vector", (2,))).generator.name == "mlp"


@pytest.mark.parametrize(
    ("row", "loss", "beta1", "rate", "steps", "batch_norm", "more"), LUCIC, ids=[row[0] for row in LUCIC]
)
def test_the_rows_of_lucic_hold_the_papers_values(
    row: str, loss: str, beta1: float, rate: float, steps: int, batch_norm: bool | None, more: dict[str, Any]
) -> None:
    recipe = RECIPES[f"lucic/{row}"]
    assert recipe.loss.name == loss
    for optimiser in (recipe.optimisers.discriminator, recipe.optimisers.generator):
        assert (optimiser.name, optimiser.learning_rate, optimiser.beta1, optimiser.beta2) == (
            "adam",
            rate,
            beta1,
            0.999,
        )
    assert recipe.dynamics.options == {"discriminator_steps": steps}
    assert recipe.generator.name == "infogan"
    assert recipe.discriminator.name == ("autoencoder" if row == "began" else "infogan")
    assert recipe.discriminator.options.get("batch_norm") == batch_norm
    assert recipe.steps and recipe.batch_size * recipe.steps * steps == 1_000_000, "images for both players"
    assert (recipe.latent.size, recipe.latent.distribution) == (64, "uniform")
    assert recipe.ema.half_life == 0
    penalties = {name: part.weight for name, part in recipe.regularisers.items()}
    assert penalties == more.get("regularisers", {})
    assert all(part.every == 1 for part in recipe.regularisers.values())
    assert recipe.weight_clip == more.get("weight_clip")
    assert recipe.loss.options == {key: more[key] for key in ("diversity", "balance_rate") if key in more}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        # Arjovsky et al. 2017, algorithm 1
        ("wasserstein", {"weight_clip": 0.01, "steps": 5, "optimiser": "rmsprop", "rate": 5e-5}),
        # Gulrajani et al. 2017, algorithm 1
        ("wasserstein-gp", {"penalty": ("wgan-gp", 10.0), "steps": 5, "rate": 1e-4, "betas": (0.0, 0.9)}),
        # Kodali et al. 2017
        ("dragan", {"penalty": ("dragan", 10.0), "loss": "non-saturating"}),
        # Lin et al. 2018, the experiments on mixtures
        ("pacgan", {"rate": 1e-4, "betas": (0.8, 0.999), "dynamics": "simultaneous"}),
        # Miyato et al. 2018, table 1, setting C
        ("hinge-sn", {"loss": "hinge", "rate": 2e-4, "betas": (0.5, 0.999)}),
        ("relativistic-r1r2", {"loss": "relativistic-pairing", "penalty": ("r2", None)}),
    ],
)
def test_recipes_named_after_a_paper_hold_its_values(name: str, values: dict[str, Any]) -> None:
    recipe = RECIPES[name]
    optimiser = recipe.optimisers.discriminator
    penalty = values.get("penalty")
    found = {
        "weight_clip": recipe.weight_clip,
        "steps": recipe.dynamics.options.get("discriminator_steps"),
        "optimiser": optimiser.name,
        "rate": optimiser.learning_rate,
        "betas": (optimiser.beta1, optimiser.beta2),
        "loss": recipe.loss.name,
        "dynamics": recipe.dynamics.name,
        "penalty": penalty and (penalty[0], recipe.regularisers[penalty[0]].weight),
    }
    assert {key: found[key] for key in values} == values
    assert recipe.optimisers.generator == optimiser
