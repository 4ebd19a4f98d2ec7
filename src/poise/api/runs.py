"""The runs that a person has: one, or many that were trained side by side."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np
from torch import nn

from poise.diagnosis import Finding
from poise.errors import PoiseError
from poise.generator import Generator, Tag, tags_of
from poise.recipes import Recipe, saved_recipe
from poise.run_folder import RunFolder, read_games
from poise.training import Outcome, Resumption, pick_device
from poise.training.vectorised import EnsembleOutcome, resume_many
from poise.web import write_report

Floats = np.ndarray[Any, np.dtype[np.float32]]


class Run:
    """A run on disk, whoever made it and wherever.

    Args:
        path: Its folder.
        generator: Your own generator module, for a run that was trained with one.

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
        """The recipe with every value."""
        return saved_recipe(self.folder.recipe)

    @property
    def history(self) -> list[dict[str, Any]]:
        """The logged lines, oldest first; plain names with units."""
        return self.folder.lines("history")

    @property
    def findings(self) -> list[Finding]:
        """What the doctor found, oldest first, each as it stands now; empty if it found nothing."""
        latest = {(line.get("name"), line.get("first_step")): line for line in self.folder.lines("findings")}
        return [Finding.from_json(line) for line in latest.values()]

    @property
    def generator(self) -> Generator:
        """The averaged generator as last saved."""
        return Generator.load(self.path, module=self.module)

    def sample(
        self,
        count: int = 64,
        seed: int = 0,
        *,
        label: str | None = None,
        tags: str | Sequence[str] | None = None,
        refine: str | None = None,
    ) -> Floats:
        """Samples: `(count, C, H, W)` in [-1, 1], or `(count, d)` in data units; of a class, or with tags.

        With `refine` they are nearer to the data; see `Generator.refined`.
        """
        return self.generator.sample(count, seed=seed, label=label, tags=tags, refine=refine)

    def tag(self, image: Path | str, count: int = 10, *, draws: int = 200, seed: int = 0) -> list[Tag]:
        """The tags of a picture, the most frequent over latents first; of a run of `image-tagging`.

        Args:
            image: The picture's file.
            count: How many tags at most.
            draws: How many latents are drawn; each names one tag.
            seed: Draws them.

        Raises:
            PoiseError: The run makes no tags, or the picture cannot be read.
        """
        return tags_of(self.generator, image, draws=draws, seed=seed)[:count]

    def translate(self, images: Any, *, direction: str = "a-to-b", seed: int = 0) -> Floats:
        """Images made of images, `(N, C, H, W)` in [-1, 1], by a run on pairs or domains.

        Args:
            images: A folder or zip, a `.npy` file, an array or a tensor of images.
            direction: `"a-to-b"`; between domains `"b-to-a"`, too.
            seed: Draws the noise, the same for every image.
        """
        return self.generator.translate(images, direction=direction, seed=seed)

    def vocode(self, sounds: Any) -> dict[str, Floats]:
        """Waves made of the mel spectrograms of recordings, by the names of their files; of `mel-to-wave`.

        Args:
            sounds: A folder or zip of WAV and FLAC files or one of them, waves `(N, T)`, or logarithms `(N,
                bands, frames)`.

        Raises:
            PoiseError: The run is no vocoder, or the sounds cannot be used.
        """
        return self.generator.vocode(sounds)

    def report(self) -> Path:
        """Write `report.html` again and return its path."""
        return write_report(self.path)


class Runs(Sequence[Run]):
    """Runs on disk that were trained side by side: seeds, perhaps times a grid of settings.

    Args:
        path: The folder above them.

    Example:
        >>> runs = open_runs("runs/ring-seeds")  # doctest: +SKIP
        >>> len(runs), runs[3].sample(16).shape, runs.games[3]["settings"]  # doctest: +SKIP
    """

    def __init__(self, path: Path | str) -> None:
        self.folder = RunFolder.open(path)
        self.path = self.folder.path
        if not RunFolder(path).is_many:
            what = f"'{path}' is a single run"
            raise PoiseError(what, code="api.single-run", hint=f"open it: poise.open_run({str(path)!r})")
        self.games = read_games(self.folder)

    def __repr__(self) -> str:
        return f"Runs({str(self.path)!r}, {len(self)} games, status={self.status!r})"

    def __len__(self) -> int:
        return len(self.games)

    @overload
    def __getitem__(self, index: int) -> Run: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Run]: ...

    def __getitem__(self, index: int | slice) -> Run | Sequence[Run]:
        """The run of an index, in the order of settings and seeds."""
        if isinstance(index, slice):
            return [self[one] for one in range(len(self))[index]]
        return Run(self.path / str(self.games[index]["run"]))

    def __iter__(self) -> Iterator[Run]:
        return (self[index] for index in range(len(self)))

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
            data: The data again, if they were given in memory.
            device: Where to train.
        """
        asked = Resumption(self.path, pick_device(device), steps=steps, data=data)
        outcome = resume_many(asked, notify=notify)
        return finished(Runs(self.path), outcome)

    def report(self) -> Path:
        """Write `report.html`, the spread over all games, again and return its path."""
        return write_report(self.path)


def open_run(path: Path | str, *, generator: nn.Module | None = None) -> Run:
    """Open a run.

    Args:
        path: Its folder.
        generator: Your own generator module, for a run that was trained with one.

    Raises:
        PoiseError: There is none, or it has a newer format.
    """
    refuse_many(path, f"open them: poise.open_runs({str(path)!r})")
    return Run(path, generator=generator)


def open_runs(path: Path | str) -> Runs:
    """Open runs that were trained side by side.

    Args:
        path: The folder above them.

    Raises:
        PoiseError: There are none, or it is a single run.
    """
    return Runs(path)


OneOrMany = TypeVar("OneOrMany", Run, Runs)


def finished(run: OneOrMany, outcome: Outcome | EnsembleOutcome) -> OneOrMany:
    """The run of a session that ended, with its report; Ctrl-C goes on as `KeyboardInterrupt`."""
    run.report()
    if outcome.status == "interrupted" and outcome.exit_status == 130:
        raise KeyboardInterrupt
    return run


def refuse_many(path: Path | str, hint: str) -> None:
    """Raise if a folder holds many games."""
    if RunFolder(path).is_many:
        raise PoiseError(f"'{path}' holds many games", code="api.many-games", hint=hint)


def notify(sentence: str) -> None:
    """Print one sentence for a person, on standard error, since standard output is the caller's."""
    print(sentence, file=sys.stderr)
