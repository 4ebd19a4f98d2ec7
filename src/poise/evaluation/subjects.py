"""What is evaluated and what it is measured against: runs, folders, archives and arrays in one form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from poise.data import BUILT_IN, Dataset, Modes, data_of, kind_of, labelled, modes, open_data
from poise.errors import PoiseError
from poise.extension import require_parts
from poise.generator import Generator
from poise.randomness import numpy_stream
from poise.recipes import saved_recipe
from poise.run_folder import RunFolder
from poise.tasks import TASKS
from poise.tasks.prepare import prepared

Which = int | Literal["newest", "best"]
Progress = Callable[[int, int], None]
Notify = Callable[[str], None]
Rows = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Subject:
    """A set of samples, or a generator of them."""

    name: str  # What the user named
    kind: str  # The name of their kind of data
    shape: tuple[int, ...]  # Of one sample
    # (count, seed) -> samples: images as bytes (N, C, H, W), vectors in data units (N, d)
    draw: Callable[[int, int], Tensor]
    # (count, seed) -> labels (N,) of the same samples; None if they have none
    classes: Callable[[int, int], Tensor | None]
    count: int | None = None  # How many there are; None for a generator
    fingerprint: str = ""  # Of the content of data; empty for a generator
    run: RunFolder | None = None  # The run that the generator is of, if there is one
    step: int = 0  # The step of that generator
    dataset: Dataset | None = None  # The data, if they are data
    generator: Generator | None = None  # The generator, if it is one

    def is_what_was_trained_on(self, run: RunFolder) -> bool:
        """Whether these are a run's training data, by their content and that of the labels that it used."""
        recorded = run.data.get("fingerprint")
        if self.dataset is None or self.fingerprint == recorded:
            return self.dataset is not None
        game = saved_recipe(run.recipe).game
        try:
            return prepared(self.dataset, TASKS.named(game.name), game.options).fingerprint == recorded
        except PoiseError:  # they do not suit that task
            return False

    @property
    def seed(self) -> int | None:
        """The seed that a built-in set was drawn from; `None` for other data."""
        return None if self.dataset is None else self.dataset.summary.get("seed")

    @property
    def labels(self) -> Tensor | None:
        """The classes of all data, if they came with them."""
        known = self.dataset is not None and self.dataset.labels is not None
        return torch.as_tensor(np.asarray(self.dataset.labels)) if known and self.dataset else None

    @property
    def label_names(self) -> tuple[str, ...]:
        """The names of the classes, in the order of their numbers; empty if there are none."""
        if self.dataset is not None:
            return self.dataset.label_names
        return self.generator.classes if self.generator is not None else ()

    @property
    def modes(self) -> Modes | None:
        """The modes, if the data are a mixture that is known."""
        if self.dataset is None or self.dataset.summary.get("origin") != "built-in":
            return None
        return modes(self.name) if self.name in ("ring", "grid") else None

    def encoded(self, samples: Tensor) -> Tensor:
        """Samples as extractors take them: vectors scaled so that each column weighs the same."""
        if self.dataset is None:
            return samples
        return kind_of(self).comparable(samples, self.dataset.transform)


@runtime_checkable
class OpenRun(Protocol):
    """A run that is open, as `poise.Run` is."""

    folder: RunFolder
    path: Path
    module: nn.Module | None


def is_run(thing: Any) -> bool:
    """Whether the user means a run: one that is open, or its folder."""
    if isinstance(thing, OpenRun | RunFolder):
        return True
    if not isinstance(thing, str | Path):
        return False
    try:
        return (Path(thing).expanduser() / "recipe.json").is_file()
    except (OSError, ValueError, RuntimeError):  # a name that no file can have, or an unknown home
        return False


def folder_of(run: Any) -> RunFolder:
    """The folder of a run, or of its path."""
    folder = RunFolder.open(Path(run).expanduser() if isinstance(run, str | Path) else run.path)
    require_parts(folder.environment, folder.recipe, folder.data, run=folder.path)
    return folder


def with_labels(data: Subject, labels: Any, column: str | None) -> Subject:
    """Data with the user's labels, if there are any, in place of those that came with them."""
    if labels is None and column is not None:
        raise PoiseError(
            f"There is no file with the column '{column}'",
            code="evaluation.column-without-file",
            hint="name it: --labels FILE.csv",
        )
    if labels is None or data.dataset is None:
        return data
    return _of_dataset(labelled(data.dataset, labels, column))


