"""Files of logs: CSV, JSON lines, TensorBoard's event files."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from poise.diagnosis.logs.events import read_events
from poise.errors import PoiseError, report_system_errors

LARGEST = 512 * 2**20  # Bytes of the largest log that is read


def read_log(path: Path | str) -> list[dict[str, float]]:
    """The rows of a log, numbers by column; all that is no number is left out."""
    path = Path(path)
    with report_system_errors(
        f"'{path}' cannot be read", code="diagnosis.log-unreadable", hint="name a run or a log"
    ):
        events = path.is_dir() or ".tfevents." in path.name
        rows = _events(path) if events else _text(path)
    if not rows and path.is_dir():
        raise PoiseError(
            f"'{path}' is no run, and holds no numbers of TensorBoard",
            code="diagnosis.log-empty",
            hint="name a run's folder, or a log",
        )
    if not rows:
        raise PoiseError(
            f"'{path}' holds no numbers in columns",
            code="diagnosis.log-empty",
            hint="give a CSV with a header, JSON lines, or a TensorBoard event file",
        )
    return rows


def _check_size(file: Path) -> None:
    if file.stat().st_size > LARGEST:
        raise PoiseError(
            f"'{file}' is larger than {LARGEST >> 20} MB",
            code="diagnosis.log-too-large",
            hint="give a part of it",
        )


def _text(path: Path) -> list[dict[str, float]]:
    _check_size(path)
    content = path.read_bytes()
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    text = content.decode(encoding, errors="replace").lstrip("\ufeff")
    if text.lstrip()[:1] in ("{", "["):
        return [row for row in map(_parsed, text.splitlines()) if row] or _document(text)
    text = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
    sample = text[:4096]
    delimiter = max(",;\t", key=sample.count)
    if delimiter == ";":  # as a spreadsheet writes it if the comma is the decimal point
        text = text if "." in sample else text.replace(",", ".")
    try:
        rows = list(csv.DictReader(io.StringIO(text), delimiter=delimiter))
    except csv.Error:
        return []
    return [row for row in map(_numbers, rows) if row]


def _document(text: str) -> list[dict[str, float]]:
    """The rows of one JSON document: a list of objects, or a single one."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return []
    rows = found if isinstance(found, list) else [found]
    return [row for row in (_numbers(_flat(one)) for one in rows if isinstance(one, dict)) if row]


def _parsed(line: str) -> dict[str, float]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return _numbers(_flat(found)) if isinstance(found, dict) else {}


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested objects by dotted paths, as StyleGAN's `{"results": {"fid50k_full": 9.1}}` needs."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            inner = _flat(value, f"{name}/")
            # StyleGAN's statistics of an interval: their mean is meant.
            flat |= {f"{prefix}{name}": inner[f"{name}/mean"]} if f"{name}/mean" in inner else inner
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _numbers(line: Mapping[Any, Any]) -> dict[str, float]:
    found = {}
    for name, value in line.items():
        if not isinstance(name, str) or isinstance(value, bool):
            continue
        try:
            found[name.strip()] = float(value)
        except (TypeError, ValueError):
            continue
    return found


def _events(path: Path) -> list[dict[str, float]]:
    """Rows by step, of one event file or of all in a folder and below it."""
    files = sorted(path.rglob("*.tfevents.*")) if path.is_dir() else [path]
    rows: dict[int, dict[str, float]] = {}
    for file in files:
        _check_size(file)
        try:
            for step, tag, value in read_events(file):
                rows.setdefault(step, {"step": float(step)})[tag] = value
        except ValueError as error:
            raise PoiseError(
                f"'{file}' is no event file of TensorBoard, or is damaged",
                code="diagnosis.log-damaged",
                why=str(error),
                hint="name another log",
            ) from None
    return [rows[step] for step in sorted(rows)]
