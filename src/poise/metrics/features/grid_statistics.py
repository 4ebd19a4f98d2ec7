"""Features of fields that nobody trained: values at few places, the spectrum, and the spread of values."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from poise.metrics.features.extractor import FunctionExtractor
from poise.spectra import radial_power

NO_WEIGHTS = ""
PLACES = 4  # Of each axis to which fields are averaged
BANDS = 8  # Of wave numbers, each as wide as those below it together
SHARES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)  # Of the values of a sample that lie below a feature
MOST_CHANNELS = 8  # From more on only their mean and their spread over channels is described

_POOLS: Mapping[int, Callable[[Tensor, Any], Tensor]] = {
    1: functional.adaptive_avg_pool1d,
    2: functional.adaptive_avg_pool2d,
    3: functional.adaptive_avg_pool3d,
}


def field_statistics() -> FunctionExtractor:
    """Features of fields `(N, C, *axes)` of one to three axes, those that are missing of length 1.

    For each channel: the field averaged to at most four places an axis; the logarithm of its power in up to
    eight bands of wave numbers; and its least and greatest value and five quantiles between.

    Example:
        >>> field_statistics()(torch.randn(2, 1, 1, 16, 16)).shape
        torch.Size([2, 27])
    """
    preparation = f"{PLACES} places an axis, {BANDS} bands, {len(SHARES)} quantiles"
    return FunctionExtractor("field-statistics", _features, preparation=preparation, weights_hash=NO_WEIGHTS)


def _features(samples: Tensor) -> Tensor:
    axes = [length for length in samples.shape[2:] if length > 1] or [1]
    fields = samples.float().reshape(*samples.shape[:2], *axes)
    if fields.shape[1] > MOST_CHANNELS:
        fields = torch.stack([fields.mean(1), fields.std(1)], 1)
    few = [min(PLACES, length) for length in axes]
    pooled = _POOLS[len(axes)](fields, few).flatten(1)
    shares = torch.tensor(SHARES, dtype=fields.dtype, device=fields.device)
    values = torch.quantile(fields.flatten(2), shares, dim=2).movedim(0, -1).flatten(1)
    return torch.cat([pooled, _bands(radial_power(fields.double())).float().flatten(1), values], 1)


def _bands(power: Tensor) -> Tensor:
    """The logarithm of the mean power `(N, C, bands)` of 1, 2 to 3, 4 to 7 and so on."""
    bands: list[Tensor] = []
    start = 0
    while start < power.shape[2] and len(bands) < BANDS:
        width = start + 1
        last = len(bands) == BANDS - 1
        bands.append(power[..., start : None if last else start + width].mean(-1))
        start += width
    return (torch.stack(bands, -1) + 1e-12).log() / 2
