"""Randomness derived from (seed, step, purpose), so that nothing random has a state to save.

A run that was killed and resumed draws the same numbers as one that never stopped, since every draw is a
function of where it stands and not of what was drawn before it.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import torch


def derive(seed: int, step: int, purpose: str) -> int:
    """A 63-bit seed for one purpose at one step.

    Args:
        seed: The seed of the run, any integer.
        step: The step, from 0; for what is drawn once a run, 0.
        purpose: What the numbers are for: `"latent"`, `"order"`. One word for one purpose.

    Returns:
        An integer in [0, 2^63), equal on every machine.

    Example:
        >>> derive(0, 0, "latent") == derive(0, 0, "latent") != derive(0, 1, "latent")
        True
    """
    digest = hashlib.blake2b(f"{seed}/{step}/{purpose}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def torch_stream(seed: int, step: int, purpose: str, device: str = "cpu") -> torch.Generator:
    """A `torch.Generator` that starts at the derived seed.

    Args:
        seed: The seed of the run.
        step: The step, from 0.
        purpose: What the numbers are for.
        device: Where the numbers are to be made: `"cpu"`, `"cuda"`.

    Example:
        >>> import torch
        >>> first = torch.rand(2, generator=torch_stream(0, 3, "latent"))
        >>> bool((first == torch.rand(2, generator=torch_stream(0, 3, "latent"))).all())
        True
    """
    import torch  # noqa: PLC0415 - the command line derives seeds without torch

    return torch.Generator(device).manual_seed(derive(seed, step, purpose))


def numpy_stream(seed: int, step: int, purpose: str) -> np.random.Generator:
    """A numpy generator that starts at the derived seed.

    Args:
        seed: The seed of the run.
        step: The step, from 0; for the order of an epoch, the epoch.
        purpose: What the numbers are for.

    Example:
        >>> int(numpy_stream(0, 0, "order").integers(10)) == int(numpy_stream(0, 0, "order").integers(10))
        True
    """
    import numpy as np  # noqa: PLC0415 - as above

    return np.random.default_rng(derive(seed, step, purpose))


def secret_stream(secret: int, step: int, purpose: str) -> np.random.Generator:
    """A numpy generator that starts at all bits of a secret, for what nobody may guess.

    Args:
        secret: A number of 256 bits.
        step: The step, from 0.
        purpose: What the numbers are for.

    Example:
        >>> float(secret_stream(5, 0, "noise").normal()) == float(secret_stream(5, 0, "noise").normal())
        True
    """
    import numpy as np  # noqa: PLC0415 - as above

    digest = hashlib.blake2b(f"{secret:x}/{step}/{purpose}".encode(), digest_size=32).digest()
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(int.from_bytes(digest, "little"))))


def seed_networks(device: torch.device, seed: int) -> None:
    """Seed what networks draw for themselves, such as dropout, on their device and on the CPU."""
    import torch  # noqa: PLC0415 - as above

    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        place = torch.cuda.current_device() if device.index is None else device.index
        torch.cuda.default_generators[place].manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


@contextmanager
def streams_kept() -> Iterator[None]:
    """Give the process its random streams back: those of torch on every device, of numpy and of Python."""
    import numpy as np  # noqa: PLC0415 - as above
    import torch  # noqa: PLC0415 - as above

    cards = torch.cuda.is_available() and torch.cuda.is_initialized()
    kept = torch.get_rng_state(), random.getstate(), np.random.get_state(legacy=False)
    on_cards = torch.cuda.get_rng_state_all() if cards else []
    mps = torch.mps.get_rng_state() if torch.backends.mps.is_available() else None
    try:
        yield
    finally:
        torch.set_rng_state(kept[0])
        random.setstate(kept[1])
        np.random.set_state(kept[2])
        if cards:
            torch.cuda.set_rng_state_all(on_cards)
        if mps is not None:
            torch.mps.set_rng_state(mps)
