"""How far translated images are from those that they should be, over images, with intervals."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping

from torch import Tensor

from poise.errors import PoiseError
from poise.metrics.fingerprint import fingerprint
from poise.metrics.halves import NORMAL_QUANTILE
from poise.metrics.image_errors import absolute_errors, signals_to_noise, similarities
from poise.metrics.metric import Metric
from poise.metrics.result import Interval, Result


def translation_errors(made: Tensor, wanted: Tensor) -> Result:
    """The error of images against their targets: L1, peak signal-to-noise ratio, structural similarity.

    Args:
        made: Translated images, `(N, C, H, W)` in [-1, 1], at least two.
        wanted: What each should be, of the same shape.

    Returns:
        Means over the images: `l1`, where black and white are 2 apart, `psnr` in decibels, and `ssim`.

    Raises:
        PoiseError: The shapes differ, or there are fewer than two.

    Example:
        >>> import torch
        >>> found = translation_errors(torch.full((3, 1, 8, 8), 0.2), torch.zeros(3, 1, 8, 8))
        >>> {name: round(value, 3) for name, value in found.values.items()}["l1"]
        0.2

    Source: Wang et al. 2004, equation 13, for the structural similarity.
    """
    return _measured("translation-errors", made, wanted)


def cycle_error(back: Tensor, start: Tensor) -> Result:
    """The mean absolute difference of images after the way there and back, where black and white are 2 apart.

    Args:
        back: Images after the way there and back, `(N, C, H, W)` in [-1, 1], at least two.
        start: What each was, of the same shape.

    Raises:
        PoiseError: The shapes differ, or there are fewer than two.

    Example:
        >>> import torch
        >>> float(cycle_error(torch.ones(2, 1, 4, 4), torch.zeros(2, 1, 4, 4)))
        1.0

    Source: Zhu et al. 2017, equation 2.
    """
    return _measured("cycle-error", back, start)


MEASURES: Mapping[str, Mapping[str, Callable[[Tensor, Tensor], Tensor]]] = {
    "translation-errors": {"l1": absolute_errors, "psnr": signals_to_noise, "ssim": similarities},
    "cycle-error": {"cycle-error": absolute_errors},
}


def errors_of(metric: str, made: Tensor, wanted: Tensor) -> dict[str, Tensor]:
    """The errors of each image by name, `(N,)` each.

    Args:
        metric: `"translation-errors"` or `"cycle-error"`.
        made: `(N, C, H, W)` in [-1, 1].
        wanted: What they should be, of the same shape.
    """
    return {name: measure(made, wanted) for name, measure in MEASURES[metric].items()}


def _measured(metric: str, made: Tensor, wanted: Tensor) -> Result:
    started = time.perf_counter()
    if made.shape != wanted.shape or len(made) < 2:
        raise PoiseError(
            f"Images of the shape {tuple(made.shape)} cannot be measured against {tuple(wanted.shape)}",
            hint="give as many images as targets, at least two, of one shape",
        )
    found = errors_of(metric, made, wanted)
    values = {name: float(errors.mean()) for name, errors in found.items()}
    intervals: dict[str, Interval] = {}
    for name, errors in found.items():
        half = NORMAL_QUANTILE * float(errors.std()) / math.sqrt(len(errors))
        intervals[name] = values[name] - half, values[name] + half
    alone = metric in values
    return Result(
        metric=metric,
        value=values[metric] if alone else values,
        interval=intervals[metric] if alone else intervals,
        interval_method="closed form: the mean over images",
        floor=None,
        floor_method="none: the target itself has no error",
        samples={"images": len(wanted)},
        extractor="the image's own pixels",
        reference=fingerprint(wanted),
        seconds=time.perf_counter() - started,
    )


TRANSLATION_ERRORS = Metric(
    name="translation-errors",
    one_shot=translation_errors,
    accumulate=None,
    compute=None,
    summary="How far translated images are from their targets, for runs on pairs.",
    source="Isola et al. 2017, section 3.1; Wang et al. 2004, equation 13",
    needs=("made", "wanted"),
    lower_is_better={"l1": True, "psnr": False, "ssim": False},
)

CYCLE_ERROR = Metric(
    name="cycle-error",
    one_shot=cycle_error,
    accumulate=None,
    compute=None,
    summary="What the way to another domain and back leaves different, for runs on two domains.",
    source="Zhu et al. 2017, equation 2",
    needs=("made", "wanted"),
    lower_is_better=True,
)
