"""Parts from outside: a user's file, or an installed package, adds rows to the tables of Poise.

A file says what it adds in lists with the names of the tables: `LOSSES = [MINE]`, `GENERATORS = [SMALL]`.
These are the names that the lists have in the package, so a part moves into the package with its row. Poise
never imports a file because a run folder names it: a run folder may come from a stranger. The user passes the
file again.
"""

from __future__ import annotations

import hashlib
import sys
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from importlib import import_module, metadata
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any

from poise.errors import PoiseError, report_system_errors

if TYPE_CHECKING:
    from poise.registry import Registry

TABLES: Mapping[str, str] = MappingProxyType(
    {
        "LOSSES": "poise.losses",
        "REGULARISERS": "poise.regularisers",
        "AUGMENTATIONS": "poise.augment",
        "GENERATORS": "poise.networks",
        "DISCRIMINATORS": "poise.networks",
        "TRANSLATORS": "poise.networks",
        "IMAGE_DISCRIMINATORS": "poise.networks",
        "DYNAMICS": "poise.dynamics",
        "KINDS": "poise.data",
        "TASKS": "poise.tasks",
        "EXTRACTORS": "poise.metrics.features",
        "METRICS": "poise.metrics",
        "FINDINGS": "poise.diagnosis.findings",
        "CALLBACKS": "poise.training.callbacks",
        "EXPORT_TARGETS": "poise.generator.export",
        "RECIPES": "poise.recipes",
    }
)
"""The lists that a file may hold, each with the module of the table of that name; imported when needed."""

GROUP = "poise.parts"
"""The group of entry points in which installed packages name their modules of parts."""

NAMED_BY: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "LOSSES": ("loss",),
        "REGULARISERS": ("regularisers",),
        "AUGMENTATIONS": ("augmentations",),
        "GENERATORS": ("generator", "network"),
        "DISCRIMINATORS": ("discriminator",),
        "TRANSLATORS": ("generator", "network"),
        "IMAGE_DISCRIMINATORS": ("discriminator",),
        "DYNAMICS": ("dynamics",),
        "KINDS": ("kind",),
        "TASKS": ("game",),
        "CALLBACKS": ("callbacks",),
    }
)
"""The keys of a recipe, of `data.json` and of `generator.json` that name the parts of a table."""


@dataclass(frozen=True)
class Extension:
    """A file or a module whose parts are in use.

    Attributes:
        name: What to pass to `--use`; of an installed package its name.
        path: The file; empty if the module has none.
        sha256: Of the file.
        parts: The names of its parts by table.
        installed: Whether it was found as an installed package, and is loaded without `--use`.
    """

    name: str
    path: str
    sha256: str
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    installed: bool = False


_USED: dict[str, Extension] = {}
_FOUND: set[tuple[str, str]] = set()


def use(module_or_path: str | Path | ModuleType) -> Extension:
    """Add the parts of a file or a module to the tables, so that recipes and settings can name them.

    A file that has changed since is read again, and its parts take the place of the former ones.

    Args:
        module_or_path: A `.py` file, the name of a module that can be imported, or the module.

    Returns:
        What was added.

    Raises:
        PoiseError: There is no such file, it fails, it holds no parts, or a part's name is taken.

    Example:
        >>> use("no/such/file.py")
        Traceback (most recent call last):
        poise.errors.PoiseError: The file 'no/such/file.py' cannot be read, because no such file or directory.
    """
    if isinstance(module_or_path, ModuleType):
        return _added(module_or_path, module_or_path.__name__)
    text = str(module_or_path)
    if isinstance(module_or_path, str) and not text.endswith(".py") and "/" not in text:
        return _added(_imported(text), text)
    path = Path(text).expanduser().absolute()
    known = _USED.get(str(path))
    with report_system_errors(f"The file '{text}' cannot be read", code="extension.unreadable-file"):
        content = path.read_bytes()
    if known is not None and known.sha256 == hashlib.sha256(content).hexdigest():
        return known
    return _added(_executed(path, content), str(path), content)


def use_installed() -> None:
    """Add the parts of the installed packages that have an entry point in the group `poise.parts`.

    Raises:
        PoiseError: A package fails to import, or its parts cannot be added.
    """
    for point in _entry_points(tuple(map(_state_of, sys.path))):
        found = point.name, point.value
        if found in _FOUND:
            continue
        _FOUND.add(found)  # before it is imported, since it may look up names itself
        package = point.dist.name if point.dist is not None else point.name
        try:
            _added(import_module(point.module), package, installed=True)
        except Exception as error:
            _FOUND.discard(found)
            raise PoiseError(
                f"The installed package '{package}' adds parts to Poise and fails",
                code="extension.broken-package",
                why=error.sentence if isinstance(error, PoiseError) else f"{type(error).__name__}: {error}",
                hint=f"repair it, or take it out: pip uninstall {package}",
            ) from None


def _state_of(folder: str) -> tuple[str, int, int]:
    """A folder, and what changes if a package is put into it."""
    try:
        found = Path(folder).stat()
    except OSError:
        return folder, 0, 0
    return folder, found.st_ino, found.st_mtime_ns


@lru_cache(maxsize=1)  # whenever data are opened or a name is unknown, and hundreds of packages are read
def _entry_points(folders: tuple[tuple[str, int, int], ...]) -> metadata.EntryPoints:
    """The entry points of the packages in `folders`, which are those of `sys.path`."""
    return metadata.entry_points(group=GROUP)


