"""What is evaluated and what it is measured against: runs, folders, archives and arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from poise.data import BUILT_IN, Dataset, Modes, Transform, kind_of, modes, open_data
from poise.errors import PoiseError
from poise.extension import require_parts
from poise.generator import Generator
from poise.generator.run_data import own_data
from poise.randomness import numpy_stream
from poise.recipes import saved_recipe
from poise.run_folder import RunFolder
from poise.spec import Fit, Resolution
from poise.tasks import TASKS
from poise.tasks.held_out import split
from poise.tasks.prepare import prepared

Which = int | Literal["newest", "best"]
Progress = Callable[[int, int], None]
Notify = Callable[[str], None]
Rows = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Subject:
    """What is evaluated: samples, or the generator of a run."""

    name: str  # What the user named
    shape: tuple[int, ...]  # Of one sample
    samples: Dataset | None = None
    generator: Generator | None = None
    run: RunFolder | None = None  # The run that the generator is of

    @property
    def step(self) -> int:
        """The step of the generator; 0 for samples."""
        return 0 if self.generator is None else int(self.generator.description.get("step", 0))

    @property
    def label_names(self) -> tuple[str, ...]:
        """The names of the classes, in the order of their numbers; empty if there are none."""
        if self.samples is not None:
            return self.samples.label_names
        return () if self.generator is None else self.generator.classes

    def draw(self, count: int, seed: int) -> Tensor:
        """At most so many samples: images as bytes `(N, C, H, W)`, vectors in data units `(N, d)`."""
        if self.samples is not None:
            return drawn(self.samples, count, seed)
        assert self.generator is not None
        conditions = self.generator.conditions(count, seed=seed)
        return self.generator.data(self.generator.latents(count, seed=seed), conditions)

    def classes(self, count: int, seed: int) -> Tensor | None:
        """The classes `(N,)` of the same samples, if they have any."""
        if self.samples is not None:
            return classes_of(self.samples, count, seed)
        assert self.generator is not None
        if not self.generator.classes:
            return None
        condition = self.generator.conditions(count, seed=seed)
        return None if condition is None else condition.argmax(1).cpu()


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
    """The folder of a run or of its path; of one that makes samples, not of one that names tags."""
    folder = RunFolder.open(Path(run).expanduser() if isinstance(run, str | Path) else run.path)
    require_parts(folder.environment, folder.recipe, folder.data, run=folder.path)
    if "tags" in (folder.data.get("condition") or {}):
        raise PoiseError(
            f"The run '{folder.path}' cannot be evaluated",
            code="evaluation.tagging-run",
            why="it makes no samples but names the tags of images",
            hint="read the Fréchet distance of its tags' vectors, measured while it trained, in its report: "
            f"poise report {folder.path}, and try it: poise tag {folder.path} image.png",
        )
    return folder


def training_data_of(run: RunFolder, *, progress: Progress | None) -> Dataset:
    """The training data of a run, opened as they were opened then."""
    return own_data(run, progress=progress, hint="name what to measure against: --against DATA")


def opened(
    thing: Any,
    against: Any,
    checkpoint: Which,
    resolution: Resolution | str | None,
    seed: int,
    progress: Progress | None,
    device: torch.device,
) -> tuple[Subject, Dataset]:
    """What is evaluated and what it is measured against, of one shape."""
    of_against = folder_of(against) if is_run(against) else None
    subject = _of_run(thing, checkpoint, device) if is_run(thing) else None

    def data(given: Any, like: tuple[int, ...] | None, transform: Transform | None) -> Dataset:
        """Data at the size of what they are measured with, if these are images, or else the resolution."""
        size, channels = (resolution, None) if like is None else (None, None)
        if like is not None and len(like) == 3:
            size, channels = (like[1], like[2]), like[0]
        own = of_against or (subject and subject.run)
        fit: Fit = own.recipe.get("fit", "crop") if own else "crop"
        return open_data(
            given, resolution=size, fit=fit, channels=channels, seed=seed, progress=progress, like=transform
        )

    if against is None and subject is None:
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
    run = of_against if against is not None else subject and subject.run
    reference = (
        training_data_of(run, progress=progress)
        if run
        else data(
            against,
            subject.shape if subject else None,
            subject.generator.transform if subject and subject.generator else None,
        )
    )
    if subject is None:
        samples = data(thing, reference.shape, reference.transform)
        subject = Subject(samples.name, samples.shape, samples)
    if subject.shape != reference.shape:
        raise PoiseError(
            f"The samples of '{subject.name}' have the shape {list(subject.shape)}, and those of "
            f"'{reference.name}' {list(reference.shape)}",
            code="evaluation.different-shapes",
            hint="measure against data of the same shape",
        )
    return subject, reference


def _of_run(thing: Any, which: Which, device: torch.device) -> Subject:
    """The generator of a run or its folder."""
    folder = folder_of(thing)
    module = thing.module if isinstance(thing, OpenRun) else None
    checkpoint = None if which == "newest" else which
    generator = Generator.load(folder.path, module=module, device=device, checkpoint=checkpoint)
    return Subject(folder.path.absolute().name, generator.shape, generator=generator, run=folder)


def was_trained_on(run: RunFolder, data: Dataset) -> bool:
    """Whether these are a run's training data, by their content and that of the labels that it used."""
    recorded = run.data.get("fingerprint")
    if data.fingerprint == recorded:
        return True
    game = saved_recipe(run.recipe).game
    try:
        return prepared(data, TASKS.named(game.name), game.options).fingerprint == recorded
    except PoiseError:  # they do not suit that task
        return False


