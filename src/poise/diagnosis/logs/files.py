"""Files and folders of logs: which of them holds what, and which runs there are in one place."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from poise.diagnosis.logs.documents import read_arrays, read_json, read_table, split_runs
from poise.diagnosis.logs.lines import read_lines
from poise.diagnosis.logs.names import is_epoch, meaning
from poise.diagnosis.logs.tracking import Log, Rows, check_size, event_rows, event_runs, mlflow_runs
from poise.errors import PoiseError, report_system_errors

MOST_RUNS = 500

# Where programs write their losses whose console does not show them
ELSEWHERE: Mapping[str, str] = {
    "StyleGAN2-ada, StyleGAN3": "give its folder, or stats.jsonl and metric-fid50k_full.jsonl in it",
}
METRICS = frozenset(["FID", "KID"])


# Files of a run, the best first: a folder is read by the first kind of which it has some. The files of one
# kind belong to one run if they are "together", else each is a run.
KINDS: tuple[tuple[tuple[str, ...], bool], ...] = (
    (("stats.jsonl", "metric-*.jsonl"), True),  # StyleGAN2-ada, StyleGAN3
    (("metrics.csv",), True),  # Lightning
    (("loss_log.txt",), True),  # pix2pix, CycleGAN
    (("*.tfevents.*",), True),  # TensorBoard
    (("*.log.json",), False),  # mmgeneration
    (("log.txt", "*.log"), False),
    (("*.jsonl", "*.json", "*.csv", "*.tsv", "*.npz", "*.npy", "*.txt"), False),
)


def read_logs(path: Path | str) -> dict[str, Log]:
    """The logs of every run in a file or in a folder, by the run's name; it is empty if there is one run
    only.

    Runs are the folders with logs below a folder, the runs of an export, and the sessions of a text to which
    a program added when it was started again. All that is no number is left out.

    Args:
        path: A log or a folder of logs.

    Raises:
        PoiseError: There is no log, or it cannot be read; code `diagnosis.log-unreadable`, `-empty`,
            `-damaged` or `-too-large`.
    """
    path = Path(path)
    with report_system_errors(
        f"'{path}' cannot be read", code="diagnosis.log-unreadable", hint="name a run or a log"
    ):
        found = _folder(path) if path.is_dir() else _file(path)
    found = {name: log for name, log in found.items() if log.rows}
    if not found and path.is_dir():
        raise PoiseError(
            f"'{path}' is no run, and holds no log",
            code="diagnosis.log-empty",
            hint="name a run's folder, or a log",
        )
    if not found:
        raise PoiseError(
            f"'{path}' holds no readings",
            code="diagnosis.log-empty",
            why="no line of it has names with numbers",
            hint="give a program's console log, CSV with a line of names, JSON, or TensorBoard's event files",
        )
    return {"": next(iter(found.values()))} if len(found) == 1 else found


def _folder(path: Path) -> dict[str, Log]:
    """The logs of each folder with some, by its path from here."""
    if metrics := mlflow_runs(path):
        return metrics
    if events := event_runs(path):
        return events
    found: dict[str, Log] = {}
    folders = [path, *sorted(one for one in path.rglob("*") if one.is_dir())]
    for folder in folders[: 10 * MOST_RUNS]:
        kind = next((kind for kind in KINDS if _files(folder, kind[0])), None)
        if kind is None or len(found) >= MOST_RUNS:
            continue
        files = _files(folder, kind[0])
        name = "" if folder == path else folder.relative_to(path).as_posix()
        logs = {file.name: _quietly(file) for file in files}
        if kind[1] and len(files) > 1:
            found[name] = _together([log for own in logs.values() for log in own.values()])
            continue
        for file, own in logs.items():
            label = name if len(files) == 1 else "/".join(filter(None, (name, file)))
            found |= {"/".join(filter(None, (label, run))): log for run, log in own.items()}
    return found


def _files(folder: Path, patterns: Sequence[str]) -> list[Path]:
    return sorted(file for pattern in patterns for file in folder.glob(pattern) if file.is_file())


def _quietly(file: Path) -> dict[str, Log]:
    """The logs of a file of a folder, in which other files may lie, too."""
    try:
        return _file(file)
    except PoiseError as error:
        if error.code in ("diagnosis.log-empty", "diagnosis.ragged-rows"):
            return {}
        raise


def _together(logs: Iterable[Log]) -> Log:
    """Logs of one run as one."""
    logs = list(logs)
    program = next((log.program for log in logs if log.program), "")
    return Log(
        [row for log in logs for row in log.rows], program, tuple(n for log in logs for n in log.notices)
    )


def _file(path: Path) -> dict[str, Log]:
    check_size(path)
    if ".tfevents." in path.name:
        return {"": Log(event_rows([path]))}
    content = path.read_bytes()
    for begins, read in _BINARY.items():
        if content.startswith(begins):
            return {"": Log(read(content, path))}
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    return read_text(content.decode(encoding, errors="replace").lstrip("\ufeff"))


def read_text(text: str) -> dict[str, Log]:
    """The logs in a text, by the run's name: JSON, a table with columns, or the console log of a program."""
    rows, program = read_lines(text)
    if text.lstrip()[:1] in ("{", "["):
        found = read_json(text)
        if found and (len(found) >= len(rows) or not program):
            return {"": Log(found)}
    if program:
        rows = _with_results(text, rows)
        if program in ELSEWHERE and not any(meaning(name)[0] & METRICS for row in rows for name in row):
            raise PoiseError(
                f"This log of {program} holds no losses and no metrics",
                code="diagnosis.log-without-losses",
                hint=ELSEWHERE[program],
            )
        return sessions(Log(rows, program))
    if _is_table(text) and (table := read_table(text)):
        runs = split_runs(table)
        return (
            {run: Log(own) for run, own in runs.items()}
            if len(runs) > 1
            else sessions(Log(next(iter(runs.values()))))
        )
    return sessions(Log(rows)) if rows else {"": Log(read_table(text))}


