"""Values that rows of several recipes share: optimisers of both players, schedules, the default."""

from __future__ import annotations

from typing import Any


def adam(rate: float | None, beta1: float, beta2: float) -> dict[str, Any]:
    """Adam for both players."""
    player = {"name": "adam", "learning_rate": rate, "beta1": beta1, "beta2": beta2}
    return {"discriminator": player, "generator": player}


def rmsprop(rate: float) -> dict[str, Any]:
    """RMSProp for both players."""
    player = {"name": "rmsprop", "learning_rate": rate, "beta2": 0.99}
    return {"discriminator": player, "generator": player}


def cosine(start: float, end: float) -> dict[str, Any]:
    """Half a cosine over the whole run."""
    return {"shape": "cosine", "start": start, "end": end}


def falling(start: float | None) -> dict[str, Any]:
    """Constant for half of the run, then linear to 0."""
    return {"start": start, "end": 0.0, "after": 0.5, "over": 0.5}


DEFAULT: dict[str, Any] = {
    "loss": "non-saturating",
    "regularisers": {"r1": {"every": 8}},
    "optimisers": adam(None, 0.0, 0.99),
    "ema": {"half_life": 50_000, "ramp": 0.2},
}
"""What the default recipe sets; a row that begins with it says what it does otherwise."""
