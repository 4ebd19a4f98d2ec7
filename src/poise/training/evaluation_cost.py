"""How often samples are measured while training: a function of sizes, and not of a clock.

Seconds here are those of one core of a present-day machine, from a model: only their ratio matters, and the
model errs towards long evaluations and short steps.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from poise.data import Dataset
from poise.metrics.features.untrained import LARGEST
from poise.training.components import Components

SAMPLES = 1_000
"""How many are measured while training, if the data are as many."""

SHARE = 0.022
"""Of the time, for one evaluation each interval; with the reference and a last one it stays below 0.05."""

RATE = 15e9
"""Operations a second, of training and of sampling."""

STEP_OVERHEAD = {"cpu": 1e-3, "cuda": 4e-3, "mps": 8e-3}
"""Seconds of a step beside its arithmetic."""

ACCELERATED = 3e12
"""Operations a second on an accelerator, on which sampling takes next to nothing."""


def interval_of(components: Components, dataset: Dataset) -> int:
    """Steps between two evaluations of a run, a multiple of those between two pictures."""
    recipe, device = components.recipe, components.device.type
    operations, rate = _operations_and_rate(components, dataset)
    # Both players pass forwards and backwards: at least six times what sampling costs.
    step = STEP_OVERHEAD.get(device, 4e-3) + 6 * recipe.batch_size * recipe.packing * operations / rate
    every = recipe.sample_every or 1
    return every * math.ceil(measuring_seconds(components, dataset) / (SHARE * step) / every)


def measuring_seconds(components: Components, dataset: Dataset) -> float:
    """Seconds of one evaluation of a run."""
    operations, rate = _operations_and_rate(components, dataset)
    samples = min(SAMPLES, len(dataset))
    return samples * operations / rate + seconds_of_measuring(dataset.shape, samples)


def _operations_and_rate(components: Components, dataset: Dataset) -> tuple[float, float]:
    """Operations of a sample of the generator, and how many the device makes in a second."""
    condition = None if dataset.condition is None else dataset.condition.shape
    latent, device = components.recipe.latent.size, components.device
    operations = operations_of(components.ema.module, latent, condition, device)
    return operations, RATE if device.type == "cpu" else ACCELERATED


def seconds_of_measuring(shape: tuple[int, ...], samples: int) -> float:
    """Features and distances of so many samples, on one core."""
    distances = 3e-8 * samples**2 + 5e-3
    if len(shape) != 3:
        return distances + 1e-8 * samples * math.prod(shape)
    channels, height, width = shape
    kept = min(height, LARGEST) * min(width, LARGEST)
    resizing = 2e-8 * channels * height * width if max(height, width) > LARGEST else 0.0
    return distances + samples * (4e-7 * kept + resizing)


def operations_of(
    module: nn.Module, latent: int, condition: tuple[int, ...] | None, device: torch.device
) -> float:
    """Floating-point operations of a sample of a generator in eval mode: convolutions and linear layers.

    Example:
        >>> operations_of(nn.Linear(8, 4), 8, None, torch.device("cpu"))
        64.0
    """
    total = 0.0

    def count(part: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        weight = getattr(part, "weight", None)
        if not isinstance(weight, Tensor) or not isinstance(output, Tensor):
            return
        # Each number of the wider side meets one row of the weight: the output's of a convolution, the
        # input's of a transposed one.
        met = inputs[0] if isinstance(part, nn.modules.conv._ConvTransposeNd) else output
        total += 2.0 * met.numel() * weight[0].numel()

    kinds = (nn.Linear, nn.modules.conv._ConvNd)
    handles = [part.register_forward_hook(count) for part in module.modules() if isinstance(part, kinds)]
    inputs = [torch.zeros(1, latent, device=device)]
    inputs += [] if condition is None else [torch.zeros(1, *condition, device=device)]
    try:
        with torch.no_grad(), torch.random.fork_rng():
            module(*inputs)
    finally:
        for handle in handles:
            handle.remove()
    return total
