"""Checkpoints: complete saved states. The newest sound one is restored, and damaged ones are moved away."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from poise.errors import PoiseError
from poise.run_folder.tensors_file import DamagedError
from poise.run_folder.tensors_folder import is_there, read_tensors_folder, remove_folder, write_tensors_folder

if TYPE_CHECKING:
    from torch import Tensor

# First parts of the names of tensors in checkpoints of version 0.1, and what they are called now
RENAMED = {"average": "ema"}
# Names of a game's numbers in checkpoints of version 0.1, before they belonged to terms
EARLIER_NAMES = {
    "game/balance": "game/discriminator_loss/balance",
    "game/pool_a": "game/discriminator_loss/pool_a",
    "game/pool_b": "game/discriminator_loss/pool_b",
    "game/pool_filled": "game/discriminator_loss/filled",
}


BESIDE = ("window/", "callback/")  # How tensors begin that belong to the loop and to callbacks


@dataclass(frozen=True)
class Checkpoint:
    """A complete saved state."""

    step: int  # The step after which it was saved
    tensors: dict[str, Tensor]  # All tensors by name
    state: dict[str, Any]  # The numbers beside them, as JSON holds them

    @property
    def trained(self) -> dict[str, Tensor]:
        """The tensors of what is trained, without those of the loop and of callbacks.

        A resumed run ends with the same ones as a run that was never interrupted. What a callback keeps may
        depend on the clock: the doctor leaves checks out that would take too long.
        """
        return {name: value for name, value in self.tensors.items() if not name.startswith(BESIDE)}


@dataclass(frozen=True)
class Restored:
    """The newest sound checkpoint, and those that were moved away to find it."""

    checkpoint: Checkpoint | None  # The newest sound one; None if there is none
    quarantined: list[tuple[str, str]]  # Names of the damaged checkpoints with the reason, newest first
    newest_step: int  # The step of the newest checkpoint that was there, sound or not


def step_name(step: int) -> str:
    """The name of a step's files, which sorts by step.

    Example:
        >>> step_name(1000)
        'step-00001000'
    """
    return f"step-{step:08d}"


def checkpoint_steps(run: Path) -> list[int]:
    """The steps with a checkpoint, oldest first."""
    found = [*(run / "checkpoints").glob("step-*"), *(run / "checkpoints").glob(".old-step-*")]
    steps = {path.name.rpartition("step-")[2] for path in found}
    return sorted(int(step) for step in steps if step.isdigit())


def save_checkpoint(run: Path, checkpoint: Checkpoint, *, keep: int, best: bool) -> Path:
    """As `RunFolder.save_checkpoint`."""
    folder = run / "checkpoints" / ("best" if best else step_name(checkpoint.step))
    write_tensors_folder(folder, "tensors", checkpoint.tensors, {"state": checkpoint.state}, checkpoint.step)
    for step in checkpoint_steps(run)[:-keep]:
        remove_folder(run / "checkpoints" / step_name(step))
    return folder


def load_checkpoint(run: Path, which: int | Literal["best"]) -> Checkpoint:
    """As `RunFolder.load_checkpoint`."""
    folder = run / "checkpoints" / (which if isinstance(which, str) else step_name(which))
    try:
        return _read_checkpoint(folder)
    except DamagedError as error:
        if not is_there(folder):
            there = ", ".join(map(str, checkpoint_steps(run))) or "none"
            raise PoiseError(
                f"The run '{run}' has no checkpoint '{which}'",
                code="run-folder.no-checkpoint",
                hint=f"there are: {there}",
            ) from None
        raise PoiseError(
            f"The checkpoint '{folder}' is damaged",
            code="run-folder.damaged-checkpoint",
            why=str(error),
            hint="name another, or resume without one",
        ) from None


def restore_newest(run: Path) -> Restored:
    """The newest sound checkpoint; damaged ones are moved to `quarantine/`, so the lock must be held."""
    quarantined: list[tuple[str, str]] = []
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
    found = read_tensors_folder(folder, "tensors.safetensors", "state.json")
    tensors = {_present_name(name): value for name, value in found.tensors.items()}
    return Checkpoint(found.step, tensors, found.objects["state"])


def _present_name(name: str) -> str:
    """What a tensor of a checkpoint is called now; a number in front is that of a stack of games.

    Example:
        >>> _present_name("average/generator/0.weight"), _present_name("1/average/generator/0.weight")
        ('ema/generator/0.weight', '1/ema/generator/0.weight')
    """
    if name in EARLIER_NAMES:
        return EARLIER_NAMES[name]
    first, _, rest = name.partition("/")
    if first.isdigit() and rest:
        return f"{first}/{_present_name(rest)}"
    return f"{RENAMED[first]}/{rest}" if first in RENAMED else name
