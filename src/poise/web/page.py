"""A page as one HTML file: a template, its style and its script, and nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poise.errors import report_system_errors
from poise.run_folder.files import write_whole

if TYPE_CHECKING:
    from jinja2 import Environment

HERE = Path(__file__).parent
"""Where `frame.html` is, which every template extends."""

STYLE = HERE / "report.css"
"""The style sheet that every page begins with."""


def rendered(
    template: Path,
    contents: Mapping[str, Any],
    *,
    filters: Mapping[str, Callable[..., Any]],
    styles: tuple[Path, ...] = (),
    scripts: tuple[Path, ...] = (),
) -> str:
    """A page of a template that shows `contents`; its policy admits these styles and scripts alone."""
    parts = {"style": (STYLE, *styles), "script": scripts}
    shown = {name: "".join(file.read_text("utf-8") for file in files) for name, files in parts.items()}
    hashes = {f"{name}_hash": _hash(text) for name, text in shown.items()}
    templates = _templates(template.parent)
    templates.filters |= filters
    return templates.get_template(template.name).render(**contents, **shown, **hashes)


@cache
def _templates(folder: Path) -> Environment:
    """Templates of a folder; each is compiled once, which takes longer than all else of a small page."""
    # Here and not above: nothing else that imports this package needs the template engine.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

    templates = Environment(
        loader=FileSystemLoader([folder, HERE]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    return templates


def write_page(file: Path, page: str, *, code: str) -> Path:
    """Write a report, so that a reader sees the old one or the new; an error of the system has this code."""
    with report_system_errors(
        f"The report '{file}' cannot be written",
        code=code,
        hint="free some space, or allow writing there",
    ):
        write_whole(file, page.encode())
    return file


def data_address(kind: str, content: bytes) -> str:
    """The address of a picture or a sound that the page itself holds; `kind` is such as `image/png`."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _hash(text: str) -> str:
    """The hash by which the page's policy admits a style or a script."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
