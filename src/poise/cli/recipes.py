"""`poise recipes`: the list, or one recipe whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from poise.cli.verb import Json, emit, facts, output, table, verb

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from poise.recipes import Recipe

EXAMPLE_DATA = {
    "paired-translation": "--pairs line colour",
    "unpaired-translation": "--domains horses zebras",
    "auxiliary-tags": "my-photos --labels tags.csv",
    "image-tagging": "my-photos --labels tags.csv",
}
"""Data for the example, by the game, if digits do not suit it."""

app = verb(
    "recipes",
    ("poise recipes", "all of them"),
    ("poise recipes wasserstein-gp", "one, with every value"),
    ("poise recipes wasserstein-gp --json", "the same for a program"),
)


@app.default
def recipes(name: str | None = None, /, *, json: Json = False) -> int:
    """List the recipes, or show one with every value.

    Args:
        name: One recipe; by default all of them.
    """
    from poise.extension import use_installed
    from poise.recipes import RECIPES

    if name is None:
        use_installed()
    chosen = list(RECIPES.values()) if name is None else [RECIPES.named(name)]
    if json:
        for recipe in chosen:
            emit(recipe.model_dump())
    elif name is None:
        _print_list(chosen, output())
    else:
        _print_one(chosen[0], output())
    return 0


def settings_table(recipe: Recipe, *, explained: bool = False) -> RenderableType:
    """Every setting by the path that `--set` takes, with its value; explained, also what it is."""
    from rich.text import Text

    from poise.recipes.overrides import ABOUT, flat, help_of
    from poise.recipes.settings import Recipe as Settings

    defaults = dict(flat(Settings(name="default").model_dump()))
    made = (
        table("", "setting", "value", "what it is", left=4)
        if explained
        else table("setting", "value", left=2)
    )
    for name, value in flat(recipe.model_dump()):
        if name in ABOUT:
            continue
        path, text, differs = name.removesuffix(".name"), value_text(value), defaults.get(name) != value
        if explained:
            cells = Text(path, "cyan", no_wrap=True), Text(text, "bold" if differs else "")
            made.add_row(Text("*" if differs else "", "yellow"), *cells, Text(help_of(name), "dim"))
        else:
            made.add_row(Text(path, "cyan"), text)
    return made


def value_text(value: Any) -> str:
    """A setting's value as people type it after `--set path=`.

    Example:
        >>> value_text(0.0002), value_text(None), value_text("auto"), value_text({}), value_text(True)
        ('0.0002', 'null', 'auto', 'none', 'true')
    """
    if value in ({}, []):
        return "none"
    named = {None: "null", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return named[value]
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _print_list(recipes: list[Recipe], console: Console) -> None:
    from textwrap import fill

    from rich.text import Text

    heading = "loss, regularisers, tricks"
    first = 2 + max(len(recipe.name) for recipe in recipes)
    second = 2 + max(len(heading), *(len(_parts_of(recipe)) for recipe in recipes))
    console.print(Text(f"{'recipe':<{first}}{heading:<{second}}paper", "bold"))
    for recipe in recipes:
        paper = recipe.paper.partition(",")[0].partition(";")[0]
        console.print(
            Text.assemble((f"{recipe.name:<{first}}", "cyan"), f"{_parts_of(recipe):<{second}}", paper)
        )
        summary = fill(recipe.summary, console.width, initial_indent="  ", subsequent_indent="  ")
        console.print(Text(summary, "dim"))
    console.print()
    console.print(Text.assemble("one with every value: ", ("poise recipes NAME", "cyan")))


def _parts_of(recipe: Recipe) -> str:
    """Loss, regularisers, and the tricks that a recipe is named for."""
    tricks = {
        "clipping": recipe.weight_clip is not None,
        "spectral norm": bool(recipe.discriminator.options.get("spectral_norm")),
        f"packing {recipe.packing}": recipe.packing > 1,
    }
    used = [trick for trick, is_used in tricks.items() if is_used]
    return ", ".join([recipe.loss.name, *recipe.regularisers, *used])


def _print_one(recipe: Recipe, console: Console) -> None:
    from rich.text import Text

    data = EXAMPLE_DATA.get(recipe.game.name, "digits")
    console.print(Text(recipe.name, "bold cyan"))
    facts(console, [("what", recipe.summary), ("when", recipe.when), ("paper", recipe.paper)])
    console.print()
    console.print(settings_table(recipe, explained=True))
    console.print()
    hint = "* differs from the plain default; change any with --set path=value, as in"
    example = f"  poise train {data} --recipe {recipe.name} --set batch_size=128"
    console.print(Text(hint, "dim"), soft_wrap=True)
    console.print(Text(example, "cyan"), soft_wrap=True)
