"""The workers of a study: each claims a unit, trains it, and goes on until nothing is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from poise.data import open_data
from poise.errors import PoiseError
from poise.extension import used_files
from poise.studies.choosing import Results, wanted
from poise.studies.folder import StudyFolder, Unit
from poise.studies.plan import Plan
from poise.studies.progress import standing
from poise.studies.suggesting import suggested
from poise.studies.trials import Bench, Stopped, carry_out, sets_of
from poise.studies.units import planned_units

WAIT = 2.0
"""Seconds between two looks at what other workers do."""

REFUSED = (2, 5)
"""Exit statuses that a further worker would come to, too: bad input, and an end that could not be saved."""

Notify = Callable[[str], None]


def work(study: StudyFolder, notify: Notify, *, on_unit: Callable[[], None]) -> int:
    """Train unit after unit until none is left; the exit status: 0, or that of the signal that came.

    Args:
        study: The folder.
        notify: Called with sentences.
        on_unit: Called after each unit.

    Raises:
        PoiseError: A unit cannot be trained; what was finished before is there.
    """
    bench = Bench(study, study.plan, notify)
    while True:
        left = units_left(bench)
        if not left:
            return 0
        claimed = False
        for unit in left:
            with study.claimed(unit) as mine:
                if not mine or all(study.has_result(trial.name) for trial in unit.trials):
                    continue
                claimed = True
                try:
                    carry_out(bench, unit, partial(study.beat, unit))
                except Stopped as stop:
                    return stop.exit_status
            on_unit()
            break
        if not claimed:
            time.sleep(WAIT)


def units_left(bench: Bench) -> list[Unit]:
    """What is not finished yet; once a stage is, the units of the next are planned."""
    study = bench.study
    results = study.results()
    units = study.units()
    bench.plan.remember(trial for unit in units for trial in unit.trials)
    if needs_suggestions(bench.plan, results):
        with study.locked(), study.writing():
            units = study.units()  # another worker may have asked meanwhile
            bench.plan.remember(trial for unit in units for trial in unit.trials)
            if needs_suggestions(bench.plan, results):
                bench.plan.remember(suggested(bench.plan, results))
                trials = bench.plan.search()
                units = planned_units(bench.plan, trials, units, open_data(sets_of(bench.plan)))
                study.write_units(units)
    trials = wanted(bench.plan, results)
    known = {trial.name for unit in units for trial in unit.trials}
    if any(trial.name not in known for trial in trials):
        with study.locked(), study.writing():
            units = planned_units(bench.plan, trials, study.units(), open_data(sets_of(bench.plan)))
            study.write_units(units)
    needed = {trial.name for trial in trials} - results.keys()
    return [unit for unit in units if needed & {trial.name for trial in unit.trials}]


def needs_suggestions(plan: Plan, results: Results) -> bool:
    """Whether settings are missing that those which are known, all of them done, can suggest."""
    return plan.drawn < plan.trials and all(trial.name in results for trial in plan.search())


def work_together(study: StudyFolder, workers: int, watch: Callable[[], None]) -> int:
    """Start so many workers, and wait until nothing is left; one that dies is replaced.

    Args:
        study: The folder.
        workers: How many.
        watch: Called now and then.

    Returns:
        0, or the exit status of a signal.

    Raises:
        PoiseError: Workers end again and again without finishing anything.
    """
    logs = study.path / "workers"
    with study.writing():
        logs.mkdir(exist_ok=True)
    crew = Crew(study, max(1, (os.cpu_count() or 1) // workers))
    idle, done = 0, study.count()
    with signals_noted() as noted:
        try:
            crew.start(workers)
            while crew.running:
                time.sleep(WAIT / 4)
                watch()
                if noted:
                    return 128 + noted[0]
                ended = crew.ended()
                if not ended or standing(study).stage == "finished":
                    continue
                idle, done = (0 if study.count() > done else idle + len(ended)), study.count()
                if idle > 3 * workers or any(status in REFUSED for status in ended):
                    raise PoiseError(
                        f"The workers of '{study.path}' end without finishing their trials",
                        code="studies.workers-end",
                        why=last_words(logs),
                        hint=f"see {logs}; what is finished is there, and the same command goes on",
                    )
                crew.start(len(ended))
        finally:
            crew.stop()
    return 0


class Crew:
    """Workers as processes: each is the same command with one worker."""

    def __init__(self, study: StudyFolder, threads: int) -> None:
        self.study, self.threads, self.started = study, threads, 0
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self, count: int) -> None:
        """Start so many more."""
        for _ in range(count):
            self.started += 1
            log = self.study.path / "workers" / f"{os.getpid()}-{self.started}.log"
            parts = [word for part in used_files() for word in ("--use", part)]
            command = [sys.executable, "-m", "poise", *parts, "study", "resume", str(self.study.path)]
            with log.open("wb") as file:
                self.running.append(
                    subprocess.Popen(
                        [*command, "--workers", "1"],
                        stdout=file,
                        stderr=file,
                        env={"OMP_NUM_THREADS": str(self.threads), **os.environ},
                    )
                )

    def ended(self) -> list[int]:
        """The exit statuses of those that have ended since."""
        found = [process.returncode for process in self.running if process.poll() is not None]
        self.running = [process for process in self.running if process.returncode is None]
        return found

    def stop(self) -> None:
        """Ask those that are left to save and stop, and wait for them."""
        for process in self.running:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.running:
            process.wait()


@contextmanager
def signals_noted() -> Iterator[list[int]]:
    """The signals that ask to stop, as they come."""
    noted: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return
    before = {
        number: signal.signal(number, lambda number, _: noted.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def last_words(logs: Path) -> str:
    """The last line that the worker which ended last has written."""
    files: Sequence[Path] = sorted(logs.glob("*.log"), key=lambda file: file.stat().st_mtime)
    lines = files[-1].read_text(encoding="utf-8", errors="replace").split("\n") if files else []
    said = [line.strip() for line in lines if line.strip()]
    return said[-1] if said else "they said nothing"
