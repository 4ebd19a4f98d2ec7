"""Spaces of settings that a study draws from: typed, with conditions, written as TOML.

    name = "mine"
    summary = "Learning rates of both players."

    [[settings]]
    paths = ["optimisers.discriminator.learning_rate", "optimisers.generator.learning_rate"]
    draw = "log"
    low = 1e-5
    high = 1e-2

    [[settings]]
    paths = ["weight_clip"]
    draw = "log"
    low = 1e-3
    high = 1.0
    when = { weight_clip = "set" }

`paths` share one draw. `when` names what the recipe must have: a value, a list of values, `"set"` or
`"unset"`.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from poise.errors import PoiseError, nearest
from poise.randomness import derive
from poise.recipes import Recipe, recipe_with
from poise.recipes.overrides import flat

FOLDER = Path(__file__).parent / "spaces"

SET, UNSET = "set", "unset"
"""In a condition: the recipe has this setting, whatever its value; or has it not."""

Value = float | int | bool | str


class Setting(BaseModel):
    """One setting of a space, or several that share a draw."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    paths: Annotated[list[str], Field(min_length=1)]
    draw: Literal["uniform", "log", "choice"]
    low: float | None = None
    high: float | None = None
    values: list[Value] = []
    when: dict[str, Value | list[Value]] = {}

    @model_validator(mode="after")
    def _whole(self) -> Setting:
        if self.draw == "choice":
            if not self.values or self.low is not None or self.high is not None:
                raise ValueError("a choice has values, and neither low nor high")
            return self
        if self.values or self.low is None or self.high is None:
            raise ValueError(f"'{self.draw}' has low and high, and no values")
        if not self.low < self.high:
            raise ValueError(f"nothing lies between {self.low:g} and {self.high:g}")
        if self.draw == "log" and self.low <= 0:
            raise ValueError("a logarithmic range begins above 0")
        return self

    @property
    def name(self) -> str:
        """What its draws are keyed by: its first path."""
        return self.paths[0]

    def at(self, share: float) -> Value:
        """The value at a share in [0, 1) of the range.

        Example:
            >>> Setting(paths=["x"], draw="log", low=1e-4, high=1e-2).at(0.5)
            0.001
            >>> Setting(paths=["x"], draw="choice", values=[1, 5]).at(0.5)
            5
        """
        if self.draw == "choice":
            return self.values[int(share * len(self.values))]
        assert self.low is not None
        assert self.high is not None
        if self.draw == "uniform":
            return self.low + share * (self.high - self.low)
        low, high = math.log10(self.low), math.log10(self.high)
        return float(f"{10 ** (low + share * (high - low)):.12g}")

    def ends(self) -> list[Value]:
        """The values at the edges of the range, or all of a choice: what a recipe must be able to take."""
        if self.draw == "choice":
            return list(self.values)
        return [self.at(0.0), self.at(1.0 - 2**-53)]

    def applies(self, recipe: Mapping[str, Any]) -> bool:
        """Whether a recipe, as its dotted paths and values, meets the conditions."""
        return all(_met(recipe, path, wanted) for path, wanted in self.when.items())


def _met(recipe: Mapping[str, Any], path: str, wanted: Value | list[Value]) -> bool:
    if wanted in (SET, UNSET):
        below = any(name.startswith(f"{path}.") for name in recipe)
        return (below or recipe.get(path) not in (None, {})) == (wanted == SET)
    found = recipe.get(path, recipe.get(f"{path}.name"))
    return found in (wanted if isinstance(wanted, list) else [wanted])


class Space(BaseModel):
    """A space of settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    summary: str = ""
    source: str = ""
    settings: Annotated[list[Setting], Field(min_length=1)]

    def of(self, recipe: Recipe) -> list[Setting]:
        """The settings that a recipe has.

        Raises:
            PoiseError: The space holds none of them.
        """
        values = dict(flat(recipe.model_dump()))
        found = [setting for setting in self.settings if setting.applies(values)]
        if not found:
            raise PoiseError(
                f"The space '{self.name}' has no setting of the recipe '{recipe.name}'",
                code="studies.empty-intersection",
                why="the conditions of all its settings ask for something else",
                hint="leave the recipe out, or add a setting that it has",
            )
        return found

    def drawn(self, recipe: Recipe, seed: int, trial: int) -> dict[str, Value]:
        """What a trial changes of a recipe: nothing in trial 0, which is the default.

        Each value is a function of the study's seed, the setting's path and the trial, and of nothing else:
        recipes share their draws, and further trials, recipes or settings change none.

        Args:
            recipe: The recipe.
            seed: The study's.
            trial: From 0.

        Example:
            >>> from poise.recipes import RECIPES
            >>> space_named("wide").drawn(RECIPES["lucic/dragan"], 0, 0)
            {}
            >>> drawn = space_named("wide").drawn(RECIPES["lucic/wasserstein"], 0, 1)
            >>> 1e-3 <= drawn["weight_clip"] <= 1.0
            True
        """
        return draws(self.of(recipe), seed, trial)

    def check(self, recipe: Recipe) -> None:
        """Refuse settings that the recipe cannot take.

        Raises:
            PoiseError: A path does not exist, with the nearest; or an end of a range is not allowed.
        """
        for setting in self.of(recipe):
            for value in setting.ends():
                recipe_with(recipe, dict.fromkeys(setting.paths, value))


def draws(settings: Sequence[Setting], seed: int, trial: int) -> dict[str, Value]:
    """The value of every path of some settings in a trial; none in trial 0."""
    if trial == 0:
        return {}
    return {
        path: setting.at(derive(seed, trial, f"study {setting.name}") / 2**63)
        for setting in settings
        for path in setting.paths
    }


def space_names() -> list[str]:
    """The spaces that come with Poise.

    Example:
        >>> space_names()
        ['kurach', 'narrow', 'wide']
    """
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def space_named(named: str | Path) -> Space:
    """A space by its name, or from a TOML file.

    Raises:
        PoiseError: There is none, or the file holds no space.

    Example:
        >>> space_named("narrow").settings[2].values
        [1]
    """
    own = FOLDER / f"{named}.toml"
    file = own if own.is_file() and own.parent == FOLDER else Path(named).expanduser()
    if not file.is_file():
        near = nearest(str(named), space_names())
        raise PoiseError(
            f"There is no space '{named}'",
            code="studies.unknown-space",
            hint=(f"did you mean '{near[0]}'? " if near else "")
            + f"name one of {', '.join(space_names())}, or a TOML file",
        )
    try:
        return Space.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise PoiseError(
            f"'{file}' is no TOML file",
            code="studies.space-unreadable",
            why=str(error),
            hint="mend that line",
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise PoiseError(
            f"The space '{file}' is wrong at '{where}'",
            code="studies.space-wrong",
            why=first["msg"].removeprefix("Value error, "),
            hint="give each setting paths, and draw: uniform or log with low and high, choice with values",
        ) from None
