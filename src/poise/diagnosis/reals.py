"""The reals of somebody's loop: brought to the space of the loop's own, or gathered from these."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from poise.diagnosis.inputs import Note, brought_to, given_of, labels_of, samples_of
from poise.diagnosis.reference import LEAST, MOST_TRAINING, Reference
from poise.randomness import streams_kept


class Reals:
    """What was handed over of the data, until it is known what space the loop has, and what it becomes there.

    Args:
        real: Samples of the data, in any form; without them those of the loop are gathered.
        held_out: Samples that are not trained on.
        conditions: The label of each of `real`; those that came along with them by default.
        note: Takes what could not be used, and why.

    Attributes:
        settled: Whether it is decided what samples are compared with.
        reference: What they are compared with; `None` if nothing is fit for it.
    """

    def __init__(self, real: Any, held_out: Any, conditions: Any, note: Note) -> None:
        self.settled = False
        self.reference: Reference | None = None
        self._note, self._gathered = note, list[Tensor]()
        with streams_kept():  # a loader shuffles
            known = given_of("real", real, note)
            self._real = None if known is None else known.samples
            self._held_out = samples_of("held_out", held_out, note)
        came_along = None if known is None else known.labels
        self._conditions = came_along if conditions is None else conditions
        self._ready = self._fitted()

    def gather(self, real: Any, fake: Any) -> bool:
        """Take the reals and fakes of a step, as far as they are needed; whether that settles it."""
        if self._real is not None and real is None and fake is None:
            return False
        return self.settle(samples_of("real", real, self._note), samples_of("fake", fake, self._note))

    def settle(self, real: Tensor | None, fake: Tensor | None, *, last: bool = False) -> bool:
        """Fit what is known of the data, once; whether that was done now.

        Args:
            real: Reals of the loop.
            fake: Its fakes.
            last: Whether no more is waited for.
        """
        if self._real is not None and (real is not None or fake is not None or last):
            loop = fake if real is None else real
            brought = brought_to(self._real, loop)
            if real is None or brought.shape[1:] == real.shape[1:]:
                self._bring(brought, loop)
                return True
            shapes = f"{tuple(self._real.shape[1:])} and those of the loop {tuple(real.shape[1:])}"
            self._note("real", f"its samples have the shape {shapes}; the loop's own are taken instead")
            self._real = self._conditions = None
        if self._real is None and real is not None:
            self._add(real)
        return self.settled

    def _bring(self, brought: Tensor, loop: Tensor | None) -> None:
        """Take the reals that were handed over, in the space of the loop."""
        held_out = None if self._held_out is None else brought_to(self._held_out, loop, like=self._real)
        as_given = brought is self._real and held_out is self._held_out
        if as_given and self._ready is not None:
            self.reference = self._ready
        else:
            self.reference = reference_of(brought, held_out, self._conditions, self._note)
        self.settled, self._ready = True, None

    def _add(self, real: Tensor) -> None:
        """Gather the loop's own, until there are enough."""
        if self._conditions is not None:
            self._note("conditions", "no reals were given that they could belong to")
            self._conditions = None
        if self._gathered and self._gathered[0].shape[1:] != real.shape[1:]:
            self._gathered.clear()
        self._gathered.append(real.detach().clone())
        if sum(map(len, self._gathered)) >= max(LEAST, MOST_TRAINING // 4):
            held_out = None if self._held_out is None else brought_to(self._held_out, real)
            gathered = torch.cat(self._gathered)
            self.reference = reference_of(gathered, held_out, None, self._note, from_loop=True)
            self.settled = True
            self._gathered.clear()

    def _fitted(self) -> Reference | None:
        """The reference of reals in the space in which they were given, fitted before the loop begins.

        It is dropped if the loop has another space; what bytes become is not known before.
        """
        if self._real is None or self._real.dtype == torch.uint8:
            return None
        try:
            found = reference_of(self._real, self._held_out, self._conditions, self._note)
            return None if found is None else found.fit()
        except Exception:  # it is made again in the loop, where what is wrong is noted
            return None


def reference_of(
    real: Tensor | None, held_out: Tensor | None, conditions: Any, note: Note, *, from_loop: bool = False
) -> Reference | None:
    """The reference of reals that are fit for it; the rest is noted.

    Args:
        real: Reals `(N, ...)`; rows that are not finite are left out.
        held_out: Held-out reals `(M, ...)`, of the same shape.
        conditions: The label of each of `real`.
        note: Takes what is left out.
        from_loop: Whether the reals are the loop's own.
    """
    if real is None:
        return None
    labels = labels_of(conditions, len(real), note)
    if held_out is not None and held_out.shape[1:] != real.shape[1:]:
        shapes = f"{tuple(held_out.shape[1:])} and reals {tuple(real.shape[1:])}"
        note("held_out", f"held-out samples have the shape {shapes}")
        held_out = None
    sound = _finite_rows("real", real, note)
    if sound is not None:
        real = real[sound]
        labels = None if labels is None else labels[sound.to(labels.device)]
    if held_out is not None and (sound := _finite_rows("held_out", held_out, note)) is not None:
        held_out = held_out[sound]
    return Reference(real, held_out, labels, from_loop=from_loop) if len(real) else None


def _finite_rows(name: str, samples: Tensor, note: Note) -> Tensor | None:
    """Which rows hold finite values alone; `None` if all do."""
    sound = torch.isfinite(samples).reshape(len(samples), -1).all(1)
    broken = len(samples) - int(sound.sum())
    if not broken:
        return None
    note(name, f"{broken} of {len(samples)} samples hold values that are not finite, and are left out")
    return sound
