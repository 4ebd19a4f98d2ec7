"""Extractors by their names, built from what is measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from poise.data import KINDS, DataKind
from poise.errors import PoiseError
from poise.metrics.features import EXTRACTORS, Extractor, as_extractor


def extractor_for(features: Any, of: DataKind, real: Tensor, labels: Tensor | None, cache: Path) -> Extractor:
    """The extractor that a person means.

    Args:
        features: A name out of `EXTRACTORS`, an extractor, a network or a function; `None` for the default.
        of: The kind of data.
        real: The reals.
        labels: Their classes, where they are known.
        cache: Where trained and downloaded weights are kept.

    Raises:
        PoiseError: There is none of that name, it does not take such samples, or it needs what is not there.
    """
    if features is not None and not isinstance(features, str):
        return as_extractor(features)
    kind = EXTRACTORS.named(of.features if features is None else features)
    if not kind.serves(of.name):
        fit = ", ".join(f"'{other.name}'" for other in EXTRACTORS.values() if other.serves(of.name))
        takes = " and ".join(KINDS[name].plural for name in kind.takes)
        raise PoiseError(
            f"The features '{kind.name}' are of {takes}, and these samples are {of.plural}",
            code="evaluation.features-unfit",
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
