"""Checks disturb nobody's loop: what they call is given back as it was, and their time has a limit."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from poise.randomness import streams_kept

OWN = frozenset(vars(nn.Module()))  # What every module keeps by itself


def modules_of(*callables: Any) -> list[nn.Module]:
    """The networks that calling these runs, as far as they can be seen.

    They are modules, or functions that name modules: in what they close over, in their globals, as their own
    object or as arguments that were bound before.

    Example:
        >>> network = nn.Linear(2, 1)
        >>> modules_of(lambda latent: network(latent)) == [network]
        True
    """
    found: dict[int, nn.Module] = {}
    waiting, seen = list(callables), 0
    while waiting and seen < 64:
        one, seen = waiting.pop(0), seen + 1
        if isinstance(one, nn.Module):
            found[id(one)] = one
        elif isinstance(one, functools.partial):
            waiting += [one.func, *one.args, *one.keywords.values()]
        elif isinstance(one, dict | list | tuple):
            waiting += [part for part in (one.values() if isinstance(one, dict) else one) if callable(part)]
        elif (code := getattr(one, "__code__", None)) is not None:
            cells = getattr(one, "__closure__", None) or ()
            inside = [cell.cell_contents for cell in cells if _filled(cell)]
            outside = [one.__globals__[name] for name in code.co_names if name in one.__globals__]
            waiting += [
                part for part in (*inside, *outside) if callable(part) or isinstance(part, dict | list)
            ]
            waiting += [own] if (own := getattr(one, "__self__", None)) is not None else []
        elif isinstance(own := getattr(one, "__self__", None), nn.Module):
            found[id(own)] = own
    return list(found.values())


def _filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


class _Kept:
    """What a module held before it was called."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.buffers = {
            name: (buffer, None if buffer is None else (buffer._version, buffer.detach().clone()))
            for name, buffer in module._buffers.items()
        }
        inside = vars(module)
        self.names = set(inside)
        self.plain = {name: value for name, value in inside.items() if name not in OWN}
        self.copies: dict[str, Any] = {}
        for name, value in self.plain.items():
            if isinstance(value, Tensor):
                self.copies[name] = value._version, value.detach().clone()
            elif type(value) in (list, dict, set):
                self.copies[name] = value.copy()
        self.training = module.training

    def give_back(self) -> None:
        """Put back whatever has changed."""
        inside = vars(self.module)
        for name in set(inside) - self.names:
            del inside[name]
        for name, value in self.plain.items():
            if inside.get(name) is not value:
                inside[name] = value
            if name in self.copies:
                _put_back(value, self.copies[name])
        for name, (buffer, copied) in self.buffers.items():
            if self.module._buffers.get(name) is not buffer:
                self.module._buffers[name] = buffer
            if buffer is not None and copied is not None and buffer._version != copied[0]:
                buffer.copy_(copied[1])
        for name in set(self.module._buffers) - set(self.buffers):
            del self.module._buffers[name]
        inside["training"] = self.training


def _put_back(value: Any, copied: Any) -> None:
    if isinstance(value, Tensor):
        version, content = copied
        if value._version != version:
            value.data.copy_(content)
    elif type(value) is list:
        value[:] = copied
    else:
        value.clear()
        value.update(copied)


@contextmanager
def still(modules: Sequence[nn.Module] | Iterable[nn.Module]) -> Iterator[None]:
    """Networks in eval mode without gradients; whatever the calls change in them is put back.

    Modes, buffers, attributes and the random streams of torch, numpy and Python are what they were before.

    Example:
        >>> network = nn.Sequential(nn.BatchNorm1d(2))
        >>> with still([network]):
        ...     network.training
        False
        >>> network.training
        True
    """
    parts = {id(part): part for module in modules for part in module.modules()}
    kept = [_Kept(part) for part in parts.values()]
    try:
        for part in parts.values():
            part.training = False
        with torch.no_grad(), streams_kept():
            yield
    finally:
        with torch.no_grad():
            for one in kept:
                one.give_back()


MOST_SHARE = 0.03  # Of the loop's time
REPAYS = 0.5  # Share of the allowance that goes on while the rest of it pays for the first checks


class Budget:
    """Counts the seconds that checks take beside those of the loop.

    Enter it around each check; a check within a check counts once, so several doctors can share a budget.
    The first checks, of which the dearest fits the reference, come at once: what they cost is an advance,
    paid back by half of the allowance until the whole of it is within the share again.

    Attributes:
        most_share: Share of the loop's time that checks may take.
        spent: Seconds that they took, without the advance.
        advance: Seconds that the first checks took.
        free: Whether the next check belongs to them.

    Example:
        >>> budget = Budget()
        >>> with budget:
        ...     pass  # a check
        >>> budget.affordable()
        True
    """

    def __init__(self, most_share: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.most_share = MOST_SHARE if most_share is None else most_share
        self.spent, self.advance, self.free = 0.0, 0.0, True
        self._clock, self._began = clock, clock()
        self._entered, self._depth, self._checks = 0.0, 0, 0

    @property
    def elapsed(self) -> float:
        """Seconds of the loop since its first check."""
        return self._clock() - self._began

    @property
    def allowed(self) -> float:
        """Seconds that checks beside the first may have taken by now; without an end from a share of 1 on."""
        if self.most_share >= 1:
            return math.inf
        whole = self.most_share * self.elapsed
        return max(whole - self.advance, REPAYS * whole)

    def until(self, seconds: float) -> float:
        """Seconds of the loop until so many are allowed."""
        if self.most_share >= 1:
            return 0.0
        whole = min(seconds + self.advance, seconds / REPAYS)
        return max(whole / self.most_share - self.elapsed, 0.0)

    def left(self) -> float:
        """Seconds that checks may take now; below 0 if they took too many."""
        inside = self._clock() - self._entered if self._depth else 0.0
        return self.allowed - self.spent - inside

    def affordable(self) -> bool:
        """Whether there is time left for a check."""
        return self.free or self.spent <= self.allowed

    def __enter__(self) -> Budget:
        if self._depth == 0:
            self._entered = self._clock()
        self._depth += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        if self._depth:
            return
        self._checks += 1
        now = self._clock()
        if self._checks == 1:
            self._began = now
        if self.free:
            self.advance += now - self._entered
        else:
            self.spent += now - self._entered
        self.free = False
