"""A session of training on the command line; the only module here that calls the trainer."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from poise.cli.data_options import DataOptions
from poise.cli.events import Found, Notice, SessionEnd, SessionStart, Status
from poise.cli.progress import View
from poise.errors import BROKEN_PIPE, PoiseError
from poise.extension import use_words
from poise.run_folder import RunFolder, is_many, makes, new_run_path, read_games, refuse_existing
from poise.text import command, counted, short_path

if TYPE_CHECKING:
    import torch

    from poise.recipes import Recipe
    from poise.training import Outcome, StepContext
    from poise.training.callbacks.doctor import Mode
    from poise.training.vectorised import EnsembleContext, EnsembleOutcome

NOT_FINITE = 4
"""The exit status of a run in which a value came up that is not finite."""


@dataclass(frozen=True)
class Prepared:
    """A session that has been checked and not begun: what it starts from, and what trains it."""

    start: SessionStart
    train: Callable[[Reporter], Outcome | EnsembleOutcome]


def prepare(
    view: View,
    data: DataOptions,
    recipe: Recipe,
    *,
    device: str = "auto",
    out: Path | None = None,
    doctor: Mode = "suggest",
    seeds: int | None = None,
    grid: Sequence[str] = (),
) -> Prepared:
    """Check all that can be checked before a run, or `seeds` games over a `grid`; nothing is written."""
    if seeds is None and grid:
        code, hint = "cli.grid-without-seeds", "add --seeds 1 or more"
        raise PoiseError("A grid is trained with seeds", code=code, hint=hint)
    if seeds is not None:
        _refuse_remedies(doctor)
    if out is not None:  # before the data are read, which may take long
        refuse_existing(out)
    with view.reading(data.name) as on_read:
        from poise.networks import describe
        from poise.training import begin, pick_device, plan
        from poise.training.recorded_data import data_record
        from poise.training.remedies import begin_with_remedies
        from poise.training.vectorised import begin_many, parse_axis, plan_many

        axes, where, opened = dict(map(parse_axis, grid)), pick_device(device), data.to_open()
        sizes: Mapping[str, int]
        if seeds is None:
            single = plan(opened, recipe, where, progress=on_read)
            dataset, origin, resolved = single.dataset, single.origin, single.recipe
            modules = single.components.modules
            sizes = {player: describe(module)["parameters"] for player, module in modules.items()}
        else:
            games = plan_many(opened, recipe, where, seeds=seeds, grid=axes, progress=on_read)
            dataset, origin, resolved = games.datasets[0], games.origin, games.games[0].recipe
            sizes = games.parameters
    folder = out or new_run_path(dataset.name, recipe.name if seeds is None else f"{recipe.name}/seeds")
    refuse_existing(folder)

    def train(to: Reporter) -> Outcome | EnsembleOutcome:
        if seeds is not None:
            watched = doctor != "off"
            return begin_many(games, folder, watch=to.on_games, notify=to.notify, doctor=watched)
        start = begin_with_remedies if doctor == "apply" else partial(begin, doctor=doctor)
        return start(single, folder, callbacks=[to.on_run], notify=to.notify)

    start = SessionStart(
        run=folder,
        data=data_record(dataset, origin),
        recipe=resolved,
        device=_device_text(where),
        parameters={player: sizes[player] for player in ("generator", "discriminator")},
        games=1 if seeds is None else len(games.games),
        grid=axes,
    )
    return Prepared(start, train)


def begin_session(prepared: Prepared, view: View, *, doctor: Mode = "suggest") -> int:
    """Train what was prepared, report it to the view, and return the exit status."""
    reporter, start = Reporter(view, remedies=doctor != "watch"), prepared.start
    view.report(start)
    with _report_of_a_failure(start.run, reporter), view.training(start.recipe.steps or 0):
        outcome = prepared.train(reporter)
    return _finish(outcome, reporter)


def resume_session(
    path: Path,
    view: View,
    *,
    steps: int | None = None,
    device: str = "auto",
    accept_changed_data: bool = False,
    doctor: Mode = "suggest",
) -> int:
    """Go on with a run or with many games, or extend them to `steps`, and return the exit status."""
    many = is_many(path)
    if many:
        _refuse_remedies(doctor)
    run = RunFolder.open(path)  # a folder that is no run is refused before torch is imported
    from poise.recipes import saved_recipe

    recipe = saved_recipe(run.recipe)
    if steps is not None:
        recipe = recipe.model_copy(update={"steps": steps})
    reporter = Reporter(view, findings=len(run.lines("findings")), remedies=doctor != "watch")
    with _report_of_a_failure(path, reporter), ExitStack() as stack:
        on_read = stack.enter_context(view.reading(str(run.data.get("name", ""))))
        from poise.training import Resumption, pick_device, resume
        from poise.training.remedies import resume_with_remedies
        from poise.training.vectorised import resume_many

        where = pick_device(device)

        def on_first_step(step: int) -> None:
            # Not earlier: until then it may turn out that there is nothing to go on with.
            stack.close()
            games = len(read_games(run)) if many else 1
            view.report(SessionStart(run.path, run.data, recipe, _device_text(where), step=step, games=games))
            stack.enter_context(view.training(recipe.steps or 0))

        reporter.on_first_step = on_first_step
        asked = Resumption(
            path, where, steps=steps, accept_changed_data=accept_changed_data, progress=on_read
        )
        outcome: Outcome | EnsembleOutcome
        if many:
            watched = doctor != "off"
            outcome = resume_many(asked, watch=reporter.on_games, notify=reporter.notify, doctor=watched)
        else:
            go_on = resume_with_remedies if doctor == "apply" else partial(resume, doctor=doctor)
            outcome = go_on(asked, callbacks=[reporter.on_run], notify=reporter.notify)
    return _finish(outcome, reporter)


def session_end(run: RunFolder, *, report: Path | None) -> SessionEnd:
    """How a run, or many games, stand on disk; `report` is the report's file, if there is one."""
    from poise.web.games import open_findings, reached

    many, history, pictures = is_many(run.path), run.lines("history"), run.samples()
    newest: dict[str, Any] = history[-1] if history else {}
    generator = run.path / "generator"
    return SessionEnd(
        run=run.path,
        status=run.status,
        step=int(newest.get("step", run.read_json("status").get("step", 0))),
        images_seen=int(newest.get("images_seen", 0)),
        seconds=float(newest.get("seconds", 0.0)),
        report=report,
        samples=pictures[-1][1] if pictures else None,
        generator=generator if generator.is_dir() else None,
        makes=makes(run.data),
        reached=reached(run) if many else (),
        open_findings=open_findings(run) if many else (),
        use=use_words(run.environment),
    )


