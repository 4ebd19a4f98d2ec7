"""What training would see in somebody's data, and whether it would begin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from poise.cli.view import View
from poise.cli.wording import command, counted, data_sentence, recipe_sentence, value_word
from poise.errors import PoiseError

if TYPE_CHECKING:
    from rich.console import Console

    from poise.recipes import Recipe

SAID_ELSEWHERE = {"name", "kind", "count", "shape", "resolution", "channels", "notices"} | {
    "refused",
    "refused_count",
    "ignored",
    "ignored_count",
}


@dataclass(frozen=True)
class Sight:
    """What training would see.

    Attributes:
        name: What the person named.
        resolution: What they asked for.
        facts: Everything that is known of the data.
        recipe: What the default recipe becomes with these data, where training would begin.
        obstacle: Why training would not begin.
    """

    name: str
    resolution: int | None
    facts: Mapping[str, Any]
    recipe: Recipe | None
    obstacle: PoiseError | None


def seen(data: str, resolution: int | None, view: View) -> Sight:
    """Open the data as training would, and plan a run with the default recipe.

    Args:
        data: What a person named.
        resolution: Pixels on a side.
        view: Who is told while the data are read.

    Raises:
        PoiseError: There is nothing to see.
    """
    from poise.recipes import DEFAULT_RECIPE, RECIPES, recipe_with

    recipe = recipe_with(
        RECIPES.named(DEFAULT_RECIPE), {} if resolution is None else {"resolution": resolution}
    )
    with view.opening(data) as measurement:
        from poise.data import inspect_data
        from poise.training import pick_device, plan

        facts = inspect_data(data, resolution=resolution, progress=measurement)
        try:
            planned = plan(data, recipe, pick_device("cpu"))
        except PoiseError as error:
            return Sight(data, resolution, facts, None, error)
    return Sight(data, resolution, facts, planned.recipe, None)


def show(sight: Sight, *, as_json: bool) -> None:
    """Show it to a person or a program.

    Args:
        sight: What was seen.
        as_json: For a program.
    """
    from poise.cli.console import emit, output

    if as_json:
        obstacle = None if sight.obstacle is None else sight.obstacle.sentence
        emit({"event": "data", **sight.facts, "trainable": obstacle is None, "obstacle": obstacle})
    else:
        _tell(sight, output())


def _tell(sight: Sight, console: Console) -> None:
    from poise.cli.console import facts, line
    from poise.cli.telling import tell_notice

    known = sight.facts
    kind, shape, count = known["kind"], known["shape"], known["count"]
    rows = [("data", f"{known['name']}: {data_sentence(kind, shape, count)}")]
    rows += [
        (key.replace("_", " "), fact_words(value))
        for key, value in known.items()
        if key not in SAID_ELSEWHERE and value not in (0, None, "", [], {})
    ]
    facts(console, rows)
    for sentence in known["notices"]:
        tell_notice(console, sentence)
    refused, refused_count = known.get("refused", []), known.get("refused_count", 0)
    if refused:
        line(console, "")
        line(console, (f"{counted(refused_count, 'file')} refused", "bold"))
        facts(console, [(f"  {one['file']}", str(one["reason"])) for one in refused])
        if refused_count > len(refused):
            line(console, f"  and {refused_count - len(refused):,} more")
    line(console, "")
    if sight.obstacle is not None:
        line(console, ("not trainable: ", "bold red"), sight.obstacle.sentence)
        return
    size = () if sight.resolution is None else ("--resolution", str(sight.resolution))
    if sight.recipe is not None:
        line(
            console, ("trainable", "bold green"), f" with the default recipe, {recipe_sentence(sight.recipe)}"
        )
    line(console, "train on it: ", (command("poise", "train", sight.name, *size), "cyan"))


def fact_words(value: Any) -> str:
    """A fact of a summary as a person reads it.

    Example:
        >>> fact_words({"min": 8, "median": 64.0, "max": 512}), fact_words({"PNG": 1200, "JPEG": 3})
        ('8 to 512, median 64', 'PNG 1,200, JPEG 3')
        >>> fact_words([0, 255]), fact_words("NHWC"), fact_words(1797), fact_words({"name": "pixels"})
        ('0 to 255', 'NHWC', '1,797', 'pixels')
    """
    if isinstance(value, Mapping):
        return _mapping_words(value)
    if isinstance(value, list):
        pair = len(value) == 2 and all(isinstance(one, int | float) for one in value)
        return (" to " if pair else ", ").join(map(fact_words, value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value_word(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def _mapping_words(value: Mapping[str, Any]) -> str:
    if set(value) == {"min", "median", "max"}:
        low, high = fact_words(value["min"]), fact_words(value["max"])
        return low if low == high else f"{low} to {high}, median {fact_words(value['median'])}"
    if "name" in value:
        return str(value["name"])
    return ", ".join(f"{key} {fact_words(inner)}" for key, inner in value.items())
