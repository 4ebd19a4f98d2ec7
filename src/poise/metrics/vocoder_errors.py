"""The errors of a vocoder's waves against recordings, in spectrograms, with intervals over recordings."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor
from torch.linalg import vector_norm

from poise.errors import PoiseError
from poise.metrics.arrays import fingerprint
from poise.metrics.intervals import interval_of_mean
from poise.metrics.metric import metric
from poise.metrics.result import Result


class Spectrogram(Protocol):
    """A mel spectrogram, as `poise.data.mel.MelSpectrogram` is."""

    def __call__(self, waves: Tensor, /) -> Tensor:
        """Waves `(N, T)` to logarithms `(N, bands, frames)`."""
        ...

    def magnitudes(self, waves: Tensor) -> Tensor:
        """Waves `(N, T)` to magnitudes of all frequencies, `(N, bins, frames)`."""
        ...


@metric(
    "How far a vocoder's waves are from the recordings, beside Griffin-Lim from the same mel spectrograms.",
    "Kong et al. 2020, equation 4; Arik et al. 2019, equation 1",
    needs=("made_waves", "wanted_waves", "plain_waves", "spectrogram"),
    lower_is_better={
        "log_mel_l1": True,
        "spectral_convergence": True,
        "griffin_lim_log_mel_l1": None,
        "griffin_lim_spectral_convergence": None,
    },
    default_for=("vocoder",),
)
def vocoder_errors(
    made_waves: Tensor, wanted_waves: Tensor, plain_waves: Tensor, spectrogram: Spectrogram
) -> Result:
    """The error of waves against recordings, and that of waves that were made without a network.

    Takes waves `(N, T)` in [-1, 1], at least two, the recording of each, the waves that Griffin-Lim makes of
    the recordings' mel spectrograms, and the mel spectrogram. Phases are not compared: none of it hears them.

    Returns:
        Means over the recordings: `log_mel_l1`, the mean absolute difference of the logarithms of mel
        spectrograms, and `spectral_convergence`, the norm of the difference of the magnitudes of all
        frequencies over the norm of those of the recording; and both of Griffin-Lim.

    Raises:
        PoiseError: The shapes differ, or there are fewer than two.

    Source: Kong et al. 2020, equation 4; Arik et al. 2019, equation 1.
    """
    if not made_waves.shape == wanted_waves.shape == plain_waves.shape or len(made_waves) < 2:
        raise PoiseError(
            f"Waves of the shape {tuple(made_waves.shape)} cannot be measured against "
            f"{tuple(wanted_waves.shape)}",
            code="metrics.different-waves",
            hint="give as many waves as recordings, at least two, of one length",
        )
    found = {
        f"{prefix}{name}": errors
        for prefix, waves in (("", made_waves), ("griffin_lim_", plain_waves))
        for name, errors in wave_errors(waves, wanted_waves, spectrogram).items()
    }
    return Result(
        metric="vocoder-errors",
        value={name: float(errors.mean()) for name, errors in found.items()},
        interval={name: interval_of_mean(errors) for name, errors in found.items()},
        interval_method="closed form: the mean over recordings",
        floor=None,
        floor_method="none: the recording itself has no error",
        samples={"recordings": len(wanted_waves)},
        extractor=f"spectrograms: {spectrogram}",
        reference=fingerprint(wanted_waves),
    )


def wave_errors(made: Tensor, wanted: Tensor, spectrogram: Spectrogram) -> dict[str, Tensor]:
    """The errors of each wave by name, `(N,)` each."""
    first, second = made.double(), wanted.double()
    apart = (spectrogram(first) - spectrogram(second)).abs().flatten(1).mean(1)
    strong, weak = (spectrogram.magnitudes(waves).flatten(1) for waves in (second, first))
    relative = vector_norm(strong - weak, dim=1) / vector_norm(strong, dim=1).clamp(min=1e-12)
    return {"log_mel_l1": apart, "spectral_convergence": relative}
