from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from poise.cli import recipes
from poise.errors import PoiseError
from poise.recipes import RECIPES

from .conftest import Cli


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let `poise recipes` raise this."""

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(recipes, "_print_list", fail)


def test_our_own_fault_is_one_line_and_the_traceback_lies_in_a_file(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    failing(monkeypatch, ZeroDivisionError("two\nlines"))
    done = cli("recipes")
    assert done.status == 1 and done.err.count("\n") == 1
    assert "not yours" in done.err and "ZeroDivisionError: two" in done.err
    found = re.search(r"\S+\.txt", done.err)
    assert found is not None
    assert "Traceback" in Path(found[0]).read_text() and "in fail" in Path(found[0]).read_text()


def test_the_traceback_is_shown_on_request(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POISE_DEBUG", "1")
    failing(monkeypatch, ZeroDivisionError("x"))
    done = cli("recipes")
    assert done.status == 1 and "Traceback" in done.err and "in fail" in done.err


@pytest.mark.parametrize(
    ("error", "status", "part"),
    [
        (KeyboardInterrupt(), 130, None),
        (PoiseError("What", why="why", hint="hint", exit_status=4), 4, "error: What, because why; hint.\n"),
        (MemoryError(), 3, "--batch-size"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: 1 bytes"), 3, "memory"),
    ],
)
def test_the_status_tells_what_happened(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int, part: str | None
) -> None:
    failing(monkeypatch, error)
    done = cli("recipes")
    assert done.status == status and done.out == ""
    assert (done.err == "") if part is None else (part in done.err)


def test_a_screen_is_not_flooded_with_details_and_a_program_gets_all_of_them(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{number}.png" for number in range(300)]

    def fail(*_: object) -> None:
        raise PoiseError("Names do not pair", details=names)

    monkeypatch.setattr(type(RECIPES), "values", fail)
    lines = cli("recipes").err.splitlines()
    assert lines[1:3] == ["  0.png", "  1.png"]
    assert lines[-1] == "  and 280 more; --json lists all of them"
    assert len(lines) == 22
    assert cli("recipes", "--json").events[-1]["details"] == names


def test_a_fault_is_an_event_for_a_program(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POISE_DEBUG", "1")

    def fail(*_: object) -> None:
        raise ZeroDivisionError("x")

    monkeypatch.setattr(type(RECIPES), "values", fail)
    (event,) = cli("recipes", "--json").events
    assert event["event"] == "error" and event["exit_status"] == 1


def test_a_reader_that_leaves_ends_it_quietly() -> None:
    done = subprocess.Popen(
        [sys.executable, "-m", "poise", "recipes", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert done.stdout is not None and done.stderr is not None
    done.stdout.close()
    told = done.stderr.read()
    done.stderr.close()
    assert (done.wait(), told) == (141, b"")
