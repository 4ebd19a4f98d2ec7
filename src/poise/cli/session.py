"""A session of training on the command line: how it is prepared, reported and ended."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from poise.cli.data_options import DataOptions
from poise.cli.events import Found, Notice, SessionEnd, SessionStart
from poise.cli.progress import Status, View
from poise.cli.verb import DoctorMode
from poise.errors import BROKEN_PIPE, PoiseError
from poise.run_folder import RunFolder, new_run_path, refuse_existing
from poise.text import command, counted, short_path

if TYPE_CHECKING:
    import torch

    from poise.recipes import Automatic, Recipe
    from poise.training import Outcome, StepContext
    from poise.training.vectorised import EnsembleContext, EnsembleOutcome

Train: TypeAlias = "Callable[[Reporter], Outcome | EnsembleOutcome]"

NOT_FINITE = 4  # The exit status of a run in which a value came up that is not finite


def prepare(
    view: View,
    data: DataOptions,
    recipe: Recipe | Automatic,
    *,
    device: str = "auto",
    out: Path | None = None,
    doctor: DoctorMode = "suggest",
    seeds: int | None = None,
    grid: Sequence[str] = (),
    budget: float | None = None,
    start_from: Path | None = None,
) -> tuple[SessionStart, Train]:
    """Check all that can be checked before a run, or `seeds` games over a `grid`; nothing is written.

    Returns:
        What the session starts from, and the function that trains it.
    """
    if out is not None:  # before the data are read, which may take long
        refuse_existing(out)
    with view.reading(data.name) as on_read:
        from poise.networks import describe
        from poise.training import begin, pick_device, plan
        from poise.training.records import data_record
        from poise.training.rehearsal import rehearse, within
        from poise.training.remedies import begin_with_remedies
        from poise.training.transfer import check_frozen
        from poise.training.vectorised import begin_many, check_options, parse_axis, plan_many

        many = seeds is not None
        check_options(many=many, grid=grid, start_from=start_from, budget=budget, doctor=doctor)
        axes, where, opened = dict(map(parse_axis, grid)), pick_device(device), data.to_open()
        sizes: Mapping[str, int]
        expected = taken = choice = None
        if seeds is None:
            single = plan(opened, recipe, where, progress=on_read, seconds=budget)
            if start_from is not None:
                single = single.started_from(start_from)
            check_frozen(single.recipe, single.taken)
            expected = rehearse(single)
            if budget is not None and expected is not None:
                single = within(single, expected, budget)
                expected = expected.of(single.recipe.steps or 0)
            taken, choice = single.taken, single.choice
            dataset, origin, resolved = single.dataset, single.origin, single.recipe
            modules = single.components.modules
            sizes = {player: describe(module)["parameters"] for player, module in modules.items()}
        else:
            games = plan_many(opened, recipe, where, seeds=seeds, grid=axes, progress=on_read)
            dataset, origin, resolved = games.datasets[0], games.origin, games.games[0].recipe
            sizes = games.parameters
    named = resolved.name if seeds is None else f"{resolved.name}/seeds"
    folder = out or new_run_path(dataset.name, named)
    refuse_existing(folder)

    def train(to: Reporter) -> Outcome | EnsembleOutcome:
        if seeds is not None:
            return begin_many(games, folder, watch=to.on_games, notify=to.notify, doctor=doctor)
        start = begin_with_remedies if doctor == "apply" else partial(begin, doctor=doctor)
        return start(single, folder, callbacks=[to.on_run], notify=to.notify)

    start = SessionStart(
        run=folder,
        data=data_record(dataset, origin),
        recipe=resolved,
        device=device_text(where),
        parameters={player: sizes[player] for player in ("generator", "discriminator")},
        games=1 if seeds is None else len(games.games),
        grid=axes,
        expected=expected,
        taken=taken,
        choice=choice,
    )
    return start, train


class Reporter:
    """Reports to a view how a run goes; a view that fails never ends it, a reader who left stops it."""

    def __init__(self, view: View, *, findings: int = 0, remedies: bool = True, unit: str = "images") -> None:
        self.unit = unit
        self.view, self.unread = view, False
        self.on_first_step: Callable[[int], None] | None = None
        self._speed, self._due, self._doctor = Speed(), 0.0, ""
        self._line: Mapping[str, Any] = {}
        self._findings, self._remedies, self._run = findings, remedies, Path()
        self._reported: set[tuple[Any, ...]] = set()

    def notify(self, sentence: str) -> None:
        """Report a sentence."""
        self.view.report(Notice(sentence))

    def on_run(self, context: StepContext) -> Literal["stop"] | None:
        """A callback of a single run."""
        news = partial(self._report_findings, context.run)
        return self._after_step(context, context.recipe.steps or 0, context.images_seen, news)

    def on_games(self, context: EnsembleContext) -> Literal["stop"] | None:
        """A callback of many games."""
        self._doctor = context.doctor or self._doctor
        return self._after_step(context, context.steps, context.images_seen * context.games_left)

    def _after_step(
        self,
        context: StepContext | EnsembleContext,
        steps: int,
        images: int,
        news: Callable[[], None] = lambda: None,
    ) -> Literal["stop"] | None:
        """Report the news of a new line, and how far the run is; stop if nobody may read it any more."""
        if self.on_first_step is not None:
            self.on_first_step(context.step - 1)
            self.on_first_step = None
        fresh, seconds = context.line is not None, context.seconds
        if not (fresh or context.last or seconds >= self._due):
            return None
        self._due = seconds + self.view.every
        self._line = context.line or self._line
        try:
            if fresh:
                news()
            pace, speed = self._speed.after(seconds, context.step, images)
            left = max(0.0, (steps - context.step) / pace) if pace else None
            status = Status(context.step, steps, seconds, left, speed, self._line, self._doctor, self.unit)
            self.view.update(status, fresh=fresh, last=context.last)
        except BrokenPipeError:
            self.unread = True
        except OSError:
            pass
        return "stop" if self.unread else None

    def _report_findings(self, run: RunFolder) -> None:
        """Each finding when it opens, grows worse or ends; that it lasts is no news."""
        if self._run not in (Path(), run.path):
            self._findings = 0  # a branch, with findings of its own
        self._run = run.path
        found = run.lines("findings")
        for finding in found[self._findings :]:
            news = run.path, *(finding.get(key) for key in ("name", "first_step", "severity", "status"))
            if news not in self._reported:
                self._reported.add(news)
                self.view.report(Found(finding if self._remedies else {**finding, "remedies": []}))
        self._findings = len(found)
        self._doctor = doctor_status(found, watched=(run.path / "readings.jsonl").is_file())


class Speed:
    """How fast a run goes, over the last seconds of a window."""

    def __init__(self, window: float = 20.0) -> None:
        self.window = window
        self._marks: deque[tuple[float, int, int]] = deque()

    def after(self, seconds: float, step: int, images: int) -> tuple[float | None, float | None]:
        """Steps and images a second; `None` if they are not known yet."""
        self._marks.append((seconds, step, images))
        while len(self._marks) > 2 and self._marks[1][0] <= seconds - self.window:
            self._marks.popleft()
        began, first_step, first_images = self._marks[0]
        if seconds <= began or step <= first_step:
            return None, None
        return (step - first_step) / (seconds - began), (images - first_images) / (seconds - began) or None


def doctor_status(findings: Sequence[Mapping[str, Any]], *, watched: bool = True) -> str:
    """How a run is by its `findings.jsonl`: `OK`, `WATCH`, `TROUBLE`, or nothing if no doctor looked."""
    from poise.web.summary import findings_of, problems

    return next((one.severity.upper() for one in problems(findings_of(findings))), "OK" if watched else "")


def finish(outcome: Outcome | EnsembleOutcome, reporter: Reporter) -> int:
    """Write the report of a session that ended, report the end, and return the exit status."""
    run = outcome.run if hasattr(outcome, "run") else outcome.parent
    reporter.view.report(SessionEnd.of(run, report=_write_report(run, reporter)))
    return BROKEN_PIPE if reporter.unread else outcome.exit_status


@contextmanager
def report_of_a_failure(path: Path, reporter: Reporter) -> Iterator[None]:
    """If training itself fails, write the report of what there is: it shows how the numbers came there."""
    try:
        yield
    except PoiseError as error:
        report = _write_report(RunFolder(path), reporter) if error.exit_status == NOT_FINITE else None
        if report is not None:
            reporter.notify(f"What there is of the run, up to where it failed: {short_path(report)}")
        raise


def _write_report(run: RunFolder, reporter: Reporter) -> Path | None:
    """Write the report; if that fails, say why and return `None`, since the run itself is whole."""
    from poise.web import write_report

    try:
        return write_report(run.path)
    except PoiseError as error:
        reporter.notify(error.sentence)
    except Exception as error:
        again = command("poise", "report", run.path)
        fault = f"The report could not be written ({type(error).__name__}: {error})"
        reporter.notify(f"{fault}; the run is whole, and {again} tries again.")
    return None


def device_text(device: torch.device) -> str:
    """Where it trains: the card's name, or how many threads."""
    import torch

    if device.type == "cuda":
        return f"{device}, {torch.cuda.get_device_name(device)}"
    return f"{device}, {counted(torch.get_num_threads(), 'thread')}"
