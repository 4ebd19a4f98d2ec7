"""From the results of trials to what a study says: a table, pairs, failures, and what to do next."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from poise.recipes import RECIPES
from poise.recipes.overrides import flat
from poise.studies.choosing import Results, chosen, cut_trials, last_trials, score_of, survivors
from poise.studies.criteria import CRITERIA
from poise.studies.plan import BEGINNING, SCREENING_SEEDS, WHOLE, Plan, Trial
from poise.studies.space import Value
from poise.studies.statistics import (
    Agreement,
    Interval,
    Pair,
    compared,
    median_interval,
    rank_agreement,
)
from poise.text import command, counted, duration, label, number

PUBLISHED = Path(__file__).parent / "published.toml"

FEW_SEEDS = 2
"""With so few no spread is known."""

TROUBLED = 0.25
"""A share of failures that is worth a sentence."""


@dataclass(frozen=True)
class Cost:
    """What runs took, all together."""

    images: int
    discriminator_steps: int
    generator_steps: int
    seconds: float


@dataclass(frozen=True)
class Row:
    """One recipe."""

    recipe: str
    trials: int  # Of the search that came to something or failed
    failed: int  # Of these, without a score
    cut: int  # Of these, not gone on with after a rung, for others were better
    failures: tuple[tuple[str, int], ...]  # By name: why there is no score, and what the doctor found
    default: float  # The score of the default setting in the search
    searched: float  # The best score of the search, which flatters
    setting: int | None  # The number of the setting that is confirmed
    settings: Mapping[str, Value]  # What it changes
    confirmed: tuple[float, ...]  # The scores of the fresh seeds, in their order
    median: float
    interval: Interval | None
    cost: Cost
    published: Mapping[str, str]  # Figures of the literature, by data


@dataclass(frozen=True)
class Rungs:
    """Two neighbouring rungs of a search, and whether they rank settings alike."""

    lower: str
    upper: str
    agreement: Agreement

    @property
    def sentence(self) -> str:
        """What can be said of them."""
        found = self.agreement
        settings = f"{counted(found.settings, 'setting')} that came to both"
        if found.tau is None:
            return f"{self.lower} against {self.upper}: too few settings came to both to compare their order."
        spread = "" if found.interval is None else " ({:.2f} to {:.2f})".format(*found.interval)
        said = f"{self.lower} against {self.upper}: Kendall's tau is {found.tau:.2f}{spread} over {settings}"
        return f"{said}." if found.ranks else f"{said}. It cannot be told from none: this rung does not rank."


@dataclass(frozen=True)
class Table:
    """What a study has found."""

    rows: tuple[Row, ...]  # The best median first
    pairs: tuple[Pair, ...]
    protocol: str
    advice: tuple[str, ...]
    rungs: tuple[Rungs, ...] = ()

    def __str__(self) -> str:
        lines = [f"{'recipe':28} {'median':>9}  {'95 % interval':>19}  {'failed':>8}"]
        for row in self.rows:
            spread = "-" if row.interval is None else " to ".join(map(short, row.interval))
            failed = f"{row.failed}/{row.trials}"
            lines.append(f"{row.recipe:28} {short(row.median):>9}  {spread:>19}  {failed:>8}")
        return "\n".join([*lines, self.protocol, *(one.sentence for one in self.rungs), *self.advice])

    def to_json(self) -> dict[str, Any]:
        """The table without times, so that it is the same however often a study was interrupted."""
        return {
            "rows": [
                {
                    "recipe": row.recipe,
                    "trials": row.trials,
                    "failed": row.failed,
                    "default": _plain(row.default),
                    "searched": _plain(row.searched),
                    **({"cut": row.cut} if self.rungs else {}),
                    "setting": row.setting,
                    "settings": dict(row.settings),
                    "confirmed": [_plain(value) for value in row.confirmed],
                    "median": _plain(row.median),
                    "interval": None if row.interval is None else [_plain(end) for end in row.interval],
                    "images": row.cost.images,
                    "discriminator_steps": row.cost.discriminator_steps,
                    "generator_steps": row.cost.generator_steps,
                }
                for row in self.rows
            ],
            "pairs": [
                {
                    "first": pair.first,
                    "second": pair.second,
                    "difference": _plain(pair.difference),
                    "p": pair.p,
                    "adjusted": pair.adjusted,
                    "verdict": pair.verdict,
                    "seeds": pair.seeds,
                }
                for pair in self.pairs
            ],
        }


def table_of(plan: Plan, results: Results) -> Table:
    """What the results of a study say, as far as it is."""
    published = figures()
    rows = tuple(sorted((_row(plan, results, name, published) for name in plan.recipes), key=_order))
    complete = {row.recipe: row.confirmed for row in rows if len(row.confirmed) == plan.seeds > 0}
    pairs = tuple(compared(complete, seed=plan.seed)) if len(complete) > 1 else ()
    said = tuple(advice(plan, rows, pairs))
    return Table(rows, pairs, protocol(plan), said, tuple(rungs_of(plan, results)))


def rungs_of(plan: Plan, results: Results) -> list[Rungs]:
    """Each two neighbouring rungs of a search, as far as settings have come to both."""
    found = []
    for index, (lower, upper) in enumerate(pairwise(plan.ladder), 1):
        orders = []
        for name in plan.recipes:
            numbers = survivors(plan, results, name, index) or []
            scores = [
                [score_of(results, plan.trial(name, number, rung)) for number in numbers
                    if plan.trial(name, number, upper).name in results]
                for rung in (lower, upper)
            ]  # fmt: skip
            orders.append((scores[0], scores[1]))
        found.append(Rungs(lower.words, upper.words, rank_agreement(orders)))
    return found


def _order(row: Row) -> tuple[float, float, str]:
    return row.median, row.searched, row.recipe


def _row(plan: Plan, results: Results, name: str, published: Mapping[str, Mapping[str, str]]) -> Row:
    search = last_trials(plan, results, name)
    scores = [score_of(results, trial) for trial in search]
    whole = [score for score, trial in zip(scores, search, strict=True) if trial.rung == WHOLE]
    last = survivors(plan, results, name, len(plan.ladder) - 1)
    whole_plan = plan.drawn == plan.trials
    finished = (
        whole_plan and last is not None and all(plan.trial(name, number).name in results for number in last)
    )
    setting = chosen(plan, results, name) if finished else None
    confirming = [] if setting is None else plan.repeats(name, setting, "confirmation")
    there = [run for run in confirming if run.name in results]
    confirmed = tuple(score_of(results, run) for run in there)
    by_folder: dict[str, Mapping[str, Any]] = {}  # of every stage; what goes on from a rung counts once
    for one in sorted(results.values(), key=lambda one: int(one["images_seen"])):
        if one["recipe"] == name:
            by_folder[str(one["folder"])] = one
    own = by_folder.values()
    return Row(
        recipe=name,
        trials=len(search),
        failed=sum(math.isinf(score) for score in scores),
        failures=tuple(failures_of([results[trial.name] for trial in search]).most_common()),
        cut=len(cut_trials(plan, results, name)),
        default=whole[0] if search and search[0].number == 0 and search[0].rung == WHOLE else math.inf,
        searched=min(whole, default=math.inf),
        setting=setting,
        settings={} if setting is None else plan.trial(name, setting).settings,
        confirmed=confirmed,
        median=float(np.median(confirmed)) if confirmed else math.inf,
        interval=median_interval(confirmed),
        cost=Cost(
            images=sum(int(one["images_seen"]) for one in own),
            discriminator_steps=sum(int(one["discriminator_steps"]) for one in own),
            generator_steps=sum(int(one["generator_steps"]) for one in own),
            seconds=sum(float(one["seconds"]) for one in own),
        ),
        published=published.get(name, {}),
    )


def failures_of(results: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """How often trials have failed, by name: a value that was not finite, and what the doctor found."""
    names: Counter[str] = Counter()
    for one in results:
        ended = one.get("failed")  # by the doctor's name
        if ended is not None:
            names[f"{label(str(ended))}, ended early"] += 1
        elif one.get("score") is None:
            names[label("not-finite") if "finite" in str(one.get("why", "")) else "Not measurable"] += 1
        found = [name for name in one.get("findings", []) if name not in ("non-finite", ended)]
        names.update(label(str(name)) for name in found)
    return names


def figures() -> dict[str, dict[str, str]]:
    """Published figures by recipe and data."""
    import tomllib  # noqa: PLC0415 - read once a report

    return tomllib.loads(PUBLISHED.read_text(encoding="utf-8"))


def values_of(plan: Plan, trial: Trial) -> dict[str, Any]:
    """The values of a trial for what the space draws, the default's included, by setting."""
    values = plan.defaults[trial.recipe] | trial.settings
    found = {setting.name: values.get(setting.name) for setting in plan.space.settings}
    return {name: value for name, value in found.items() if value is not None}


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
    said = [_take(plan, best), f"To train it: {train_command(plan, best)}"]
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
    said += [
        f"'{row.recipe}' failed in {row.failed} of {row.trials} settings, so that its range must be chosen "
        "with care."
        for row in rows
        if row.trials and row.failed / row.trials >= TROUBLED
    ]
    return said


NO_SEEDS = "Nothing was confirmed, since no fresh seeds were asked for: the best of a search flatters."


def _take(plan: Plan, best: Row) -> str:
    changes = changes_text(plan, best.settings)
    return f"Take '{best.recipe}'{f' with {changes}' if changes else ' at its defaults'}."


def changes_text(plan: Plan, settings: Mapping[str, Value], *, equals: str = " ") -> str:
    """What a setting changes; paths that share a draw once: `optimisers.*.learning_rate 0.0002`."""
    shown = []
    for setting in plan.space.settings:
        own = [path for path in setting.paths if path in settings]
        if own:
            shown.append(f"{joint_path(own)}{equals}{short(settings[own[0]])}")
    return ", ".join(shown)


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


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None


def cost_words(cost: Cost) -> str:
    """What runs took, in words."""
    return (
        f"{cost.images:,} images, {cost.discriminator_steps:,} steps of the discriminator, "
        f"{cost.generator_steps:,} of the generator, {duration(cost.seconds)}"
    )
