"""A recipe with some values changed, and the errors for a change that cannot be."""

from __future__ import annotations

import inspect
import json
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from poise.errors import PoiseError, unknown_name
from poise.recipes.settings import (
    FALLING_RATES,
    FORMER,
    MOVED,
    RENAMED,
    AugmentationPart,
    CallbackPart,
    Part,
    Private,
    Recipe,
    RegulariserPart,
)
from poise.registry import complained_path, requirement
from poise.schedules import Schedule


def parse_override(text: str) -> tuple[str, Any]:
    """Split `path=value` as typed after `--set`; the value is read as JSON if it is JSON.

    Args:
        text: `"optimisers.generator.learning_rate=1e-4"`, `"loss=hinge"`, `"steps=null"`.

    Returns:
        The dotted path and the value.

    Raises:
        PoiseError: There is no `=`.

    Example:
        >>> parse_override("packing=2"), parse_override("loss=hinge")
        (('packing', 2), ('loss', 'hinge'))
    """
    path, equals, value = text.partition("=")
    if not equals or not path.strip():
        raise PoiseError(
            f"The setting '{text}' names no value",
            code="recipes.no-value",
            hint="write it as path=value: packing=2",
        )
    try:
        return path.strip(), json.loads(value)
    except json.JSONDecodeError:
        return path.strip(), {"True": True, "False": False, "None": None}.get(value, value)


