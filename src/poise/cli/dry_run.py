"""`poise train --dry-run`: everything that a run would be, and nothing written."""

from __future__ import annotations

from poise.cli.console import emit, line, output
from poise.cli.machine import beginning_object
from poise.cli.settings_table import plain_table
from poise.cli.telling import tell_start
from poise.cli.view import Beginning


def show(beginning: Beginning, *, as_json: bool) -> int:
    """Show a plan.

    Args:
        beginning: What a run would start from, checked.
        as_json: As one object, with the whole recipe and the whole summary of the data.

    Returns:
        The exit status, 0.
    """
    recipe = beginning.recipe.model_dump()
    if as_json:
        emit({"event": "plan", **beginning_object(beginning), "recipe": recipe, "data": dict(beginning.data)})
        return 0
    console = output()
    tell_start(console, beginning)
    console.print()
    console.print(plain_table(beginning.recipe))
    console.print()
    line(console, "This was a dry run: nothing was written. Leave out --dry-run to train.")
    return 0
