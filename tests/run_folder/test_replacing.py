"""Folders that are replaced: in which order it reaches the disk, and what readers see meanwhile."""

import json
import math
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from poise.errors import PoiseError
from poise.run_folder import Checkpoint, RunFolder, step_name


def new_run(path: Path) -> RunFolder:
    return RunFolder.create(path / "run", recipe={}, environment={}, data={})


def state(number: int) -> Checkpoint:
    return Checkpoint(1, {"x": torch.full((500,), float(number))}, {"number": number})


def files(run: RunFolder) -> dict[str, bytes]:
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in run.path.rglob("*")}


WRITER = """
    import sys, torch
    from poise.run_folder import Checkpoint, RunFolder
    run, number = RunFolder(sys.argv[1]), 0
    with run.locked():
        while True:
            number += 1
            tensors = {"x": torch.full((500,), float(number))}
            run.save_checkpoint(Checkpoint(1, tensors, {"number": number}), keep=1)
            run.save_checkpoint(Checkpoint(1, tensors, {"number": number}), keep=1, best=True)
            run.save_generator(tensors, {"step": number}, "a card")
            if number == 1:
                print("ready", flush=True)
"""


@contextmanager
def written_all_the_time(run: RunFolder) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock and replaces checkpoints and the generator without a pause."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITER), str(run.path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_readers_of_a_folder_that_is_replaced_without_a_pause_see_one_state_and_change_nothing(
    tmp_path: Path,
) -> None:
    run = new_run(tmp_path)
    seen: dict[str, set[int]] = {"step": set(), "best": set(), "generator": set()}
    with written_all_the_time(run) as writer:
        for reads in range(20_000):  # as many as it takes until each was replaced, at least 300
            if reads >= 300 and all(len(numbers) > 3 for numbers in seen.values()):
                break
            for which in (1, "best"):
                found = run.load_checkpoint(which)
                assert found.state["number"] == found.tensors["x"].unique().item()
                seen["best" if which == "best" else "step"].add(found.state["number"])
            tensors, description = run.load_generator()
            assert description["step"] == tensors["x"].unique().item()
            seen["generator"].add(description["step"])
            assert run.checkpoint_steps() == [1]
        assert writer.poll() is None, "no reader has broken a save"
    assert all(len(numbers) > 3 for numbers in seen.values()), "replaced while they were read"


@pytest.mark.parametrize("name", ["generator", "checkpoints/best", f"checkpoints/{step_name(1)}"])
def test_a_reader_leaves_a_replacement_to_the_holder_of_the_lock(tmp_path: Path, name: str) -> None:
    """Between two renames the only copy is at the old one's place: readers use it there."""
    run = new_run(tmp_path)
    run.save_checkpoint(state(1), keep=1)
    run.save_checkpoint(state(1), keep=1, best=True)
    run.save_generator(state(1).tensors, {"step": 1}, "")
    folder = run.path / name
    old = folder.with_name(f".old-{folder.name}")
    folder.rename(old)
    before = files(run)
    assert run.checkpoint_steps() == [1]
    assert run.load_checkpoint(1).state == run.load_checkpoint("best").state == {"number": 1}
    assert run.load_generator()[1] == {"step": 1}
    assert files(run) == before
    with run.locked():
        assert folder.is_dir() and not old.exists()

    shutil.copytree(folder, old)  # after the second rename the new one counts
    (old / "manifest.json").write_text("half removed")
    before = files(run)
    assert run.load_checkpoint(1).state == run.load_checkpoint("best").state == {"number": 1}
    assert run.load_generator()[1] == {"step": 1}
    assert files(run) == before
    with run.locked():
        assert folder.is_dir() and not old.exists()


def test_only_the_holder_of_the_lock_restores(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    run.save_checkpoint(state(1), keep=1)
    with pytest.raises(RuntimeError, match="lock"):
        run.restore()
    with run.locked():
        assert run.restore().checkpoint is not None


def test_a_rename_that_fails_gives_the_old_one_its_name_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(tmp_path)
    run.save_generator(state(1).tensors, {"step": 1}, "")
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.name.startswith(".partial-"):
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OSError, match="Input/output"):
        run.save_generator(state(2).tensors, {"step": 2}, "")
    assert sorted(path.name for path in run.path.rglob("*generator*") if path.is_dir()) == ["generator"]
    assert run.load_generator()[1] == {"step": 1}


