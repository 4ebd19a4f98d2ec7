"""Labels that are lists of tags: a condition of a 0 or a 1 for each tag."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from poise.data import (
    Condition,
    Dataset,
    Identity,
    digest_of,
    separator_of,
    split_tags,
    survey,
    with_own_labels,
)
from poise.errors import PoiseError
from poise.text import counted

LONGEST_TAG = 60
"""Letters beyond which a tag is taken for a text that was not split."""

EXAMPLES = 1_000
"""Lists of tags of the data that a generator's folder holds; samples are made with these by default."""


def with_tags(
    dataset: Dataset, *, separator: str | None = None, least: Annotated[int, Field(ge=1)] = 10
) -> Dataset:
    """The dataset with its labels as tags, if they are lists of tags; else as it is.

    Args:
        dataset: Any data.
        separator: What stands between two tags; `None` finds ; and | by itself, and an empty text takes each
            label for the name of a class.
        least: Samples that a tag must have; rarer ones are left out.

    Raises:
        PoiseError: A tag is a whole text, or too few tags are frequent enough.

    Example:
        >>> from poise.data import Labelled, open_data
        >>> points = np.zeros((3, 2), np.float32)
        >>> tagged = with_tags(open_data(Labelled(points, ["red;big", "red", "big"])), least=1)
        >>> tagged.condition.names, tagged.condition.counts
        (('big', 'red'), [2, 2])
    """
    dataset = with_own_labels(dataset)
    between = separator_of(dataset.label_names) if separator is None else separator
    if dataset.labels is None or not between:
        return dataset
    texts = [split_tags(text, between) for text in dataset.label_names]
    rows = [texts[label] for label in dataset.labels]
    names = vocabulary(dataset, rows, between, least)
    place = {name: number for number, name in enumerate(names)}
    present = np.zeros((len(texts), len(names)), np.uint8)
    for row, tags in zip(present, texts, strict=True):
        row[[place[tag] for tag in tags if tag in place]] = 1
    spaced = np.unique(np.linspace(0, len(rows) - 1, EXAMPLES).astype(int))
    examples = [[place[tag] for tag in rows[row] if tag in place] for row in spaced]
    condition = Condition(
        "tags",
        (len(names),),
        present,
        Identity(),
        names=names,
        rows=dataset.labels,
        about={"examples": examples},
    )
    apart = dataset.held_out
    if apart is not None:
        known = None if apart.labels is None else dataclasses.replace(condition, rows=apart.labels)
        apart = dataclasses.replace(apart, condition=known)
    facts = [dataset.fingerprint, list(names), survey(present).digest, survey(dataset.labels).digest]
    return dataclasses.replace(
        dataset,
        condition=condition,
        held_out=apart,
        fingerprint=digest_of(facts),
        summary={**dataset.summary, **tag_summary(rows, names)},
        notices=(*dataset.notices, _notice(dataset, rows, names, between, least)),
    )


def tags_or_classes(
    dataset: Dataset, *, separator: str | None = None, least: Annotated[int, Field(ge=1)] = 10
) -> Dataset:
    """As `with_tags`, for games that take tags and classes and no numbers.

    Args:
        dataset: Any data.
        separator: As that of `with_tags`.
        least: As that of `with_tags`.

    Raises:
        PoiseError: The labels are numbers.
    """
    made = with_tags(dataset, separator=separator, least=least)
    if made.condition is not None and not (made.condition.of_tags or made.condition.of_images):
        raise PoiseError(
            f"The labels of '{dataset.name}' are numbers, and this game needs tags or classes",
            code="tasks.numbers-are-no-tags",
            hint="use --recipe conditional, which takes numbers, or name the tags",
        )
    return made


def vocabulary(
    dataset: Dataset, rows: Sequence[Sequence[str]], separator: str, least: int
) -> tuple[str, ...]:
    """The tags that are frequent enough, in order.

    Args:
        dataset: The data, for messages.
        rows: The tags of each sample.
        separator: What separates them, for messages.
        least: Samples that a tag must have.

    Raises:
        PoiseError: There is no tag, one is a whole text, or fewer than two are frequent enough.
    """
    counts = Counter(tag for row in rows for tag in row)
    long = [tag for tag in counts if len(tag) > LONGEST_TAG]
    if long:
        raise PoiseError(
            f"'{long[0][:LONGEST_TAG]}...' among the tags of '{dataset.name}' is no tag",
            code="tasks.tag-too-long",
            why=f"it has {len(long[0])} letters and no '{separator}' within",
            hint="say what separates tags: --set 'game.separator=,'",
        )
    if not counts:
        raise PoiseError(
            f"Not one image of '{dataset.name}' has a tag",
            code="tasks.no-tagged-image",
            hint="fill the column of tags in",
        )
    names = tuple(sorted(tag for tag, count in counts.items() if count >= least))
    if len(names) < 2:
        raise PoiseError(
            f"{len(names)} of the {len(counts)} tags of '{dataset.name}' occur on {least} images or more",
            code="tasks.too-few-tags",
            why=f"tags are separated by '{separator}'",
            hint="say what separates them, or ask for less: --set 'game.separator=,' --set game.least=2",
        )
    return names


def tag_summary(rows: Sequence[Sequence[str]], names: Sequence[str]) -> dict[str, Any]:
    """What `data.json` and the report say of tags.

    Args:
        rows: The tags of each sample.
        names: The tags that are learnt.
    """
    known = set(names)
    tagged = sum(1 for tags in rows if known.intersection(tags))
    return {
        "tags": len(names),
        "tags_dropped": len({tag for row in rows for tag in row}) - len(names),
        "images_with_tags": tagged,
        "images_without_tags": len(rows) - tagged,
    }


def _notice(
    dataset: Dataset, rows: Sequence[Sequence[str]], names: Sequence[str], separator: str, least: int
) -> str:
    facts = tag_summary(rows, names)
    notice = (
        f"The labels of '{dataset.name}' are tags, separated by '{separator}': {counted(len(names), 'tag')}"
    )
    if facts["tags_dropped"]:
        rarer = counted(facts["tags_dropped"], "tag")
        notice += f"; {rarer} on fewer than {least} samples are left out (--set game.least=2 takes more)"
    return notice + "."
