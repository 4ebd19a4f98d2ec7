"""A program reads: one JSON object a line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from poise.cli.console import emit
from poise.cli.view import Beginning, Ending, Measurement, Status
from poise.cli.wording import command


class MachineView:
    """Events for `--json`; paths are absolute, since a program may stand elsewhere."""

    every = float("inf")

    @contextmanager
    def opening(self, name: str) -> Iterator[Measurement]:
        """Nothing is told while the data are read."""
        yield lambda done, total: None

    def start(self, beginning: Beginning) -> None:
        """`start`, then a `notice` for each of the data."""
        emit({"event": "start", **beginning_object(beginning)})
        for sentence in beginning.data.get("notices", []):
            self.notice(sentence)

    @contextmanager
    def training(self, steps: int) -> Iterator[None]:
        """Nothing to prepare."""
        yield

    def progress(self, status: Status, *, fresh: bool, last: bool) -> None:
        """`line`, for each line of the history."""
        if fresh:
            left = None if status.seconds_left is None else round(status.seconds_left, 1)
            share = round(100 * status.share, 2)
            emit(
                {
                    "event": "line",
                    **status.line,
                    "percent": share,
                    "seconds_left": left,
                    **({"doctor": status.doctor} if status.doctor else {}),
                }
            )

    def notice(self, sentence: str) -> None:
        """`notice`."""
        emit({"event": "notice", "sentence": sentence})

    def finding(self, finding: Mapping[str, Any]) -> None:
        """`finding`."""
        emit({"event": "finding", **finding})

    def end(self, ending: Ending) -> None:
        """`end`."""
        paths = {"report": ending.report, "samples": ending.samples, "generator": ending.generator}
        resume = command("poise", "resume", ending.run) if ending.status == "interrupted" else None
        emit(
            {
                "event": "end",
                "run": str(ending.run.absolute()),
                "status": ending.status,
                "step": ending.step,
                "images_seen": ending.images_seen,
                "seconds": round(ending.seconds, 3),
                **{name: None if path is None else str(path.absolute()) for name, path in paths.items()},
                "resume": resume,
                **_many(ending),
            }
        )


def _many(ending: Ending) -> dict[str, Any]:
    """What many games came to; nothing of a single run."""
    if not ending.reached:
        return {}
    found = [{"title": title, "games": where.split(", ")} for title, _, where in ending.open_findings]
    return {"reached": [asdict(one) for one in ending.reached], "open_findings": found}


def beginning_object(beginning: Beginning) -> dict[str, Any]:
    """What a sitting starts from, for a program."""
    recipe, data = beginning.recipe, beginning.data
    return {
        "run": str(beginning.run.absolute()),
        "step": beginning.step,
        "steps": recipe.steps,
        "device": beginning.device,
        "recipe": recipe.name,
        "seed": recipe.seed,
        "batch_size": recipe.batch_size,
        "data": {name: data[name] for name in ("name", "kind", "shape", "count")},
        "games": beginning.games,
        "grid": {path: list(values) for path, values in beginning.grid.items()},
        "parameters": None if beginning.parameters is None else dict(beginning.parameters),
    }
