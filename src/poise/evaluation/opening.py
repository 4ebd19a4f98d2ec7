"""The two sides of a measurement, opened: what is judged, and what it is judged against."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from poise.data import BUILT_IN
from poise.errors import PoiseError
from poise.evaluation.subjects import Progress, Subject, Which, folder_of, is_run, of_data, of_run, own_data
from poise.run_folder import RunFolder


def opened(
    thing: Any, against: Any, checkpoint: Which, resolution: int | None, seed: int, progress: Progress | None
) -> tuple[Subject, Subject]:
    """What is judged and what it is judged against, of one shape.

    Args:
        thing: A run or samples.
        against: A run or data; `None` for what the run was trained on.
        checkpoint: Which generator of a run.
        resolution: Pixels a side, for samples and data of which neither says.
        seed: What built-in sets are drawn from.
        progress: Told how far reading has come.

    Raises:
        PoiseError: There is nothing to measure against, or the two are of different shapes.
    """
    for one in (thing, against):
        if is_run(one):
            refuse_tags(folder_of(one))
    judged = of_run(thing, checkpoint) if is_run(thing) else None
    if against is None and (judged is None or judged.run is None):
        named = str(thing) if isinstance(thing, str | Path) else type(thing).__name__
        if isinstance(thing, str | Path) and not Path(thing).expanduser().exists() and named not in BUILT_IN:
            raise PoiseError(
                f"There is no run, file or folder '{named}'", hint="name a run, or samples and --against DATA"
            )
        raise PoiseError(
            f"'{named}' is no run, and samples are measured against something",
            hint="say what: --against DATA, or name a folder that poise train made",
        )
    if against is None:
        assert judged is not None and judged.run is not None
        reference = own_data(judged.run, progress=progress)
    elif is_run(against):
        reference = own_data(folder_of(against), progress=progress)
    else:
        like = judged.shape if judged else None
        reference = of_data(against, like=like, resolution=resolution, seed=seed, progress=progress)
    subject = judged or of_data(
        thing, like=reference.shape, resolution=resolution, seed=seed, progress=progress
    )
    if subject.shape != reference.shape:
        raise PoiseError(
            f"The samples of '{subject.name}' have the shape {list(subject.shape)}, and those of "
            f"'{reference.name}' {list(reference.shape)}",
            hint="measure against data of the same shape",
        )
    return subject, reference


def refuse_tags(run: RunFolder) -> None:
    """Refuse a run that names the tags of images: it makes no samples that could be held against any.

    Raises:
        PoiseError: It is such a run; the message says what it is measured by.
    """
    if "tags" in (run.data.get("condition") or {}):
        raise PoiseError(
            f"The run '{run.path}' cannot be evaluated",
            why="it makes no samples but names the tags of images",
            hint="read the Fréchet distance of its tags' vectors, measured while it trained, in its report: "
            f"poise report {run.path}, and try it: poise tag {run.path} image.png",
        )
