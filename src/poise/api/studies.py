"""Run a study, or open one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from poise.api.runs import Run, notify
from poise.errors import PoiseError
from poise.run_folder import new_run_path
from poise.studies.asking import EVALUATIONS, Request
from poise.studies.finishing import Workforce, finish
from poise.studies.folder import StudyFolder
from poise.studies.plan import Plan
from poise.studies.preparing import prepare
from poise.studies.progress import Standing, standing
from poise.studies.report import write_report
from poise.studies.results import Table, table_of
from poise.studies.space import Space


class Study:
    """A study on disk.

    Args:
        path: Its folder.

    Example:
        >>> study = open_study("studies/digits")  # doctest: +SKIP
        >>> print(study.table())  # doctest: +SKIP
    """

    def __init__(self, path: Path | str) -> None:
        self.folder = StudyFolder.open(path)
        self.path = self.folder.path

    def __repr__(self) -> str:
        found = self.standing
        return f"Study({str(self.path)!r}, {found.done} of {found.planned} trials)"

    @property
    def plan(self) -> Plan:
        """What decides the study."""
        return self.folder.plan

    @property
    def standing(self) -> Standing:
        """How far it is."""
        return standing(self.folder)

    @property
    def results(self) -> dict[str, dict[str, Any]]:
        """What each trial came to, by its name."""
        return self.folder.results()

    def table(self) -> Table:
        """Recipes with medians, intervals, failures and costs, and what can be said of each pair."""
        return table_of(self.plan, self.results)

    def run(self, name: str) -> Run:
        """The run of a trial.

        Raises:
            PoiseError: It has not finished.
        """
        result = self.results.get(name)
        if result is None:
            raise PoiseError(
                f"The study '{self.path}' has no finished trial '{name}'",
                code="api.no-trial",
                hint="take a name of study.results",
            )
        return Run(self.path / str(result["folder"]))

    def resume(self, *, workers: int = 1, cluster: str | None = None, processors: int = 1) -> Study:
        """Go on until nothing is left.

        Args:
            workers: Processes that train at once.
            cluster: Train on a Ray cluster instead: `"ray"`, or the address of its head.
            processors: Of each task of the cluster.

        Raises:
            PoiseError: A trial cannot be trained, or the cluster cannot be reached.
        """
        finish(self.folder, Workforce(workers, cluster, processors), notify, lambda: None)
        return self

    def report(self) -> Path:
        """Write `report.html` again and return its path."""
        return write_report(self.folder)


def study(
    data: Any,
    recipes: Sequence[str] = ("lucic/*",),
    *,
    space: str | Path | Space = "narrow",
    budget: str | int = "1M-images",
    trials: int = 50,
    seeds: int = 10,
    shortlist: int = 3,
    seed: int = 0,
    stack: int | None = None,
    evaluations: int = EVALUATIONS,
    criterion: str = "frechet-distance",
    search: str = "random",
    ladder: str | None = None,
    stop_early: float | None = None,
    going_on: float = 0.5,
    workers: int = 1,
    cluster: str | None = None,
    processors: int = 1,
    device: str = "auto",
    out: Path | str | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Study:
    """Compare recipes under one budget: random search, fresh seeds for the best, and an honest table.

    The same call with the same folder goes on; with more trials, seeds or recipes it adds these.

    Args:
        data: As for `train`, of one kind of sample; an array or tensor is saved in the study's folder.
        recipes: Names of recipes, or patterns.
        space: What settings are drawn from: `"narrow"`, `"wide"`, `"kurach"`, a TOML file, or a `Space`.
        budget: What each trial may take: images that the discriminator is shown, `"1M-images"`, or a time,
            `"30m"`, which some timed steps turn into images once.
        trials: Settings of each recipe; the first is its default.
        seeds: Fresh seeds with which the best settings are trained again.
        shortlist: How many settings of each recipe these are.
        seed: Draws the settings, divides the data.
        stack: The most trials that are trained side by side in one process, if their networks agree; by
            default 20 of small networks, and 1 of others.
        evaluations: How often a trial is measured, to choose its checkpoint.
        criterion: What trials are ranked by: `"frechet-distance"`, or `"triangle-f1"` on triangles.
        search: How settings are drawn: `"random"`, or, of one recipe, `"optuna"`, which suggests them by
            earlier scores.
        ladder: Rows on which the search begins, on which the best settings go on, and so on:
            `"500,2000,all"`.
        stop_early: The share of the budget, 0.2 or more, at which the worse settings of each recipe are cut
            first; the next is at twice as much.
        going_on: The share of a recipe's settings that is not cut.
        workers: Processes that train at once.
        cluster: Train on a Ray cluster instead: `"ray"` for that of this machine, or the address of its head.
        processors: Of each task of the cluster.
        device: Where: `"auto"`, `"cpu"`, `"cuda"` or `"mps"`.
        out: The study's folder; by default one below `studies/`.
        settings: Values that all recipes get, by path.

    Returns:
        The study.

    Raises:
        PoiseError: Something does not fit, or a trial cannot be trained.

    Example:
        >>> import poise
        >>> done = poise.study("digits", ["lucic/*"], trials=10, budget="200k-images")  # doctest: +SKIP
        >>> print(done.table())  # doctest: +SKIP
    """
    asked = Request(
        data=data,
        recipes=tuple(recipes),
        space=space,
        budget=str(budget),
        trials=trials,
        seeds=seeds,
        shortlist=shortlist,
        seed=seed,
        stack=stack,
        evaluations=evaluations,
        device=device,
        settings=settings,
        criterion=criterion,
        search=search,
        ladder=ladder,
        stop_early=stop_early,
        going_on=going_on,
    )
    by = Workforce(workers, cluster, processors)
    by.check()
    place = Path(out) if out is not None else new_run_path(_named(data), "study", below="studies")
    folder = StudyFolder(place)
    prepare(asked, folder)
    finish(folder, by, notify, lambda: None)
    return Study(place)


def open_study(path: Path | str) -> Study:
    """Open a study.

    Raises:
        PoiseError: There is none.
    """
    return Study(path)


def _named(data: Any) -> str:
    return str(data) if isinstance(data, str | Path) else "data"
