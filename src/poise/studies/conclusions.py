"""What a study says, in words: how it was made, what to do next, and values as people read them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from poise.recipes import RECIPES
from poise.recipes.overrides import flat
from poise.studies.criteria import CRITERIA
from poise.studies.pairs import Pair, seeds_that_tell
from poise.studies.plan import BEGINNING, SCREENING_SEEDS, Plan
from poise.studies.space import Value
from poise.text import command, counted, duration, number

if TYPE_CHECKING:
    from poise.studies.results import Cost, Row

FEW_SEEDS = 2
"""With so few no spread is known."""

TROUBLED = 0.25
"""A share of failures that is worth a sentence."""

DOUBTFUL = 0.5
"""A share of confirmed runs in trouble from which a setting is not recommended, however low its score."""

SEARCHES = {
    "random": "Random search",
    "optuna": f"Search by tree-structured Parzen estimators after {BEGINNING} random settings",
}


def protocol(plan: Plan) -> str:
    """How the scores were made, in a sentence or two."""
    budget = f"{plan.budget.images:,} images each"
    by_time = f" ({plan.budget.asked} at {plan.budget.measured})" if plan.budget.measured else ""
    rungs = (
        f" on the rungs {', '.join(rung.words for rung in plan.ladder)}, from each of which the best "
        f"{100 * plan.going_on:g} % of a recipe go on,"
        if plan.rungs
        else ""
    )
    screening = (
        "nothing was trained again with fresh seeds"
        if not plan.seeds or not plan.shortlist
        else f"the best {plan.shortlist} of each recipe were trained again with {SCREENING_SEEDS} fresh "
        f"seeds, and the best of these with {plan.seeds} others, which alone are compared"
        if plan.shortlist > 1
        else f"the best of each recipe was trained again with {plan.seeds} fresh seeds"
    )
    return (
        f"{SEARCHES[plan.searched_by]} in the space '{plan.space.name}', "
        f"{counted(plan.trials, 'setting')} a recipe,{rungs} "
        f"{budget}{by_time}, study seed {plan.seed}; {screening}. Each run's checkpoint was chosen on "
        f"{plan.choosing:,} rows and scored on {plan.scoring:,} others, neither of which were trained on. "
        f"The score is {CRITERIA[plan.criterion].words}."
    )


def advice(plan: Plan, rows: Sequence[Row], pairs: Sequence[Pair]) -> list[str]:
    """What to do next, in sentences."""
    ranked = [row for row in rows if row.confirmed and math.isfinite(row.median)]
    if not ranked:
        return ["No setting is confirmed yet; the same command goes on." if plan.seeds else NO_SEEDS]
    best = ranked[0]
    said = [_taken_or_not(plan, best), f"To train it: {train_command(plan, best)}"]
    beaten = [_other(pair, best.recipe) for pair in pairs if _beats(pair, best.recipe)]
    open_pairs = [
        pair for pair in pairs if best.recipe in (pair.first, pair.second) and pair.verdict == "cannot tell"
    ]
    if beaten:
        said.append(f"It is better than {_listed(beaten)}.")
    if open_pairs:
        names = _listed([_other(pair, best.recipe) for pair in open_pairs])
        needed = [pair.seeds for pair in open_pairs if pair.seeds is not None]
        more = (
            f"differences like these would be seen with {max(needed)} seeds: --seeds {max(needed)}"
            if needed and len(needed) == len(open_pairs)
            else f"some would be seen with {max(needed)} seeds, the others with more than 1,000"
            if needed
            else "more than 1,000 seeds would be needed"
            if plan.seeds > FEW_SEEDS
            else "so few do not say how many would do: --seeds 10"
        )
        said.append(f"It cannot be distinguished from {names} with {counted(plan.seeds, 'seed')}; {more}.")
        if plan.seeds < (least := seeds_that_tell(len(plan.recipes))):
            said.append(too_few_seeds(plan.seeds, len(plan.recipes), least))
    said += [
        f"'{row.recipe}' failed in {row.failed} of {row.trials} settings, so that its range must be chosen "
        "with care."
        for row in rows
        if row.trials and row.failed / row.trials >= TROUBLED
    ]
    return said


def too_few_seeds(seeds: int, recipes: int, least: int) -> str:
    """The sentence for a study that has too few seeds to find any difference."""
    return (
        f"With {counted(seeds, 'seed')} no two recipes can be told apart, whatever they score: of "
        f"{recipes} recipes, signed ranks with Holm's correction need {least} or more."
    )


NO_SEEDS = "Nothing was confirmed, since no fresh seeds were asked for: the best of a search flatters."


def _taken_or_not(plan: Plan, best: Row) -> str:
    changes = changes_text(plan, best.settings)
    named = f"'{best.recipe}'{f' with {changes}' if changes else ' at its defaults'}"
    if best.troubled < DOUBTFUL * len(best.confirmed):
        return f"Take {named}."
    found = ", ".join(f"{name.lower()} in {count}" for name, count in best.troubles)
    return (
        f"The lowest score is that of {named}, and it is not to be relied on: of its "
        f"{counted(len(best.confirmed), 'run')} the doctor names {found}. Look at their samples; a larger "
        "--budget may give another order."
    )


def changes_text(plan: Plan, settings: Mapping[str, Value], *, equals: str = " ") -> str:
    """What a setting changes; paths that share a draw once: `optimisers.*.learning_rate 0.0002`."""
    shown = []
    for setting in plan.space.settings:
        own = [path for path in setting.paths if path in settings]
        if own:
            shown.append(f"{joint_path(own)}{equals}{short(settings[own[0]])}")
    return ", ".join(dict.fromkeys(shown))  # a path may be drawn in two ways, by what the recipe has


def joint_path(paths: Sequence[str]) -> str:
    """Paths as one, a star in the place of words that differ.

    Example:
        >>> joint_path(["optimisers.discriminator.beta1", "optimisers.generator.beta1"])
        'optimisers.*.beta1'
    """
    columns = zip(*(path.split(".") for path in paths), strict=False)
    return ".".join(words[0] if len(set(words)) == 1 else "*" for words in columns)


def train_command(plan: Plan, row: Row) -> str:
    """The command that trains a recipe with the setting that was confirmed."""
    common = plan.recipe(row.recipe).model_dump()
    own = RECIPES[row.recipe].model_dump() if row.recipe in RECIPES else common
    before = dict(flat(own))
    changed = {path: value for path, value in flat(common) if before.get(path) != value}
    data = plan.data.get("value", "DATA")
    words = ["poise", "train", str(data), "--recipe", row.recipe]
    for path, value in {**changed, **row.settings}.items():
        text = (
            str(value).lower()
            if isinstance(value, bool)
            else f"{value:.4g}"
            if isinstance(value, float)
            else value
        )
        words += ["--set", f"{path}={text}"]
    return command(*words)


def _beats(pair: Pair, name: str) -> bool:
    return (pair.verdict == "first" and pair.first == name) or (
        pair.verdict == "second" and pair.second == name
    )


def _other(pair: Pair, name: str) -> str:
    return pair.second if pair.first == name else pair.first


def _listed(names: Sequence[str]) -> str:
    *most, last = [f"'{name}'" for name in names]
    return f"{', '.join(most)} and {last}" if most else last


def short(value: Any) -> str:
    """A value with three significant digits."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return "-" if not math.isfinite(value) else number(float(f"{value:.3g}"))


def cost_words(cost: Cost) -> str:
    """What runs took, in words."""
    return (
        f"{cost.images:,} images, {cost.discriminator_steps:,} steps of the discriminator, "
        f"{cost.generator_steps:,} of the generator, {duration(cost.seconds)}"
    )
