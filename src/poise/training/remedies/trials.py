"""Which remedies are tried, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from poise.errors import PoiseError
from poise.recipes import Recipe, recipe_with, saved_recipe
from poise.run_folder import RunFolder
from poise.spec import DataSpec
from poise.training.callbacks.callback import Notify
from poise.training.resolve import resolve


@dataclass(frozen=True)
class Trial:
    """A remedy that is tried.

    Attributes:
        finding: The finding's name.
        first_step: Where it begins.
        remedy: As `findings.jsonl` has it.
        recipe: The run's recipe with its settings, resolved.
    """

    finding: str
    first_step: int
    remedy: Mapping[str, Any]
    recipe: Recipe


def ranked(lines: Iterable[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Every remedy that can be set, of the troubles that are open, in the order in which they are tried.

    Causes come before what they bring about; then every finding's first remedy before any second one, and the
    earlier finding first.

    Args:
        lines: Of `findings.jsonl`; a later line about a finding stands for the earlier ones.

    Returns:
        Each finding with one of its remedies.
    """
    latest = {(line["name"], line["first_step"]): line for line in lines}
    tries = [
        (rank, finding, remedy)
        for finding in latest.values()
        if finding["status"] == "open" and finding["severity"] == "trouble"
        for rank, remedy in enumerate(finding["remedies"])
        if remedy.get("settings")
    ]
    tries.sort(key=lambda one: (bool(one[1].get("because_of")), one[0], one[1]["first_step"]))
    return [(finding, remedy) for _, finding, remedy in tries]


def trials(
    run: RunFolder, spent: set[str], spec: DataSpec, given: tuple[str, ...], notify: Notify
) -> Iterator[Trial]:
    """Remedies that change the recipe and were not tried.

    Args:
        run: The run in trouble.
        spent: The changes that were tried; those that do not fit are added.
        spec: The shapes of its data.
        given: The players whose module is the user's own.
        notify: Reports of a remedy that does not fit.
    """
    recipe = saved_recipe(run.recipe)
    for finding, remedy in ranked(run.lines("findings")):
        if remedy["change"] in spent:
            continue
        try:
            changed = resolve(recipe_with(recipe, remedy["settings"]), spec, given=given)
        except PoiseError as error:
            notify(f"Passed over, since it does not fit this run: {remedy['change']} ({error.what}).")
            spent.add(str(remedy["change"]))
            continue
        if changed != recipe:
            yield Trial(finding["name"], finding["first_step"], remedy, changed)
