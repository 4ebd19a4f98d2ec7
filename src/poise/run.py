"""The public verbs: train, resume, open a run; and the run that a person holds."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from poise.data import Labelled
from poise.generator import Generator
from poise.recipes import DEFAULT_RECIPE, RECIPES, Recipe, recipe_with, saved_recipe
from poise.report import write_report
from poise.run_folder import RunFolder
from poise.training import Observer, Outcome, begin, pick_device, plan
from poise.training import resume as resume_session


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

    def report(self) -> Path:
        """Write `report.html` anew and give its path."""
        return write_report(self.path)


def train(
    data: Any,
    recipe: str | Recipe = DEFAULT_RECIPE,
    *,
    labels: Any = None,
    label_column: str | None = None,
    steps: int | None = None,
    out: Path | str | None = None,
    generator: nn.Module | str | Mapping[str, Any] | None = None,
    discriminator: nn.Module | str | Mapping[str, Any] | None = None,
    device: str = "auto",
    observers: Sequence[Observer] = (),
    **settings: Any,
) -> Run:
    """Train a GAN on what you have.

    Args:
        data: A folder or zip of images, a `.npy` or `.npz` file, the name of a built-in (`"digits"`), an
            array, a tensor, or a map-style `torch.utils.data.Dataset`.
        recipe: The name of a recipe, or one of your own.
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
        settings: Values of the recipe: `batch_size=128`, `loss="hinge"`,
            `optimisers={"generator": {"rate": 1e-4}}`.

    Returns:
        The run.

    Raises:
        PoiseError: Something does not fit, or a value came up that is not finite.

    Example:
        >>> import poise
        >>> run = poise.train("digits", steps=1000)  # doctest: +SKIP
    """
    chosen = RECIPES.named(recipe) if isinstance(recipe, str) else recipe
    networks = {"generator": generator, "discriminator": discriminator}
    given = {player: network for player, network in networks.items() if isinstance(network, nn.Module)}
    named = {player: one for player, one in networks.items() if one is not None and player not in given}
    changes = {**settings, **named, **({} if steps is None else {"steps": steps})}
    data = data if labels is None else Labelled(data, labels, label_column)
    planned = plan(data, recipe_with(chosen, changes), pick_device(device), given=given)
    out = new_run_path(planned.source.name, chosen.name) if out is None else out
    outcome = begin(planned, out, observers=observers, say=_say)
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

    Returns:
        The run.

    Raises:
        PoiseError: There is nothing to resume, or something does not fit.
    """
    outcome = resume_session(
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
    return Run(path, generator=generator)


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


def _given(generator: nn.Module | None, discriminator: nn.Module | None) -> Mapping[str, nn.Module]:
    modules = {"generator": generator, "discriminator": discriminator}
    return {player: module for player, module in modules.items() if module is not None}


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)