def used() -> list[dict[str, Any]]:
    """What is in use, ready for JSON: the record of a run's `environment.json`."""
    return [asdict(one) for one in _USED.values()]


def used_files() -> list[str]:
    """The files of the parts in use that another process must be given, too."""
    return [one.path for one in _USED.values() if one.path and not one.installed]


def use_words(environment: Mapping[str, Any]) -> list[str]:
    """The words for a command line that goes on with a run: `--use FILE` for each of its files.

    Example:
        >>> use_words({"parts": [{"name": "my_parts.py", "path": "", "sha256": "", "parts": {}}]})
        ['--use', 'my_parts.py']
    """
    names = [one["name"] for one in _recorded(environment) if not one.get("installed")]
    return [word for name in names for word in ("--use", name)]


def require_parts(environment: Mapping[str, Any], *records: Any, run: Path | str) -> None:
    """Refuse to go on with a run whose parts are not in use.

    Args:
        environment: The run's `environment.json`.
        records: What names the parts that are needed: recipes, `data.json`, `generator.json`.
        run: The run, for the message.

    Raises:
        PoiseError: A part that the records name is in no table, and was in a file when the run began.
    """
    for one in _recorded(environment):
        missing = [
            f"{_table(table).kind} '{name}'"
            for table in NAMED_BY
            for name in one["parts"].get(table, ())
            if any(name in _named(table, record) for record in records) and name not in _table(table)
        ]
        if missing:
            hint = f"add --use {one['name']}, or in Python poise.use({one['name']!r})"
            raise PoiseError(
                f"The run '{run}' was made with parts that are not in use: {', '.join(missing)}",
                code="extension.not-used",
                why="Poise runs no file that a run folder names by itself",
                hint=f"install the package '{one['name']}'" if one.get("installed") else hint,
            )


def changed_since(environment: Mapping[str, Any]) -> Iterator[str]:
    """What differs between the files that a run began with and those in use, each as a sentence."""
    for one in _recorded(environment):
        now = [other for other in _USED.values() if other.path == one["path"] or other.name == one["name"]]
        same = any(one["sha256"] == other.sha256 for other in _USED.values())
        if now and not same:
            yield f"The run began with another version of '{one['name']}'; it goes on with the present one."
        elif not same:
            yield f"The run began with the parts of '{one['name']}', which are not in use now."


def _table(name: str) -> Registry[Any]:
    table: Registry[Any] = getattr(import_module(TABLES[name]), name)
    return table


def _recorded(environment: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The entries of a run's record that are whole; anybody may have written the file."""
    found = environment.get("parts")
    return [
        one
        for one in (found if isinstance(found, list) else [])
        if isinstance(one, dict)
        and all(isinstance(one.get(key), str) for key in ("name", "path", "sha256"))
        and isinstance(one.get("parts"), dict)
        and all(isinstance(names, list) for names in one["parts"].values())
    ]


def _named(table: str, record: Mapping[str, Any]) -> set[str]:
    """The names of parts of a table that a recipe or a description holds."""
    names: set[str] = set()
    for value in (record.get(key) for key in NAMED_BY[table]):
        if isinstance(value, Mapping):
            names |= {str(value["name"])} if "name" in value else set(value)
        elif isinstance(value, str):
            names.add(value)
    return names


def _imported(name: str) -> ModuleType:
    try:
        return import_module(name)
    except Exception as error:
        hint = "correct it, or name a file as path/to/file.py"
        raise _failed(f"The module '{name}' cannot be imported", error, hint) from None


def _executed(path: Path, content: bytes) -> ModuleType:
    """The module of a file; it is in `sys.modules`, where annotations of its functions are looked up."""
    module = ModuleType(f"poise_parts_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}_{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    try:
        exec(compile(content, str(path), "exec", dont_inherit=True), vars(module))
    except Exception as error:
        del sys.modules[module.__name__]
        raise _failed(f"The file '{path}' fails", error, "correct it", path) from None
    return module


def _failed(what: str, error: Exception, hint: str, path: Path | None = None) -> PoiseError:
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)
    ]
    line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
    place = "" if line is None else f" in line {line}"
    reason = error.sentence if isinstance(error, PoiseError) else f"{type(error).__name__}: {error}"
    return PoiseError(what + place, code="extension.failed", why=reason, hint=hint)


def _added(
    module: ModuleType, name: str, content: bytes | None = None, *, installed: bool = False
) -> Extension:
    """Add the lists of a module to the tables of the same names."""
    path = getattr(module, "__file__", None) or ""
    if content is None:
        content = Path(path).read_bytes() if path else b""
    found: dict[str, tuple[str, ...]] = {}
    for table in TABLES:
        rows = vars(module).get(table)
        if rows is None or rows is _table(table):  # a file may import the table of that name
            continue
        if not isinstance(rows, list | tuple):
            raise PoiseError(
                f"{table} in '{name}' is no list",
                code="extension.no-list",
                hint=f"write it as a list of parts: {table} = [...]",
            )
        for row in rows:
            _table(table).add(row, origin=name)
        found[table] = tuple(row.name for row in rows)
    if not any(found.values()):
        raise PoiseError(
            f"'{name}' adds no parts",
            code="extension.no-parts",
            hint=f"put them into lists at the top of the file, such as LOSSES = [...]; there are: "
            f"{', '.join(TABLES)}",
        )
    extension = Extension(name, path, hashlib.sha256(content).hexdigest(), found, installed)
    _USED[path or name] = extension
    return extension
