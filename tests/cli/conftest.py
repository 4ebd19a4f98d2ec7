from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from poise.cli import main


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """Standard output as `--json` promises it: every line an object, and nothing else."""
        events = [json.loads(line) for line in self.out.splitlines()]
        assert all(isinstance(event, dict) for event in events)
        return events


Cli = Callable[..., Done]


def refused(cli: Cli, *words: object, code: str, names: tuple[str, ...] = ()) -> dict[str, Any]:
    """Status 2; one error event with this code, and the same as one sentence on standard error."""
    done = cli(*words, "--json")
    assert done.status == 2, done.err
    event = done.events[-1]
    assert (event["event"], event["exit_status"], event["code"]) == ("error", 2, code), event
    details = [f"  {one}" for one in event.get("details", [])]
    assert done.err.splitlines() == [f"error: {event['error']}", *details]
    for name in names:
        assert name in event["error"], event["error"]
    return event


QUICK = ("--set", "log_every=2", "--set", "generator.width=4", "--set", "discriminator.width=4")


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, cache: Path, few_compared: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test stands in an empty folder of its own, at 80 columns and without colours.

    What a run will take is told by as few steps as there may be, whose time no test reads.
    """
    monkeypatch.setattr("poise.training.rehearsal.LONGEST", 0.0)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POISE_CACHE", str(cache))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("POISE_DEBUG", raising=False)


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """The command line in this process."""

    def run(*words: object) -> Done:
        capsys.readouterr()
        status = main([str(word) for word in words])
        captured = capsys.readouterr()
        return Done(status, captured.out, captured.err)

    return run


def _trained(tmp_path_factory: pytest.TempPathFactory, cache: Path, *words: str) -> Path:
    path = tmp_path_factory.mktemp("runs") / "trained"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POISE_CACHE", str(cache))
        assert main(["train", *words, "--out", str(path), *QUICK, "--json"]) == 0
    return path


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """A finished run of four steps on digits; tests leave it as it is."""
    return _trained(tmp_path_factory, cache, "digits", "--steps", "4")


@pytest.fixture(scope="session")
def ring_run(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """A finished run of four steps on points in the plane."""
    return _trained(tmp_path_factory, cache, "ring", "--steps", "4")


def everything_in(folder: Path) -> dict[str, bytes]:
    """All files below a folder with their content, and all folders."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
        for path in folder.rglob("*")
    }
