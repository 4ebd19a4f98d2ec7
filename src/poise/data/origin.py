"""Where data come from, as a record that opens them again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from poise.data.labels import Labelled


def origin_of(data: Any) -> dict[str, Any]:
    """The record of what a person named.

    Args:
        data: As `open_data` takes it.

    Returns:
        `{"kind": "built-in" | "path" | "given", "value": ...}`, with the file of labels where there is one;
        what came in memory is `"given"` and cannot be opened again.

    Example:
        >>> origin_of("digits")
        {'kind': 'built-in', 'value': 'digits'}
    """
    if isinstance(data, Labelled):
        within = origin_of(data.data)
        if within["kind"] == "given" or not isinstance(data.labels, str | Path):
            return {"kind": "given", "value": str(within["value"])}
        file = str(Path(data.labels).expanduser().absolute())
        return {**within, "labels": {"file": file, "column": data.column}}
    if not isinstance(data, str | Path):
        return {"kind": "given", "value": type(data).__name__}
    path = Path(data)
    if path.exists():
        return {"kind": "path", "value": str(path.absolute())}
    return {"kind": "built-in", "value": str(data)}


def data_of(origin: Mapping[str, Any]) -> Any:
    """What `open_data` takes to open the data of a record again; `None` where they were given in memory.

    Args:
        origin: As `origin_of` made it.

    Example:
        >>> data_of({"kind": "built-in", "value": "digits"})
        'digits'
    """
    if origin.get("kind") not in ("path", "built-in"):
        return None
    value, labels = str(origin.get("value")), origin.get("labels")
    return value if labels is None else Labelled(value, labels["file"], labels["column"])
