"""Randomness derived from (seed, step, purpose), so that nothing random has a state to save.

A run that was killed and resumed draws the same numbers as one that never stopped, since every draw is a
function of where it stands and not of what was drawn before it.
"""

from __future__ import annotations

import hashlib
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
