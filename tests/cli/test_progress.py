"""What people are told while a run trains, on a terminal and in a log."""

from __future__ import annotations

import io
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from poise.cli.events import Found, Notice, SessionEnd, SessionStart, expected_text, unit_of
from poise.cli.progress import Event, LogView, Status, TerminalView, View, view_for
from poise.cli.session import Reporter, Speed
from poise.recipes import RECIPES, recipe_with
from poise.run_folder import RunFolder
from poise.run_folder.folder import Status as Status_
from poise.training import StepContext
from poise.training.rehearsal import Rehearsal

LINE = {"discriminator_loss": 1.25, "generator_loss": 0.5, "real_right": 0.75, "fake_right": 0.625}
RECIPE = recipe_with(RECIPES["hinge-sn"], {"steps": 2000})
STATUS = Status(500, 2000, 83.0, 249.0, 1234.5, LINE, "WATCH")
EVERYTHING = (
    "25 %",
    "4:09 left",
    "1:23",
    "discriminator 1.250",
    "generator 0.500",
    "reals 75 %",
    "fakes 62 %",
    "WATCH",
)


def screen(width: int = 80) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, highlight=False, markup=False)


def written(console: Console) -> str:
    return cast(io.StringIO, console.file).getvalue()


def context(run: RunFolder, step: int, seconds: float, line: Mapping[str, Any] | None = None) -> StepContext:
    return StepContext(
        step=step,
        images_seen=64 * step,
        seconds=seconds,
        run=run,
        recipe=RECIPE,
        components=cast(Any, None),
        logs={},
        line=None if line is None else dict(line),
        last=step == RECIPE.steps,
    )


class Recorder:
    """A view that records what it is told."""

    every = 1.0

    def __init__(self, raises: BaseException | None = None) -> None:
        self.reported: list[Any] = []
        self.raises = raises

    @contextmanager
    def reading(self, name: str) -> Any:
        yield lambda done, total: None

    @contextmanager
    def training(self, steps: int) -> Any:
        yield

    def update(self, status: Status, *, fresh: bool, last: bool) -> None:
        if self.raises is not None:
            raise self.raises
        self.reported.append(status)

    def report(self, event: Event) -> None:
        self.reported.append(event)


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "run", recipe={}, environment={}, data={})


def ended(path: Path, status: Status_, *, step: int) -> RunFolder:
    run = RunFolder.create(path, recipe={"steps": 2000}, environment={}, data={})
    run.append("history", {"step": step, "images_seen": 64 * step, "seconds": 83.0})
    run.set_status(status, step=step)
    (run.path / "generator").mkdir()
    return run


# Speed and reporter -----------------------------------------------------------------------------------------


@given(
    rate=st.floats(0.01, 1e4),
    marks=st.lists(st.integers(1, 1000), min_size=2, max_size=50, unique=True),
    start=st.integers(0, 10_000),
)
def test_a_steady_speed_is_measured_exactly(rate: float, marks: list[int], start: int) -> None:
    speed = Speed()
    assert speed.after(start / rate, start, 64 * start) == (None, None)
    for step in sorted(marks):
        found = speed.after(start / rate + step / rate, start + step, 64 * (start + step))
    assert found == pytest.approx((rate, 64 * rate))


def test_the_speed_forgets_what_is_long_ago() -> None:
    speed = Speed(window=10.0)
    for second in range(100):
        found = speed.after(float(second), second if second < 50 else 50 + 10 * (second - 50), 0)
    assert found[0] == pytest.approx(10.0)


def test_most_steps_report_nothing(run: RunFolder) -> None:
    view = Recorder()
    report = Reporter(cast(Any, view)).on_run
    for step in range(1, 101):
        assert report(context(run, step, step / 10, LINE if step % 50 == 0 else None)) is None
    steps = [status.step for status in view.reported]
    assert steps == [1, 11, 21, 31, 41, 50, 60, 70, 80, 90, 100]
    assert [status.line for status in view.reported] == [{}] * 5 + [LINE] * 6
    # Ten steps a second: 100 of 2000 steps leave 190 seconds.
    assert view.reported[-1].seconds_left == pytest.approx(190)
    assert view.reported[-1].images_per_second == pytest.approx(640)


@pytest.mark.parametrize(
    ("error", "request_"), [(BrokenPipeError(), "stop"), (OSError(5, "I/O error"), None)]
)
def test_a_display_that_fails_never_ends_a_run(run: RunFolder, error: OSError, request_: str | None) -> None:
    assert Reporter(cast(Any, Recorder(error))).on_run(context(run, 25, 1.0, LINE)) == request_


def test_findings_are_reported_once(run: RunFolder) -> None:
    run.append("findings", {"name": "old", "step": 1})
    view = Recorder()
    report = Reporter(cast(Any, view), findings=1).on_run
    run.append("findings", {"name": "new", "step": 20})
    for step in (25, 50):
        report(context(run, step, float(step), LINE))
    assert [one.finding for one in view.reported if isinstance(one, Found)] == [{"name": "new", "step": 20}]


# On a terminal ---------------------------------------------------------------------------------------------


