"""Latent path length: how smoothly samples change along lines between latents."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from poise.errors import PoiseError, unknown_name
from poise.metrics.half_sample_bootstrap import NORMAL_QUANTILE
from poise.metrics.metric import Metric, timed
from poise.metrics.result import AS_GIVEN, Result
from poise.randomness import derive


@timed
def latent_path_length(
    generator: nn.Module | Callable[[Tensor], Tensor],
    latent: Callable[[int, torch.Generator], Tensor],
    *,
    features: Callable[[Tensor], Tensor] | None = None,
    interpolation: Literal["spherical", "linear"] = "spherical",
    samples: int = 1000,
    epsilon: float = 1e-3,
    trim: float = 0.01,
    batch_size: int = 100,
    seed: int = 0,
) -> Result:
    """The mean squared change of samples for a small step along the line between two latents, per squared
    step.

    It is small if the generator is smooth, and says nothing about quality: a generator of one image has 0.

    Args:
        generator: Latents `(n, z)` to samples; a module is in eval mode meanwhile.
        latent: `(n, stream) -> latents (n, z)`, drawn as for sampling.
        features: Samples to features `(n, d)`, to measure change in; by default the sample's own numbers.
        interpolation: `"spherical"` for Gaussian latents, as straight lines between these pass through
            regions without latents; `"linear"` for others.
        samples: Number of lines.
        epsilon: The step, as a share of the line.
        trim: The share of the smallest and of the largest to leave out.
        batch_size: Lines at once.
        seed: Draws latents and places.

    Returns:
        The length, in squared units of the features. Its interval is that of a trimmed mean.

    Raises:
        PoiseError: Fewer than 20 lines, an unknown interpolation, or samples that are not finite.

    Example:
        >>> import torch
        >>> normal = lambda n, stream: torch.randn(n, 8, generator=stream, dtype=torch.float64)
        >>> low, high = latent_path_length(lambda z: 2 * z, normal, interpolation="linear", trim=0).interval
        >>> low < 2 * 2**2 * 8 < high
        True

    Source: Karras et al. 2019, section 4.1, equation 2.
    """
    if samples < 20:
        raise PoiseError(
            f"{samples} lines are too few for a mean and its interval",
            code="metrics.too-few-samples",
            hint="take at least 20",
        )
    between = {"spherical": _spherical, "linear": _linear}.get(interpolation)
    if between is None:
        raise unknown_name("interpolation", interpolation, ("spherical", "linear"))
    stream = torch.Generator().manual_seed(derive(seed, 0, "path length"))
    training = generator.training if isinstance(generator, nn.Module) else None
    if isinstance(generator, nn.Module):
        generator.eval()
    lengths = []
    try:
        with torch.no_grad():
            for start in range(0, samples, batch_size):
                count = min(batch_size, samples - start)
                first, second = latent(count, stream), latent(count, stream)
                place = torch.rand(count, 1, generator=stream, dtype=torch.float64).to(first) * (1 - epsilon)
                here, there = (
                    _as_rows(generator(between(first, second, at)), features)
                    for at in (place, place + epsilon)
                )
                lengths.append((there - here).square().sum(1) / epsilon**2)
    finally:
        if isinstance(generator, nn.Module) and training is not None:
            generator.train(training)
    everything = torch.cat(lengths).cpu()
    if not bool(torch.isfinite(everything).all()):
        raise PoiseError(
            "The generator's samples are not finite",
            code="metrics.not-finite",
            hint="find out where its training went wrong",
        )
    value, error = _trimmed_mean(everything, trim)
    half = NORMAL_QUANTILE * error
    return Result(
        metric="latent-path-length",
        value=value,
        interval=(max(0.0, value - half), value + half),
        interval_method="closed form: trimmed mean",
        floor=None,
        floor_method="none: reals have no latents",
        samples={"lines": samples},
        settings={"interpolation": interpolation, "epsilon": epsilon, "trim": trim, "seed": seed},
        extractor="the sample's own numbers" if features is None else AS_GIVEN,
    )


def _as_rows(samples: Tensor, features: Callable[[Tensor], Tensor] | None) -> Tensor:
    rows = (samples if features is None else features(samples)).flatten(1)
    return rows if rows.device.type == "mps" else rows.to(torch.float64)


def _linear(first: Tensor, second: Tensor, place: Tensor) -> Tensor:
    return first + (second - first) * place


def _spherical(first: Tensor, second: Tensor, place: Tensor) -> Tensor:
    """Along the great circle between the directions; the length changes linearly."""
    lengths = [torch.linalg.vector_norm(latents, dim=1, keepdim=True) for latents in (first, second)]
    one, two = first / lengths[0], second / lengths[1]
    angle = (one * two).sum(1, keepdim=True).clamp(-1 + 1e-7, 1 - 1e-7).acos()
    turned: Tensor = (((1 - place) * angle).sin() * one + (place * angle).sin() * two) / angle.sin()
    return turned * _linear(lengths[0], lengths[1], place)


def _trimmed_mean(values: Tensor, trim: float) -> tuple[float, float]:
    """The mean without the smallest and largest share, and its standard error (Tukey and McLaughlin 1963)."""
    ordered = values.sort().values
    cut = int(trim * len(ordered))
    kept = ordered[cut : len(ordered) - cut]
    winsorised = ordered.clamp(kept[0], kept[-1])
    return float(kept.mean()), float(winsorised.std()) / ((1 - 2 * trim) * math.sqrt(len(ordered)))


LATENT_PATH_LENGTH = Metric(
    name="latent-path-length",
    measure=latent_path_length,
    summary="How smoothly samples change with the latent.",
    source="Karras et al. 2019, section 4.1",
    needs=("generator", "latent"),
    lower_is_better=True,
)
