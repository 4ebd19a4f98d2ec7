"""The report of a study: one HTML file that needs nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from poise.errors import PoiseError
from poise.studies.best_of import best_bands, expected_best
from poise.studies.choosing import Results, cut_trials, last_trials, score_of, wanted
from poise.studies.conclusions import FEW_SEEDS, changes_text, cost_words, joint_path, short
from poise.studies.criteria import CRITERIA
from poise.studies.drawing import Axis, Mark, best_curves, marginal_bars, parallel, strip
from poise.studies.folder import StudyFolder
from poise.studies.plan import WHOLE, Plan, Trial
from poise.studies.progress import standing
from poise.studies.results import Row, Table, table_of, values_of
from poise.studies.statistics import marginals
from poise.text import counted, label
from poise.web.page import data_address, rendered, write_page

COLOURS = 7
"""Recipes that have a colour of their own; more share them."""

MOST_AXES = 6
MOST_PARALLEL = 300
"""Trials of a recipe that the parallel coordinates show: the best, so that lines can be followed."""


@dataclass(frozen=True)
class Section:
    """What the report shows of one recipe."""

    row: Row
    colour: int
    cost: str
    settings: str
    marginals: Sequence[tuple[str, str]]  # A setting and its picture
    samples: str  # As a data URL; empty if there is no generator


def write_report(study: StudyFolder) -> Path:
    """Write the report of a study, finished or not.

    Returns:
        The file: `report.html` in the study's folder.

    Raises:
        PoiseError: It cannot be written.
    """
    here = Path(__file__).parent
    page = rendered(
        here / "study.html",
        _contents(study),
        filters={"short": short, "label": label},
        styles=(here / "study.css",),
    )
    return write_page(study.report, page, code="studies.unwritable-report")


def _contents(study: StudyFolder) -> dict[str, Any]:
    """Everything that the template shows, by name."""
    plan, results, stands = study.plan, study.results(), standing(study)
    table = table_of(plan, results)
    colours = {name: index % COLOURS for index, name in enumerate(plan.recipes)}
    every = {name: last_trials(plan, results, name) for name in plan.recipes}
    search = {name: [one for one in trials if one.rung == WHOLE] for name, trials in every.items()}
    scores = {name: [score_of(results, trial) for trial in trials] for name, trials in search.items()}
    finite = [value for own in scores.values() for value in own if math.isfinite(value)]
    worst = max(finite, default=math.inf)
    return {
        "title": str(plan.data.get("value", "data")).rsplit("/", 1)[-1],
        "stands": stands,
        "seeds_unknown": "more than 1,000" if plan.seeds > FEW_SEEDS else "unknown",
        "verdict": _verdict(stands.stage, stands.done, stands.planned, stands.failed),
        "table": table,
        "plan": plan,
        "colours": colours,
        "published": any(row.published for row in table.rows),
        "pairs": table.pairs,
        "best": _best(scores, colours, plan, worst)
        if finite and not plan.rungs and plan.searched_by == "random"
        else "",
        "strip": _strip(table, scores, colours, CRITERIA[plan.criterion].short) if finite else "",
        "parallel": _parallel(plan, search, scores, colours) if finite else "",
        "sections": [_section(study, plan, results, row, colours, search, scores) for row in table.rows],
        "failures": [row for row in table.rows if row.failures],
        "written": datetime.now(UTC).isoformat(sep=" ", timespec="minutes"),
        "trials": _every(plan, results, every),
        "cut": any(row.cut for row in table.rows),
    }


def _verdict(stage: str, done: int, planned: int, failed: int) -> str:
    lost = f", {counted(failed, 'run')} without a score" if failed else ""
    if stage == "finished":
        return f"The study is finished: {counted(done, 'run')}{lost}."
    return f"{done:,} of {planned:,} runs are done{lost}; the {stage} goes on."


def _best(
    scores: dict[str, list[float]], colours: dict[str, int], plan: Plan, worst: float
) -> Sequence[tuple[str, str]]:
    """The expected best of k trials, along trials and along images."""
    curves = []
    for name, own in scores.items():
        if own and any(map(math.isfinite, own)):
            bands = best_bands(own, seed=plan.seed, worst=worst)
            curves.append((name, colours[name], expected_best(own, worst).tolist(), bands.tolist()))
    return [
        ("Expected best of k trials", best_curves(curves, Axis("trials", 1.0))),
        ("The same by images", best_curves(curves, Axis("images", float(plan.budget.images)))),
    ]


def _strip(table: Table, scores: dict[str, list[float]], colours: dict[str, int], score: str) -> str:
    rows = [
        (row.recipe, colours[row.recipe], [Mark(value, value == scores[row.recipe][0], "") for value in
                                           scores[row.recipe]], list(row.confirmed))
        for row in table.rows
        if scores[row.recipe]
    ]  # fmt: skip
    return strip(rows, score)


def _parallel(
    plan: Plan,
    search: dict[str, list[Trial]],
    scores: dict[str, list[float]],
    colours: dict[str, int],
) -> str:
    """Settings that more than one recipe draws, and the score."""
    lines, seen = [], dict[str, set[Any]]()
    for name, trials in search.items():
        ranked = sorted(zip(scores[name], range(len(trials)), strict=True))[:MOST_PARALLEL]
        for score, place in ranked:
            values = values_of(plan, trials[place])
            lines.append((colours[name], values, score))
            for path, value in values.items():
                seen.setdefault(path, set()).add(value)
    axes = [path for path, found in seen.items() if len(found) > 1][:MOST_AXES]
    logs = {setting.name for setting in plan.space.settings if setting.draw == "log"}
    return parallel(lines, [(path, path in logs) for path in axes]) if axes else ""


def _section(
    study: StudyFolder,
    plan: Plan,
    results: Results,
    row: Row,
    colours: dict[str, int],
    search: dict[str, list[Trial]],
    scores: dict[str, list[float]],
) -> Section:
    trials, own = search[row.recipe], scores[row.recipe]
    values = [values_of(plan, trial) for trial in trials]
    paths = list(dict.fromkeys(path for one in values for path in one))
    pictures, joint = [], {setting.name: joint_path(setting.paths) for setting in plan.space.settings}
    for path in paths:
        having = [(one[path], score) for one, score in zip(values, own, strict=True) if path in one]
        if len({value for value, _ in having}) < 2:
            continue
        found = marginals([value for value, _ in having], [score for _, score in having])
        pictures.append((joint[path], marginal_bars(found, colours[row.recipe])))
    changes = changes_text(plan, row.settings)
    return Section(
        row,
        colours[row.recipe],
        cost_words(row.cost),
        changes or ("the defaults" if row.setting is not None else "not chosen yet"),
        pictures,
        _samples(study, plan, results, row),
    )


def _samples(study: StudyFolder, plan: Plan, results: Results, row: Row) -> str:
    """Samples of the confirmed run in the middle, or of the best of the search."""
    known = [trial for trial in wanted(plan, results) if trial.recipe == row.recipe and trial.name in results]
    confirmed = [trial for trial in known if trial.stage == "confirmation"] or known
    ranked = sorted((score_of(results, trial), trial.name) for trial in confirmed)
    ranked = [one for one in ranked if math.isfinite(one[0])]
    if not ranked:
        return ""
    place = len(ranked) // 2 if confirmed and confirmed[0].stage == "confirmation" else 0
    name = ranked[place][1]
    picture, folder = study.picture(name), study.path / str(results[name]["folder"])
    try:
        if not picture.is_file() and (folder / "generator").is_dir():
            # Torch takes a second to import, and a report whose pictures are there needs none.
            from poise.studies.samples import picture_of  # noqa: PLC0415
            from poise.studies.trials import Bench  # noqa: PLC0415

            reals = Bench(study, plan, lambda sentence: None).scoring
            picture.write_bytes(picture_of(folder, reals))
        content = picture.read_bytes()
    except (PoiseError, OSError):
        return ""
    return data_address("image/png", content)


def _every(plan: Plan, results: Results, search: dict[str, list[Trial]]) -> list[list[str]]:
    """The trials of the search, the best first, as rows of texts."""
    ranked = sorted(
        (score_of(results, trial), trial.recipe, trial.number, trial)
        for trials in search.values()
        for trial in trials
    )
    cut = {name for recipe in plan.recipes for name in cut_trials(plan, results, recipe)}
    return [
        [
            trial.recipe,
            str(trial.number),
            f"{short(score)}, cut at {trial.rung.words}" if trial.name in cut else short(score),
            changes_text(plan, trial.settings) or "default",
            str(results[trial.name]["folder"]),
        ]
        for score, _, _, trial in ranked
    ]
