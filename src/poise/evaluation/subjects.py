"""What is judged, and what it is judged against: runs, folders, archives and arrays in one form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from poise.data import Dataset, Modes, data_of, kind_of, labelled, modes, open_data
from poise.errors import PoiseError
from poise.generator import Generator
from poise.randomness import numpy_stream
from poise.recipes import saved_recipe
from poise.run_folder import RunFolder
from poise.tasks import TASKS
from poise.tasks.prepare import prepared

Which = int | Literal["newest", "best"]
Progress = Callable[[int, int], None]
Telling = Callable[[str], None]
Rows = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Subject:
    """A set of samples, or a generator of them.

    Attributes:
        name: What the person named.
        kind: The name of their kind of data.
        shape: Of one sample.
        draw: `(count, seed) -> samples`: images as bytes `(N, C, H, W)`, vectors in data units `(N, d)`.
        classes: `(count, seed) -> labels (N,)` of the same samples; `None` where they have none.
        count: How many there are; `None` where there is no end of them.
        fingerprint: Of the content of data; empty for a generator.
        run: The run whose generator it is, if it is one's.
        step: The step of that generator.
        source: The data, where they are data.
        generator: The generator, where it is one.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    draw: Callable[[int, int], Tensor]
    classes: Callable[[int, int], Tensor | None]
    count: int | None = None
    fingerprint: str = ""
    run: RunFolder | None = None
    step: int = 0
    source: Dataset | None = None
    generator: Generator | None = None

    def is_what_was_trained_on(self, run: RunFolder) -> bool:
        """Whether these are a run's training data, by their content and by that of the labels it used."""
        recorded = run.data.get("fingerprint")
        if self.source is None or self.fingerprint == recorded:
            return self.source is not None
        game = saved_recipe(run.recipe).game
        try:
            return prepared(self.source, TASKS.named(game.name), game.options).fingerprint == recorded
        except PoiseError:  # they do not suit that game
            return False

    @property
    def seed(self) -> int | None:
        """What a built-in set was drawn from; `None` of data that are not drawn."""
        return None if self.source is None else self.source.summary.get("seed")

    @property
    def labels(self) -> Tensor | None:
        """The classes of all data, where they came with them."""
        known = self.source is not None and self.source.labels is not None
        return torch.as_tensor(np.asarray(self.source.labels)) if known and self.source else None

    @property
    def label_names(self) -> tuple[str, ...]:
        """What the classes are called, in the order of their numbers; empty where there are none."""
        if self.source is not None:
            return self.source.label_names
        return self.generator.classes if self.generator is not None else ()

    @property
    def modes(self) -> Modes | None:
        """The modes of a mixture that is known."""
        if self.source is None or self.source.summary.get("origin") != "built-in":
            return None
        return modes(self.name) if self.name in ("ring", "grid") else None

    def encoded(self, samples: Tensor) -> Tensor:
        """Samples as extractors take them: vectors in the space where each column weighs the same."""
        return samples if self.source is None else kind_of(self).comparable(samples, self.source.transform)


@runtime_checkable
class OpenRun(Protocol):
    """A run that is open, as `poise.Run` is."""

    folder: RunFolder
    path: Path
    module: nn.Module | None


def is_run(thing: Any) -> bool:
    """Whether a person means a run: one that is open, or its folder."""
    if isinstance(thing, OpenRun | RunFolder):
        return True
    if not isinstance(thing, str | Path):
        return False
    try:
        return (Path(thing).expanduser() / "recipe.json").is_file()
    except (OSError, ValueError, RuntimeError):  # a name that no file can have, or nobody's home
        return False


def folder_of(run: Any) -> RunFolder:
    """The folder of what `is_run` takes for a run."""
    return RunFolder.open(Path(run).expanduser() if isinstance(run, str | Path) else run.path)


