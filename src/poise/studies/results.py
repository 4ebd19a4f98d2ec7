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

from poise.studies.choosing import Results, chosen, cut_trials, last_trials, score_of, survivors
from poise.studies.conclusions import advice, protocol, short
from poise.studies.pairs import Pair, compared
from poise.studies.plan import WHOLE, Plan, Trial
from poise.studies.space import Value
from poise.studies.statistics import Agreement, Interval, median_interval, rank_agreement
from poise.text import counted, label

PUBLISHED = Path(__file__).parent / "published.toml"


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
    troubles: tuple[tuple[str, int], ...]  # What the doctor found in runs of fresh seeds, by name
    troubled: int  # Of these runs, those in which it found something
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
                    "troubled": row.troubled,
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
        troubles=tuple(failures_of([results[run.name] for run in there]).most_common()),
        troubled=sum(bool(results[run.name].get("findings")) for run in there),
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


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
