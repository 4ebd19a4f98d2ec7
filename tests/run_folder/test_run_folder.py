"""What a run folder says and what grows in it: JSON, lines, status, the lock."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.errors import PoiseError
from poise.run_folder import FORMAT, RunFolder, refuse_existing

RECIPE = {"name": "mine", "steps": 5}


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "run", recipe=RECIPE, environment={"torch": "2"}, data={"count": 3})


@contextmanager
def refused(code: str) -> Iterator[None]:
    """The block raises a person's mistake of that code."""
    with pytest.raises(PoiseError) as caught:
        yield
    assert caught.value.code == code


# JSON files -----------------------------------------------------------------------------------------


def test_a_new_run_says_what_it_was_made_with(run: RunFolder) -> None:
    again = RunFolder.open(run.path)
    assert (again.recipe, again.data) == (RECIPE, {"count": 3})
    assert again.environment == {"format": FORMAT, "torch": "2"}
    assert (again.checkpoint_steps(), again.samples(), again.lines("history")) == ([], [], [])


def test_a_run_is_never_written_over(run: RunFolder) -> None:
    with refused("run-folder.run-exists"):
        RunFolder.create(run.path, recipe={}, environment={}, data={})
    assert run.recipe == RECIPE


def test_an_empty_folder_even_the_one_worked_in_becomes_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    RunFolder.create(".", recipe=RECIPE, environment={}, data={})
    assert RunFolder.open(".").recipe == RunFolder.open(tmp_path).recipe == RECIPE


def test_a_new_run_appears_whole_or_not_at_all(tmp_path: Path, room_for: Callable[[int], None]) -> None:
    for writes in range(5):  # environment, data, recipe, the folder and the folder above
        room_for(writes)
        with refused("run-folder.unwritable"):
            RunFolder.create(tmp_path / "new", recipe=RECIPE, environment={}, data={})
        assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_else_in_it_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    file = tmp_path / "notes.txt"
    for place in (tmp_path, file):
        with refused("run-folder.not-empty"):
            refuse_existing(place)
    empty = tmp_path / "empty"
    empty.mkdir()
    refuse_existing(empty)
    refuse_existing(tmp_path / "not" / "yet")


def test_what_is_no_run_is_not_opened(tmp_path: Path) -> None:
    with refused("run-folder.not-a-run"):
        RunFolder.open(tmp_path)


@pytest.mark.parametrize("found", [FORMAT + 1, 99, "two", None])
def test_a_newer_format_is_refused(run: RunFolder, found: object) -> None:
    run.write_json("environment", {"format": found})
    with refused("run-folder.newer-format"):
        RunFolder.open(run.path)


@pytest.mark.parametrize("content", [b"{", b"", b"[1]", b"\xff\xfe\x00", b"[" * 100_000, b'{"a": NaN'])
def test_a_damaged_json_file_is_named(run: RunFolder, content: bytes) -> None:
    (run.path / "recipe.json").write_bytes(content)
    with refused("run-folder.damaged-file"):
        _ = run.recipe


def test_a_json_file_is_written_whole_or_not_at_all(run: RunFolder, room_for: Callable[[int], None]) -> None:
    room_for(0)
    with pytest.raises(OSError, match="No space left"):
        run.write_json("recipe", {"name": "other"})
    assert run.recipe == RECIPE
    assert not list(run.path.glob(".partial-*"))


# Lines ------------------------------------------------------------------------------------------------


def test_lines_come_back_in_order(run: RunFolder) -> None:
    for step in range(4):
        run.append("history", {"step": step, "note": "a\nb ü"})
    assert [line["step"] for line in run.lines("history")] == [0, 1, 2, 3]
    assert run.lines("history")[0]["note"] == "a\nb ü"
    assert len((run.path / "history.jsonl").read_bytes().splitlines()) == 4


@pytest.mark.parametrize("lost", range(1, 25))
def test_a_half_written_last_line_is_left_out_and_repaired(run: RunFolder, lost: int) -> None:
    for step in (1, 2, 3):
        run.append("history", {"step": step, "loss": 0.5})
    file = run.path / "history.jsonl"
    content = file.read_bytes()
    assert len(content) == 3 * 25
    file.write_bytes(content[:-lost])
    whole = [1, 2, 3] if lost == 1 else [1, 2]
    assert [line["step"] for line in run.lines("history")] == whole
    run.forget_after("history", 2)
    assert file.read_bytes() == content[:50]


@pytest.mark.parametrize("lost", range(1, 26))
def test_a_line_added_after_half_a_line_is_not_lost(run: RunFolder, lost: int) -> None:
    for step in (1, 2):
        run.append("metrics", {"step": step, "value": 0.5})
    file = run.path / "metrics.jsonl"
    file.write_bytes(file.read_bytes()[:-lost])
    run.append("metrics", {"step": 9})
    assert [line["step"] for line in run.lines("metrics")] == ([1, 2, 9] if lost == 1 else [1, 9])


