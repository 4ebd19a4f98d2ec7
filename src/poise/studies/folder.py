"""A study on disk. There is no database: a trial is a run folder, and its result is one small file.

    plan.json           what decides the study
    units.json          which trials are trained in one process, side by side if they are stacked
    trials/NAME/        a run folder like any other; trials/stack-0001/NAME/ if it was stacked
    results/NAME.json   what a trial came to
    claims/NAME         held by the worker that trains the trial: a lock, and a lease where locks do not reach
    report.html

A unit is written once and never changed, so that further trials leave the stacks of earlier ones alone.
"""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from poise.errors import PoiseError, report_system_errors
from poise.run_folder.files import from_json, to_json, write_whole
from poise.studies.plan import Plan, Trial

LEASE = 300.0
"""Seconds after its last sign of life in which another machine's claim holds, whatever the lock says."""

PLAN, UNITS = "plan.json", "units.json"


class Unit(BaseModel):
    """Trials that one worker trains together."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str  # Of its folder: that of the trial, or stack-0001
    trials: list[Trial]

    @property
    def stacked(self) -> bool:
        """Whether they are trained side by side."""
        return self.name.startswith("stack-")


class StudyFolder:
    """A study on disk.

    Args:
        path: Its folder.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    @staticmethod
    def open(path: Path | str) -> StudyFolder:
        """Open a study.

        Raises:
            PoiseError: There is none.
        """
        study = StudyFolder(path)
        if not (study.path / PLAN).is_file():
            raise PoiseError(
                f"'{path}' is not a study: it holds no {PLAN}",
                code="studies.not-a-study",
                hint="begin one: poise study DATA --out STUDY",
            )
        return study

    def create(self, plan: Plan) -> bool:
        """Write the folders and the plan; `False` if another process has done so meanwhile.

        Raises:
            PoiseError: There are other files, or the folder cannot be written.
        """
        foreign = self.path.is_file() or (self.path.is_dir() and any(self._foreign()))
        if foreign and not (self.path / PLAN).is_file():
            raise PoiseError(
                f"'{self.path}' is there already and is not a study",
                code="studies.not-empty",
                hint="name a new folder with --out",
            )
        with self.writing():
            for name in ("trials", "results", "claims"):
                (self.path / name).mkdir(parents=True, exist_ok=True)
            with self.locked():
                first = not (self.path / PLAN).is_file()
                if first:
                    self.write_plan(plan)
        return first

    def _foreign(self) -> Iterator[Path]:
        own = {"trials", "results", "claims", "lock", "data.npy", f".partial-{PLAN}"}
        return (entry for entry in self.path.iterdir() if entry.name not in own)

    def writing(self) -> Any:
        """Report what the disk refuses as one sentence; what is there stays as it is."""
        return report_system_errors(
            f"The study '{self.path}' cannot be written",
            code="studies.cannot-write",
            hint="free some space or allow writing there, and give the same command again",
        )

    # The plan and its units ------------------------------------------------------------------------------

    @property
    def plan(self) -> Plan:
        """The plan.

        Raises:
            PoiseError: The file is damaged.
        """
        try:
            plan = Plan.model_validate(from_json((self.path / PLAN).read_bytes()))
        except (ValueError, ValidationError) as error:
            raise PoiseError(
                f"'{self.path / PLAN}' is damaged",
                code="studies.damaged-plan",
                why=str(error).splitlines()[0],
                hint="restore it from a copy, or plan the study again in another folder: the same seed and "
                "options give the same plan",
            ) from None
        if plan.searched_by != "random":
            plan.remember(trial for unit in self.units() for trial in unit.trials)
        return plan

    def write_plan(self, plan: Plan) -> None:
        """Write the plan, whole or not at all."""
        write_whole(self.path / PLAN, (to_json(plan.to_json(), indent=1) + "\n").encode())

    def units(self) -> list[Unit]:
        """The units so far, in the order in which they were planned."""
        file = self.path / UNITS
        if not file.is_file():
            return []
        return [Unit.model_validate(row) for row in from_json(file.read_bytes())["units"]]

    def write_units(self, units: Sequence[Unit]) -> None:
        """Write the units, whole or not at all."""
        rows = {"units": [unit.model_dump() for unit in units]}
        write_whole(self.path / UNITS, (to_json(rows) + "\n").encode())

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the study's own lock, to plan; waits for whoever plans just now."""
        with (self.path / "lock").open("a+", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    # Results ---------------------------------------------------------------------------------------------

    def results(self) -> dict[str, dict[str, Any]]:
        """What trials came to, by their names."""
        found = {}
        for entry in os.scandir(self.path / "results"):
            if entry.name.endswith(".json") and not entry.name.startswith("."):
                try:
                    found[entry.name.removesuffix(".json")] = from_json(Path(entry.path).read_bytes())
                except ValueError:
                    continue  # a damaged one is measured again
        return found

    def count(self) -> int:
        """How many trials have come to something."""
        return sum(entry.name.endswith(".json") for entry in os.scandir(self.path / "results"))

    def has_result(self, name: str) -> bool:
        """Whether a trial has come to something; a damaged file says nothing."""
        try:
            return bool(from_json((self.path / "results" / f"{name}.json").read_bytes()))
        except (OSError, ValueError):
            return False

    def picture(self, name: str) -> Path:
        """Where the samples of a trial are drawn, if they are."""
        return self.path / "results" / f"{name}.png"

    def write_result(self, name: str, result: dict[str, Any]) -> None:
        """Write what a trial came to, whole or not at all."""
        with self.writing():
            write_whole(self.path / "results" / f"{name}.json", (to_json(result, indent=1) + "\n").encode())

    def run_path(self, unit: Unit, trial: Trial) -> Path:
        """The run folder of a trial."""
        folder = self.path / "trials" / (unit.name if unit.stacked else trial.folder)
        return folder / trial.name if unit.stacked else folder

    @property
    def report(self) -> Path:
        """Where the report is written."""
        return self.path / "report.html"

    # Claims ----------------------------------------------------------------------------------------------

    @contextmanager
    def claimed(self, unit: Unit) -> Iterator[bool]:
        """Whether this worker holds the unit for as long as the block lasts; the claim ends with the process.

        Where a lock does not reach other machines, the lease does: its holder renews it with `beat`.
        """
        file = self.path / "claims" / unit.name
        with self.writing():
            claim = file.open("a+", encoding="utf-8")
        with claim:
            try:
                fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
                return
            claim.seek(0)
            host, _, pid = claim.read().strip().partition(" ")
            fresh = time.time() - file.stat().st_mtime < LEASE
            if pid and host != socket.gethostname() and fresh:
                yield False
                return
            with self.writing():
                claim.truncate(0)
                claim.write(f"{socket.gethostname()} {os.getpid()}")
                claim.flush()
            try:
                yield True
            finally:
                claim.truncate(0)  # an empty claim is nobody's, whatever its time
                claim.flush()

    def beat(self, unit: Unit) -> None:
        """Renew the lease of a unit."""
        os.utime(self.path / "claims" / unit.name)

    def claimants(self) -> list[str]:
        """Who trains now, by their claims: `unit: host pid`."""
        found = []
        for entry in sorted(os.scandir(self.path / "claims"), key=lambda one: one.name):
            with Path(entry.path).open(encoding="utf-8") as claim:
                try:
                    fcntl.flock(claim, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except OSError:
                    found.append(f"{entry.name}: {claim.read().strip() or 'somebody'}")
        return found