def test_a_type_that_cannot_be_saved_is_named_and_leaves_what_was_there(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    run.save_checkpoint(state(1), keep=1)
    before = files(run)
    with pytest.raises(PoiseError, match="'phase' of type complex128") as caught:
        run.save_checkpoint(Checkpoint(1, {"phase": torch.ones(2, dtype=torch.complex128)}, {}), keep=1)
    assert caught.value.code == "run-folder.unsupported-type"
    assert files(run) == before


def test_all_is_on_the_disk_before_it_is_renamed_and_before_the_old_one_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(tmp_path)
    for step in (1, 2):
        run.save_checkpoint(Checkpoint(step, state(1).tensors, {}), keep=2)
    calls: list[tuple[str, str]] = []
    fsync, rename, rmtree = os.fsync, Path.rename, shutil.rmtree

    def synced(descriptor: int) -> None:
        calls.append(("sync", Path(f"/proc/self/fd/{descriptor}").readlink().name))
        fsync(descriptor)

    def renamed(self: Path, target: Path) -> Path:
        calls.append(("rename", f"{self.name} {target.name}"))
        return rename(self, target)

    def removed(path: Path, **more: Any) -> None:
        if path.exists():
            calls.append(("remove", path.name))
        rmtree(path, **more)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "rename", renamed)
    monkeypatch.setattr(shutil, "rmtree", removed)
    run.save_checkpoint(Checkpoint(2, state(2).tensors, {}), keep=1)
    name = step_name(2)
    written = {("sync", file) for file in ("tensors.safetensors", "state.json", "manifest.json")}
    assert set(calls[:3]) == written
    assert calls[3:] == [
        ("sync", f".partial-{name}"),
        ("rename", f"{name} .old-{name}"),
        ("rename", f".partial-{name} {name}"),
        ("sync", "checkpoints"),
        ("remove", f".old-{name}"),
        ("rename", f"{step_name(1)} .partial-{step_name(1)}"),  # so that it is never there in part
        ("remove", f".partial-{step_name(1)}"),
    ]


def test_a_file_system_that_syncs_no_folders_still_takes_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(tmp_path)
    fsync = os.fsync

    def files_only(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").is_dir():
            raise OSError(22, "Invalid argument")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", files_only)
    run.save_checkpoint(state(3), keep=1)
    assert run.load_checkpoint(1).state == {"number": 3}


# Memory ----------------------------------------------------------------------------------------------------

PEAK = """
    import sys, torch
    from pathlib import Path
    from poise.run_folder import Checkpoint, RunFolder
    def peak():
        text = Path("/proc/self/status").read_text()
        return int(text.split("VmHWM:")[1].split()[0]) / 1024
    run = RunFolder.create(sys.argv[1], recipe={}, environment={}, data={})
    tensors = {f"{n}": torch.ones(1024, 256) for n in range(150)}  # 1 MB each
    tensors |= {f"turned {n}": torch.ones(256, 1024).T for n in range(50)}
    tensors["tied"] = tensors["0"]
    run.save_checkpoint(Checkpoint(0, {"x": torch.ones(3).T}, {}), keep=1)
    before = peak()
    run.save_checkpoint(Checkpoint(1, tensors, {}), keep=1)
    saved = peak()
    del tensors
    found = run.load_checkpoint(1).tensors
    print(saved - before, peak() - before, sum(value.numel() for value in found.values()))
"""


def test_a_state_of_200_mb_is_saved_in_a_few_mb_and_loaded_in_its_own_size(tmp_path: Path) -> None:
    out = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PEAK), str(tmp_path / "run")],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    saving, loading, numbers = float(out[0]), float(out[1]), int(out[2])
    assert numbers == 201 * 2**18
    assert saving < 20, "MB; a tensor that is not in one block is copied alone"
    assert loading < 40, "MB beyond what the saved state took"


# Numbers that JSON does not have ---------------------------------------------------------------------------


def test_numbers_that_json_does_not_have_are_null_beside_a_word_and_are_read_as_numbers(
    tmp_path: Path,
) -> None:
    def strict(text: str) -> Any:
        return json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))

    run = new_run(tmp_path)
    line = {
        "step": 3,
        "loss": math.nan,
        "interval": [0.5, math.inf],
        "evidence": {"measured": {"x": -math.inf}},
    }
    run.append("findings", line)
    assert strict((run.path / "findings.jsonl").read_text()) == {
        "step": 3,
        "loss": None,
        "loss_is": "nan",
        "interval": [0.5, None],
        "interval_is": [None, "infinity"],
        "evidence": {"measured": {"x": None, "x_is": "-infinity"}},
    }
    run.forget_after("findings", 3)
    strict((run.path / "findings.jsonl").read_text())
    [found] = run.lines("findings")
    assert math.isnan(found.pop("loss"))
    assert found == {name: value for name, value in line.items() if name != "loss"}

    run.set_status("failed", reason=math.inf)
    assert strict((run.path / "status.json").read_text())["reason_is"] == "infinity"
    assert run.read_json("status")["reason"] == math.inf
    run.save_checkpoint(Checkpoint(1, {}, {"loss": -math.inf}), keep=1)
    strict((run.path / "checkpoints" / step_name(1) / "state.json").read_text())
    assert run.load_checkpoint(1).state == {"loss": -math.inf}


def test_lines_of_old_runs_with_numbers_that_json_does_not_have_are_read(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    (run.path / "history.jsonl").write_text('{"step": 1, "loss": NaN}\n{"step": 2, "loss": -Infinity}\n')
    assert [str(line["loss"]) for line in run.lines("history")] == ["nan", "-inf"]
