"""What a user's loop hands over, as tensors that can be used, with a note of what cannot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from poise.diagnosis.reference import Reference

Note = Callable[[str, str], None]
"""Takes the name of what could not be used, and why."""


def samples_of(name: str, given: Any, note: Note) -> Tensor | None:
    """Samples as a detached tensor `(N, ...)`; `None`, and a note, if they are none."""
    if given is None:
        return None
    try:
        found = given if isinstance(given, Tensor) else torch.as_tensor(given)
    except Exception as error:
        note(name, f"it is no tensor ({type(error).__name__}: {error})")
        return None
    if found.dim() and len(found):
        return found.detach()
    note(name, f"it holds no samples: its shape is {tuple(found.shape)}")
    return None


def only_samples(made: Any) -> Tensor:
    """The samples that a generator returned, as a detached tensor; of a tuple or a list, its first entry.

    Example:
        >>> only_samples((torch.zeros(2, 3), "styles")).shape
        torch.Size([2, 3])
    """
    if isinstance(made, tuple | list) and made:
        made = made[0]
    if isinstance(made, Tensor):
        return made.detach()
    try:
        return torch.as_tensor(made)
    except Exception:
        raise TypeError(f"samples of type {type(made).__name__}") from None


def reference_of(
    real: Tensor | None, held_out: Tensor | None, conditions: Tensor | None, note: Note
) -> Reference | None:
    """The reference of reals that are fit for it; the rest is noted.

    Args:
        real: Reals `(N, ...)`; rows that are not finite are left out.
        held_out: Held-out reals `(M, ...)`, of the same shape.
        conditions: The label of each of `real`, `(N,)` integers.
        note: Takes what is left out.
    """
    if real is None:
        return None
    if conditions is not None and (why := _no_labels(conditions, len(real))):
        note("conditions", why)
        conditions = None
    if held_out is not None and held_out.shape[1:] != real.shape[1:]:
        shapes = f"{tuple(held_out.shape[1:])} and reals {tuple(real.shape[1:])}"
        note("held_out", f"held-out samples have the shape {shapes}")
        held_out = None
    sound = _finite_rows("real", real, note)
    if sound is not None:
        real = real[sound]
        conditions = None if conditions is None else conditions[sound.to(conditions.device)]
    if held_out is not None and (sound := _finite_rows("held_out", held_out, note)) is not None:
        held_out = held_out[sound]
    return Reference(real, held_out, conditions) if len(real) else None


def _no_labels(conditions: Tensor, count: int) -> str | None:
    if conditions.dim() != 1 or conditions.is_floating_point() or conditions.is_complex():
        kind = f"{tuple(conditions.shape)} of {str(conditions.dtype).removeprefix('torch.')}"
        return f"a whole number for each of the reals is wanted, and its shape is {kind}"
    return None if len(conditions) == count else f"there are {len(conditions)} for {count} reals"


def _finite_rows(name: str, samples: Tensor, note: Note) -> Tensor | None:
    """Which rows hold finite values alone; `None` if all do."""
    sound = torch.isfinite(samples).reshape(len(samples), -1).all(1)
    broken = len(samples) - int(sound.sum())
    if not broken:
        return None
    note(name, f"{broken} of {len(samples)} samples hold values that are not finite, and are left out")
    return sound
