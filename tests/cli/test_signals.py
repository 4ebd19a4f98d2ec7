"""A process that trains, and is stopped."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from forks import Fork, forked
from poise.cli import main
from poise.cli.progress import JsonView, LogView
from poise.run_folder import RunFolder

from .conftest import QUICK

RING = ("train", "ring", "--out", "run", "--steps", "10000000")
"""A training that takes longer than any test."""


def wait_for_history(process: Fork) -> None:
    """Wait until a program that reads has received the first line of the history."""
    while json.loads(process.out.readline())["event"] != "line":
        pass


def test_ctrl_c_saves_and_tells_a_program_the_way_on() -> None:
    rare = ("--set", "log_every=50", "--set", "generator.width=4", "--set", "discriminator.width=4")
    with forked(lambda: main([*RING, "--json", *rare])) as process:
        wait_for_history(process)
        time.sleep(0.02)  # out of the middle of the write, in which no notice can be written
        process.send_signal(signal.SIGINT)
        out, err = process.wait()
    *events, end = map(json.loads, out.splitlines())
    run = RunFolder.open("run")
    assert [event["event"] for event in events if event["event"] != "line"] == ["notice"]
    assert (process.status, err) == (130, "")
    assert end["event"] == "end" and end["status"] == run.status == "interrupted"
    assert run.checkpoint_steps()[-1] == end["step"] > 0
    assert end["resume"] == "poise resume run" and Path(end["report"]).is_file()


def test_sigterm_saves_and_tells_a_person_the_way_on() -> None:
    history = Path("run/history.jsonl")
    with forked(lambda: main([*RING, *QUICK])) as process:
        while not history.exists():
            assert process.running
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        out, err = process.wait()
    step = RunFolder.open("run").checkpoint_steps()[-1]
    assert (process.status, err) == (143, "")
    assert out.splitlines()[-1] == f"saved at step {step:,}; go on with: poise resume run"


def test_a_second_signal_leaves_at_once() -> None:
    # Wide networks, so that the step in which both signals come takes longer than sending them.
    wide = ("--set", "generator.width=256", "--set", "discriminator.width=256", "--set", "log_every=1")
    with forked(lambda: main([*RING, "--json", "--batch-size", "2048", *wide])) as process:
        wait_for_history(process)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        process.wait()
    assert process.status == -signal.SIGTERM
    assert RunFolder.open("run").status == "interrupted"  # nobody holds its lock


@pytest.mark.parametrize("form", [["--json"], []], ids=["program", "person"])
def test_a_reader_that_leaves_stops_the_run_and_it_is_saved(
    monkeypatch: pytest.MonkeyPatch, form: list[str]
) -> None:
    reader, writer = os.pipe()

    @contextmanager
    def leaves(*_: object) -> Iterator[None]:
        os.close(reader)
        yield

    monkeypatch.setattr("poise.cli.progress.SECONDS_BETWEEN_LINES", 0.0)
    monkeypatch.setattr(LogView, "training", leaves)
    monkeypatch.setattr(JsonView, "training", leaves)
    with os.fdopen(writer, "w") as nobody:
        monkeypatch.setattr(sys, "stdout", nobody)
        status = main(["train", "ring", "--out", "run", "--steps", "10000000", *form, *QUICK])
    assert status == 141
    run = RunFolder.open("run")
    assert run.status == "interrupted" and run.checkpoint_steps()
