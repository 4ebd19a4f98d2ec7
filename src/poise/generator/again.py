"""Samples by their names: from a printed name or a picture back to the same sample."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

import torch
from torch import Tensor

from poise.data import save_image
from poise.errors import PoiseError
from poise.generator.generator import Generator
from poise.generator.marks import mark_png, marks_of, read_marks
from poise.generator.naming import DIGITS, SampleName, check_weights, inputs_of, weights_hash


def read_names(given: Iterable[str]) -> list[SampleName]:
    """The names that people give: as text, or as PNG files that hold some.

    Raises:
        PoiseError: A text is no name, or a picture holds none.
    """
    names: list[SampleName] = []
    for text in given:
        if text.lower().endswith(".png"):
            names += [SampleName.read(str(one)) for one in read_marks(Path(text).expanduser())["names"]]
        else:
            names.append(SampleName.read(text))
    return names


def named_generator(
    run: Path | str, names: Sequence[SampleName], *, device: str | torch.device = "cpu"
) -> Generator:
    """The generator of a run that made the named samples: the newest, or that of the checkpoint they name.

    Without names it is the newest.

    Raises:
        PoiseError: Neither the newest generator nor that of the checkpoint has these weights.
    """
    generator = Generator.load(run, device=device)
    if not names:
        return generator
    first = names[0]
    if weights_hash(generator.module)[:DIGITS] != first.weights and first.step is not None:
        with contextlib.suppress(PoiseError):
            earlier = Generator.load(run, device=device, checkpoint=first.step)
            check_weights(earlier, names)
            return earlier
    check_weights(generator, names)
    return generator


def samples_of(generator: Generator, names: Sequence[SampleName]) -> Tensor:
    """The named samples as `Generator.sample` returns them, in their order.

    Raises:
        PoiseError: They are of another generator, or it cannot be truncated as they were.
    """
    latent, condition = inputs_of(generator, names)
    made = [Tensor()] * len(names)
    for some, places in _by_truncation(generator, names):
        found = some(latent[places], None if condition is None else condition[places])
        for place, sample in zip(places, found, strict=True):
            made[place] = sample
    return torch.stack(made)


def write_picture(generator: Generator, names: Sequence[SampleName], path: Path) -> None:
    """Write a PNG of named samples: one image in its own size, several samples in a grid.

    Raises:
        PoiseError: As `samples_of`; or several samples were truncated differently.
    """
    ((some, _), *more) = _by_truncation(generator, names)
    if more:
        what, hint = "The named samples were truncated differently", "draw them one by one"
        raise PoiseError(what, code="generator.truncations-differ", hint=hint)
    latent, condition = inputs_of(some, names)
    if len(names) == 1 and generator.kind.pictorial:
        save_image(some.data(latent, condition).numpy()[0], path)
    else:
        some.picture(latent, condition, columns=_columns(names)).save(path)
    mark_png(path, marks_of(names, {"made_by": "poise sample", "step": generator.description.get("step")}))


def _columns(names: Sequence[SampleName]) -> int | None:
    """The columns of a grid with a row for each class; `None` if the names are of no such grid."""
    rows = [len(list(row)) for _, row in groupby(names, key=lambda name: name.label)]
    return rows[0] if len(rows) > 1 and len(set(rows)) == 1 else None


def _by_truncation(generator: Generator, names: Sequence[SampleName]) -> list[tuple[Generator, list[int]]]:
    """The generator at each truncation of the names, with their places."""
    found = []
    for truncation in sorted({name.truncation for name in names}):
        places = [place for place, name in enumerate(names) if name.truncation == truncation]
        same = truncation == generator.truncation
        found.append((generator if same else generator.truncated(truncation), places))
    return found
