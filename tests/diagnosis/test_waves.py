"""Silence, clipping and a tone at the frequency of a stride are found in waves, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from poise.diagnosis import FINDINGS, FindingTracker, Measurement, Monitor, Setting
from poise.diagnosis.appearance import faults_of, grid_of, waves_in
from poise.waves import STRIDES, at_the_ends, peaks, stride_powers, tones

STEPS = 600


def noise(count: int = 64, length: int = 1_024, seed: int = 0) -> Tensor:
    """Noise whose power falls with the frequency, of a deviation near 0.1."""
    stream = torch.Generator().manual_seed(seed)
    spectrum = torch.fft.rfft(torch.randn(count, length, generator=stream))
    waves: Tensor = torch.fft.irfft(spectrum / (1 + torch.arange(length // 2 + 1) / 40), length)
    return 0.1 * waves / waves.std()


def toned(waves: Tensor, period: float, height: float = 0.1) -> Tensor:
    return waves + height * torch.cos(2 * torch.pi * torch.arange(waves.shape[1]) / period)


@pytest.mark.parametrize("stride", STRIDES)
def test_a_tone_of_a_stride_stands_out(stride: int) -> None:
    place = STRIDES.index(stride)
    plain, whistling = (tones(stride_powers(waves))[place] for waves in (noise(), toned(noise(), stride)))
    assert 0.5 < plain < 2 and whistling > 10 * plain


def test_a_tone_elsewhere_is_none_of_a_stride() -> None:
    assert tones(stride_powers(toned(noise(), 23.0))).max() < 2.5


def test_a_power_is_that_of_the_fourier_transform_beyond_its_last_frequency_too() -> None:
    waves = noise(3, 1_024)
    whole = torch.fft.fft(waves - waves.mean(1, keepdim=True)).abs().square()
    found = stride_powers(waves)
    steps = torch.tensor([0, -5, -4, -3, 3, 4, 5])
    for place, stride in enumerate(STRIDES):
        assert torch.allclose(found[:, place], whole[:, 1_024 // stride + steps], rtol=1e-4, atol=1e-4)


def test_short_waves_have_fewer_strides() -> None:
    assert stride_powers(noise(4, 256)).shape == (4, 4, 7)


def test_silence_is_by_the_recordings_and_whatever_the_offset() -> None:
    real, quiet = noise(), 0.01 * noise(seed=1) + 0.3
    assert faults_of(quiet, real)["silent"] == (1.0, 0.0)
    assert faults_of(torch.cat([quiet[:16], real[16:]]), real)["silent"] == (0.25, 0.0)
    assert faults_of(quiet, 0.01 * real)["silent"] == (0.0, 0.0), "the recordings are as quiet"
    assert float(peaks(torch.full((1, 300), 0.7))[0]) == pytest.approx(0, abs=1e-6)


def test_clipping_is_by_the_ends() -> None:
    waves = torch.tensor([[1.0, -1.0, 0.5, 0.0], [0.2, 0.1, 0.9989, 0.0]])
    assert at_the_ends(waves).tolist() == [0.5, 0.0]
    assert at_the_ends(waves, end=2.0).tolist() == [0.0, 0.0]
    loud = (10 * noise()).clamp(-1, 1)
    assert faults_of(loud, noise())["clipped"][0] == pytest.approx(
        float((loud.abs() == 1).float().mean()), abs=1e-3
    )


def test_what_is_a_wave() -> None:
    assert (
        waves_in(torch.zeros(8, 1, 100), None) is None and waves_in(torch.zeros(8, 1, 16, 16), None) is None
    )
    stereo = waves_in(torch.stack([noise(), noise(seed=1)], 1), None)
    assert stereo is not None and torch.allclose(stereo, (noise() + noise(seed=1)) / 2)
    made = waves_in(torch.zeros(8, 1, 4, 4), lambda samples: samples.flatten(1))
    assert made is not None and made.shape == (8, 16)
    assert grid_of(noise()[:, None]) is None, "a wave is no picture"


def opened(measured: list[dict[str, tuple[float, float]]]) -> dict[str, str]:
    """The findings of measurements of waves at even steps, with their severity."""
    tracker = FindingTracker(FINDINGS.values(), Setting(steps=STEPS))
    for place, waves in enumerate(measured, start=1):
        tracker.add(Measurement(step=place * STEPS // len(measured), waves=waves, auc=0.7, distance=0.1))
    return {one.name: one.severity for one in tracker.open}


SOUND = {"silent": (0.0, 0.0), "clipped": (0.0, 0.0), **{f"every {stride}": (1.2, 1.0) for stride in STRIDES}}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        ({"silent": (0.9, 0.0)}, {"silence": "trouble"}),
        ({"silent": (0.3, 0.0)}, {"silence": "watch"}),
        ({"silent": (0.3, 0.25)}, {}),
        ({"clipped": (0.2, 0.001)}, {"clipping": "trouble"}),
        ({"clipped": (0.03, 0.001)}, {"clipping": "watch"}),
        ({"clipped": (0.2, 0.1)}, {}),
        ({"every 4": (500.0, 1.0)}, {"whistling": "trouble"}),
        ({"every 16": (30.0, 1.0)}, {"whistling": "watch"}),
        ({"every 16": (30.0, 20.0)}, {}),
    ],
)
def test_findings_of_sounds(changes: dict[str, tuple[float, float]], expected: dict[str, str]) -> None:
    assert opened([SOUND | changes] * 24) == expected


def test_what_the_first_weights_do_is_no_finding() -> None:
    first = SOUND | {"silent": (1.0, 0.0), "every 4": (400.0, 1.0)}
    fading = [first | {"silent": (1.0, 0.0) if place < 5 else (0.0, 0.0), "every 4": (400 * 0.6**place, 1.0)}
              for place in range(24)]  # fmt: skip
    assert opened(fading) == {}


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (lambda waves: 0.01 * waves, "silence"),
        (lambda waves: (20 * waves).clamp(-1, 1), "clipping"),
        (lambda waves: waves + 0.1 * torch.cos(torch.pi * torch.arange(1_024) / 8), "whistling"),
        (lambda waves: waves, ""),
    ],
)
def test_the_monitor_names_them(fault: Callable[[Tensor], Tensor], name: str) -> None:
    monitor = Monitor(noise(300)[:, None], steps=240, most_share=1.0, every=10)
    for step in range(240):
        monitor.observe(step, fake=fault(noise(64, seed=step + 1))[:, None])
    found = {one.name for one in monitor.findings} & {"silence", "clipping", "whistling"}
    assert found == ({name} if name else set())


def test_the_end_of_a_spectrum_is_no_tone() -> None:
    waves = noise()
    spectrum = torch.fft.rfft(waves) * (torch.arange(513) <= 256)  # nothing beyond a quarter of the rate
    assert tones(stride_powers(torch.fft.irfft(spectrum, 1_024))).max() < 2.5
