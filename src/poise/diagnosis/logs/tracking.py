"""The runs that TensorBoard and MLflow have tracked, and what a log of a run is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from poise.diagnosis.logs.documents import numbers
from poise.diagnosis.logs.events import read_events
from poise.errors import PoiseError

LARGEST = 512 * 2**20  # Bytes of the largest log that is read

Rows = list[dict[str, float]]


@dataclass(frozen=True)
class Log:
    """What a program wrote of one run."""

    rows: Rows  # Numbers by column
    program: str = ""  # The program whose format it is; empty if any program writes such files
    notices: tuple[str, ...] = ()  # What a reader should know of how it was read


def check_size(file: Path) -> None:
    """Refuse a file that is too large to be read whole."""
    if file.stat().st_size > LARGEST:
        raise PoiseError(
            f"'{file}' is larger than {LARGEST >> 20} MB",
            code="diagnosis.log-too-large",
            hint="give a part of it",
        )


def event_runs(path: Path) -> dict[str, Log]:
    """TensorBoard's runs below a folder; what `add_scalars` put into folders of its own belongs to theirs."""
    folders: dict[Path, list[Path]] = {}
    for file in sorted(path.rglob("*.tfevents.*")):
        folders.setdefault(file.parent, []).append(file)
    runs: dict[Path, Rows] = {}
    for folder, files in folders.items():
        rows = event_rows(files)
        tags = {name for row in rows for name in row} - {"step"}
        main = next(iter(tags), "") if len(tags) == 1 else ""
        prefix = f"{main.replace('/', '_')}_"
        if main and folder != path and folder.name.startswith(prefix) and len(folder.name) > len(prefix):
            name = f"{main}/{folder.name.removeprefix(prefix)}"
            home = folder.parent
            rows = [{"step": row["step"], name: row[main]} for row in rows]
        else:
            home = folder
        runs.setdefault(home, []).extend(rows)
    return {
        "" if home == path else home.relative_to(path).as_posix(): Log(_by_step(rows), "TensorBoard")
        for home, rows in runs.items()
    }


def event_rows(files: Iterable[Path]) -> Rows:
    """Rows by step, of one run's event files."""
    rows: Rows = []
    for file in files:
        check_size(file)
        try:
            rows += [{"step": float(step), tag: value} for step, tag, value in read_events(file)]
        except ValueError as error:
            raise PoiseError(
                f"'{file}' is no event file of TensorBoard, or is damaged",
                code="diagnosis.event-file-damaged",
                why=str(error),
                hint="name another log",
            ) from None
    return _by_step(rows)


def _by_step(rows: Rows) -> Rows:
    found: dict[float, dict[str, float]] = {}
    for row in rows:
        found.setdefault(row["step"], {}).update(row)
    return [found[step] for step in sorted(found)]


def mlflow_runs(path: Path) -> dict[str, Log]:
    """MLflow's runs below a folder, each with a file "time value step" for every metric."""
    found: dict[str, Log] = {}
    for folder in sorted(
        {file.parent.parent for file in path.rglob("meta.yaml") for file in file.parent.glob("metrics/*")}
    ):
        rows: Rows = []
        for file in sorted(one for one in (folder / "metrics").rglob("*") if one.is_file()):
            name = file.relative_to(folder / "metrics").as_posix()
            lines = [line.split() for line in file.read_text(encoding="utf-8", errors="replace").splitlines()]
            rows += [numbers({"step": line[2], name: line[1]}) for line in lines if len(line) == 3]
        found["" if folder == path else folder.relative_to(path).as_posix()] = Log(_by_step(rows), "MLflow")
    return found
