"""What goes into a generator, drawn from a seed: the first of many are those of few; and what comes out."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from poise.data import transform_from_json
from poise.errors import PoiseError, unknown_name
from poise.randomness import torch_stream
from poise.recipes.settings import Latent
from poise.spec import condition_kind, shown_names
from poise.text import counted

BLOCK = 16  # PyTorch draws normal numbers in blocks of so many, and an incomplete last block in another way


def sample_latents(count: int, latent: Latent, *, seed: int) -> Tensor:
    """Latents of a seed, `(count, latent.size)`, on the CPU.

    Example:
        >>> few, many = (sample_latents(count, Latent(size=100), seed=1) for count in (3, 64))
        >>> bool((few == many[:3]).all())
        True
    """
    numbers, stream = count * latent.size, torch_stream(seed, 0, "samples")
    if latent.distribution == "uniform":
        drawn = torch.rand(numbers, generator=stream) * 2 - 1
    else:
        drawn = torch.randn(-(-numbers // BLOCK) * BLOCK, generator=stream)[:numbers]
    return drawn.reshape(count, latent.size)


def class_names(condition: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The names of the classes; none if the generator knows no classes."""
    if condition is None or not condition_kind(condition).classes:
        return ()
    return tuple(str(name) for name in condition["names"])


def tag_names(condition: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The names of the tags; none if the generator takes no tags."""
    if condition is None or not condition_kind(condition).tags:
        return ()
    return tuple(str(name) for name in condition["names"])


def sample_conditions(
    condition: Mapping[str, Any] | None,
    count: int,
    *,
    seed: int,
    label: str | None = None,
    tags: str | Sequence[str] | None = None,
) -> Tensor | None:
    """Conditions as the generator takes them, `(count, condition_size)`; `None` if it takes none."""
    if condition is not None and condition_kind(condition).tags:
        return _tags(condition, count, seed=seed, label=label, tags=tags)
    if tags is not None:
        what = "This generator takes no tags"
        hint = (
            "ask for a class: --label NAME"
            if class_names(condition)
            else "train one that does: --recipe anime"
        )
        raise PoiseError(what, code="generator.takes-no-tags", hint=hint)
    if condition is None:
        if label is not None:
            what = f"This generator knows no classes, so there is no '{label}' to ask for"
            hint = "train one that does: --recipe conditional"
            raise PoiseError(what, code="generator.no-classes", hint=hint)
        return None
    if "examples" in condition:
        return _numbers(condition, count, seed=seed, label=label)
    if condition_kind(condition).sounds:
        raise PoiseError(
            "This generator makes waves of mel spectrograms",
            code="generator.needs-sounds",
            hint="give it recordings: poise translate RUN recordings/ --out waves/",
        )
    if not condition_kind(condition).classes:
        raise PoiseError(
            "This generator makes its samples from images",
            code="generator.needs-images",
            hint="give it one: poise tag RUN image.png"
            if "tags" in condition
            else "give it some: poise translate RUN inputs/ --out outputs/",
        )
    names = class_names(condition)
    if label is not None and str(label) not in names:
        raise unknown_name("class", str(label), names)
    if label is not None:
        drawn = torch.full((count,), names.index(str(label)))
    else:
        weights = torch.tensor(condition["counts"], dtype=torch.float64)
        stream = torch_stream(seed, 0, "classes of samples")
        # Not torch.multinomial: the first of many uniform numbers are those of few.
        places = torch.rand(count, generator=stream, dtype=torch.float64) * weights.sum()
        drawn = torch.searchsorted(weights.cumsum(0), places, right=True).clamp(max=len(names) - 1)
    return torch.nn.functional.one_hot(drawn, len(names)).float()


def _tags(
    condition: Mapping[str, Any],
    count: int,
    *,
    seed: int,
    label: str | None,
    tags: str | Sequence[str] | None,
) -> Tensor:
    """The tags that are asked for and no others, or those of some samples of the data."""
    if label is not None:
        what = f"This generator takes tags, so there is no class '{label}' to ask for"
        hint = f"ask for tags, with commas between: --tags '{label}'"
        raise PoiseError(what, code="generator.tags-are-no-classes", hint=hint)
    if tags is not None:
        return tag_rows([asked_tags(tags, tag_names(condition))], condition).repeat(count, 1)
    examples = condition["examples"]
    stream = torch_stream(seed, 0, "classes of samples")
    places = torch.rand(count, generator=stream, dtype=torch.float64) * len(examples)
    return tag_rows([examples[place] for place in places.long().tolist()], condition)


def asked_tags(tags: str | Sequence[str], names: Sequence[str]) -> list[int]:
    """The places of the tags that a person asks for: names, or a text with commas, ; or | between them.

    Example:
        >>> asked_tags("blue eyes, smile", ("blond", "blue eyes", "smile"))
        [1, 2]

    Raises:
        PoiseError: There is no such tag.
    """
    if isinstance(tags, str):
        between = next((separator for separator in ";|" if separator in tags), ",")
        tags = [tags] if tags in names else tags.split(between)
    asked = [tag.strip() for tag in tags if tag.strip()]
    for tag in asked:
        if tag not in names:
            raise unknown_name("tag", tag, names)
    return [names.index(tag) for tag in asked]


def tag_rows(rows: Sequence[Sequence[int]], condition: Mapping[str, Any]) -> Tensor:
    """Lists of the places of tags as the generator takes them, `(N, tags)` of 0 and 1."""
    made = torch.zeros(len(rows), int(condition["shape"][0]))
    for row, places in zip(made, rows, strict=True):
        row[list(places)] = 1
    return made


def conditions_by_row(condition: Mapping[str, Any] | None, columns: int, *, seed: int) -> Tensor | None:
    """A row of conditions for each of `shown_names`: its class, or lists of tags of the data with its tag.

    Args:
        condition: The entry `condition` of a `generator.json`.
        columns: Conditions in a row.
        seed: Draws the lists of tags.

    Returns:
        `(rows * columns, condition_size)`, row after row; `None` if there are neither classes nor tags.
    """
    names = shown_names(condition)
    if not names or condition is None:
        return None
    if condition_kind(condition).classes:
        return torch.eye(len(names)).repeat_interleave(columns, 0)
    stream, every, made = torch_stream(seed, 0, "tags of rows"), tag_names(condition), list[Sequence[int]]()
    for name in names:
        place = every.index(name)
        holding = [row for row in condition["examples"] if place in row] or [[place]]
        drawn = torch.rand(columns, generator=stream, dtype=torch.float64) * len(holding)
        made += [holding[one] for one in drawn.long().tolist()]
    return tag_rows(made, condition)


def _numbers(condition: Mapping[str, Any], count: int, *, seed: int, label: str | None) -> Tensor:
    """Conditions that are numbers: those that are asked for, as "37" or "0.5,2", or some of the data."""
    size = int(condition["shape"][0])
    if label is None:
        examples = torch.tensor(condition["examples"], dtype=torch.float32)
        stream = torch_stream(seed, 0, "classes of samples")
        places = torch.rand(count, generator=stream, dtype=torch.float64) * len(examples)
        stored = examples[places.long()]
    else:
        try:
            numbers = [float(number) for number in str(label).split(",")]
        except ValueError:
            numbers = []
        if len(numbers) != size or not all(map(math.isfinite, numbers)):
            what = f"'{label}' is no condition of this generator, which takes {counted(size, 'number')}"
            hint = "give it as --label 37.5" if size == 1 else "give them with commas between: --label 0.5,2"
            raise PoiseError(what, code="generator.no-numbers", hint=hint)
        stored = torch.tensor(numbers).repeat(count, 1)
    return transform_from_json(condition["encoding"]).encode(stored)


@torch.no_grad()
def generate(
    module: Callable[..., Tensor], latent: Tensor, condition: Tensor | None = None, *, batch_size: int = 256
) -> Tensor:
    """Samples from latents, in pieces."""
    inputs = [latent] if condition is None else [latent, condition]
    pieces = zip(*(torch.split(values, batch_size) for values in inputs), strict=True)
    return torch.cat([module(*piece).float().cpu() for piece in pieces])