def recipe_with(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """The recipe with the changes made.

    Args:
        recipe: Where to start from.
        changes: Values by dotted path, or nested mappings: `{"optimisers.generator.learning_rate": 1e-4}`,
            `{"optimisers": {"generator": {"learning_rate": 1e-4}}}`, `{"loss": "hinge"}`.

    Returns:
        A new recipe.

    Raises:
        PoiseError: A path does not exist (with the nearest), or a value is of the wrong type or range.

    Example:
        >>> from poise.recipes.table import RECIPES
        >>> faster = recipe_with(RECIPES["minimax"], {"optimisers.generator.learning_rate": 1e-3})
        >>> faster.optimisers.generator.learning_rate
        0.001
    """
    values = recipe.model_dump()
    # Names before what belongs to them, in whatever order they came: a new name drops the old one's settings.
    for path, value in sorted(_flat(changes), key=lambda pair: _depth(pair[0])):
        _change(values, path, value)
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise _explained(error) from None


def saved_recipe(values: Mapping[str, Any]) -> Recipe:
    """The recipe that a run's recipe.json holds.

    Raises:
        PoiseError: It is damaged.
    """
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        explained = _explained(error)
        raise PoiseError(
            f"The run's recipe.json is damaged: {explained.what}",
            code="recipes.damaged",
            hint="restore the file",
        ) from None


def renamed_path(path: str) -> str:
    """A dotted path by the names that settings have now; an old name gives a notice.

    Example:
        >>> renamed_path("optimizers.generator.lr"), renamed_path("ema.ramp")
        ('optimisers.generator.learning_rate', 'ema.ramp')
    """
    if path in MOVED:
        _notify_renamed(path, MOVED[path])
        return MOVED[path]
    words = path.split(".")
    known = [RENAMED.get(word, word) if place == 0 or words[0] in OPTIMISERS else word
             for place, word in enumerate(words)]  # fmt: skip
    now = ".".join(known)
    if FORMER.keys() & (set(words) - set(known)):
        _notify_renamed(path, now)
    return now


def _notify_renamed(path: str, now: str) -> None:
    """A notice at the line outside of Poise that names the setting."""
    level, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "poise":
        level, frame = level + 1, frame.f_back
    warnings.warn(f"the setting '{path}' is called '{now}' now", FutureWarning, stacklevel=level)


BY_NAME: dict[str, type[BaseModel]] = {
    "regularisers": RegulariserPart,
    "augmentations": AugmentationPart,
    "callbacks": CallbackPart,
}
"""Settings that hold parts by their names: a part is added by naming it and taken out by null."""

OPTIMISERS = ("optimisers", "optimizers")

ABOUT = ("name", "summary", "paper", "when")
"""What a recipe says of itself; all else are settings."""


def _flat(changes: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Nested mappings as dotted paths."""
    pairs: list[tuple[str, Any]] = []
    for key, value in changes.items():
        path = renamed_path(f"{prefix}{key}")
        if isinstance(value, Mapping) and value:
            pairs += _flat(value, f"{path}.")
        else:
            pairs.append((path, value))
    return pairs


def _depth(path: str) -> tuple[int, bool]:
    *folders, leaf = path.split(".")
    return len(folders), leaf != "name"


def _change(values: dict[str, Any], path: str, value: Any) -> None:
    """Set one dotted path in the dumped recipe."""
    *folders, leaf = path.split(".")
    here: dict[str, Any] = values
    model: type[BaseModel] | None = Recipe
    walked = ""
    for folder in folders:
        model = _next_model(model, folder, walked)
        if model is Schedule and not isinstance(here.get(folder), dict):
            here[folder] = {"start": here.get(folder)}  # a number becomes a schedule that begins with it
        if model is Private and here.get(folder) is None:
            here[folder] = {}
        here = here.setdefault(folder, {})
        walked = f"{walked}{folder}."
        if not isinstance(here, dict):
            raise PoiseError(
                f"The setting '{walked[:-1]}' holds a single value, so '{path}' does not exist",
                code="recipes.single-value",
                hint=f"set it itself: {walked[:-1]}=VALUE",
            )
    known = model is None or leaf in model.model_fields or path == FALLING_RATES
    if model is not None and not known and model.model_config.get("extra") == "forbid":
        raise unknown_name("setting", path, known_paths(), where="in a recipe")
    is_part = isinstance(here.get(leaf), dict) and "name" in here[leaf]
    if path in BY_NAME and (value is None or isinstance(value, str)):
        here[leaf] = {} if value in (None, "none") else {value: {}}
    elif is_part and isinstance(value, str):
        if here[leaf]["name"] != value:
            here[leaf] = {"name": value}
    elif value is None and len(folders) == 1 and folders[0] in BY_NAME:
        here.pop(leaf, None)
    elif leaf == "name" and folders and here.get("name") != value:
        here.clear()
        here["name"] = value
    else:
        here[leaf] = value


def _next_model(model: type[BaseModel] | None, folder: str, walked: str) -> type[BaseModel] | None:
    """The settings class below one folder of a path; `None` if any key is allowed."""
    if model is None:
        return BY_NAME[walked.split(".", maxsplit=1)[0]]
    field = model.model_fields.get(folder)
    if field is None:
        raise unknown_name("setting", f"{walked}{folder}", known_paths(), where="in a recipe")
    found = field.annotation
    if isinstance(found, type) and issubclass(found, BaseModel):
        return found
    for optional in (Schedule, Private):
        if optional in get_args(found):
            return optional
    return None if dict in (found, *get_args(found)) or "dict" in str(found) else Recipe


def known_paths() -> list[str]:
    """Every path that `--set` takes, but for the settings of parts.

    Example:
        >>> "optimisers.generator.learning_rate" in known_paths()
        True
    """
    return [path for path, _ in documented_paths()]


def documented_paths(model: type[BaseModel] = Recipe, prefix: str = "") -> list[tuple[str, str]]:
    """Every path with its help text."""
    paths: list[tuple[str, str]] = []
    for name, field in model.model_fields.items():
        found = field.annotation
        nested = isinstance(found, type) and issubclass(found, BaseModel) and not issubclass(found, Part)
        if nested:
            assert isinstance(found, type)
            paths += documented_paths(found, f"{prefix}{name}.")
        else:
            paths.append((f"{prefix}{name}", field.description or ""))
    return paths


def help_of(path: str) -> str:
    """What a setting means, by its dotted path; empty for the own settings of a part, such as a width.

    Example:
        >>> help_of("optimisers.generator.learning_rate"), help_of("loss.name") == help_of("loss")
        ('learning rate; null: by the data', True)
    """
    model: type[BaseModel] | None = Recipe
    text, words = "", iter(path.split("."))
    for word in words:
        field = None if model is None else model.model_fields.get(word)
        if field is None or model is Part:
            return text if word == "name" else ""
        text, model = field.description or "", _model_in(field.annotation)
        if get_origin(field.annotation) is dict and model is not None:
            next(words, None)  # the name of one of several parts
    return text


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The settings of a dumped recipe by their dotted paths.

    Example:
        >>> dict(flat({"loss": {"name": "hinge"}, "penalties": {}}))
        {'loss.name': 'hinge', 'penalties': {}}
    """
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The settings class that a field holds, alone, by name or among other types."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _model_in(inner)) is not None), None)


def _explained(error: ValidationError) -> PoiseError:
    """The first of pydantic's complaints as a sentence."""
    first = error.errors()[0]
    path = complained_path(first)
    if first["type"] == "extra_forbidden":
        return unknown_name("setting", path, known_paths(), where="in a recipe")
    if first["type"] == "missing":
        return PoiseError(
            f"The setting '{path}' is missing", code="recipes.missing-setting", hint=f"add --set {path}=VALUE"
        )
    return PoiseError(
        f"The setting '{path}' cannot be {first['input']!r}",
        code="recipes.wrong-value",
        why=requirement(first),
        hint="give it such a value",
    )
