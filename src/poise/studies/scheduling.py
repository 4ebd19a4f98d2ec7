"""A study whose units are tasks of a scheduler: what is submitted when, and what becomes of what has ended.

A scheduler runs tasks on machines that see the study's folder, and begins a task again if its machine dies. A
task takes words and gives words. Begun again, it goes on from the checkpoint of its run, as any worker does.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol

from poise.errors import PoiseError
from poise.extension import use
from poise.studies.folder import PLAN, StudyFolder
from poise.studies.running import WAIT, signals_noted, units_left
from poise.studies.trials import Bench, Notify, Stopped, carry_out

AGAIN = 10.0
"""Seconds after which a unit is submitted again that has ended without results: another worker holds it, the
shared disk shows its files late, or its machine was asked to stop."""


@dataclass(frozen=True)
class Ended:
    """How a task has ended."""

    outcome: Literal["done", "held", "stopped", "failed"]
    error: Mapping[str, Any] = field(default_factory=dict)  # If it has failed, as `PoiseError.to_json` has it


class Scheduler(Protocol):
    """Runs `train_unit` on machines."""

    def submit(self, unit: str) -> None:
        """Queue a unit by its name."""

    def ended(self, seconds: float) -> Mapping[str, Ended]:
        """The units that have ended since the last call; waits for the first so long."""

    def cancel(self) -> None:
        """Ask those that run to save and stop, drop the others, and wait for them."""


def train_unit(path: str, name: str, parts: Iterable[str]) -> dict[str, Any]:
    """Train what is left of a unit on this machine: the task.

    Args:
        path: The study's folder.
        name: The unit.
        parts: Files of parts that its recipes name.

    Returns:
        The values of an `Ended`.
    """
    try:
        for file in parts:
            use(file)
        ended = _trained(Path(path), name)
    except Stopped:
        ended = Ended("stopped")
    except PoiseError as error:
        ended = Ended("failed", error.to_json())
    return asdict(ended)


def _trained(path: Path, name: str) -> Ended:
    if not (path / PLAN).is_file():
        raise PoiseError(
            f"A machine of the cluster does not see the study '{path}'",
            code="studies.not-on-node",
            hint="put it on a disk that all machines share, below the same path",
        )
    study = StudyFolder(path)
    unit = next((unit for unit in study.units() if unit.name == name), None)
    if unit is None:
        return Ended("held")  # the disk does not show it here yet
    with study.claimed(unit) as mine:
        if not mine:
            return Ended("held")
        if not all(study.has_result(trial.name) for trial in unit.trials):
            carry_out(Bench(study, study.plan, print), unit, partial(study.beat, unit))
    return Ended("done")


def work_by(scheduler: Scheduler, study: StudyFolder, notify: Notify, on_unit: Callable[[], None]) -> int:
    """Submit unit after unit until none is left; the exit status: 0, or that of the signal that came.

    Args:
        scheduler: Runs the tasks.
        study: The folder.
        notify: Called with sentences.
        on_unit: Called whenever tasks have ended.

    Raises:
        PoiseError: A unit cannot be trained, or its machines die again and again; the others are saved.
    """
    bench = Bench(study, study.plan, notify)
    running, due = set[str](), dict[str, float]()
    with signals_noted() as noted:
        try:
            while left := [unit.name for unit in units_left(bench)]:
                for name in left:
                    if name not in running and due.get(name, 0.0) <= time.monotonic():
                        scheduler.submit(name)
                        running.add(name)
                next_due = min((due[name] for name in left if name not in running), default=math.inf)
                ended: Mapping[str, Ended] = {}
                while not ended and time.monotonic() < next_due:
                    ended = scheduler.ended(WAIT)
                    if noted:
                        return 128 + noted[0]
                for name, end in ended.items():
                    if end.outcome == "failed":
                        raise PoiseError.from_json(end.error)
                    running.discard(name)
                    due[name] = time.monotonic() + AGAIN
                on_unit()
        finally:
            scheduler.cancel()
    return 0
