"""Lists of tags beside data in the form in which they are carried: texts with a separator between tags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from poise.data.rows import Array
from poise.errors import PoiseError

SEPARATORS = ";|"
"""What may stand between two tags, if nothing else is asked for."""


def separator_of(texts: Iterable[str]) -> str | None:
    """What separates the tags in some texts; `None` if these are names of classes.

    Texts are lists of tags if one of them holds a separator and a tag is found in two different ones.

    Example:
        >>> separator_of(["blond;smile", "smile", ""]), separator_of(["sun", "moon"])
        (';', None)
    """
    distinct = set(texts)
    for separator in SEPARATORS:
        if any(separator in text for text in distinct):
            counts = Counter(tag for text in distinct for tag in split_tags(text, separator))
            if max(counts.values(), default=0) > 1:
                return separator
    return None


def split_tags(text: str, separator: str) -> list[str]:
    """The tags of a text, each once, in order.

    Example:
        >>> split_tags("smile; blond;;smile", ";")
        ['blond', 'smile']
    """
    return sorted({tag.strip() for tag in text.split(separator)} - {""})


def joined(rows: Sequence[Sequence[str]]) -> list[str]:
    """The tags of each row as one text, all with the same separator.

    Raises:
        PoiseError: Every separator occurs within a tag.

    Example:
        >>> joined([["smile", "blond"], []])
        ['smile;blond', '']
    """
    holding = {
        separator: {tag for row in rows for tag in row if separator in tag} for separator in SEPARATORS
    }
    free = [separator for separator in SEPARATORS if not holding[separator]]
    if not free:
        few = ", ".join(repr(min(holding[separator])) for separator in SEPARATORS)
        raise PoiseError(
            f"Among the tags are {few}",
            code="data.tags-hold-separators",
            why=f"one of {' and '.join(SEPARATORS)} has to stand between tags",
            hint="take one of the two out of the names of tags",
        )
    return [free[0].join(row) for row in rows]


def texts_of_lists(labels: object) -> list[str] | None:
    """Rows of names, or of numbers as many as each has, as texts; `None` if these are no lists of tags.

    Example:
        >>> texts_of_lists([["blond", "smile"], []]), texts_of_lists([[0, 7], [3]])
        (['blond;smile', ''], ['0;7', '3'])
        >>> texts_of_lists([[0, 1], [1, 0]]) is None
        True
    """
    if not isinstance(labels, list | tuple) or not all(isinstance(row, list | tuple | set) for row in labels):
        return None
    every = [tag for row in labels for tag in row]
    ragged = len({len(row) for row in labels}) > 1
    if every and (all(isinstance(tag, str) for tag in every) or (ragged and _whole(every))):
        return joined([[str(tag) for tag in row] for row in labels])
    return None


def texts_of_flags(rows: Array) -> list[str] | None:
    """Rows of 0 and 1 as texts of the numbers of the columns with a 1; `None` for others.

    Args:
        rows: `(N, K)`.

    Example:
        >>> texts_of_flags(np.array([[1, 0, 1], [0, 0, 0]])), texts_of_flags(np.array([[1, 2]])) is None
        (['0;2', ''], True)
    """
    if rows.ndim != 2 or rows.shape[1] < 2 or rows.dtype.kind not in "buif":
        return None
    if not ((rows == 0) | (rows == 1)).all():
        return None
    return joined([[str(place) for place in np.flatnonzero(row).tolist()] for row in rows])


def texts_of_columns(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> list[str]:
    """Several columns of a table as one text a line.

    A column of 0 and 1, or of -1 and 1, stands for the tag of its name; the cells of another are tags.

    Args:
        columns: The names.
        cells: The cells of each column.

    Example:
        >>> texts_of_columns(["smile", "kind"], [["1", "0"], ["cat", "dog"]])
        ['smile;cat', 'dog']
    """
    lines: list[list[str]] = [[] for _ in cells[0]]
    for name, column in zip(columns, cells, strict=True):
        flags, separator = is_flags(column), separator_of(column)
        for line, cell in zip(lines, column, strict=True):
            if flags:
                line.extend([name] if cell == "1" else [])
            else:
                line.extend(split_tags(cell, separator or SEPARATORS[0]))
    return joined(lines)


def is_flags(cells: Iterable[str]) -> bool:
    """Whether the cells of a column are 0 and 1, or -1 and 1.

    Example:
        >>> is_flags(["1", "-1"]), is_flags(["1", "2"])
        (True, False)
    """
    found = set(cells)
    return found <= {"0", "1"} or found <= {"-1", "1"}


def _whole(values: Iterable[object]) -> bool:
    return all(isinstance(one, int) and not isinstance(one, bool) for one in values)
