"""What samples show by themselves: simple statistics, layouts, a grid, and what is wrong with waves."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from poise.diagnosis.distances import channels_first
from poise.diagnosis.window import roc_auc
from poise.waves import LEAST as LEAST_WAVE
from poise.waves import STRIDES, at_the_ends, end_of, peaks, silent, stride_powers, tones


def summary_of(samples: Tensor) -> dict[str, float]:
    """Least, greatest, mean and deviation of all values, and how far the channels of colours differ.

    Example:
        >>> summary_of(torch.zeros(2, 3, 4, 4))["colour"]
        0.0
    """
    samples = channels_first(samples.detach()).float()
    found = {
        "least": float(samples.amin()),
        "greatest": float(samples.amax()),
        "mean": float(samples.mean()),
        "deviation": float(samples.std()),
    }
    if samples.dim() == 4 and samples.shape[1] == 3:
        found["colour"] = float(samples.std(1).mean())
    return found


# How well one statistic tells reals from fakes, 0.5 to 1, and by how many deviations they differ
Probe = tuple[float, float]


def simple_statistics(samples: Tensor) -> dict[str, Tensor]:
    """Statistics so simple that they tell nothing of what a sample shows, by name, `(N,)` each.

    Of images: least, greatest, mean and standard deviation of all values, the mean of the border, of the
    border against the inside, of the difference between neighbouring pixels, of that at every eighth column
    against the others (the grid that JPEG leaves), and the mean of each channel. Of vectors: the first
    coordinates, the least, the greatest and the norm.
    """
    samples = channels_first(samples.detach().float())
    flat = samples.reshape(len(samples), -1)
    found = {"least": flat.amin(1), "greatest": flat.amax(1)}
    if samples.dim() != 4:
        found["norm"] = flat.norm(dim=1)
        return found | {f"coordinate {index}": flat[:, index] for index in range(min(8, flat.shape[1]))}
    found |= {"mean": flat.mean(1), "deviation": flat.std(1)}
    height, width = samples.shape[-2:]
    if min(height, width) >= 4:
        edge = torch.ones(height, width, dtype=torch.bool)
        edge[1:-1, 1:-1] = False
        found["border"] = samples[..., edge].flatten(1).mean(1)
        found["border against inside"] = found["border"] - samples[..., ~edge].flatten(1).mean(1)
        steps = (samples[..., 1:] - samples[..., :-1]).abs().mean((1, 2))
        found["roughness"] = steps.mean(1)
        if width >= 16:
            at_grid = torch.arange(1, width) % 8 == 0
            found["grid"] = steps[:, at_grid].mean(1) - steps[:, ~at_grid].mean(1)
    if samples.shape[1] > 1:
        found |= {
            f"channel {index}": channel.flatten(1).mean(1) for index, channel in enumerate(samples.unbind(1))
        }
    return found


def probes(real: Tensor, fake: Tensor, *, known: Mapping[str, Tensor] | None = None) -> dict[str, Probe]:
    """How well each simple statistic alone tells reals, whose statistics may be known, from fakes."""
    of_real, of_fake = simple_statistics(real) if known is None else known, simple_statistics(fake)
    # If reals are all alike in something, a hair's breadth is many deviations: it must be visible.
    least = max(0.1 * float(real.float().std()), 1e-6)
    found: dict[str, Probe] = {}
    for name, values in of_real.items():
        others = of_fake[name]
        area = roc_auc(values.cpu(), others.cpu())
        if area is None:
            continue
        deviation = math.sqrt((float(values.var()) + float(others.var())) / 2)
        apart = abs(float(values.mean()) - float(others.mean()))
        found[name] = (max(area, 1 - area), min(apart / max(deviation, least), 1e4))
    return found


# How people's pictures differ from those that the discriminator sees, if they do
LAYOUTS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "their first and last channel exchanged": lambda samples: samples.flip(1),
    "black and white exchanged": lambda samples: samples.amax() + samples.amin() - samples,
    "height and width exchanged": lambda samples: samples.transpose(-1, -2),
    "up and down exchanged": lambda samples: samples.flip(-2),
}


def layouts_of(samples: Tensor) -> dict[str, Tensor]:
    """Pictures as they are, under an empty name, and changed in those of `LAYOUTS` that keep their shape."""
    found = {"": samples}
    if samples.dim() != 4 or min(samples.shape[-2:]) < 2:
        return found
    for name, change in LAYOUTS.items():
        changed = change(samples)
        if changed.shape == samples.shape and not torch.equal(changed, samples):
            found[name] = changed
    return found


GRID_SIDE = 8  # Pixels of a side from which a grid of every second pixel can be told from the picture


def grid_of(samples: Tensor) -> float | None:
    """The greatest peak of the spectrum at the frequencies of strides, over the power around.

    Transposed convolutions whose kernel their stride does not divide leave a pattern that repeats every
    second or fourth pixel.

    Source: Odena, Dumoulin and Olah 2016, "Deconvolution and checkerboard artifacts"; Zhang et al. 2019,
        "Detecting and simulating artifacts in GAN fake images".
    """
    samples = channels_first(samples.detach()).float()
    if samples.dim() != 4 or min(samples.shape[-2:]) < GRID_SIDE:
        return None
    side = min(samples.shape[-2:]) // 8 * 8
    pictures = samples[..., :side, :side].mean(1)
    power = torch.fft.fft2(pictures - pictures.mean((1, 2), keepdim=True)).abs().square().mean(0).cpu()
    ratios = []
    for period in (2, 4) if side >= 32 else (2,):
        at, gap = side // period, 1 if side < 32 else 2
        for row, column in ((0, at), (at, 0), (at, at)):
            around = [(row, column + gap), (row, column - gap), (row + gap, column), (row - gap, column)]
            beside = [float(power[one % side, other % side]) for one, other in around]
            ratios.append(float(power[row, column]) / max(statistics.median(beside), 1e-12))
    return max(ratios)


def waves_in(samples: Tensor, made: Callable[[Tensor], Tensor] | None) -> Tensor | None:
    """The waves `(N, T)` of samples, on the CPU: as they are made, or of samples of one axis themselves."""
    samples = samples.detach().float()
    if made is not None:
        return made(samples).cpu()
    samples = channels_first(samples)
    whole = samples.dim() == 3 and samples.shape[-1] >= LEAST_WAVE
    return samples.mean(1).cpu() if whole else None


def faults_of(waves: Tensor, real: Tensor) -> dict[str, tuple[float, float]]:
    """Shares of silent waves and of clipped values, and tones of strides, of waves and of reals.

    A tone is the power of the mean spectrum at the frequency of a stride, over that around it.
    """
    usual, end = float(peaks(real).median()), end_of(real)
    sides = [
        {
            "silent": float(silent(side, usual).mean()),
            "clipped": float(at_the_ends(side, end).mean()),
            **{
                f"every {stride}": tone
                for stride, tone in zip(STRIDES, tones(stride_powers(side)).tolist(), strict=False)
            },
        }
        for side in (waves, real)
    ]
    return {name: (sides[0][name], sides[1][name]) for name in sides[0]}
