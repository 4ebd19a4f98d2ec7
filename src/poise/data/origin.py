"""Where data come from, as a record that opens them again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from poise.data.labels import Labelled
from poise.data.pairs import Domains, Pairs


def origin_of(data: Any) -> dict[str, Any]:
    """The record of what a person named.

    Args:
        data: As `open_data` takes it.

    Returns:
        `{"kind": "built-in" | "path" | "given", "value": ...}`, with the file of labels where there is one;
        of `"pairs"` and `"domains"` a record of either side; what came in memory is `"given"` and cannot be
        opened again.

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
    if isinstance(data, Pairs):
        sides = {"source": data.source, "target": data.target}
        return _two("pairs", sides, {"source_side": data.source_side, "held_out": data.held_out})
    if isinstance(data, Domains):
        return _two("domains", {"a": data.a, "b": data.b}, {"held_out": data.held_out})
    if not isinstance(data, str | Path):
        return {"kind": "given", "value": type(data).__name__}
    path = Path(data)
    there = path.exists()
    return {"kind": "path" if there else "built-in", "value": str(path.absolute() if there else data)}


def data_of(origin: Mapping[str, Any]) -> Any:
    """What `open_data` takes to open the data of a record again; `None` where they were given in memory.

    Args:
        origin: As `origin_of` made it.

    Example:
        >>> data_of({"kind": "built-in", "value": "digits"})
        'digits'
    """
    if origin.get("kind") == "pairs":
        target = None if origin["target"] is None else data_of(origin["target"])
        rest = {name: origin[name] for name in ("source_side", "held_out")}
        return Pairs(data_of(origin["source"]), target, **rest)
    if origin.get("kind") == "domains":
        return Domains(data_of(origin["a"]), data_of(origin["b"]), origin["held_out"])
    if origin.get("kind") not in ("path", "built-in"):
        return None
    value, labels = str(origin.get("value")), origin.get("labels")
    return value if labels is None else Labelled(value, labels["file"], labels["column"])


def _two(kind: str, sides: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The record of two sides; given in memory where one of them is."""
    origins = {name: None if side is None else origin_of(side) for name, side in sides.items()}
    if any(origin is not None and origin["kind"] == "given" for origin in origins.values()):
        return {"kind": "given", "value": kind}
    return {"kind": kind, **origins, **settings}
