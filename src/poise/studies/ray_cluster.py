"""Ray as the scheduler of a study: one plain task a unit."""

from __future__ import annotations

import contextlib
import logging
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from poise.errors import PoiseError
from poise.extension import used_files
from poise.studies.folder import StudyFolder
from poise.studies.scheduling import Ended, train_unit

if TYPE_CHECKING:
    from poise.studies.trials import Notify

RETRIES = 20
"""How often Ray begins a task again whose machine or process has died, before the study stops."""

SAVING = 60.0
"""Seconds in which tasks that were cancelled may save, before they are killed."""

REACHED = 5.0
"""Seconds in which the address must answer: Ray itself would try for minutes."""

HERE = "ray"
"""The address of the cluster that this machine is part of."""


def require_ray() -> Any:
    """The library.

    Raises:
        PoiseError: It is not installed.
    """
    try:
        import ray  # noqa: PLC0415 - only for clusters
    except ImportError:
        raise PoiseError(
            "--cluster needs Ray",
            code="studies.needs-ray",
            hint="pip install 'poise[cluster]', or start workers without it: --workers N",
        ) from None
    return ray


@contextmanager
def ray_cluster(address: str, study: StudyFolder, processors: int, notify: Notify) -> Iterator[RayScheduler]:
    """A connection to a cluster for as long as the block lasts.

    Args:
        address: `ray` for the cluster of this machine, `HOST:PORT` of its head, or `ray://HOST:PORT` of a
            client server.
        study: The study's folder, on a disk that all machines share.
        processors: How many each task gets.
        notify: Called with sentences.

    Raises:
        PoiseError: Ray is missing, or the cluster cannot be reached.
    """
    ray = require_ray()
    connected = ray.is_initialized()  # in a process of the user's, who has connected it
    if not connected:
        _connect(ray, address)
        _notify_instead(ray, notify)
    try:
        gpus = 1 if study.plan.device == "cuda" else 0
        _look_for_machines(ray, {"CPU": processors, "GPU": gpus}, notify)
        task = ray.remote(num_cpus=processors, num_gpus=gpus, max_retries=RETRIES)(train_unit)
        yield RayScheduler(ray, task, str(study.path.absolute()))
    finally:
        if not connected:
            ray.shutdown()


def _connect(ray: Any, address: str) -> None:
    try:
        if address != HERE:
            host, _, port = address.removeprefix("ray://").rpartition(":")
            socket.create_connection((host, int(port)), timeout=REACHED).close()
        ray.init(
            address="auto" if address == HERE else address, log_to_driver=False, logging_level=logging.ERROR
        )
    except (OSError, ValueError, RuntimeError, ImportError) as error:
        raise PoiseError(
            f"There is no Ray cluster at '{address}'"
            if address != HERE
            else "This machine is part of no Ray cluster",
            code="studies.no-cluster",
            why=str(error).split("\n", maxsplit=1)[0],
            hint="start one: ray start --head; then --cluster ray on that machine, or --cluster HOST:6379",
        ) from None


def _notify_instead(ray: Any, notify: Notify) -> None:
    """Ray prints pages on standard output, which belongs to the study; the first sentence is enough."""

    def told(data: Mapping[str, Any], **_: Any) -> None:
        for text in data["lines"]:
            notify(f"Ray reports: {str(text).strip().splitlines()[0].partition('. ')[0]}.")

    ray._private.worker.print_to_stdstream = told


def _look_for_machines(ray: Any, needed: Mapping[str, float], notify: Notify) -> None:
    """Report a task that no machine has room for; Ray would wait without a word."""
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(all(one.get(name, 0) >= count for name, count in needed.items()) for one in machines):
        words = " and ".join(f"{count:g} {name}" for name, count in needed.items() if count)
        notify(f"No machine of the cluster has {words} for a task; trials wait until one has.")


class RayScheduler:
    """Runs the units of one study as tasks of Ray.

    Args:
        ray: The library, connected.
        task: The remote function.
        path: The study's folder.
    """

    def __init__(self, ray: Any, task: Any, path: str) -> None:
        self.ray, self.task, self.path = ray, task, path
        self.parts = used_files()
        self.running: dict[Any, str] = {}

    def submit(self, unit: str) -> None:
        """Queue a unit."""
        self.running[self.task.remote(self.path, unit, self.parts)] = unit

    def ended(self, seconds: float) -> dict[str, Ended]:
        """The units that have ended since; waits for the first so long."""
        if not self.running:
            time.sleep(seconds)
            return {}
        ready, _ = self.ray.wait(list(self.running), timeout=seconds)
        return {self.running.pop(one): self._ended(one) for one in ready}

    def _ended(self, one: Any) -> Ended:
        try:
            return Ended(**self.ray.get(one))
        except self.ray.exceptions.RayError as error:
            lines = [line for line in str(error).splitlines() if line.strip()]
            failure = PoiseError(
                "A task of the Ray cluster has failed",
                code="studies.task-failed",
                why=lines[-1].strip() if lines else type(error).__name__,
                hint="see that every machine has this version of Poise; the same command goes on",
            )
            return Ended("failed", failure.to_json())

    def cancel(self) -> None:
        """Ask tasks to save and stop, as Ctrl-C does; kill those that do not in a minute."""
        for one in self.running:
            self.ray.cancel(one)
        left = list(self.running)
        if left:
            _, left = self.ray.wait(left, num_returns=len(left), timeout=SAVING)
        for one in left:
            with contextlib.suppress(Exception):  # it has ended meanwhile
                self.ray.cancel(one, force=True)
        self.running.clear()
