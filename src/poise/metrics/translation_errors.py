"""The errors of translated images, pixel by pixel and window by window, with intervals over images."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from poise.errors import PoiseError
from poise.metrics.arrays import fingerprint
from poise.metrics.intervals import interval_of_mean
from poise.metrics.metric import metric
from poise.metrics.result import Result

WINDOW = 11
DEVIATION = 1.5
SPAN = 2.0  # From black to white in the networks' space


@metric(
    "How far translated images are from their targets, for runs on pairs.",
    "Isola et al. 2017, section 3.1; Wang et al. 2004, equation 13",
    needs=("made", "wanted"),
    lower_is_better={"l1": True, "psnr": False, "ssim": False},
    default_for=("pairs",),
)
def translation_errors(made: Tensor, wanted: Tensor) -> Result:
    """The error of images against their targets: L1, peak signal-to-noise ratio, structural similarity.

    Takes images `(N, C, H, W)` in [-1, 1], at least two, and the target of each.

    Returns:
        Means over the images: `l1`, in which black and white are 2 apart, `psnr` in decibels, and `ssim`.

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


@metric(
    "How much images differ after the way to another domain and back, for runs on two domains.",
    "Zhu et al. 2017, equation 2",
    needs=("back", "start"),
    lower_is_better=True,
    default_for=("domains",),
)
def cycle_error(back: Tensor, start: Tensor) -> Result:
    """The mean absolute difference of images after the way to the other domain and back.

    Takes images `(N, C, H, W)` in [-1, 1] after the way there and back, at least two, and what each
    started from.

    Returns:
        The error, in which black and white are 2 apart.

    Raises:
        PoiseError: The shapes differ, or there are fewer than two.

    Example:
        >>> import torch
        >>> float(cycle_error(torch.ones(2, 1, 4, 4), torch.zeros(2, 1, 4, 4)))
        1.0

    Source: Zhu et al. 2017, equation 2.
    """
    return _measured("cycle-error", back, start)


def absolute_errors(made: Tensor, wanted: Tensor) -> Tensor:
    """The mean absolute difference of each image, `(N,)`."""
    return (made.double() - wanted.double()).abs().flatten(1).mean(1)


def peak_signal_to_noise(made: Tensor, wanted: Tensor) -> Tensor:
    """The peak signal-to-noise ratio of each image in decibels, `(N,)`; identical images have 100."""
    error = (made.double() - wanted.double()).square().flatten(1).mean(1)
    return 10 * torch.log10(SPAN**2 / error.clamp(min=SPAN**2 * 1e-10))


def structural_similarity(made: Tensor, wanted: Tensor) -> Tensor:
    """The mean structural similarity of each image in Gaussian windows of 11 pixels, over channels, `(N,)`.

    Images smaller than the window get the largest odd window that fits. Identical images have 1.

    Source: Wang et al. 2004, equation 13, with the window and constants of its section III-C.
    """
    side = min(WINDOW, *(length - (length + 1) % 2 for length in made.shape[2:]))
    places = torch.arange(side, dtype=torch.float64) - side // 2
    bell = torch.exp(-places.square() / (2 * DEVIATION**2))
    bell /= bell.sum()
    # Its luminance starts at 0 for black.
    first, second = (images.double().add(1).flatten(0, 1).unsqueeze(1) for images in (made, wanted))

    def blurred(images: Tensor) -> Tensor:
        return conv2d(conv2d(images, bell.reshape(1, 1, -1, 1)), bell.reshape(1, 1, 1, -1))

    mean_one, mean_two = blurred(first), blurred(second)
    variance_one = blurred(first * first) - mean_one**2
    variance_two = blurred(second * second) - mean_two**2
    covariance = blurred(first * second) - mean_one * mean_two
    light, contrast = (0.01 * SPAN) ** 2, (0.03 * SPAN) ** 2
    index = (2 * mean_one * mean_two + light) * (2 * covariance + contrast)
    index /= (mean_one**2 + mean_two**2 + light) * (variance_one + variance_two + contrast)
    return index.reshape(len(made), -1).mean(1)


MEASURES: Mapping[str, Mapping[str, Callable[[Tensor, Tensor], Tensor]]] = {
    "translation-errors": {
        "l1": absolute_errors,
        "psnr": peak_signal_to_noise,
        "ssim": structural_similarity,
    },
    "cycle-error": {"cycle-error": absolute_errors},
}


def errors_of(metric: str, made: Tensor, wanted: Tensor) -> dict[str, Tensor]:
    """The errors of each image by name, `(N,)` each, for `"translation-errors"` or `"cycle-error"`."""
    return {name: measure(made, wanted) for name, measure in MEASURES[metric].items()}


def _measured(metric: str, made: Tensor, wanted: Tensor) -> Result:
    if made.shape != wanted.shape or len(made) < 2:
        raise PoiseError(
            f"Images of the shape {tuple(made.shape)} cannot be measured against {tuple(wanted.shape)}",
            code="metrics.different-shapes",
            hint="give as many images as targets, at least two, of one shape",
        )
    found = errors_of(metric, made, wanted)
    values = {name: float(errors.mean()) for name, errors in found.items()}
    intervals = {name: interval_of_mean(errors) for name, errors in found.items()}
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
    )