def test_the_display_shows_everything_within_eighty_columns() -> None:
    console = screen()
    display = TerminalView(console)
    with display.training(2000):
        display.update(STATUS, fresh=True, last=False)
        assert display._live is not None
        lines = [
            "".join(segment.text for segment in line)
            for line in console.render_lines(display._live.renderable, pad=False)
        ]
    for part in (*EVERYTHING, "1234 images/s", "step 500 of 2,000"):
        assert part in "\n".join(lines)
    assert max(map(len, lines)) <= 80 and len(lines) == 3


def test_the_display_is_gone_afterwards_and_the_cursor_never() -> None:
    console = screen()
    view = TerminalView(console)
    with view.training(2000):
        view.update(STATUS, fresh=True, last=False)
        during = written(console)
        assert during.rindex("\x1b[?25h") > during.rindex("\x1b[?25l")
    erased = written(console)[len(during) :]
    assert erased.count("\x1b[2K") >= 3  # each of its lines


def test_it_is_not_redrawn_more_often_than_eyes_can_follow() -> None:
    console = screen()
    view = TerminalView(console)
    with view.training(2000):
        before = written(console)
        for step in range(1000):  # a thousand lines of history in a second
            view.update(Status(step, 2000, step / 1000, 1.0, 1.0, LINE), fresh=True, last=False)
        drawn = written(console)[len(before) :].count("step ")
    assert 2 <= drawn <= 5


def test_a_notice_stands_above_the_display() -> None:
    console = screen()
    view = TerminalView(console)
    with view.training(2000):
        view.update(STATUS, fresh=True, last=False)
        view.report(Notice("Something to know."))
    assert "note: " in written(console) and "Something to know." in written(console)


def test_the_end_names_what_there_is_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)
    console, run = screen(), ended(Path("runs/mine"), "finished", step=2000)
    TerminalView(console).report(SessionEnd.of(run, report=run.path / "report.html"))
    text = written(console)
    for part in ("2,000 steps", "128,000 samples", "1:23", "runs/mine/report.html", "runs/mine/generator"):
        assert part in text
    for part in ("sample runs/mine", "report runs/mine", "resume runs/mine --steps 4000"):
        assert f"poise {part}" in text
    assert "\x1b[3" not in text  # no colours where NO_COLOR is set


@pytest.mark.parametrize("watched", [True, False])
def test_after_a_stop_the_command_that_goes_on_is_named(watched: bool, tmp_path: Path) -> None:
    console = screen(200)
    view: View = TerminalView(console) if watched else LogView(console)
    view.report(SessionEnd.of(ended(tmp_path / "runs" / "a b", "interrupted", step=517), report=None))
    assert "saved at step 517" in written(console)
    assert "poise resume" in written(console) and "runs/a b'" in written(console)


def test_what_a_person_named_is_no_markup() -> None:
    console = screen(200)
    data = {"name": "[red]photos[/]", "kind": "image", "shape": [3, 8, 8], "count": 9, "notices": ["[bold]x"]}
    TerminalView(console).report(SessionStart(Path("run"), data, RECIPE, "cpu"))
    assert "[red]photos[/]" in written(console) and "[bold]x" in written(console)


# In a log --------------------------------------------------------------------------------------------------


def test_a_log_gets_a_line_every_ten_seconds_and_the_last(capsys: pytest.CaptureFixture[str]) -> None:
    view = view_for(json=False)
    assert isinstance(view, LogView)  # standard output is no terminal here
    for second in range(36):
        status = Status(second, 35, float(second), 35.0 - second, 64.0, LINE)
        view.update(status, fresh=True, last=second == 35)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["step 10/35", "step 20/35", "step 30/35", "step 35/35"]


def test_a_line_of_the_log_shows_everything() -> None:
    console = Console(file=io.StringIO(), width=40)
    LogView(console).update(STATUS, fresh=True, last=True)
    (line,) = written(console).splitlines()
    for part in (*EVERYTHING, "1234 images/s", "step 500/2000"):
        assert part in line


def test_what_is_counted_is_called_by_its_name(tmp_path: Path) -> None:
    rows = {"kind": "vector", "words": {"unit": "samples", "lead": "", "gridded": False}}
    assert unit_of(rows) == "samples" and unit_of({"kind": "image", "shape": [1, 8, 8]}) == "images"
    assert "64 samples/s" in str(Status(1, 2, 1.0, 1.0, 64.0, {}, unit=unit_of(rows)))
    expected = Rehearsal(step_seconds=37.0, seconds=3700.0, images_per_second=21.89, memory=2_000_000_000)
    text = expected_text(expected, 100, unit="samples")
    assert "22 samples a second" in text and "2.0 GB" in text and "--budget" in text


def test_while_the_data_are_read_it_counts_and_then_makes_room() -> None:
    console = screen()
    with TerminalView(console).reading("photos") as on_read:
        on_read(30, 100)
        assert "reading photos" in written(console) and "30 %" in written(console)
        on_read(100, 100)
        during = written(console)
    assert "preparing" in during and "\x1b[2K" in written(console)[len(during) :]