def test_lines_beyond_a_step_are_forgotten(run: RunFolder) -> None:
    for step in (5, 10, 15):
        run.append("findings", {"step": step})
    run.forget_after("findings", 10)
    assert [line["step"] for line in run.lines("findings")] == [5, 10]
    run.forget_after("history", 10)
    assert not (run.path / "history.jsonl").exists()


@settings(max_examples=50)
@given(junk=st.binary(max_size=60))
def test_no_bytes_in_a_file_of_lines_raise(tmp_path_factory: pytest.TempPathFactory, junk: bytes) -> None:
    run = RunFolder(tmp_path_factory.mktemp("run"))
    run.append("history", {"step": 1})
    with (run.path / "history.jsonl").open("ab") as file:
        file.write(junk)
    lines = run.lines("history")
    assert lines[0] == {"step": 1}
    assert all(isinstance(line, dict) for line in lines)


def test_a_full_disk_leaves_no_half_line(run: RunFolder) -> None:
    import resource

    run.append("history", {"step": 1})
    file = run.path / "history.jsonl"
    before = file.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 4, hard))
        with pytest.raises(OSError, match=r"No space left|File too large"):
            run.append("history", {"step": 2, "note": "x" * 100})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert file.read_bytes() == before
    run.append("history", {"step": 2})
    assert [line["step"] for line in run.lines("history")] == [1, 2]


def test_a_device_that_is_full_is_told(run: RunFolder) -> None:
    (run.path / "history.jsonl").symlink_to("/dev/full")
    with pytest.raises(OSError):
        run.append("history", {"step": 1})


def test_pictures_are_found_by_step(run: RunFolder) -> None:
    for step in (200, 3, 100_000_000):
        run.sample_path(step).write_bytes(b"")
    assert [step for step, _ in run.samples()] == [3, 200, 100_000_000]


# The lock and the status -----------------------------------------------------------------------------------


def status_of(run: RunFolder) -> str:
    return run.status


HOLD = """
    import sys, time
    from poise.run_folder import RunFolder
    with RunFolder(sys.argv[1]).locked():
        print("held", flush=True)
        sys.stdin.read()
"""


@contextmanager
def held_elsewhere(run: RunFolder) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the run's lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLD), str(run.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_the_second_trainer_is_told_who_the_first_is(run: RunFolder) -> None:
    assert run.holder() is None
    with held_elsewhere(run) as other:
        holder = run.holder()
        assert holder is not None
        assert holder.startswith(f"pid {other.pid} on ")
        with pytest.raises(PoiseError, match=f"pid {other.pid} on") as caught, run.locked():
            raise AssertionError("two trainers at once")
        assert caught.value.code == "run-folder.locked"


def test_the_lock_goes_with_a_process_that_is_killed(run: RunFolder) -> None:
    run.set_status("running", step=3)
    with held_elsewhere(run) as other:
        assert status_of(run) == "running"
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
        assert status_of(run) == "interrupted"
        assert run.holder() is None
        with run.locked():
            assert run.holder() == f"pid {os.getpid()} on {os.uname().nodename}"
    assert run.holder() is None


def test_two_who_look_at_once_are_no_trainers(run: RunFolder) -> None:
    import fcntl

    with run.locked():
        pass
    with (run.path / "lock").open() as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        assert run.holder() is None


def test_one_who_looks_does_not_turn_a_trainer_away(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    with run.locked():
        pass
    looking = (run.path / "lock").open()
    fcntl.flock(looking, fcntl.LOCK_SH)
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        looking.close()  # whoever looked has looked

    monkeypatch.setattr(time, "sleep", sleep)
    with run.locked():
        assert len(waits) == 1


@pytest.mark.parametrize("status", ["finished", "interrupted", "failed"])
def test_the_status_is_what_was_said(run: RunFolder, status: Any) -> None:
    run.set_status(status, step=3)
    assert status_of(run) == status
    assert run.read_json("status")["step"] == 3


def test_a_run_that_says_it_is_running_while_nobody_holds_it_was_interrupted(run: RunFolder) -> None:
    assert status_of(run) == "interrupted"
    run.set_status("running")
    assert status_of(run) == "interrupted"
    with run.locked():
        assert status_of(run) == "running"
    run.write_json("status", {"status": "dancing"})
    assert status_of(run) == "interrupted"


def test_the_run_folder_comes_up_without_torch(run: RunFolder) -> None:
    code = (
        "import sys; from poise.run_folder import RunFolder\n"
        "run = RunFolder.open(sys.argv[1]); run.append('history', {'step': 1})\n"
        "print(run.status, run.recipe, run.lines('history'), 'torch' in sys.modules)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(run.path)], capture_output=True, text=True, check=True
    )
    assert told.stdout == f"interrupted {RECIPE} {[{'step': 1}]} False\n"
