"""How somebody's generator is called: with which latents, and with which conditions beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from poise.diagnosis.examination import Sample
from poise.diagnosis.inputs import Note, only_samples
from poise.diagnosis.reference import LEAST
from poise.diagnosis.undisturbed import modules_of, still

OFFERED = 512  # Steps after which no further latents are looked for, however few there are
Parts = tuple[Tensor, ...]  # What a generator is called with: latents, and perhaps conditions


class Latents:
    """Latents that the loop has used: the same rows are asked for at every check.

    Args:
        most: Rows that are enough.
    """

    def __init__(self, most: int) -> None:
        self.most, self.full = most, False
        self._rows: list[Parts] = []
        self._joined: Parts | None = None
        self._offered = 0

    def add(self, given: Any, note: Note) -> None:
        """Add those of one step; the same ones again are left out."""
        self._offered += 1
        self.full = self._offered >= OFFERED
        parts = given if isinstance(given, tuple | list) else (given,)
        if not all(isinstance(part, Tensor) and part.dim() and len(part) for part in parts) or not parts:
            what = f"a {type(given).__name__}" if not isinstance(given, Tensor) else "empty"
            return note("latent", f"it is {what}; a tensor (N, ...), or a tuple of such, is wanted")
        parts = tuple(part.detach() for part in parts)
        if self._rows and any(a.shape[1:] != b.shape[1:] for a, b in zip(self._rows[0], parts, strict=False)):
            self._rows.clear()
        if (
            self._rows
            and self._rows[-1][0].shape == parts[0].shape
            and torch.equal(self._rows[-1][0], parts[0])
        ):
            return None
        self._rows.append(tuple(part.clone() for part in parts))
        self._joined = None
        self.full = self.full or sum(len(row[0]) for row in self._rows) >= self.most
        return None

    @property
    def none(self) -> bool:
        """Whether the loop has handed over none."""
        return not self._offered

    @property
    def are_pictures(self) -> bool:
        """Whether they are samples of another domain: pictures, and no columns of noise."""
        return bool(self._rows) and self._rows[0][0].dim() == 4 and min(self._rows[0][0].shape[-2:]) > 1

    def parts(self) -> Parts | None:
        """All of them, `(N, ...)` each; `None` if there are too few, or all are the same."""
        if not self._rows:
            return None
        if self._joined is None:
            columns = zip(*self._rows, strict=False)
            self._joined = tuple(torch.cat(column)[: self.most] for column in columns)
        first = self._joined[0]
        differ = bool((first != first[:1]).any())
        return self._joined if len(first) >= LEAST and differ else None


@dataclass(frozen=True)
class Calls:
    """The calls of a generator that a check makes, each from how many to samples."""

    sample: Sample
    swapped: Sample | None = None  # The conditions exchanged
    redrawn: Sample | None = None  # The latents exchanged
    asked: Tensor | None = None  # Labels that are asked for, `(N,)`


class Maker:
    """Finds the way in which a generator is called, once, and then keeps to it."""

    def __init__(self) -> None:
        self._index: int | None = None  # Which way of calling has worked

    def calls(self, make: Callable[..., Any], latents: Latents, labels: Tensor | None) -> Calls | None:
        """The calls of a check; `None` if there are no latents to call it with."""
        parts = latents.parts()
        if parts is None:
            return None
        first = parts[0]
        if len(parts) > 1:
            return _of_parts(_tensors_of(make), parts)
        if labels is None or latents.are_pictures:
            way = self._found(make, ((first,), (first, None)))
            other = first.roll(len(first) // 2 + 1, 0)
            return Calls(lambda count: way(first[:count]), redrawn=lambda count: way(other[:count]))
        asked = labels[torch.arange(len(first)) % len(labels)]
        names = torch.unique(labels)
        following = names[(torch.searchsorted(names, asked) + 1) % len(names)]
        asked_there, following = asked.to(first.device), following.to(first.device)
        one_hot = torch.nn.functional.one_hot(asked_there, int(names.max()) + 1)
        way = self._found(
            make,
            (
                (first, asked_there),
                (first, one_hot.float()),
                (asked_there, first),
                (first, one_hot),
                (first,),
            ),
        )
        other = first.roll(len(first) // 2 + 1, 0)
        if self._index == len(_WAYS) - 1:
            return Calls(lambda count: way(first[:count]), redrawn=lambda count: way(other[:count]))
        return Calls(
            lambda count: way(first[:count], asked_there[:count]),
            lambda count: way(first[:count], following[:count]),
            lambda count: way(other[:count], asked_there[:count]),
            asked,
        )

    def _found(self, make: Callable[..., Any], tries: Sequence[tuple[Any, ...]]) -> Callable[..., Tensor]:
        """The way of calling that does not raise; the plainest one if all do."""
        if self._index is None:
            for index, given in enumerate(tries):
                try:
                    with still(modules_of(make)):
                        make(*(None if one is None else one[:LEAST] for one in given))
                except Exception:
                    continue
                self._index = index
                break
        return _way(_tensors_of(make), tries[self._index or 0])


_WAYS = ("labels", "floats of one-hot rows", "labels first", "one-hot rows", "latents alone")


def _tensors_of(make: Callable[..., Any]) -> Callable[..., Tensor]:
    """A generator that returns its samples alone, as a tensor, whatever it returned."""
    return lambda *given: only_samples(make(*given))


def _way(make: Callable[..., Tensor], given: tuple[Any, ...]) -> Callable[..., Tensor]:
    """A generator as a function of latents, or of latents and labels."""
    if len(given) == 1:
        return lambda latent, *_: make(latent)
    first, second = given
    if second is None:
        return lambda latent, *_: make(latent, None)
    if first.dim() == 1 and not first.is_floating_point() and second.is_floating_point():
        return lambda latent, labels: make(labels, latent)
    if second.dim() == 2:
        kind, width = second.dtype, second.shape[1]
        return lambda latent, labels: make(latent, torch.nn.functional.one_hot(labels, width).to(kind))
    return make


def _of_parts(make: Callable[..., Tensor], parts: Parts) -> Calls:
    """A generator that is called with several tensors, the first of which are the latents."""
    others = tuple(part.roll(1, 0) for part in parts[1:])
    latent = parts[0].roll(len(parts[0]) // 2 + 1, 0)

    def cut(count: int, *given: Tensor) -> Tensor:
        return make(*(part[:count] for part in given))

    return Calls(
        lambda count: cut(count, *parts),
        lambda count: cut(count, parts[0], *others),
        lambda count: cut(count, latent, *parts[1:]),
    )
