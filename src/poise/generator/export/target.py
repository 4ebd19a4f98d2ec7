"""What a form is in which a generator leaves Poise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from poise.errors import PoiseError
from poise.generator.generator import Generator
from poise.run_folder import RunFolder


@dataclass(frozen=True)
class Subject:
    """What is exported.

    Attributes:
        generator: The generator, truncated if its samples shall be.
        name: What it is called: the name of its run's folder.
        folder: The folder of its run; `None` if it has none.
    """

    generator: Generator
    name: str
    folder: RunFolder | None = None


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        files: The files or the folder.
        facts: What programs want to know of it, ready for JSON.
        lines: What people want to know of it, a sentence each.
    """

    files: tuple[Path, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExportTarget:
    """A form in which a generator leaves Poise. A new one is a file, a row in `EXPORT_TARGETS`, and a test.

    `write(subject, path, **settings)` writes it to `path`, whose parent exists; what it wrote there before is
    replaced. Its keyword-only parameters with defaults are the settings of `poise export --set`. It raises a
    `PoiseError` if this generator cannot take that form.

    Attributes:
        name: What people type: `--to NAME`.
        write: The function.
        summary: One sentence on what it is for.
        suffix: The ending of the file that it writes; empty for a folder.
        extra: The extra of the package that it needs; empty for none.
        modules: What that extra brings, by the names that are imported.
    """

    name: str
    write: Callable[..., Exported]
    summary: str
    suffix: str = ""
    extra: str = ""
    modules: tuple[str, ...] = ()

    def check_extra(self) -> None:
        """Raise if the extra is not installed.

        Raises:
            PoiseError: A module of it cannot be found.
        """
        missing = [module for module in self.modules if find_spec(module) is None]
        if missing:
            raise PoiseError(
                f"The export to '{self.name}' needs {', '.join(missing)}",
                code="export.missing-extra",
                why="it is not installed",
                hint=f"install it: pip install 'poise[{self.extra}]'",
            )
