"""A generator in other forms: a row for each target of `poise export RUN --to NAME`."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

from poise.errors import PoiseError
from poise.generator.export.html import HTML
from poise.generator.export.hub import HUB
from poise.generator.export.onnx_file import ONNX
from poise.generator.export.pt2 import PT2
from poise.generator.export.target import Exported, ExportTarget, Subject
from poise.registry import Registry, checked_settings

EXPORT_TARGETS: Registry[ExportTarget] = Registry("export target", [ONNX, PT2, HTML, HUB])

MARK = b'"made_by": "Poise'
"""What every file holds that Poise exported."""


def export(subject: Subject, to: str, path: Path | str, **settings: Any) -> Exported:
    """Write a generator in another form.

    Args:
        subject: The generator with its name.
        to: The name of a target.
        path: The file or the folder to write.
        settings: Those of the target.

    Raises:
        PoiseError: There is no such target or setting, the extra that it needs is missing, or the generator
            cannot take that form.

    Example:
        >>> subject = Subject(Generator.load("runs/demo"), "demo")  # doctest: +SKIP
        >>> export(subject, "onnx", "demo.onnx", half=True).lines  # doctest: +SKIP
    """
    target = EXPORT_TARGETS.named(to)
    checked = checked_settings(settings, target.write, owner=f"export target '{target.name}'")
    target.check_extra()
    subject, place = _without_path_of_data(subject), Path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    if not target.suffix:
        return target.write(subject, place, **checked)
    if place.exists() and not (place.is_file() and MARK in place.read_bytes()):
        what = f"'{place}' exists already and holds something else"
        raise PoiseError(what, code="export.would-overwrite", hint="remove it, or name another place")
    partial = place.with_name(f".partial-{place.name}{target.suffix}")  # torch asks for its own ending
    try:
        made = target.write(subject, partial, **checked)
        partial.replace(place)
    finally:
        partial.unlink(missing_ok=True)
    return replace(made, files=(place,))


def _without_path_of_data(subject: Subject) -> Subject:
    """The subject, whose data are named by the end of their path: the rest is nobody else's business."""
    data = subject.generator.description.get("data")
    if not isinstance(data, str) or not Path(data).is_absolute():
        return subject
    generator = copy.copy(subject.generator)
    generator.description = {**generator.description, "data": Path(data).name}
    return replace(subject, generator=generator)


def place_of(run: Path, target: ExportTarget) -> Path:
    """Where a target is written if no place is named: in the folder `export` of the run."""
    return run / "export" / (f"{run.name}{target.suffix}" if target.suffix else target.name)


__all__ = ["EXPORT_TARGETS", "ExportTarget", "Exported", "Subject", "export", "place_of"]
