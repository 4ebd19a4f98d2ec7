"""What tells a view how a sitting goes: when there is news, at what pace, and whether anybody still reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from poise.cli.view import Pace, Status, View
from poise.run_folder import RunFolder

if TYPE_CHECKING:
    from poise.training import StepContext
    from poise.training.many import ManyMoment


class Teller:
    """Tells a view where one game or many stand; it costs a comparison on most steps.

    What cannot be told is dropped, so that no display ends a run; when the reader of a pipe has gone,
    the run is asked to save and stop.

    Args:
        view: Who is told.
        first: Called at the first step, with the step that the sitting began at.
    """

    def __init__(self, view: View, first: Callable[[int], None] | None = None) -> None:
        self.view, self.unread = view, False
        self._pace, self._first, self._due = Pace(), first, 0.0
        self._line: Mapping[str, Any] = {}

    def due(self, context: StepContext | ManyMoment) -> bool:
        """Whether there is news, or the view wants to look."""
        if self._first is not None:
            self._first(context.step - 1)
            self._first = None
        return context.line is not None or context.last or context.seconds >= self._due

    def tell(
        self, context: StepContext | ManyMoment, *, steps: int, images_seen: int, doctor: str = ""
    ) -> Literal["stop"] | None:
        """Tell where it stands.

        Args:
            context: Just after a step.
            steps: Steps to do.
            images_seen: Reals shown so far, to all games together.
            doctor: What the doctor says, in a word.

        Returns:
            Whether to stop.
        """
        self._due = context.seconds + self.view.every
        self._pace.note(context.seconds, context.step, images_seen)
        self._line = context.line or self._line
        status = Status(
            step=context.step,
            steps=steps,
            seconds=context.seconds,
            seconds_left=self._pace.seconds_left(steps),
            images_per_second=self._pace.images_per_second,
            line=self._line,
            doctor=doctor,
        )
        return self.heard(
            lambda: self.view.progress(status, fresh=context.line is not None, last=context.last)
        )

    def heard(self, telling: Callable[[], None]) -> Literal["stop"] | None:
        """Tell something, and ask for a stop where nobody is left to hear it."""
        if heard(telling):
            return None
        self.unread = True
        return "stop"


class Watch:
    """The observer that tells a view how one run goes, and what the doctor finds.

    Args:
        view: Who is told.
        found: Lines of `findings.jsonl` that were told before.
        first: Called at the first step, with the step that the sitting began at.
        remedies: Whether remedies are told, too.
    """

    def __init__(
        self,
        view: View,
        *,
        found: int = 0,
        first: Callable[[int], None] | None = None,
        remedies: bool = True,
    ) -> None:
        self.teller, self._found = Teller(view, first), found
        self._remedies, self._run, self._doctor = remedies, Path(), ""
        self._told: set[tuple[Any, ...]] = set()

    def __call__(self, context: StepContext) -> Literal["stop"] | None:
        """Tell, where there is news or the view wants to look."""
        if not self.teller.due(context):
            return None
        if context.line is not None and self.teller.heard(lambda: self._tell_findings(context.run)):
            return "stop"
        return self.teller.tell(
            context, steps=context.recipe.steps or 0, images_seen=context.images_seen, doctor=self._doctor
        )

    def _tell_findings(self, run: RunFolder) -> None:
        """Each finding when it opens, grows worse or ends; that it lasts is no news."""
        if self._run not in (Path(), run.path):
            self._found = 0  # a branch, with findings of its own
        self._run = run.path
        found = run.lines("findings")
        for finding in found[self._found :]:
            news = tuple(finding.get(key) for key in ("name", "first_step", "severity", "status"))
            if (run.path, *news) not in self._told:
                self._told.add((run.path, *news))
                self.teller.view.finding(finding if self._remedies else {**finding, "remedies": []})
        self._found = len(found)
        self._doctor = doctor_word(found, watched=(run.path / "readings.jsonl").is_file())


def heard(telling: Callable[[], None]) -> bool:
    """Tell; what cannot be told is dropped, so that no display ends a run.

    Args:
        telling: Tells it.

    Returns:
        Whether somebody may be listening: false once the reader of a pipe has gone.
    """
    try:
        telling()
    except BrokenPipeError:
        return False
    except OSError:
        pass
    return True


def doctor_word(found: Sequence[Mapping[str, Any]], *, watched: bool = True) -> str:
    """How a run is, in a word: `OK`, `WATCH`, `TROUBLE`, or nothing where no doctor looked.

    Args:
        found: The lines of `findings.jsonl`.
        watched: Whether anything was read.

    Example:
        >>> doctor_word([{"name": "oscillation", "first_step": 3, "severity": "watch", "status": "open"}])
        'WATCH'
    """
    latest = {(line.get("name"), line.get("first_step")): line for line in found}
    still = {line.get("severity") for line in latest.values() if line.get("status") == "open"}
    if "trouble" in still:
        return "TROUBLE"
    return "WATCH" if "watch" in still else "OK" if watched else ""
