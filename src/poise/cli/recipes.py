"""`poise recipes`: the table, or one recipe whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poise.cli.verb import Json, verb

if TYPE_CHECKING:
    from rich.console import Console

    from poise.recipes import Recipe

DATA_OF_GAME = {
    "paired-translation": "--pairs line colour",
    "unpaired-translation": "--domains horses zebras",
    "image-tagging": "my-photos --labels tags.csv",
}
"""What a game that is not played with digits may be played with, for the example."""

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
        name: One recipe; all of them where none is named.
        json: One JSON object a line on standard output, and nothing else.
    """
    from poise.cli.console import emit, output
    from poise.recipes import RECIPES

    chosen = list(RECIPES.values()) if name is None else [RECIPES.named(name)]
    if json:
        for recipe in chosen:
            emit(recipe.model_dump())
    elif name is None:
        _list(chosen, output())
    else:
        _show(chosen[0], output())
    return 0


def _list(recipes: list[Recipe], console: Console) -> None:
    from textwrap import fill

    from rich.text import Text

    console.print(Text(f"{'recipe':<22}{'what it plays with':<31}paper", "bold"))
    for recipe in recipes:
        paper = recipe.paper.partition(",")[0].partition(";")[0]
        console.print(Text.assemble((f"{recipe.name:<22}", "cyan"), f"{_played(recipe):<31}", paper))
        summary = fill(recipe.summary, console.width, initial_indent="  ", subsequent_indent="  ")
        console.print(Text(summary, "dim"))
    console.print()
    console.print(Text.assemble("one with every value: ", ("poise recipes NAME", "cyan")))


def _played(recipe: Recipe) -> str:
    """Loss, penalties, and the tricks that a recipe is named for."""
    tricks = {
        "clipping": recipe.weight_clip is not None,
        "spectral norm": bool(recipe.discriminator.options.get("spectral_norm")),
        f"packing {recipe.packing}": recipe.packing > 1,
    }
    return ", ".join(
        [recipe.loss.name, *recipe.penalties, *(trick for trick, used in tricks.items() if used)]
    )


def _show(recipe: Recipe, console: Console) -> None:
    from rich.text import Text

    from poise.cli.console import facts
    from poise.cli.settings_table import marked_table

    data = DATA_OF_GAME.get(recipe.game.name, "digits")
    console.print(Text(recipe.name, "bold cyan"))
    facts(console, [("what", recipe.summary), ("when", recipe.when), ("paper", recipe.paper)])
    console.print()
    console.print(marked_table(recipe))
    console.print()
    console.print(
        Text("* differs from the plain default; change any with --set path=value, as in", "dim"),
        soft_wrap=True,
    )
    console.print(
        Text(f"  poise train {data} --recipe {recipe.name} --set batch_size=128", "cyan"), soft_wrap=True
    )
