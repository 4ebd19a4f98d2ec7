"""The classes that a generator knows, and conditions drawn from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from poise.errors import PoiseError, unknown_name
from poise.randomness import torch_stream


def class_names(condition: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The names that can be asked for; none where the generator knows no classes.

    Args:
        condition: What `generator.json` says of its conditions.
    """
    if condition is None or condition["kind"] != "label":
        return ()
    return tuple(str(name) for name in condition["names"])


def drawn_conditions(
    condition: Mapping[str, Any] | None, count: int, *, seed: int, label: str | None
) -> Tensor | None:
    """Conditions as the generator takes them, `(count, classes)`; `None` where it takes none.

    Args:
        condition: What `generator.json` says of its conditions.
        count: How many.
        seed: From which classes are drawn, each as often as in the data.
        label: The one class that is wanted.

    Raises:
        PoiseError: There is no such class, the generator has none, or it translates images.
    """
    if condition is None:
        if label is not None:
            raise PoiseError(
                f"This generator knows no classes, so there is no '{label}' to ask for",
                hint="train one that does: --recipe conditional",
            )
        return None
    if condition["kind"] != "label":
        tags = "tags" in condition
        raise PoiseError(
            "This generator makes its samples from images",
            hint="give it one: poise tag RUN image.png"
            if tags
            else "give it some: poise translate RUN inputs/ --out outputs/",
        )
    names, counts = [str(name) for name in condition["names"]], condition["counts"]
    if label is not None and str(label) not in names:
        raise unknown_name("class", str(label), names)
    if label is not None:
        drawn = torch.full((count,), names.index(str(label)))
    else:
        weights = torch.tensor(counts, dtype=torch.float64)
        stream = torch_stream(seed, 0, "classes of samples")
        # One draw at a time would keep the first of many the same as of few; so do uniform numbers.
        places = torch.rand(count, generator=stream, dtype=torch.float64) * weights.sum()
        drawn = torch.searchsorted(weights.cumsum(0), places, right=True).clamp(max=len(names) - 1)
    return torch.nn.functional.one_hot(drawn, len(names)).float()
