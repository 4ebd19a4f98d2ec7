"""The open interval of the history: its logs become one line, or go into a checkpoint."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

Measured = Mapping[str, Tensor]


def summarise(window: Sequence[Measured], boundary: float | None) -> dict[str, float]:
    """The means of an interval; the only point at which training waits for the device.

    Args:
        window: What each step measured, still on the device.
        boundary: The score that separates real from fake; `None` takes the middle of the two means.

    Returns:
        Means by name; scores as `real_score` and `fake_score`, and the shares of each that the discriminator
        gets right as `real_right` and `fake_right`. What is not finite is left out.

    Example:
        >>> scores = {"real_scores": torch.tensor([1.0, 3.0]), "fake_scores": torch.tensor([-1.0, 1.0])}
        >>> summarise([scores], 0.0)
        {'real_score': 2.0, 'fake_score': 0.0, 'real_right': 1.0, 'fake_right': 0.5}
    """
    means = interval_means(window, boundary)
    if not means:
        return {}
    values = torch.stack(list(means.values())).tolist()
    return {name: value for name, value in zip(means, values, strict=True) if math.isfinite(value)}


def interval_means(window: Sequence[Measured], boundary: float | None) -> dict[str, Tensor]:
    """The means of an interval, still on the device: what `summarise` reads."""
    columns: dict[str, list[Tensor]] = {}
    for measured in window:
        for name, value in measured.items():
            columns.setdefault(name, []).append(value)
    real, fake = columns.pop("real_scores", None), columns.pop("fake_scores", None)
    means = {name: torch.stack(values).float().mean() for name, values in columns.items()}
    if real and fake:
        reals, fakes = (torch.cat([scores.flatten() for scores in side]).float() for side in (real, fake))
        means["real_score"], means["fake_score"] = reals.mean(), fakes.mean()
        middle = (means["real_score"] + means["fake_score"]) / 2 if boundary is None else boundary
        means["real_right"] = (reals > middle).float().mean()
        means["fake_right"] = (fakes < middle).float().mean()
    return means


def window_tensors(window: Sequence[Measured]) -> dict[str, Tensor]:
    """The logs of the open interval, for a checkpoint."""
    return {
        f"window/{number}/{name}": value.detach()
        for number, logs in enumerate(window)
        for name, value in logs.items()
    }


def window_from_tensors(
    names: Sequence[Sequence[str]], tensors: Measured, device: torch.device
) -> list[dict[str, Tensor]]:
    """The logs that `window_tensors` returned, names in the order of measurement."""
    return [
        {name: tensors[f"{number}/{name}"].to(device) for name in own} for number, own in enumerate(names)
    ]
