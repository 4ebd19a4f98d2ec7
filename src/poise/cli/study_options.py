"""What `poise study` is asked for, as typed: torch need not be imported."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from poise.cli.verb import Count, Device, Listed, Number

if TYPE_CHECKING:
    from poise.studies.asking import Request
    from poise.studies.finishing import Workforce


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class StudyOptions:
    """The plan of a study. The names are those of `Request`.

    Args:
        recipes: Names of recipes, or patterns, in quotes.
        space: What settings are drawn from: narrow, wide, kurach, or a TOML file.
        budget: What each trial may take: 1M-images that the discriminator is shown, or a time, 30m, which
            some timed steps turn into images once.
        trials: Settings of each recipe; the first is its default.
        seeds: Fresh seeds with which the chosen setting of each recipe is trained; these alone are compared.
        shortlist: The best settings of each recipe, of which one is chosen by three fresh seeds of its own.
        seed: Draws the settings and divides the data.
        stack: The most trials trained side by side in a process, where networks agree; by default 20 of small
            networks.
        evaluations: How often a trial is measured, to choose its checkpoint.
        criterion: What trials are ranked by: frechet-distance, or triangle-f1 on triangles.
        search: How settings are drawn: random, or, of one recipe, optuna, which suggests them by earlier
            scores.
        ladder: Search on few rows first, and on more with the best settings: 500,2000,all.
        stop_early: Cut the worse settings of each recipe at this share of the budget, 0.2 or more, and at
            twice as much, and so on.
        going_on: The share of settings that is not cut.
        device: Where to train.
        settings: A setting of all recipes as path=value; may be given often.
    """

    recipes: Listed = ("lucic/*",)
    space: Annotated[str, Parameter(metavar="NAME|FILE")] = "narrow"
    budget: Annotated[str, Parameter(metavar="IMAGES|TIME")] = "1M-images"
    trials: Number = 50
    seeds: Number = 10
    shortlist: Number = 3
    seed: Number = 0
    stack: Count = None
    evaluations: Number = 10
    criterion: Annotated[str, Parameter(metavar="METRIC")] = "frechet-distance"
    search: Annotated[str, Parameter(metavar="random|optuna")] = "random"
    ladder: Annotated[str | None, Parameter(metavar="ROWS,...,all", show_default=False)] = None
    stop_early: Annotated[float | None, Parameter(metavar="SHARE", show_default=False)] = None
    going_on: Annotated[float, Parameter(metavar="SHARE")] = 0.5
    device: Device = "auto"
    settings: Annotated[
        tuple[str, ...], Parameter(name="--set", metavar="PATH=VALUE", show_default=False)
    ] = ()

    def request(self, data: str) -> "Request":
        """The same for `prepare`."""
        from poise.recipes import parse_override
        from poise.studies.asking import Request

        typed: dict[str, Any] = vars(self)
        return Request(data, **{**typed, "settings": dict(map(parse_override, self.settings))})


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class WorkforceOptions:
    """Who trains. The names are those of `Workforce`.

    Args:
        workers: Processes that train at once.
        cluster: Train on a Ray cluster instead: ray for the one of this machine, HOST:PORT for its head.
        processors: Of each task of the cluster.
    """

    workers: Number = 1
    cluster: Annotated[str | None, Parameter(metavar="ADDRESS", show_default=False)] = None
    processors: Number = 1

    def workforce(self) -> "Workforce":
        """The same for `finish`, checked."""
        from poise.studies.finishing import Workforce

        by = Workforce(**vars(self))
        by.check()
        return by
