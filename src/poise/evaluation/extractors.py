"""Extractors by their names, built from what is measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from poise.errors import PoiseError
from poise.metrics.features import EXTRACTORS, Extractor, as_extractor, default_extractor


def extractor_for(features: Any, real: Tensor, labels: Tensor | None, cache: Path) -> Extractor:
    """The extractor that a person means.

    Args:
        features: A name out of `EXTRACTORS`, an extractor, a network or a function; `None` for the default.
        real: The reals, images or vectors.
        labels: Their classes, where they are known.
        cache: Where trained and downloaded weights are kept.

    Raises:
        PoiseError: There is none of that name, it does not take such samples, or it needs what is not there.
    """
    if features is None:
        return default_extractor(real)
    if not isinstance(features, str):
        return as_extractor(features)
    kind = EXTRACTORS.named(features)
    found = "image" if real.dim() == 4 else "vector"
    if found not in kind.takes:
        fit = ", ".join(f"'{other.name}'" for other in EXTRACTORS.values() if found in other.takes)
        raise PoiseError(
            f"The features '{kind.name}' are of {kind.takes[0]}s, and these samples are {found}s",
            hint=f"choose one of {fit}",
        )
    if "channels" in kind.needs:
        return kind.build(real.shape[1])
    if "labels" in kind.needs:
        if labels is None:
            raise PoiseError(
                f"The features '{kind.name}' are trained on labels, and the data came without",
                hint="give them: --labels FILE.csv, or choose other features",
            )
        return kind.build(real, labels, cache=cache)
    return kind.build(cache=cache) if "cache" in kind.needs else kind.build()
