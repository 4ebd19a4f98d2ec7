"""The public verbs: train, resume, open a run or many; and the runs that a person holds."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, get_args, overload

import numpy as np
from torch import nn

from poise.data import Domains, Labelled, Pairs
from poise.errors import PoiseError, unknown_name
from poise.generator import Generator, Tag, tags_of
from poise.recipes import DEFAULT_RECIPE, RECIPES, Recipe, recipe_with, saved_recipe
from poise.report import write_report
from poise.run_folder import RunFolder, is_many, read_games
from poise.training import Observer, Outcome, begin, pick_device, plan
from poise.training import resume as resume_session
from poise.training.doctor import Mode
from poise.training.many import ManyOutcome, begin_many, plan_many, resume_many
from poise.training.remedies import begin_with_remedies, resume_with_remedies

RECIPE_FOR: Mapping[type, str] = {Pairs: "pix2pix", Domains: "cyclegan"}
"""The recipe that is taken where none is named, by the kind of data."""


class Run:
    """A run on disk, whoever made it and wherever.

    Args:
        path: Its folder.
        generator: The person's own generator module, for a run that was given one.

    Example:
        >>> run = open_run("runs/demo")  # doctest: +SKIP
        >>> run.history[-1]["generator_loss"], run.sample(16, seed=1).shape  # doctest: +SKIP
    """

    def __init__(self, path: Path | str, *, generator: nn.Module | None = None) -> None:
        self.folder = RunFolder.open(path)
        self.path = self.folder.path
        self.module = generator

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}, status={self.status!r})"

    @property
    def status(self) -> str:
        """`running`, `finished`, `interrupted` or `failed`."""
        return self.folder.status

    @property
    def recipe(self) -> Recipe:
        """The recipe, every value spelled out."""
        return saved_recipe(self.folder.recipe)

    @property
    def history(self) -> list[dict[str, Any]]:
        """The logged lines, oldest first; plain names with units."""
        return self.folder.lines("history")

    @property
    def generator(self) -> Generator:
        """The averaged generator as last saved."""
        return Generator.load(self.path, module=self.module)

    def sample(
        self, count: int = 64, seed: int = 0, *, label: str | None = None
    ) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Samples: `(count, C, H, W)` in [-1, 1], or `(count, d)` in data units; of one class where asked."""
        return self.generator.sample(count, seed=seed, label=label)

    def tag(self, image: Path | str, count: int = 10, *, draws: int = 200, seed: int = 0) -> list[Tag]:
        """The tags of a picture, the most frequent over latents first; of a run of `image-tagging`.

        Args:
            image: The picture's file.
            count: How many tags at most.
            draws: How many latents are drawn; each names one tag.
            seed: From which they are drawn.

        Raises:
            PoiseError: The run makes no tags, or the picture cannot be read.
        """
        return tags_of(self.generator, image, draws=draws, seed=seed)[:count]

    def translate(
        self, images: Any, *, direction: str = "a-to-b", seed: int = 0
    ) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Images made of images, `(N, C, H, W)` in [-1, 1], by a run on pairs or domains.

        Args:
            images: A folder or zip, a `.npy` file, an array or a tensor of images.
            direction: `"a-to-b"`; between domains `"b-to-a"`, too.
            seed: Draws the noise, the same for every image.
        """
        return self.generator.translate(images, direction=direction, seed=seed)

    def report(self) -> Path:
        """Write `report.html` anew and give its path."""
        return write_report(self.path)


class Runs(Sequence[Run]):
    """Many runs on disk that were trained side by side: seeds, perhaps times a grid of settings.

    Args:
        path: The folder above them.

    Example:
        >>> runs = open_runs("runs/ring-seeds")  # doctest: +SKIP
        >>> len(runs), runs[3].sample(16).shape, runs.games[3]["settings"]  # doctest: +SKIP
    """

    def __init__(self, path: Path | str) -> None:
        self.folder = RunFolder.open(path)
        self.path = self.folder.path
        if not is_many(path):
            raise PoiseError(f"'{path}' is a single run", mend=f"open it: poise.open_run({str(path)!r})")
        self.games = read_games(self.folder)

    def __repr__(self) -> str:
        return f"Runs({str(self.path)!r}, {len(self)} games, status={self.status!r})"

    def __len__(self) -> int:
        return len(self.games)

    @overload
    def __getitem__(self, place: int) -> Run: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Run]: ...

    def __getitem__(self, place: int | slice) -> Run | Sequence[Run]:
        """The run at a place, in the order of settings and seeds."""
        if isinstance(place, slice):
            return [self[one] for one in range(len(self))[place]]
        return Run(self.path / str(self.games[place]["run"]))

    def __iter__(self) -> Iterator[Run]:
        return (self[place] for place in range(len(self)))

    @property
    def status(self) -> str:
        """`running`, `finished`, `interrupted` or `failed`."""
        return self.folder.status

    @property
    def history(self) -> list[dict[str, Any]]:
        """The medians over the games, oldest first."""
        return self.folder.lines("history")

    def resume(self, *, steps: int | None = None, data: Any = None, device: str = "auto") -> Runs:
        """Go on with all of them, or extend them.

        Args:
            steps: The new number of steps.
            data: The data again, where they were given in memory.
            device: Where to train.
        """
        outcome = resume_many(self.path, steps=steps, data=data, device=pick_device(device), say=_say)
        return _many_finished(outcome)

    def report(self) -> Path:
        """Write `report.html`, the spread over all games, anew and give its path."""
        return write_report(self.path)


@overload
def train(
    data: Any,
    recipe: str | Recipe | None = None,
    *,
    labels: Any = None,
    label_column: str | None = None,
    steps: int | None = None,
    out: Path | str | None = None,
    generator: nn.Module | str | Mapping[str, Any] | None = None,
    discriminator: nn.Module | str | Mapping[str, Any] | None = None,
    device: str = "auto",
    observers: Sequence[Observer] = (),
    doctor: Mode = "suggest",
    seeds: None = None,
    grid: None = None,
    **settings: Any,
) -> Run: ...


@overload
def train(
    data: Any,
    recipe: str | Recipe | None = None,
    *,
    labels: Any = None,
    label_column: str | None = None,
    steps: int | None = None,
    out: Path | str | None = None,
    generator: nn.Module | str | Mapping[str, Any] | None = None,
    discriminator: nn.Module | str | Mapping[str, Any] | None = None,
    device: str = "auto",
    observers: Sequence[Observer] = (),
    doctor: Mode = "suggest",
    seeds: int | Sequence[int],
    grid: Mapping[str, Sequence[Any]] | None = None,
    **settings: Any,
) -> Runs: ...


def train(
    data: Any,
    recipe: str | Recipe | None = None,
    *,
    labels: Any = None,
    label_column: str | None = None,
    steps: int | None = None,
    out: Path | str | None = None,
    generator: nn.Module | str | Mapping[str, Any] | None = None,
    discriminator: nn.Module | str | Mapping[str, Any] | None = None,
    device: str = "auto",
    observers: Sequence[Observer] = (),
    doctor: Mode = "suggest",
    seeds: int | Sequence[int] | None = None,
    grid: Mapping[str, Sequence[Any]] | None = None,
    **settings: Any,
) -> Run | Runs:
    """Train a GAN on what you have.

    Args:
        data: A folder or zip of images, a `.npy` or `.npz` file, the name of a built-in (`"digits"`), an
            array, a tensor, or a map-style `torch.utils.data.Dataset`; images as `Pairs` or `Domains`.
        recipe: The name of a recipe, or one of your own; by the data where none is given: `"non-saturating"`,
            for pairs `"pix2pix"`, for domains `"cyclegan"`.
        labels: For a game with conditions: the path of a CSV file, one number or name a row, or a mapping
            from file to label. Sub-folders, and the labels of a `.npz` or a `TensorDataset`, need none.
        label_column: Which column of the file holds the labels, where there are more than two.
        steps: Updates of the game; by the data where none is given.
        out: The run's folder; a new one below `runs/` where none is given.
        generator: Your own module, `(N, latent.size)` to samples; or settings as any other: `"resnet"`,
            `{"name": "dcgan", "width": 32}`.
        discriminator: Your own module, samples to raw scores `(N,)`; or settings.
        device: `"auto"`, `"cpu"`, `"cuda"` or `"mps"`.
        observers: What watches besides the pictures.
        doctor: `"off"`; `"watch"` for findings in the run's `findings.jsonl` and report; `"suggest"`, which
            in Python is the same; `"apply"` to stop where there is trouble and try remedies in branches of
            the run, of which the one that was kept is returned. Your own modules are copied for each branch
            and hold the weights of what was kept afterwards.
        seeds: Train so many games side by side, each from its own seed: a number, counted from the recipe's
            seed, or the seeds themselves.
        grid: With `seeds`: values by path, each combination trained with every seed:
            `{"penalties.r1.weight": [0.1, 1.0]}`.
        settings: Values of the recipe: `batch_size=128`, `loss="hinge"`,
            `optimisers={"generator": {"rate": 1e-4}}`.

    Returns:
        The run; with `seeds`, all of them.

    Raises:
        PoiseError: Something does not fit, or a value came up that is not finite.

    Example:
        >>> import poise
        >>> run = poise.train("digits", steps=1000)  # doctest: +SKIP
    """
    _checked_mode(doctor)
    if recipe is None:
        recipe = RECIPE_FOR.get(type(data), DEFAULT_RECIPE)
    chosen = RECIPES.named(recipe) if isinstance(recipe, str) else recipe
    networks = {"generator": generator, "discriminator": discriminator}
    given = {player: network for player, network in networks.items() if isinstance(network, nn.Module)}
    named = {player: one for player, one in networks.items() if one is not None and player not in given}
    changes = {**settings, **named, **({} if steps is None else {"steps": steps})}
    data = data if labels is None else Labelled(data, labels, label_column)
    if seeds is not None:
        _refuse_own(given, observers, doctor)
        many = plan_many(data, recipe_with(chosen, changes), pick_device(device), seeds=seeds, grid=grid)
        place = new_run_path(many.sources[0].name, f"{chosen.name}/seeds") if out is None else out
        return _many_finished(begin_many(many, place, say=_say))
    if grid is not None:
        raise PoiseError("A grid is trained with seeds", mend="give seeds=1 or more")
    planned = plan(data, recipe_with(chosen, changes), pick_device(device), given=given)
    out = new_run_path(planned.source.name, chosen.name) if out is None else out
    start = begin_with_remedies if doctor == "apply" else partial(begin, doctor=doctor)
    outcome = start(planned, out, observers=observers, say=_say)
    return _finished(outcome, given.get("generator"))


def resume(
    path: Path | str,
    *,
    steps: int | None = None,
    data: Any = None,
    generator: nn.Module | None = None,
    discriminator: nn.Module | None = None,
    device: str = "auto",
    accept_changed_data: bool = False,
    observers: Sequence[Observer] = (),
    doctor: Mode = "suggest",
) -> Run:
    """Go on with a run, or extend a finished one.

    Args:
        path: The run's folder.
        steps: The new number of steps.
        data: The data again, where they were given in memory; with their labels as `Labelled`.
        generator: Your own module again, where the run began with one.
        discriminator: Your own module again, where the run began with one.
        device: Where to train.
        accept_changed_data: Go on although the data have changed.
        observers: What watches besides the pictures.
        doctor: As for `train`.

    Returns:
        The run; with `doctor="apply"` the branch that was kept.

    Raises:
        PoiseError: There is nothing to resume, or something does not fit.
    """
    if is_many(path):
        raise PoiseError(f"'{path}' holds many games", mend=f"poise.open_runs({str(path)!r}).resume()")
    _checked_mode(doctor)
    go_on = resume_with_remedies if doctor == "apply" else partial(resume_session, doctor=doctor)
    outcome = go_on(
        path,
        steps=steps,
        data=data,
        device=pick_device(device),
        given=_given(generator, discriminator),
        accept_changed_data=accept_changed_data,
        observers=observers,
        say=_say,
    )
    return _finished(outcome, generator)


def open_run(path: Path | str, *, generator: nn.Module | None = None) -> Run:
    """Open a run that is there.

    Args:
        path: Its folder.
        generator: Your own generator module, for a run that was given one.

    Raises:
        PoiseError: There is none, or it is of a newer format.
    """
    if is_many(path):
        raise PoiseError(f"'{path}' holds many games", mend=f"open them: poise.open_runs({str(path)!r})")
    return Run(path, generator=generator)


def open_runs(path: Path | str) -> Runs:
    """Open many runs that were trained side by side.

    Args:
        path: The folder above them.

    Raises:
        PoiseError: There are none, or it is a single run.
    """
    return Runs(path)


def new_run_path(data: str, recipe: str, *, below: Path | str = "runs") -> Path:
    """A folder for a new run that is not there yet: `runs/digits-non-saturating`, then `...-2`.

    Args:
        data: The data's name.
        recipe: The recipe's name.
        below: Where runs lie.
    """
    stem = "-".join([Path(data).stem or "data", *recipe.split("/")])
    name = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in stem).strip("-.")
    first = Path(below) / (name or "run")
    numbered = (Path(below) / f"{first.name}-{number}" for number in range(2, 10_000))
    return first if not first.exists() else next(path for path in numbered if not path.exists())


def _finished(outcome: Outcome, generator: nn.Module | None) -> Run:
    run = Run(outcome.run.path, generator=generator)
    run.report()
    if outcome.status == "interrupted" and outcome.exit_status == 130:
        raise KeyboardInterrupt
    return run


def _many_finished(outcome: ManyOutcome) -> Runs:
    runs = Runs(outcome.parent.path)
    runs.report()
    if outcome.status == "interrupted" and outcome.exit_status == 130:
        raise KeyboardInterrupt
    return runs


def _checked_mode(doctor: str) -> None:
    """Refuse a doctor that there is not."""
    if doctor not in get_args(Mode):
        raise unknown_name("doctor", doctor, get_args(Mode))


def _refuse_own(given: Mapping[str, nn.Module], observers: Sequence[Observer], doctor: Mode) -> None:
    """What a person hands in for one run serves no many."""
    if doctor == "apply":
        raise PoiseError(
            "The doctor applies remedies to one run, not to many games at once",
            why="each game would need branches of its own",
            mend='leave doctor="apply" out, or train that seed alone: seed=N',
        )
    if given:
        raise PoiseError(
            f"Your own {next(iter(given))} cannot be trained with many seeds at once",
            why="all games would begin with its weights",
            mend="name a network, or train the seeds one by one: seed=0, then seed=1",
        )
    if observers:
        raise PoiseError(
            "Observers watch one run, not many games at once", mend="leave them out, or train one by one"
        )


def _given(generator: nn.Module | None, discriminator: nn.Module | None) -> Mapping[str, nn.Module]:
    modules = {"generator": generator, "discriminator": discriminator}
    return {player: module for player, module in modules.items() if module is not None}


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)