def _is_table(text: str) -> bool:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")][:50]
    counts = {max(map(line.count, ",;\t")) for line in lines}
    return len(counts) == 1 and counts != {0}


def _with_results(text: str, rows: Rows) -> Rows:
    """The readings of a console log with those in its lines of JSON, as which StyleGAN prints metrics."""
    results = [line for line in text.splitlines() if line.startswith('{"results"')]
    return rows + read_json("\n".join([*results, "{}"])) if results else rows


def sessions(log: Log) -> dict[str, Log]:
    """The sessions of a log to which a program added when it was started again.

    One that goes back by less than half of its epochs was resumed: its rows stay together. Sessions of less
    than three rows are left out if there are longer ones.
    """
    epoch = next((name for row in log.rows for name in row if is_epoch(name)), "")
    starts, first, last = [0], math.nan, (math.nan, 0.0)
    for place, row in enumerate(log.rows):
        if epoch not in row or not math.isfinite(row[epoch]):
            continue
        now = (row[epoch], row.get("iteration", 0.0))
        if now < last and now[0] <= max(first, last[0] / 2):
            starts.append(place)
        first = now[0] if math.isnan(first) or starts[-1] == place else first
        last = now
    parts = [log.rows[begin:end] for begin, end in zip(starts, [*starts[1:], None], strict=True)]
    long = [part for part in parts if len(part) >= 3] or parts
    if len(long) == 1:
        return {"": replace(log, rows=long[0])}
    return {f"session {number}": replace(log, rows=part) for number, part in enumerate(long, start=1)}


def _npz(content: bytes, path: Path) -> Rows:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return read_arrays({name: arrays[name] for name in arrays})


def _npy(content: bytes, path: Path) -> Rows:
    return read_arrays({path.stem: np.load(io.BytesIO(content), allow_pickle=False)})


def _safely(read: Callable[[bytes, Path], Rows]) -> Callable[[bytes, Path], Rows]:
    def reading(content: bytes, path: Path) -> Rows:
        try:
            return read(content, path)
        except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
            raise PoiseError(
                f"'{path}' is damaged, or holds objects of Python",
                code="diagnosis.log-damaged",
                why=str(error),
                hint="save its numbers as CSV",
            ) from None

    return reading


_BINARY: Mapping[bytes, Callable[[bytes, Path], Rows]] = {
    b"PK\x03\x04": _safely(_npz),
    b"\x93NUMPY": _safely(_npy),
}
