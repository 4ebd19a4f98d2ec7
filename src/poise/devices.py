"""Devices by their names."""

from __future__ import annotations

import torch

from poise.errors import PoiseError


def pick_device(name: str, *, float64: bool = False) -> torch.device:
    """The device of that name; `auto` takes CUDA, then MPS, then the CPU.

    Args:
        name: `auto`, `cpu`, `cuda` or `mps`, or one with a number, such as `cuda:1`.
        float64: Whether numbers of 64 bits are needed, which MPS does not have: `auto` passes it over.

    Raises:
        PoiseError: It is not there.

    Example:
        >>> pick_device("cpu")
        device(type='cpu')
    """
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        order = ("cuda", "cpu") if float64 else ("cuda", "mps", "cpu")
        return torch.device(next(one for one in order if there[one]))
    base, _, number = name.partition(":")
    if base not in there or (number and not number.isdecimal()):
        what = f"There is no device '{name}'"
        hint = "choose one of auto, cpu, cuda, mps, or one of several cards: cuda:1"
        raise PoiseError(what, code="devices.unknown-device", hint=hint)
    cards = torch.cuda.device_count() if base == "cuda" else 1
    if not there[base] or int(number or 0) >= cards:
        what = f"The device '{name}' is not there"
        absent = "this PyTorch was built without it, or no driver answers"
        why = f"this machine has {cards} of them, counted from 0" if there[base] else absent
        hint = "use --device cpu or --device auto"
        raise PoiseError(what, code="devices.device-missing", why=why, hint=hint)
    return torch.device(name)