def of_run(thing: Any, which: Which) -> Subject:
    """The generator of a run or its folder."""
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
    """Data, or samples on disk or in memory; images at the size of `like`, or else the resolution."""
    side, depth = (like[-1], like[0]) if like is not None and len(like) == 3 else (resolution, None)
    if like is not None and len(like) == 1:
        side = None
    return _of_dataset(open_data(data, resolution=side, channels=depth, seed=seed, progress=progress))


def own_data(run: RunFolder, *, progress: Progress | None) -> Subject:
    """The training data of a run, opened as they were opened then."""
    record, recipe = run.data, run.recipe
    data = data_of(record.get("origin", {}))
    if data is None:
        raise PoiseError(
            f"The run '{run.path}' was given its data in memory",
            code="evaluation.data-in-memory",
            hint="name what to measure against: --against DATA",
        )
    dataset = open_data(
        data,
        resolution=recipe.get("resolution"),
        channels=recipe.get("channels"),
        seed=int(recipe.get("seed") or 0),
        progress=progress,
    )
    if list(dataset.shape) != list(record.get("shape", [])):
        raise PoiseError(
            f"The data '{dataset.name}' have the shape {list(dataset.shape)}, and the run was trained on "
            f"{record.get('shape')}",
            code="evaluation.data-changed-shape",
            hint="name what to measure against: --against DATA",
        )
    return _of_dataset(dataset)


def as_measured(dataset: Dataset, rows: Rows) -> Tensor:
    """Rows as they are measured: images as bytes, vectors in data units."""
    return kind_of(dataset).stored_data(dataset.gather(rows), dataset.transform)


def rows_of(count: int, most: int, seed: int) -> Rows:
    """At most `most` of so many rows, drawn by a seed, in their order."""
    if count <= most:
        return np.arange(count)
    return np.sort(numpy_stream(seed, 0, "evaluated rows").permutation(count)[:most])


def _of_dataset(dataset: Dataset) -> Subject:
    def classes(count: int, seed: int) -> Tensor | None:
        return (
            None
            if dataset.labels is None
            else torch.as_tensor(dataset.labels[rows_of(len(dataset), count, seed)])
        )

    def draw(count: int, seed: int) -> Tensor:
        return as_measured(dataset, rows_of(len(dataset), count, seed))

    return Subject(
        name=dataset.name,
        kind=dataset.kind,
        shape=dataset.shape,
        draw=draw,
        classes=classes,
        count=len(dataset),
        fingerprint=dataset.fingerprint,
        dataset=dataset,
    )


def opened(
    thing: Any, against: Any, checkpoint: Which, resolution: int | None, seed: int, progress: Progress | None
) -> tuple[Subject, Subject]:
    """What is evaluated and what it is measured against, of one shape."""
    for one in (thing, against):
        if is_run(one):
            refuse_tags(folder_of(one))
    of_a_run = of_run(thing, checkpoint) if is_run(thing) else None
    if against is None and (of_a_run is None or of_a_run.run is None):
        named = str(thing) if isinstance(thing, str | Path) else type(thing).__name__
        if isinstance(thing, str | Path) and not Path(thing).expanduser().exists() and named not in BUILT_IN:
            raise PoiseError(
                f"There is no run, file or folder '{named}'",
                code="evaluation.not-found",
                hint="name a run, or samples and --against DATA",
            )
        raise PoiseError(
            f"'{named}' is not a run, and samples are measured against something",
            code="evaluation.nothing-to-measure-against",
            hint="name it: --against DATA, or name a folder that poise train made",
        )
    if against is None:
        assert of_a_run is not None and of_a_run.run is not None
        reference = own_data(of_a_run.run, progress=progress)
    elif is_run(against):
        reference = own_data(folder_of(against), progress=progress)
    else:
        like = of_a_run.shape if of_a_run else None
        reference = of_data(against, like=like, resolution=resolution, seed=seed, progress=progress)
    subject = of_a_run or of_data(
        thing, like=reference.shape, resolution=resolution, seed=seed, progress=progress
    )
    if subject.shape != reference.shape:
        raise PoiseError(
            f"The samples of '{subject.name}' have the shape {list(subject.shape)}, and those of "
            f"'{reference.name}' {list(reference.shape)}",
            code="evaluation.different-shapes",
            hint="measure against data of the same shape",
        )
    return subject, reference


def refuse_tags(run: RunFolder) -> None:
    """Refuse a run that names the tags of images: it makes no samples that could be measured."""
    if "tags" in (run.data.get("condition") or {}):
        raise PoiseError(
            f"The run '{run.path}' cannot be evaluated",
            code="evaluation.tagging-run",
            why="it makes no samples but names the tags of images",
            hint="read the Fréchet distance of its tags' vectors, measured while it trained, in its report: "
            f"poise report {run.path}, and try it: poise tag {run.path} image.png",
        )