def with_labels(data: Subject, labels: Any, column: str | None) -> Subject:
    """Data with a person's own labels in place of those that came with them.

    Args:
        data: What was opened.
        labels: As `poise.Labelled` takes them; `None` leaves the data as they are.
        column: The column of labels, where they are a table with several.

    Raises:
        PoiseError: A column and no table, no such table or column, or labels that do not match the data.
    """
    if labels is None and column is not None:
        raise PoiseError(f"There is no file with the column '{column}'", hint="name it: --labels FILE.csv")
    if labels is None or data.source is None:
        return data
    return _of_source(labelled(data.source, labels, column))


def of_run(thing: Any, which: Which) -> Subject:
    """The generator of a run.

    Args:
        thing: The run or its folder.
        which: `"newest"`, `"best"` or the step of a checkpoint.

    Raises:
        PoiseError: There is no such generator, or it needs the person's own module.
    """
    folder = folder_of(thing)
    path, module = folder.path, thing.module if isinstance(thing, OpenRun) else None
    checkpoint = None if which == "newest" else which
    generator = Generator.load(path, module=module, checkpoint=checkpoint)

    def draw(count: int, seed: int) -> Tensor:
        return generator.data(generator.latents(count, seed=seed), generator.conditions(count, seed=seed))

    def classes(count: int, seed: int) -> Tensor | None:
        condition = generator.conditions(count, seed=seed)
        return None if condition is None else condition.argmax(1).cpu()

    return Subject(
        name=path.absolute().name,
        kind=generator.kind.name,
        shape=generator.shape,
        draw=draw,
        run=folder,
        step=int(generator.description.get("step", 0)),
        generator=generator,
        classes=classes,
    )


def of_data(
    data: Any, *, like: tuple[int, ...] | None, resolution: int | None, seed: int, progress: Progress | None
) -> Subject:
    """Samples on disk or in memory, or data.

    Args:
        data: Whatever `poise train` takes.
        like: The shape of an image that they are brought to.
        resolution: Pixels a side, where `like` does not say.
        seed: What built-in sets are drawn from.
        progress: Told how far reading has come.
    """
    side, depth = (like[-1], like[0]) if like is not None and len(like) == 3 else (resolution, None)
    vectors = like is not None and len(like) == 1
    source = open_data(
        data,
        resolution=None if vectors else side,
        channels=None if vectors else depth,
        seed=seed,
        progress=progress,
    )
    return _of_source(source)


def own_data(run: RunFolder, *, progress: Progress | None) -> Subject:
    """What a run was trained on, opened as it was opened then.

    Raises:
        PoiseError: They are not there, were given in memory, or are no longer of the same shape.
    """
    record, recipe = run.data, run.recipe
    data = data_of(record.get("origin", {}))
    if data is None:
        raise PoiseError(
            f"The run '{run.path}' was given its data in memory",
            hint="say what to measure against: --against DATA",
        )
    source = open_data(
        data,
        resolution=recipe.get("resolution"),
        channels=recipe.get("channels"),
        seed=int(recipe.get("seed") or 0),
        progress=progress,
    )
    if list(source.shape) != list(record.get("shape", [])):
        raise PoiseError(
            f"The data '{source.name}' have the shape {list(source.shape)}, and the run was trained on "
            f"{record.get('shape')}",
            hint="say what to measure against: --against DATA",
        )
    return _of_source(source)


def as_measured(source: Dataset, rows: Rows) -> Tensor:
    """Rows as they are measured: images as bytes, vectors in data units."""
    return kind_of(source).stored_data(source.gather(rows), source.transform)


def _of_source(source: Dataset) -> Subject:
    def rows_of(count: int, seed: int) -> Rows:
        if count >= len(source):
            return np.arange(len(source))
        return np.sort(numpy_stream(seed, 0, "evaluated rows").permutation(len(source))[:count])

    def classes(count: int, seed: int) -> Tensor | None:
        return None if source.labels is None else torch.as_tensor(source.labels[rows_of(count, seed)])

    def draw(count: int, seed: int) -> Tensor:
        return as_measured(source, rows_of(count, seed))

    return Subject(
        name=source.name,
        kind=source.kind,
        shape=source.shape,
        draw=draw,
        classes=classes,
        count=len(source),
        fingerprint=source.fingerprint,
        source=source,
    )
