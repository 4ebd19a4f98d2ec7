"""Cases one after another, or several at once; what is done already is left out."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

Line = dict[str, Any]
Task = tuple[Callable[..., Line], tuple[Any, ...]]


def lines_of(file: Path) -> dict[str, Line]:
    """What was done so far, by name."""
    if not file.is_file():
        return {}
    found = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.endswith("}")]
    return {line["name"]: line for line in found}


def do_all(do: Callable[..., Line], todo: Sequence[tuple[Any, ...]], file: Path, jobs: int) -> None:
    """Do what has no line in a file; the first of each task's arguments has a name."""
    known = lines_of(file)
    left = [(do, arguments) for arguments in todo if arguments[0].name not in known]
    with file.open("a", encoding="utf-8") as out:
        out.write("\n" if out.tell() else "")  # the last line may have been cut
        for line in _results(left, jobs):
            out.write(json.dumps(line) + "\n")
            out.flush()
            print(_shortly(line), flush=True)


def _results(left: Sequence[Task], jobs: int) -> Iterator[Line]:
    """Each in a process of its own, as a program is, if there are several jobs."""
    if jobs == 1:
        yield from map(_applied, left)
        return
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.strangers.play", "benchmarks.strangers.verify"])
    with context.Pool(jobs, maxtasksperchild=1) as pool:
        yield from pool.imap_unordered(_applied, left)


def _applied(task: Task) -> Line:
    do, arguments = task
    return do(*arguments)


def _shortly(line: Line) -> str:
    last = line["quality"][-1] if line["quality"] else ("", "", "")
    said = "".join(f" {one}" for one in line.get("ranked", ()))
    status = f"{line['status']}, {line['checks']} checks, " if "status" in line else ""
    error = f" {line['error'].splitlines()[-1]}" if line["error"] else ""
    return f"{line['name']}: {line['seconds_cpu']} s, {status}quality {last[1]} {last[2]}{said}{error}"
