"""How many samples of sounds are silent, clipped, or have one whistling tone."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from poise.errors import PoiseError
from poise.metrics.arrays import as_tensor, fingerprint
from poise.metrics.grids import LEAST as FEWEST
from poise.metrics.grids import compared
from poise.metrics.metric import metric
from poise.metrics.result import Result
from poise.waves import LEAST, STRIDES, at_the_ends, end_of, peaks, silent, stride_powers, tones


@metric(
    "How many sounds are silent, how many values are clipped, and whether a tone of a stride stands out.",
    "Donahue et al. 2019 (WaveGAN), section 3, on tones that strides leave; the shares are ours",
    needs=("real_waves", "fake_waves"),
    lower_is_better={"silent_share": True, "clipped_share": True, "stride_tone": True},
)
def wave_faults(
    real_waves: object,
    fake_waves: object,
    *,
    held_out_waves: object = None,
    replicates: int = 40,
    seed: int = 0,
) -> Result:
    """The shares of silent sounds and of clipped values, and the peak of the spectrum at strides.

    Args:
        real_waves: Waves `(N, T)` of at least 256 values, array or tensor.
        fake_waves: Waves `(M, T)` on the same scale.
        held_out_waves: Other reals for the floor; without, the reals are split in two.
        replicates: Half-samples for the interval; 0 for neither interval nor floor.
        seed: Seeds them.

    Returns:
        `silent_share`, the share of waves whose peak is less than a twentieth of the reals' median peak;
        `clipped_share`, the share of values at 1 or -1, or at the reals' greatest if that is more; and
        `stride_tone`, the power of the mean spectrum at the frequency of a stride over that around it, over
        the same of the reals if these have a tone there, the greatest of several strides. `details` holds
        both shares of the reals, and the tone of each stride on both sides.

    Raises:
        PoiseError: Fewer than 4 waves, or shorter ones.

    Example:
        >>> noise = 0.1 * torch.randn(100, 1_024, generator=torch.Generator().manual_seed(0))
        >>> whistling = noise + 0.1 * torch.cos(torch.pi * torch.arange(1_024) / 2)
        >>> found = wave_faults(noise, whistling, replicates=0).value
        >>> found["silent_share"], found["clipped_share"], found["stride_tone"] > 100
        (0.0, 0.0, True)

    Source: Donahue et al. 2019, "Adversarial audio synthesis", section 3; the shares are ours.
    """
    sides = [_waves(real_waves, "real"), _waves(fake_waves, "fake")]
    if held_out_waves is not None:
        sides.append(_waves(held_out_waves, "held-out"))
    usual, end = float(peaks(sides[0]).median()), end_of(sides[0])

    def described(waves: Tensor) -> Tensor:
        """A row for each wave: whether it is silent, how much of it is clipped, and its powers."""
        return torch.cat(
            [
                torch.stack([silent(waves, usual), at_the_ends(waves, end)], 1),
                stride_powers(waves).flatten(1),
            ],
            1,
        )

    def tones_of(rows: Tensor) -> Tensor:
        return tones(rows[:, 2:].reshape(len(rows), -1, 7))

    rows = [described(side) for side in sides]

    def faults(real: Tensor, fake: Tensor) -> Tensor:
        shares = fake[:, :2].mean(0)
        return torch.cat([shares, (tones_of(fake) / tones_of(real).clamp(min=1)).max()[None]])

    numbers = ("silent_share", "clipped_share", "stride_tone")
    result = compared(
        "wave-faults",
        numbers,
        faults,
        rows[:2],
        rows[2] if len(rows) > 2 else None,
        fingerprint(as_tensor(real_waves, "real")),
        replicates=replicates,
        seed=seed,
    )
    shares = rows[0][:, :2].mean(0).tolist()
    found = [tones_of(side).tolist() for side in rows[:2]]
    details = {
        "real_silent_share": shares[0],
        "real_clipped_share": shares[1],
        "tones": {str(stride): pair for stride, pair in zip(STRIDES, zip(*found, strict=True), strict=False)},
    }
    return replace(result, details=details)


def _waves(given: object, name: str) -> Tensor:
    waves = as_tensor(given, name).double()
    waves = waves.flatten(1) if waves.dim() == 3 and waves.shape[1] == 1 else waves
    if waves.dim() != 2 or waves.shape[1] < LEAST or len(waves) < FEWEST:
        raise PoiseError(
            f"The {name} samples have the shape {tuple(waves.shape)}",
            code="metrics.not-waves",
            why=f"at least {FEWEST} waves (N, T) of {LEAST} values are needed",
            hint="give waves, not spectrograms",
        )
    return waves
