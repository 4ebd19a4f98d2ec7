"""Tables of parts, and the settings that a part's signature allows."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from poise.errors import PoiseError
from poise.registry import Registry, bound, checked_settings, provided, settings_model


@dataclass(frozen=True)
class Part:
    name: str


def penalty(
    critic: object,
    *,
    generator: object,
    weight: Annotated[float, Field(ge=0)] = 1.0,
    kind: Literal["a", "b"] = "a",
    steps: int | None = None,
) -> tuple[float, str]:
    return weight, kind


def other(*, rate: float = 0.5) -> float:
    return rate


def nothing(real: object, fake: object) -> None:
    return None


def test_a_registry_is_a_table_by_name_in_order() -> None:
    parts = [Part("b"), Part("a")]
    table = Registry("loss", parts)
    assert list(table) == ["b", "a"]
    assert table["a"] is table.named("a") is parts[1]
    assert len(table) == 2
    assert "c" not in table


def test_a_name_twice_raises_at_once() -> None:
    with pytest.raises(ValueError, match="two parts of kind loss are named 'a'"):
        Registry("loss", [Part("a"), Part("b"), Part("a")])


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    table = Registry("loss", [Part("hinge"), Part("minimax")])
    with pytest.raises(PoiseError, match="There is no loss 'hing'; did you mean 'hinge'"):
        table.named("hing")
    with pytest.raises(KeyError):
        table["hing"]


def test_a_registry_cannot_be_written() -> None:
    with pytest.raises(TypeError):
        Registry("loss", [Part("a")])["b"] = Part("b")  # type: ignore[index]  # on purpose


def test_settings_are_the_keyword_only_parameters_with_defaults() -> None:
    assert set(settings_model(penalty).model_fields) == {"weight", "kind", "steps"}
    assert set(settings_model(penalty, other).model_fields) == {"weight", "kind", "steps", "rate"}
    assert settings_model(nothing).model_fields == {}


def test_defaults_are_spelled_out_and_types_kept() -> None:
    defaults = {"weight": 1.0, "kind": "a", "steps": None}
    assert checked_settings({}, penalty, owner="penalty 'p'") == defaults
    given = checked_settings({"weight": 2, "steps": 3}, penalty, owner="penalty 'p'")
    assert given == {**defaults, "weight": 2.0, "steps": 3}
    assert isinstance(given["weight"], float)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"wieght": 2}, "There is no setting of the penalty 'p' 'wieght'; did you mean 'weight'?"),
        ({"weight": -1}, "The setting 'weight' of the penalty 'p' cannot be -1, because it should be"),
        ({"weight": "much"}, "The setting 'weight' of the penalty 'p' cannot be 'much', because"),
        ({"weight": float("nan")}, "The setting 'weight' of the penalty 'p' cannot be nan, because"),
        (
            {"kind": "c"},
            "The setting 'kind' of the penalty 'p' cannot be 'c', because it should be 'a'",
        ),
        ({"steps": 1.5}, "The setting 'steps' of the penalty 'p' cannot be 1.5, because"),
        ({"generator": 3}, "There is no setting of the penalty 'p' 'generator'"),
        ({"critic": 3}, "There is no setting of the penalty 'p' 'critic'"),
    ],
    ids=str,
)
def test_what_a_part_does_not_take_is_refused(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(PoiseError) as refusal:
        checked_settings(given, penalty, owner="penalty 'p'")
    assert refusal.value.sentence.startswith(sentence)


def test_a_part_without_settings_says_so() -> None:
    with pytest.raises(PoiseError, match="loss 'n' has no settings, so 'rate' cannot be set; leave it out"):
        checked_settings({"rate": 1}, nothing, owner="loss 'n'")


def test_each_function_is_bound_to_its_own_settings() -> None:
    settings = {"weight": 3.0, "kind": "b", "rate": 0.1}
    both = (penalty, other)
    mine = bound(penalty, settings, among=both)
    assert mine(None, generator=None) == (3.0, "b")
    assert bound(other, settings, among=both)() == 0.1
    assert bound(nothing, settings, among=both) is nothing
    assert isinstance(mine, partial)


def test_a_setting_of_no_function_is_not_dropped_in_silence() -> None:
    with pytest.raises(ValueError, match="'rate' is no setting of penalty"):
        bound(penalty, {"weight": 3.0, "rate": 0.1})


def test_a_callers_value_fills_what_has_no_default_and_overrides_no_setting() -> None:
    def step(batch: int, *, epoch_steps: int, repeats: int = 1) -> tuple[int, int]:
        return epoch_steps, repeats

    assert provided(step, epoch_steps=7, repeats=9, other=3)(0) == (7, 1)
