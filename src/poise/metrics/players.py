"""Metrics of the players themselves: the latent path length and the duality gap."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from poise.errors import PoiseError, unknown_name
from poise.metrics.arrays import fingerprint
from poise.metrics.features.extractor import frozen
from poise.metrics.intervals import NORMAL_QUANTILE, interval_of_mean
from poise.metrics.metric import metric
from poise.metrics.result import AS_GIVEN, Result
from poise.randomness import derive, torch_stream


@metric(
    "How smoothly samples change with the latent.",
    "Karras et al. 2019, section 4.1",
    needs=("generator", "latent"),
    lower_is_better=True,
)
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
    stream = torch_stream(seed, 0, "path length")
    lengths = []
    with frozen(*([generator] if isinstance(generator, nn.Module) else [])):
        for start in range(0, samples, batch_size):
            count = min(batch_size, samples - start)
            first, second = latent(count, stream), latent(count, stream)
            place = torch.rand(count, 1, generator=stream, dtype=torch.float64).to(first) * (1 - epsilon)
            here, there = (
                _as_rows(generator(between(first, second, at)), features) for at in (place, place + epsilon)
            )
            lengths.append((there - here).square().sum(1) / epsilon**2)
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


Objective = Callable[[nn.Module, nn.Module, Tensor, Tensor], Tensor]
Latent = Callable[[int, torch.Generator], Tensor]


@metric(
    "How much each player could still gain: convergence of the game itself, without features.",
    "Grnarova et al. 2019, equation 3",
    needs=("generator", "discriminator", "objective", "held_out"),
    lower_is_better={"duality_gap": True, "worst_discriminator": True, "worst_generator": None},
)
def duality_gap(
    generator: nn.Module,
    discriminator: nn.Module,
    objective: Objective,
    held_out: Tensor,
    *,
    latent: Latent,
    steps: int = 200,
    learning_rate: float = 1e-3,
    batch_size: int = 64,
    seed: int = 0,
) -> Result:
    """The objective of a worst-case discriminator against this generator, minus that of this discriminator
    against a worst-case generator.

    Each worst-case player is trained for some steps from a copy of the present one, on one half of held-out
    data; both are evaluated on the other half. At an equilibrium of a zero-sum game the gap is zero; it falls
    if training goes well and rises if the players circle or a mode is dropped. It needs no features and no
    labels. The given players are not changed.

    Args:
        generator: Latents to samples.
        discriminator: Samples to scores.
        objective: `(generator, discriminator, real, latents) -> (N,)`: what the discriminator maximises and
            the generator minimises, for each sample of a batch.
        held_out: Data that neither has been trained on, `(N, ...)`.
        latent: `(n, stream) -> latents`.
        steps: How long each worst-case player trains: more make the gap larger and truer.
        learning_rate: Of Adam, for both.
        batch_size: Samples of a step.
        seed: Seeds halves, batches and latents.

    Returns:
        `duality_gap`, `worst_discriminator` (the objective against the best discriminator found: the minimax
        value) and `worst_generator`. A negative gap says that the worst-case players have not learned
        enough.

    Raises:
        PoiseError: Fewer than 4 held-out samples, or an objective that gives no number for each sample.

    Source: Grnarova et al. 2019, equation 3 and section 4.
    """
    if len(held_out) < 4:
        raise PoiseError(
            f"There are {len(held_out)} held-out samples, and the duality gap needs at least 4",
            code="metrics.too-few-samples",
            hint="hold out more",
        )
    stream = torch_stream(seed, 0, "duality gap")
    learn, test = (
        held_out[half.to(held_out.device)]
        for half in torch.randperm(len(held_out), generator=stream).tensor_split(2)
    )

    def worst(player: str) -> tuple[nn.Module, nn.Module]:
        players = {"generator": copy.deepcopy(generator), "discriminator": copy.deepcopy(discriminator)}
        for name, module in players.items():
            module.requires_grad_(name == player)
        moving = players[player].train()
        sign = 1.0 if player == "generator" else -1.0
        optimiser = torch.optim.Adam(moving.parameters(), lr=learning_rate, betas=(0.5, 0.99))
        for _ in range(steps):
            chosen = torch.randint(len(learn), (min(batch_size, len(learn)),), generator=stream)
            real = learn[chosen.to(learn.device)]
            latents = latent(len(real), stream).to(real.device)
            optimiser.zero_grad()
            each = objective(players["generator"], players["discriminator"], real, latents)
            (sign * each.mean()).backward()
            optimiser.step()
        return players["generator"].eval(), players["discriminator"].eval()

    latents = latent(len(test), stream).to(held_out.device)
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(derive(seed, 0, "duality gap"))
        pairs = {"worst_discriminator": worst("discriminator"), "worst_generator": worst("generator")}
    with torch.no_grad():
        found = {name: _for_each(objective, *players, test, latents) for name, players in pairs.items()}
    found["duality_gap"] = found["worst_discriminator"] - found["worst_generator"]
    names = ("duality_gap", "worst_discriminator", "worst_generator")
    return Result(
        metric="duality-gap",
        value={name: float(found[name].mean()) for name in names},
        interval={name: interval_of_mean(found[name]) for name in names},
        interval_method="closed form: normal, for these worst-case players",
        floor={"duality_gap": 0.0},
        floor_method="exact: an equilibrium",
        samples={"held_out": len(held_out)},
        settings={"steps": steps, "learning_rate": learning_rate, "batch_size": batch_size, "seed": seed},
        reference=fingerprint(held_out),
    )


def _for_each(
    objective: Objective, generator: nn.Module, discriminator: nn.Module, real: Tensor, latents: Tensor
) -> Tensor:
    each = objective(generator, discriminator, real, latents)
    if each.shape != (len(real),):
        raise PoiseError(
            f"The objective gives a tensor of shape {tuple(each.shape)} for {len(real)} samples",
            code="metrics.objective-shape",
            why="the interval needs one number for each sample",
            hint="return shape (N,), and take no mean",
        )
    return each.double()
