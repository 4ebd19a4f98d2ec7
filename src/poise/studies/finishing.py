"""What is left of a study, trained by this process, by several, or by a cluster; then its report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from poise.errors import PoiseError
from poise.studies.folder import StudyFolder
from poise.studies.report import write_report
from poise.studies.running import work, work_together
from poise.studies.trials import Notify


@dataclass(frozen=True)
class Workforce:
    """Who trains the trials of a study."""

    workers: int = 1  # Processes here
    cluster: str | None = None  # The address of a Ray cluster, in the place of processes here
    processors: int = 1  # Of each of its tasks

    def check(self) -> None:
        """Refuse what cannot be.

        Raises:
            PoiseError: A number is too small; processes here and a cluster are asked for; or Ray is missing.
        """
        for name, value in (("workers", self.workers), ("processors", self.processors)):
            if value < 1:
                what = f"The number of {name} cannot be {value}"
                raise PoiseError(what, code="studies.no-workers", hint="give 1 or more")
        if self.cluster is not None and self.workers > 1:
            raise PoiseError(
                "--workers starts processes here, and --cluster none",
                code="studies.workers-and-cluster",
                hint="leave one of them out; a cluster trains as many trials at once as it has room for",
            )
        if self.cluster is not None:
            from poise.studies.ray_cluster import require_ray  # noqa: PLC0415 - for clusters alone

            require_ray()


def finish(study: StudyFolder, by: Workforce, notify: Notify, watch: Callable[[], None]) -> int:
    """Train what is left of a study, and write its report.

    Args:
        study: The folder.
        by: Who trains.
        notify: Called with sentences.
        watch: Called whenever units have ended, or now and then.

    Returns:
        0, or the exit status of the signal that stopped it; then there is no report yet.

    Raises:
        PoiseError: A trial cannot be trained, or the cluster cannot be reached.
    """
    by.check()
    if by.cluster is not None:
        # Both are imported for clusters alone.
        from poise.studies.ray_cluster import ray_cluster  # noqa: PLC0415
        from poise.studies.scheduling import work_by  # noqa: PLC0415

        with ray_cluster(by.cluster, study, by.processors, notify) as scheduler:
            status = work_by(scheduler, study, notify, watch)
    elif by.workers > 1:
        status = work_together(study, by.workers, watch)
    else:
        status = work(study, notify, on_unit=watch)
    if status == 0:
        write_report(study)
    return status
