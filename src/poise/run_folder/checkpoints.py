"""Checkpoints: whole saved states, the newest sound one, and what fails its manifest is put aside."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from poise.errors import PoiseError
from poise.run_folder.tensors_folder import (
    DamagedError,
    read_object,
    read_tensors,
    recover,
    verify,
    write_tensors_folder,
)

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Checkpoint:
    """A whole saved state: tensors by name, and the numbers beside them."""

    step: int
    tensors: dict[str, Tensor]
    state: dict[str, Any]


@dataclass(frozen=True)
class Restored:
    """The checkpoint that was found sound, and what had to be put aside to find it.

    Attributes:
        checkpoint: The newest sound one; `None` where there is none.
        quarantined: Names of the checkpoints that failed their manifest, newest first, with the reason.
        newest_step: The step of the newest that was there, sound or not.
    """

    checkpoint: Checkpoint | None
    quarantined: list[tuple[str, str]]
    newest_step: int


def step_name(step: int) -> str:
    """The name of a step's files, which sorts by step.

    Example:
        >>> step_name(1000)
        'step-00001000'
    """
    return f"step-{step:08d}"


def checkpoint_steps(run: Path) -> list[int]:
    """The steps with a checkpoint, oldest first."""
    found = (run / "checkpoints").glob("step-*")
    return sorted(int(path.name.removeprefix("step-")) for path in found if path.name[5:].isdigit())


def save_checkpoint(run: Path, checkpoint: Checkpoint, *, keep: int, best: bool) -> Path:
    """Save a state whole or not at all, then drop the oldest beyond `keep`.

    Raises:
        OSError: It could not be written.
    """
    folder = run / "checkpoints" / ("best" if best else step_name(checkpoint.step))
    write_tensors_folder(folder, "tensors", checkpoint.tensors, {"state": checkpoint.state}, checkpoint.step)
    for step in checkpoint_steps(run)[:-keep]:
        shutil.rmtree(run / "checkpoints" / step_name(step), ignore_errors=True)
    return folder


def load_checkpoint(run: Path, which: int | Literal["best"]) -> Checkpoint:
    """Load the checkpoint that is named, and no other in its place.

    Raises:
        PoiseError: It is not there, or its files do not agree with its manifest.
    """
    folder = run / "checkpoints" / (which if isinstance(which, str) else step_name(which))
    recover(folder)
    if not folder.is_dir():
        there = ", ".join(map(str, checkpoint_steps(run))) or "none"
        raise PoiseError(f"The run '{run}' has no checkpoint '{which}'", hint=f"there are: {there}")
    try:
        return _read_checkpoint(folder)
    except DamagedError as error:
        raise PoiseError(
            f"The checkpoint '{folder}' is damaged",
            why=str(error),
            hint="name another, or resume without one",
        ) from None


def restore_newest(run: Path) -> Restored:
    """The newest checkpoint that verifies; those that do not are moved to `quarantine/`."""
    quarantined: list[tuple[str, str]] = []
    for leftover in (run / "checkpoints").glob(".partial-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    for replaced in (run / "checkpoints").glob(".old-*"):
        recover(replaced.with_name(replaced.name.removeprefix(".old-")))
    steps = checkpoint_steps(run)
    for step in reversed(steps):
        folder = run / "checkpoints" / step_name(step)
        try:
            return Restored(_read_checkpoint(folder), quarantined, steps[-1])
        except DamagedError as error:
            quarantined.append((folder.name, str(error)))
            place = run / "quarantine" / folder.name
            place.parent.mkdir(exist_ok=True)
            shutil.rmtree(place, ignore_errors=True)
            folder.rename(place)
    return Restored(None, quarantined, steps[-1] if steps else 0)


def _read_checkpoint(folder: Path) -> Checkpoint:
    manifest = verify(folder, "tensors.safetensors", "state.json")
    return Checkpoint(
        int(manifest["step"]),
        read_tensors(folder / "tensors.safetensors"),
        read_object(folder / "state.json"),
    )
