"""Spectra and values of samples on a grid, against closed forms and numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from poise.errors import PoiseError
from poise.metrics import METRICS, Result
from poise.metrics.features import field_statistics
from poise.metrics.grids import (
    autocorrelation,
    lagged,
    on_grid,
    power_spectrum,
    value_distribution,
)
from poise.spectra import radial_power


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("axes", [(32,), (16, 16), (8, 24), (8, 8, 8)])
def test_white_noise_has_the_same_power_at_every_wave_number(axes: tuple[int, ...]) -> None:
    mean = radial_power(noise(4_000, 1, *axes)).mean(0)[0]
    assert len(mean) == max(axes) // 2
    # the sum of all frequencies is the mean square, so that each of n places has 1 / n of it
    assert torch.allclose(mean, torch.full_like(mean, 1 / np.prod(axes)), rtol=0.12)


def test_a_wave_has_its_power_at_its_number() -> None:
    places = torch.arange(32) / 32
    wave = torch.cos(2 * torch.pi * 5 * places)[None, None, :, None].expand(4, 1, 32, 32)
    power = radial_power(on_grid(wave, "waves"))[0, 0]
    assert int(power.argmax()) + 1 == 5
    assert float(power.sum() - power[4]) < 1e-12 * float(power[4])


def test_a_factor_is_found_in_the_spectrum_and_in_no_shape() -> None:
    real = noise(300, 2, 16, 16)
    result = power_spectrum(real, 1.1 * real, replicates=0)
    assert result.value == pytest.approx({"spectrum_error": 0.21, "spectrum_worst": 0.21})
    assert torch.tensor(result.details["fake"]).shape == (2, 8)
    same = power_spectrum(real, noise(300, 2, 16, 16, seed=1))
    assert isinstance(same.value, dict) and isinstance(same.floor, dict)
    assert 0.3 < same.value["spectrum_error"] / same.floor["spectrum_error"] < 3


def test_correlations_in_time_have_their_closed_forms() -> None:
    steps, share = 400, 0.7
    drawn = noise(600, 1, steps)
    series = torch.empty_like(drawn)
    series[..., 0] = drawn[..., 0]
    for step in range(1, steps):
        series[..., step] = share * series[..., step - 1] + (1 - share**2) ** 0.5 * drawn[..., step]
    mean = lagged(series).mean(0)[0, 0]
    expected = share ** torch.arange(20)
    # the estimate is biased downwards by about the sum of all correlations over the length
    assert torch.allclose(mean[1:20], expected[1:].double() - 5.7 / steps, atol=0.012)
    assert float(mean[0]) == pytest.approx(1.0)
    both = torch.cat([series, series.roll(3, -1)], 1)
    assert int(lagged(both).mean(0)[0, 1].argmax()) == 3
    still = (series[0, 0] - series[0, 0].mean()).numpy()
    numpy_like = np.correlate(still, still, "full")
    own = numpy_like[steps - 1 :] / numpy_like[steps - 1]
    assert np.allclose(lagged(series[:1])[0, 0, 0].numpy(), own[: steps // 4 + 1])


def test_reshuffled_time_is_found_and_a_still_channel_is_no_error() -> None:
    series = torch.cumsum(noise(200, 2, 64), -1)
    series[:, 1] = 5.0
    same = autocorrelation(series[:100], series[100:])
    torn = autocorrelation(
        series, series[..., torch.randperm(64, generator=torch.Generator().manual_seed(1))]
    )
    assert same.values["autocorrelation_error"] < 0.1
    assert torn.values["autocorrelation_error"] > 0.15
    assert all(np.isfinite(value) for value in torn.values.values())


def test_values_are_measured_in_deviations() -> None:
    real = 3 * noise(400, 1, 8, 8) + 7
    moved = value_distribution(real, real + 3, replicates=0).values
    deviation = float(real.std())
    assert moved["histogram_distance"] == pytest.approx(3 / deviation, rel=0.03)
    assert moved["extremes_distance"] == pytest.approx(3 / deviation, rel=1e-6)
    cut = value_distribution(real, real.clamp(max=13), replicates=0).values
    assert cut["extremes_distance"] > 3 * cut["histogram_distance"] > 0


def test_shapes_without_a_grid_are_refused() -> None:
    with pytest.raises(PoiseError) as caught:
        power_spectrum(noise(3, 1, 8), noise(3, 1, 8))
    assert caught.value.code == "metrics.not-on-a-grid"


def test_features_of_fields_see_scale_structure_and_tails() -> None:
    extractor = field_statistics()
    real = noise(64, 2, 1, 16, 16).float()
    features = extractor(real)
    smooth = torch.nn.functional.avg_pool2d(real[:, :, 0], 3, 1, 1)[:, :, None] * 3
    for other in (2 * real, smooth, real**3):
        assert float((extractor(other).mean(0) - features.mean(0)).abs().max()) > 0.3
    assert features.shape == (64, extractor(real[:1]).shape[1])
    many = extractor(noise(4, 20, 1, 16, 16).float())
    assert torch.isfinite(many).all() and many.shape[1] == features.shape[1]


@pytest.mark.parametrize("name", ["power-spectrum", "value-distribution"])
def test_halves_of_the_same_reals_are_at_the_floor(name: str) -> None:
    both = noise(400, 1, 12, 10)
    result: Result = METRICS[name].measure(both[:200], both[200:])
    for number, value in result.values.items():
        assert value < 3 * result.floors[number]
        low, high = result.intervals[number]
        assert low <= value <= high
