"""What a person names as data: where it is, how a run records it, and the way back."""

import dataclasses
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from poise.data.kinds.kind import Given, Request
from poise.data.sources.arrays import from_tensor, read_array
from poise.data.sources.built_in import BUILT_IN
from poise.data.sources.files import ARRAY_SUFFIXES, READ_SUFFIXES, Files, FolderCollection, ZipCollection
from poise.data.sources.labels import Labelled
from poise.data.sources.live import Items
from poise.data.sources.pairs import Domains, Pairs
from poise.data.sources.three_sets import ThreeSets
from poise.data.tables.asked import Table
from poise.errors import PoiseError, nearest

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
    if isinstance(data, ThreeSets):
        within = origin_of(data.data)
        options = {field.name: getattr(data, field.name) for field in dataclasses.fields(data)[1:]}
        if options["rows"] is None:
            options.pop("rows")
        return within if within["kind"] == "given" else {**within, "sets": options}
    if isinstance(data, Labelled | Files | Table):
        return _origin_as_read(data)
    if isinstance(data, Pairs | Domains):
        return _origin_of_two(data)
    if not isinstance(data, str | Path):
        return {"kind": "given", "value": type(data).__name__}
    there = Path(data).exists()
    return {"kind": "path" if there else "built-in", "value": str(Path(data).absolute() if there else data)}


def _origin_as_read(data: Labelled | Files | Table) -> dict[str, Any]:
    within = origin_of(data.data)
    options = {field.name: getattr(data, field.name) for field in dataclasses.fields(data)[1:]}
    if not isinstance(data, Labelled):
        said = {"table": data.said} if isinstance(data, Table) else {"read": options}
        return within if within["kind"] == "given" else {**within, **said}
    if within["kind"] == "given" or not isinstance(data.labels, str | Path):
        return {"kind": "given", "value": str(within["value"])}
    file = str(Path(data.labels).expanduser().absolute())
    return {**within, "labels": {"file": file, "column": data.column, "file_column": data.file_column}}


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
    kind, sets = origin.get("kind"), origin.get("sets")
    if sets is not None:
        whole = data_of({name: value for name, value in origin.items() if name != "sets"})
        return None if whole is None else ThreeSets(whole, **sets)
    if kind in _SIDES:
        record, sides = _SIDES[kind]
        opened = {name: None if origin[name] is None else data_of(origin[name]) for name in sides}
        rest = {field.name: origin[field.name] for field in dataclasses.fields(record)}
        return record(**(rest | opened))
    if kind not in ("path", "built-in"):
        return None
    value, labels, read = str(origin.get("value")), origin.get("labels"), origin.get("read")
    files: Any = Table(value, **origin["table"]) if "table" in origin else value
    files = files if read is None else Files(files, **read)
    if labels is None:
        return files
    return Labelled(files, labels["file"], labels["column"], labels.get("file_column"))


def given_of(data: Any, request: Request) -> Given:
    """What a person named, read as far as every kind needs it."""
    if isinstance(data, np.ndarray):
        return Given(data, "array", "array", array=data, scaled=request.scale is not None)
    if isinstance(data, torch.Tensor):
        return Given(data, "tensor", "tensor", array=from_tensor(data), scaled=request.scale is not None)
    if not isinstance(data, str | Path):
        name = type(data).__name__
        read = partial(Items, data, name, request.target, request.channels)
        return Given(data, name, "dataset", read=read, scaled=request.scale is not None)
    return dataclasses.replace(_given_path(path_of(data), data), scaled=request.scale is not None)


def _given_path(path: Path, data: str | Path) -> Given:
    name, suffix = str(data), path.suffix.lower()
    _check_there(path, name)
    if path.is_dir():
        return Given(data, name, "folder", path=path, files=FolderCollection(path))
    if suffix in ARRAY_SUFFIXES:
        return Given(data, name, suffix[1:], path=path, array=read_array(path))
    if suffix == ".zip":
        return Given(data, name, "zip", path=path, files=ZipCollection(path))
    return Given(data, name, "file", path=path)


def unknown_file(given: Given) -> PoiseError:
    """The error for a file that no kind of data recognises."""
    suffix = "" if given.path is None else given.path.suffix.lower()
    hint = "give a folder or a .zip of files, or an array as .npy, .npz, .pt or .h5"
    if suffix in READ_SUFFIXES:
        hint = "name the folder that holds the images, not one of them"
    if given.path is not None and {".txt", ".smi"} & {one.lower() for one in given.path.suffixes}:
        hint = "for a molecule a row, as SMILES, add --kind graph; for columns, name it .csv"
    if suffix in (".pth", ".pkl", ".pickle"):
        hint = "such files can run code when loaded; save the array with numpy.save as .npy"
    what = f"'{given.name}' is not a kind of file that Poise reads"
    return PoiseError(what, code="data.unknown-file", hint=hint)


def path_of(written: str | Path) -> Path:
    """The path that a person wrote, the tilde spelled out."""
    try:
        return Path(written).expanduser()
    except RuntimeError:  # a name that begins with the tilde of nobody's home
        return Path(written)


def _check_there(path: Path, written: str) -> None:
    try:
        there = path.exists()
    except (OSError, ValueError):  # a name that no file can have
        there = False
    if there:
        return
    beside = []
    if path.parent.is_dir():
        beside = [str(path.with_name(name)) for name in nearest(path.name, _names_beside(path))]
    alike = nearest(written, BUILT_IN) + beside
    known = "built-in sets are " + ", ".join(BUILT_IN)
    hint = f"did you mean {' or '.join(repr(name) for name in alike[:3])}? ({known})" if alike else known
    what = f"There is no file, folder or built-in set '{written}'"
    raise PoiseError(what, code="data.not-found", hint=hint)


def _names_beside(path: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in path.parent.iterdir())[:10_000]
    except OSError:
        return []
