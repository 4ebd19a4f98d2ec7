"""Checks disturb nobody's loop: the networks that they call are given back as they were."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
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
