"""Values of a recipe that remedies set, worked out from the recipe that a run has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Recipe = Mapping[str, Any]


def rate_of(recipe: Recipe, player: str) -> float:
    """A player's learning rate; the default where the recipe has none."""
    rate = recipe.get("optimisers", {}).get(player, {}).get("rate")
    return float(rate) if rate else 2e-4


def rates_times(recipe: Recipe, factor: float, *players: str) -> dict[str, Any]:
    """The rates of both players, or of those named, times a factor.

    Example:
        >>> rates_times({"optimisers": {"generator": {"rate": 0.002}}}, 0.5, "generator")
        {'optimisers.generator.rate': 0.001}
    """
    chosen = players or ("generator", "discriminator")
    return {
        f"optimisers.{player}.rate": float(f"{factor * rate_of(recipe, player):.3g}") for player in chosen
    }
