"""`poise inspect`: what training would see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from poise.cli.data_options import Reading
from poise.cli.verb import FitName, Json, Size, emit, facts, line, output, verb
from poise.errors import PoiseError
from poise.text import command, counted

if TYPE_CHECKING:
    from rich.console import Console

app = verb(
    "inspect",
    ("poise inspect my-photos", "a folder: what fits, what would be refused"),
    ("poise inspect samples.npy --json", "an array, for a program"),
)

IN_THE_FIRST_LINE = {"name", "kind", "count", "shape", "resolution", "channels", "fitted", "fit"}
BELOW = {"notices", "refused", "refused_count", "ignored", "ignored_count"}


@app.default
def inspect(
    data: str,
    /,
    *,
    resolution: Size = None,
    fit: FitName = None,
    reading: Reading = Reading(),  # noqa: B008 - frozen
    json: Json = False,
) -> int:
    """Show what training would see in your data.

    Every file that would be refused is listed with the reason. The exit
    status is 0 if the data can be trained on as they are, and 2 if not.

    Args:
        data: A folder or zip of images, a .npy or .npz array, or digits, ring, grid, spiral or triangles.
        resolution: The size images would be brought to: pixels a side, or width and height, as 64x48.
        fit: What becomes of other proportions: crop the middle, by default; pad with white; or stretch.
        reading: How they are read.
    """
    from poise.cli.events import recipe_text
    from poise.cli.progress import view_for
    from poise.recipes import AUTO, asked_for, drafted

    asked = {"resolution": resolution, "fit": fit}
    changes = {name: value for name, value in asked.items() if value is not None}
    asked_recipe = asked_for(AUTO, changes)
    recipe, since = drafted(asked_recipe), ""
    obstacle: PoiseError | None = None
    with view_for(json=json).reading(data) as on_read:
        from poise.data import inspect_data
        from poise.training import pick_device, plan

        named = reading.of(data)
        known = inspect_data(named, resolution=recipe.resolution, fit=recipe.fit, progress=on_read)
        try:
            experiment = plan(named, asked_recipe, pick_device("auto"))
            recipe, choice = experiment.recipe, experiment.choice
            since = "" if choice is None else f", since {choice.why}"
        except PoiseError as error:
            obstacle = error
    if json:
        why = None if obstacle is None else obstacle.sentence
        emit({"event": "data", **known, "trainable": obstacle is None, "obstacle": why})
    else:
        sizes = {"--resolution": resolution, "--fit": fit}
        words = [word for option, value in sizes.items() if value is not None for word in (option, value)]
        words += reading.words
        _print(output(), known, obstacle, data, f"{recipe_text(recipe)}{since}", words)
    return 0 if obstacle is None else obstacle.exit_status


def _print(
    console: Console,
    known: Mapping[str, Any],
    obstacle: PoiseError | None,
    data: str,
    recipe: str,
    words: Sequence[str],
) -> None:
    from poise.cli.events import Notice, data_text
    from poise.web.facts import fact_text

    rows = [("data", f"{known['name']}: {data_text(known)}")]
    rows += [
        (key.replace("_", " "), fact_text(key, value))
        for key, value in known.items()
        if key not in IN_THE_FIRST_LINE | BELOW and value not in (0, None, "", [], {})
    ]
    facts(console, rows)
    for sentence in known["notices"]:
        Notice(sentence).print(console)
    refused, count = known.get("refused", []), known.get("refused_count", 0)
    if refused:
        line(console, "")
        line(console, (f"{counted(count, 'file')} refused", "bold"))
        facts(console, [(f"  {one['file']}", str(one["reason"])) for one in refused])
        if count > len(refused):
            line(console, f"  and {count - len(refused):,} more")
    line(console, "")
    if obstacle is not None:
        line(console, ("not trainable: ", "bold red"), obstacle.sentence)
        return
    line(console, ("trainable", "bold green"), f" with {recipe}")
    line(console, "train on it: ", (command("poise", "train", data, *words), "cyan"))
    for labels, asked in (("classes", ("--set", "game=conditional")), ("tags", ("--recipe", "anime"))):
        if known.get(labels):
            with_labels = command("poise", "train", data, *words, *asked)
            line(console, f"with its {labels}: ", (with_labels, "cyan"))
