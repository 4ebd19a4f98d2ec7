"""Devices: which there are, how tensors lie on them, and how networks draw random numbers there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from poise.errors import PoiseError


def pick_device(name: str) -> torch.device:
    """The device of that name; `auto` takes CUDA, then MPS, then the CPU.

    Raises:
        PoiseError: It is not there.

    Example:
        >>> pick_device("cpu")
        device(type='cpu')
    """
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if there[kind]))
    kind = name.partition(":")[0]
    if kind not in there:
        what = f"There is no device '{name}'"
        raise PoiseError(what, code="training.unknown-device", hint="choose one of auto, cpu, cuda, mps")
    if not there[kind]:
        what = f"The device '{name}' is not there"
        why = "this PyTorch was built without it, or no driver answers"
        hint = "use --device cpu or --device auto"
        raise PoiseError(what, code="training.device-missing", why=why, hint=hint)
    return torch.device(name)


def seed_networks(device: torch.device, seed: int) -> None:
    """Seed what networks draw for themselves, such as dropout, on their device and on the CPU."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        place = torch.cuda.current_device() if device.index is None else device.index
        torch.cuda.default_generators[place].manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


@contextmanager
def own_streams(device: torch.device) -> Iterator[None]:
    """Give the process its random streams back afterwards: the CPU's, and that of the device."""
    devices = []
    if device.type == "cuda":
        devices = [torch.cuda.current_device() if device.index is None else device.index]
    saved = torch.mps.get_rng_state() if device.type == "mps" else None
    with torch.random.fork_rng(devices):
        try:
            yield
        finally:
            if saved is not None:
                torch.mps.set_rng_state(saved)


def channels_last(module: nn.Module) -> nn.Module:
    """The module itself, with the weights of its convolutions laid out with the channels last.

    Example:
        >>> weight = next(channels_last(nn.Conv2d(2, 3, 3)).parameters())
        >>> weight.is_contiguous(memory_format=torch.channels_last)
        True
    """
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]  # missing in torch's stub


def synchronised(device: torch.device) -> None:
    """Wait until everything that was asked of the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
