"""Where data came from, as a run records it, and the way back."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from poise.data.sources.files import Files
from poise.data.sources.labels import Labelled
from poise.data.sources.pairs import Domains, Pairs

_SIDES: dict[str, tuple[type[Pairs | Domains], tuple[str, ...]]] = {
    "pairs": (Pairs, ("source", "target")),
    "domains": (Domains, ("a", "b")),
}


def origin_of(data: Any) -> dict[str, Any]:
    """The record of what a person named.

    Args:
        data: As `open_data` takes it.

    Returns:
        `{"kind": "built-in" | "path" | "given", "value": ...}`, with the file of labels if there is one;
        of `"pairs"` and `"domains"` a record of either side; what came in memory is `"given"` and cannot be
        opened again.

    Example:
        >>> origin_of("digits")
        {'kind': 'built-in', 'value': 'digits'}
    """
    if isinstance(data, Labelled | Files):
        within = origin_of(data.data)
        options = {field.name: getattr(data, field.name) for field in dataclasses.fields(data)[1:]}
        if isinstance(data, Files):
            return within if within["kind"] == "given" else {**within, "read": options}
        if within["kind"] == "given" or not isinstance(data.labels, str | Path):
            return {"kind": "given", "value": str(within["value"])}
        file = str(Path(data.labels).expanduser().absolute())
        return {**within, "labels": {"file": file, "column": data.column, "file_column": data.file_column}}
    if isinstance(data, Pairs | Domains):
        return _origin_of_two(data)
    if not isinstance(data, str | Path):
        return {"kind": "given", "value": type(data).__name__}
    there = Path(data).exists()
    return {"kind": "path" if there else "built-in", "value": str(Path(data).absolute() if there else data)}


def _origin_of_two(data: Pairs | Domains) -> dict[str, Any]:
    kind, sides = ("pairs", ("source", "target")) if isinstance(data, Pairs) else ("domains", ("a", "b"))
    values = {field.name: getattr(data, field.name) for field in dataclasses.fields(data)}
    found = {name: None if values[name] is None else origin_of(values[name]) for name in sides}
    if any(one is not None and one["kind"] == "given" for one in found.values()):
        return {"kind": "given", "value": kind}
    return {"kind": kind, **values, **found}


def data_of(origin: Mapping[str, Any]) -> Any:
    """What `open_data` takes to open the data of a record again; `None` if they were given in memory.

    Args:
        origin: As `origin_of` made it.

    Example:
        >>> data_of({"kind": "built-in", "value": "digits"})
        'digits'
    """
    kind = origin.get("kind")
    if kind in _SIDES:
        record, sides = _SIDES[kind]
        opened = {name: None if origin[name] is None else data_of(origin[name]) for name in sides}
        rest = {field.name: origin[field.name] for field in dataclasses.fields(record)}
        return record(**(rest | opened))
    if kind not in ("path", "built-in"):
        return None
    value, labels, read = str(origin.get("value")), origin.get("labels"), origin.get("read")
    files = value if read is None else Files(value, **read)
    if labels is None:
        return files
    return Labelled(files, labels["file"], labels["column"], labels.get("file_column"))
