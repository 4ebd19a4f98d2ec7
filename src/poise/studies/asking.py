"""What a user asks of a study, and what the words of a budget, a search and a ladder mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from poise.data import LEAST_TRAINED
from poise.errors import PoiseError, unknown_name
from poise.studies.criteria import FRECHET
from poise.studies.plan import WHOLE, Rung
from poise.studies.space import Space
from poise.studies.suggesting import require_optuna
from poise.text import seconds_of

EVALUATIONS = 10
"""How often a trial is measured to choose a checkpoint, unless the user says."""

GOING_ON = 0.5
"""Share of a recipe's settings that go on from a rung to the next, unless the user says."""

LEAST_SHARE = 0.2
"""Of the budget, before which no trial is cut."""


@dataclass(frozen=True)
class Request:
    """What a user asks for."""

    data: Any
    recipes: Sequence[str] = ("lucic/*",)
    space: str | Path | Space = "narrow"
    budget: str = "1M-images"
    trials: int = 50
    seeds: int = 10
    shortlist: int = 3
    seed: int = 0
    stack: int | None = None
    evaluations: int = EVALUATIONS
    device: str = "auto"
    settings: Mapping[str, Any] | None = None
    criterion: str = FRECHET
    search: str = "random"
    ladder: str | None = None
    stop_early: float | None = None
    going_on: float = GOING_ON


def read_budget(text: str) -> tuple[int | None, float | None]:
    """A budget for each trial as images or as seconds.

    Raises:
        PoiseError: It is neither.

    Example:
        >>> read_budget("1M-images"), read_budget("200k"), read_budget("30m")
        ((1000000, None), (200000, None), (None, 1800.0))
    """
    plain = text.strip().lower().removesuffix("images").rstrip(" -").replace(",", "").replace("_", "")
    seconds = None if text.lower().rstrip().endswith("images") else seconds_of(text)
    if seconds:
        return None, seconds
    factor = {"k": 1_000, "m": 1_000_000}.get(plain[-1:], 1)
    try:
        images = round(float(plain.rstrip("km")) * factor)
    except (ValueError, OverflowError):
        images = 0
    if images < 1:
        raise PoiseError(
            f"'{text}' is no budget",
            code="studies.budget-unread",
            hint="write images that each trial is shown, 1M-images or 200k-images, or a time, 30m",
        )
    return images, None


def search_for(named: str, *, recipes: int, rungs: bool) -> Literal["random", "optuna"]:
    """How settings are searched for.

    Raises:
        PoiseError: There is no such search; or Optuna is asked for and missing, or cannot be used.
    """
    if named == "random":
        return "random"
    if named != "optuna":
        raise unknown_name("search", named, ("random", "optuna"))
    if recipes > 1:
        raise PoiseError(
            f"--search optuna is never used to compare recipes, and there are {recipes}",
            code="studies.search-not-for-comparison",
            why="settings that follow from earlier ones are no independent draws, and a recipe that is "
            "easier to search would look better",
            hint="name one recipe, for which a good setting is found, or leave --search out",
        )
    if rungs:
        raise PoiseError(
            "--search optuna takes no rungs",
            code="studies.search-with-rungs",
            why="it is told scores at the full budget",
            hint="leave --ladder and --stop-early out",
        )
    require_optuna()
    return "optuna"


def rungs_of(ladder: str | None, stop_early: float | None, going_on: float, *, rows: int) -> list[Rung]:
    """The rungs of a search: subsets of the rows, then shares of the budget on the last of them.

    Args:
        ladder: Numbers of rows with commas between, the last one `all`.
        stop_early: The share of the budget at which the first are cut; the next rungs are twice as long each.
        going_on: The share of settings that goes on.
        rows: How many rows there are to train on.

    Raises:
        PoiseError: They are no rungs.

    Example:
        >>> [rung.words for rung in rungs_of("500,all", 0.3, 0.5, rows=1000)]
        ['500 rows', '30 % of the budget', '60 % of the budget', 'all rows']
    """
    if ladder is None and stop_early is None:
        return []
    if not 0 < going_on < 1:
        what = f"The share of settings that go on cannot be {going_on:g}"
        raise PoiseError(what, code="studies.bad-share", hint="give one between 0 and 1, such as 0.5")
    *numbers, last = [word.strip().lower() for word in (ladder or "all").split(",")]
    subsets = [int(word) if word.isdecimal() else 0 for word in numbers]
    if last != "all" or any(one >= other for one, other in pairwise([0, *subsets])):
        raise PoiseError(
            f"'{ladder}' is no ladder",
            code="studies.ladder-unread",
            hint="write growing numbers of rows, and all at the end: 500,2000,all",
        )
    if subsets and (subsets[0] < LEAST_TRAINED or subsets[-1] >= rows):
        raise PoiseError(
            f"A rung of {subsets[-1] if subsets[-1] >= rows else subsets[0]:,} rows cannot be trained on",
            code="studies.rung-unfit",
            why=f"{rows:,} rows are left to train on, and {LEAST_TRAINED} are the fewest",
            hint=f"name numbers from {LEAST_TRAINED} to {rows - 1:,}, and all",
        )
    if stop_early is not None and not LEAST_SHARE <= stop_early < 1:
        raise PoiseError(
            f"Trials cannot be cut at a share of {stop_early:g}",
            code="studies.stop-too-early",
            why="what leads so early is often not what leads at the end",
            hint=f"give a share of the budget from {LEAST_SHARE:g} to below 1",
        )
    found = [Rung(rows=count) for count in subsets]
    share = stop_early or 1.0
    while share < 1:
        found.append(Rung(share=share))
        share *= 2
    return [*found, WHOLE]
