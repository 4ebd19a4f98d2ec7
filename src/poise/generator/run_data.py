"""The data of a run, opened again as they were opened then, and the rows that it held out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from poise.data import Dataset, data_of, kind_of, open_data
from poise.data.dataset import Progress
from poise.errors import PoiseError
from poise.recipes import saved_recipe
from poise.run_folder import RunFolder
from poise.tasks import TASKS
from poise.tasks.held_out import Indices, Split, examined
from poise.tasks.prepare import prepared


def own_data(run: RunFolder, *, progress: Progress | None = None, hint: str = "") -> Dataset:
    """The training data of a run, opened as they were opened then.

    Args:
        run: The run.
        progress: Called with `(done, total)` while files are read.
        hint: What to do if they are gone.

    Raises:
        PoiseError: They were given in memory, are not there any more, or have another shape now.
    """
    record, recipe = run.data, run.recipe
    data = data_of(record.get("origin", {}))
    if data is None:
        what = f"The run '{run.path}' was given its data in memory"
        raise PoiseError(what, code="generator.data-in-memory", hint=hint)
    if recipe.get("private"):
        what = f"The run '{run.path}' is private, and its rows are not opened beside it"
        hint = "measure it against rows that you name: poise evaluate RUN --against DATA"
        raise PoiseError(what, code="generator.private-data", hint=hint)
    dataset = open_data(
        data,
        resolution=recipe.get("resolution"),
        fit=recipe.get("fit", "crop"),
        channels=recipe.get("channels"),
        encoding=recipe.get("encoding"),
        seed=int(recipe.get("seed") or 0),
        progress=progress,
    )
    if list(dataset.shape) != list(record.get("shape", [])):
        raise PoiseError(
            f"The data '{dataset.name}' have the shape {list(dataset.shape)}, and the run was trained on "
            f"{record.get('shape')}",
            code="generator.data-changed-shape",
            hint=hint,
        )
    return dataset


@dataclass(frozen=True, eq=False)
class RunData:
    """The data of a run with the conditions of its game, and which rows it was trained on.

    Attributes:
        dataset: All of them.
        rows: Which are trained on, and which are held out.
        same: Whether their content is that which the run recorded.
    """

    dataset: Dataset
    rows: Split
    same: bool

    def encoded(self, rows: Indices) -> Tensor:
        """Rows in the networks' space, `(N, *shape)`."""
        return self.dataset.transform.encode(self.dataset.gather(rows))

    def conditions(self, rows: Indices) -> Tensor | None:
        """The conditions of rows as networks take them; `None` if there are none beside the rows."""
        condition = self.dataset.condition
        if condition is None or not condition.paired:
            return None
        return condition.encode(condition.gather(rows))

    def measured(self, rows: Indices) -> Tensor:
        """Rows as they are measured: images as bytes, vectors in data units."""
        return kind_of(self.dataset).stored_data(self.dataset.gather(rows), self.dataset.transform)


def data_of_run(run: RunFolder, *, progress: Progress | None = None, hint: str = "") -> RunData:
    """The data of a run as its game was given them.

    Raises:
        PoiseError: They are gone, or do not suit its game any more.
    """
    recipe = saved_recipe(run.recipe)
    opened = own_data(run, progress=progress, hint=hint)
    dataset = prepared(opened, TASKS.named(recipe.game.name), recipe.game.options)
    whole, rows = examined(recipe, dataset)
    same = run.data.get("fingerprint") in (dataset.fingerprint, opened.fingerprint)
    return RunData(whole, rows, same)


def at_most(rows: Indices, count: int, stream: np.random.Generator) -> Indices:
    """At most so many of some rows, drawn at random, in their order."""
    return rows if len(rows) <= count else np.sort(stream.permutation(rows)[:count])
