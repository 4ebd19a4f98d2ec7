"""What the generator of a run makes, by its `data.json`: how people ask it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Makes = Literal["samples", "images", "tags"]
"""Samples of noise, images of images, or the tags of an image."""


def makes(data: Mapping[str, Any]) -> Makes:
    """What a run's generator makes.

    Args:
        data: The run's `data.json`.

    Example:
        >>> makes({"condition": None}), makes({"condition": {"kind": "image"}})
        ('samples', 'images')
    """
    condition = data.get("condition") or {}
    if condition.get("kind") == "image":
        return "images"
    return "tags" if "tags" in condition else "samples"