class Reporter:
    """Reports to a view how a run goes; a view that fails never ends it, a reader who left stops it."""

    def __init__(self, view: View, *, findings: int = 0, remedies: bool = True) -> None:
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
        if not self._is_due(context):
            return None
        if context.line is not None and not self._delivered(lambda: self._report_findings(context.run)):
            return "stop"
        return self._update(context, context.recipe.steps or 0, context.images_seen)

    def on_games(self, context: EnsembleContext) -> Literal["stop"] | None:
        """A callback of many games."""
        self._doctor = context.doctor or self._doctor
        if not self._is_due(context):
            return None
        return self._update(context, context.steps, context.images_seen * context.games_left)

    def _is_due(self, context: StepContext | EnsembleContext) -> bool:
        if self.on_first_step is not None:
            self.on_first_step(context.step - 1)
            self.on_first_step = None
        return context.line is not None or context.last or context.seconds >= self._due

    def _update(
        self, context: StepContext | EnsembleContext, steps: int, images: int
    ) -> Literal["stop"] | None:
        self._due = context.seconds + self.view.every
        self._line = context.line or self._line
        pace, speed = self._speed.after(context.seconds, context.step, images)
        left = max(0.0, (steps - context.step) / pace) if pace else None
        status = Status(context.step, steps, context.seconds, left, speed, self._line, self._doctor)
        fresh, last = context.line is not None, context.last
        return None if self._delivered(lambda: self.view.update(status, fresh=fresh, last=last)) else "stop"

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

    def _delivered(self, report: Callable[[], None]) -> bool:
        """Report; whether anybody may still read it."""
        try:
            report()
        except BrokenPipeError:
            self.unread = True
        except OSError:
            pass
        return not self.unread


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
    latest = {(line.get("name"), line.get("first_step")): line for line in findings}
    severities = {line.get("severity") for line in latest.values() if line.get("status") == "open"}
    if "trouble" in severities:
        return "TROUBLE"
    return "WATCH" if "watch" in severities else "OK" if watched else ""


def _refuse_remedies(doctor: Mode) -> None:
    if doctor == "apply":
        what = "The doctor applies remedies to one run, not to many games at once"
        why = "each game would need branches of its own"
        hint = "leave --doctor apply out, or train that seed alone: --seed N --doctor apply"
        raise PoiseError(what, code="cli.remedies-of-many-games", why=why, hint=hint)


def _finish(outcome: Outcome | EnsembleOutcome, reporter: Reporter) -> int:
    run = outcome.run if hasattr(outcome, "run") else outcome.parent
    reporter.view.report(session_end(run, report=_write_report(run, reporter)))
    return BROKEN_PIPE if reporter.unread else outcome.exit_status


@contextmanager
def _report_of_a_failure(path: Path, reporter: Reporter) -> Iterator[None]:
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


def _device_text(device: torch.device) -> str:
    """Where it trains: the card's name, or how many threads."""
    import torch

    if device.type == "cuda":
        return f"{device}, {torch.cuda.get_device_name(device)}"
    return f"{device}, {counted(torch.get_num_threads(), 'thread')}"
