"""Checkpoints: complete saved states, what their tensors are called now, and what a restore finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from poise.run_folder.tensors_folder import Contents

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


def checkpoint_of(found: Contents) -> Checkpoint:
    """The checkpoint that a folder holds, its tensors by their present names."""
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
