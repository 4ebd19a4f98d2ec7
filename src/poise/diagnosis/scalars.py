"""Step numbers, losses, metrics, latents and gradients, in the forms in which a loop hands them over."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn


class StepNumbers:
    """The number of each step: the loop's own as long as they grow, else a running count.

    Args:
        note: Called with a name and a sentence if the loop's numbers are not taken as they are.
        rewind: Called with a step if the loop went back to it.
    """

    def __init__(self, note: Callable[[str, str], None], rewind: Callable[[int], None]) -> None:
        self.count = 0  # Steps that were observed
        self.counting = False  # Whether the loop's numbers are of no use
        self._note, self._rewind = note, rewind
        self._first: int | None = None
        self._given = self._step = -1
        self._offset = 0

    def resolve(self, given: Any) -> int:
        """The number of one more step."""
        self.count += 1
        if self.counting:
            return self._next()
        try:
            number = int(given)
        except Exception:
            return self._count_on(f"it is no number ({given!r:.40})")
        if self._first is None:
            self._first = number
        elif number == self._given:
            return self._count_on(f"it stands still at {number}")
        elif number < self._given and number <= self._first + 1:
            self._note(
                "step", f"it started again at {number} after {self._given}; steps are counted on from there"
            )
            self._offset = self._step + 1 - number
        elif number < self._given:
            why = f"it went back from {self._given} to {number}; what came after is forgotten"
            self._note("step", why)
            self._rewind(number + self._offset)
        self._given, self._step = number, number + self._offset
        return self._step

    def _count_on(self, why: str) -> int:
        self.counting = True
        self._note("step", f"{why}; the calls are counted instead")
        return self._next()

    def _next(self) -> int:
        self._step += 1
        return self._step


def latents_of(latent: Any) -> Tensor | None:
    """The latents of a step, without what is handed over beside them."""
    first = latent[0] if isinstance(latent, tuple | list) and latent else latent
    return first.detach() if isinstance(first, Tensor) and first.dim() else None


def number_of(value: Any) -> float | None:
    """A metric as a number; of a dictionary, its only entry."""
    if isinstance(value, Mapping) and len(value) == 1:
        value = next(iter(value.values()))
    number = float(value)
    return number if math.isfinite(number) else None


def mean_loss(loss: Any) -> Tensor:
    """The mean of a loss; of a list, of its last entry."""
    if isinstance(loss, list | tuple) and loss:
        loss = loss[-1]  # a list of the losses so far
    found = loss if isinstance(loss, Tensor) else torch.as_tensor(float(loss))
    return found.detach().float().mean()


def gradient_norm(module: Any) -> Tensor | None:
    """The norm of the gradients that lie on a module's parameters; `None` if there are none.

    It is `None`, too, if the norm is not finite: a scaler of 16-bit losses skips such a step.
    """
    if not isinstance(module, nn.Module):
        return None
    gradients = [one.grad.detach() for one in module.parameters() if one.grad is not None]
    if not gradients or any(one.is_sparse for one in gradients):
        return None
    norm: Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)).float())
    return norm if bool(torch.isfinite(norm)) else None


def visibly_broken(losses: Sequence[Any]) -> bool:
    """Whether a loss that can be read without waiting, as a number or on the CPU, is not finite."""
    for loss in losses:
        if isinstance(loss, float):
            value = loss
        elif isinstance(loss, Tensor) and loss.is_cpu and loss.dim() == 0:
            value = loss.item()
        else:
            continue
        if not math.isfinite(value):
            return True
    return False
