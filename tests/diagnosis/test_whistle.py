"""A tone at the frequency of a stride is found in waves, and no other tone is one."""

import pytest
import torch

from poise.diagnosis.samples import STRIDES, grid_of


def waves(stride: float | None) -> torch.Tensor:
    """Noise whose power falls with the frequency, with or without a tone."""
    stream = torch.Generator().manual_seed(0)
    spectrum = torch.fft.rfft(torch.randn(64, 1, 1_024, generator=stream))
    noise: torch.Tensor = torch.fft.irfft(spectrum / (1 + torch.arange(513) / 40), 1_024)
    times = torch.arange(1_024)
    return noise if stride is None else noise + 0.2 * torch.cos(2 * torch.pi * times / stride)


@pytest.mark.parametrize("stride", STRIDES)
def test_a_tone_of_a_stride_stands_out(stride: int) -> None:
    plain = grid_of(waves(None))
    assert plain is not None and 0.5 < plain < 2
    whistling = grid_of(waves(stride))
    assert whistling is not None and whistling > 10 * plain


def test_music_at_other_frequencies_is_no_whistle() -> None:
    found = grid_of(waves(23.0))
    assert found is not None and found < 2


def test_series_that_are_short_are_not_judged() -> None:
    assert grid_of(torch.randn(8, 1, 100)) is None
