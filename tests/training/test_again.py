"""The command that repeats a run, for what the recipes alone do not show."""

from __future__ import annotations

from typing import Any

import pytest

from poise.cli.app import app
from poise.recipes import RECIPES, parse_override, recipe_with
from poise.training import pick_device, plan
from poise.training.again import command_again
from poise.training.records import data_record


@pytest.mark.parametrize(
    ("recipe", "changes", "words"),
    [
        ("non-saturating", {}, ()),
        ("non-saturating", {"resolution": 16}, ("--resolution", "16")),  # the digits are 8x8
        ("non-saturating", {"resolution": "16x12", "fit": "pad"}, ("--resolution", "16x12", "--fit", "pad")),
        ("non-saturating", {"sample_every": 7, "steps": 50}, ("sample_every=7",)),
        ("non-saturating", {"regularisers": "none"}, ("regularisers.r1=null",)),
        (
            "minimax",
            {"regularisers.dragan.weight": 3},
            ("regularisers.dragan.every=1", "regularisers.dragan.weight=3.0"),
        ),
        ("minimax", {"optimisers.generator.name": "sgd"}, ("optimisers.generator=sgd",)),
        (
            "minimax",
            {"loss": "least-squares", "loss.smoothing": 0.1},
            ("loss=least-squares", "loss.smoothing=0.1"),
        ),
        ("minimax", {"game": "conditional"}, ("game=conditional",)),
    ],
)
def test_what_was_changed_is_in_the_command_and_the_command_repeats_the_run(
    recipe: str, changes: dict[str, Any], words: tuple[str, ...]
) -> None:
    planned = plan("digits", recipe_with(RECIPES[recipe], changes), pick_device("cpu"))
    again = command_again(planned.recipe, data_record(planned.dataset, planned.origin))
    assert again is not None and again[:5] == ("poise", "train", "digits", "--recipe", recipe)
    assert set(words) <= set(again)
    if not changes:
        assert len(again) == 5
    _, bound, _ = app.parse_args(list(again[1:]), exit_on_error=False, print_error=False)
    flags = dict(bound.arguments)
    typed = dict(map(parse_override, flags.get("settings", ())))
    typed |= {
        name: flags[name] for name in ("steps", "seed", "resolution", "fit", "batch_size") if name in flags
    }
    repeated = plan("digits", recipe_with(RECIPES[recipe], typed), pick_device("cpu"))
    apart = {"evaluate_every"}
    assert repeated.recipe.model_dump(exclude=apart) == planned.recipe.model_dump(exclude=apart)
    assert repeated.dataset.fingerprint == planned.dataset.fingerprint