def modes_of(data: Dataset) -> Modes | None:
    """The modes, if the data are a mixture that is known."""
    known = data.summary.get("origin") == "built-in" and data.name in ("ring", "grid")
    return modes(data.name) if known else None


def comparable(samples: Tensor, data: Dataset) -> Tensor:
    """Samples as extractors take them: vectors scaled so that each column of the data weighs the same."""
    return kind_of(data).comparable(samples, data.transform)


def as_measured(data: Dataset, rows: Rows) -> Tensor:
    """Rows as they are measured: images as bytes, vectors in data units."""
    return kind_of(data).stored_data(data.gather(rows), data.transform)


def rows_of(count: int, most: int, seed: int) -> Rows:
    """At most `most` of so many rows, drawn by a seed, in their order."""
    if count <= most:
        return np.arange(count)
    return np.sort(numpy_stream(seed, 0, "evaluated rows").permutation(count)[:most])


def other_rows(used: Rows, count: int, seed: int, purpose: str) -> Rows | None:
    """Other rows of `count`, as many as are used or at least half as many; `None` if there are fewer."""
    left = np.setdiff1d(np.arange(count), used)
    if 2 * len(left) < len(used):
        return None
    return np.sort(numpy_stream(seed, 0, purpose).permutation(left)[: len(used)])


@dataclass(frozen=True)
class OwnRows:
    """The data that a run was trained on.

    Attributes:
        data: The data; the reference itself if that is what it was trained on.
        trained: The rows that were trained on.
        held_out: Those that were not.
    """

    data: Dataset
    trained: Rows
    held_out: Rows


def own_rows(run: RunFolder | None, reference: Dataset, progress: Progress | None) -> OwnRows | None:
    """What a run was trained on; `None` without a run, and if its data are gone."""
    if run is None:
        return None
    data = reference
    if not was_trained_on(run, reference):
        try:
            data = training_data_of(run, progress=progress)
        except PoiseError:  # they are gone
            return None
    rows = split(len(data), run.recipe.get("held_out") or 0, int(run.recipe.get("seed") or 0))
    return OwnRows(data, rows.training, rows.held_out)


def drawn(data: Dataset, count: int, seed: int) -> Tensor:
    """At most so many of the data, drawn by a seed."""
    return as_measured(data, rows_of(len(data), count, seed))


def classes_of(data: Dataset, count: int, seed: int) -> Tensor | None:
    """The classes of the same rows, if they have any."""
    return None if data.labels is None else torch.as_tensor(data.labels[rows_of(len(data), count, seed)])
