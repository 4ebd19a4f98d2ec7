"""HiFi-GAN: waves of any length, periods that see their own values, scores that count networks alike."""

from __future__ import annotations

import pytest
import torch

from poise.errors import PoiseError
from poise.networks import DISCRIMINATORS, VOCODERS
from poise.networks.hifigan import (
    PERIODS,
    SCALES,
    PeriodDiscriminator,
    ScaleDiscriminator,
    WaveDiscriminator,
)
from poise.networks.translating import side_by_side
from poise.spec import DataSpec

SPEC = DataSpec("sound", (1, 1_024), condition=(40, 16), rate=8_000)


@pytest.mark.parametrize(("hop", "frames"), [(64, 3), (256, 5), (96, 4), (100, 2), (13, 7)])
def test_a_wave_is_a_hop_long_for_each_frame_and_within_its_range(hop: int, frames: int) -> None:
    spec = DataSpec("sound", (1, 8 * hop), condition=(20, 8), rate=8_000)
    generator = VOCODERS["hifigan"].build(spec, width=8)
    made = generator(torch.randn(2, 20, frames))
    assert made.shape == (2, 1, frames * hop) and float(made.detach().abs().max()) <= 1


def test_what_lies_far_away_does_not_change_a_wave() -> None:
    generator = VOCODERS["hifigan"].build(SPEC, width=4)
    mels = torch.randn(1, 40, 60)
    other = mels.clone()
    other[..., 40:] += 1
    with torch.no_grad():
        first, second = generator(mels), generator(other)
    assert torch.allclose(first[..., : 20 * 64], second[..., : 20 * 64], atol=1e-6)
    assert not torch.allclose(first[..., 40 * 64 :], second[..., 40 * 64 :], atol=1e-3)


@pytest.mark.parametrize("period", PERIODS)
def test_a_period_sees_each_residue_by_itself(period: int) -> None:
    network, waves = PeriodDiscriminator(period, 3).double(), torch.randn(1, 1, 30 * period).double()
    other = waves.clone()
    other[..., ::period] += 1
    grids = zip(network(waves), network(other), strict=True)
    for one, changed in grids:
        assert torch.equal(one[..., 1:], changed[..., 1:]) and not torch.equal(one[..., 0], changed[..., 0])


def test_a_scale_hears_means() -> None:
    network, waves = ScaleDiscriminator(4, 3).double(), torch.randn(1, 1, 512).double()
    shuffled = waves.reshape(1, 1, 128, 4).flip(3).reshape(1, 1, 512)
    assert all(torch.allclose(a, b) for a, b in zip(network(waves), network(shuffled), strict=True))


@pytest.mark.parametrize("length", [1_024, 2_048, 4_096, 5_120])
def test_every_discriminator_counts_about_alike(length: int) -> None:
    network = WaveDiscriminator(2)
    waves = torch.randn(2, 1, length)
    scores = network(waves)
    assert scores.shape == (2, WaveDiscriminator.places(length))
    own = [grids[-1].flatten(1).shape[1] for grids in network._grids(waves)]
    most = max(own)
    counted = [count * round(most / count) for count in own]
    assert sum(counted) == scores.shape[1] and len(counted) == len(PERIODS) + len(SCALES)
    assert max(counted) < 1.35 * min(counted)


def test_one_pass_gives_the_scores_and_the_features() -> None:
    network, waves = WaveDiscriminator(2), torch.randn(2, 1, 1_024)
    scores, judged = network(waves), network.judged(waves)
    assert torch.equal(judged[:, : scores.shape[1]], scores)
    grids = [grid for own in network._grids(waves) for grid in own[:-1]]
    assert torch.equal(judged[:, scores.shape[1] :], side_by_side(grids)) and len(grids) == 32


def test_other_shapes_are_refused() -> None:
    plane = DataSpec("sound", (1, 64, 64), condition=(40, 64))
    for build in (VOCODERS["hifigan"].build, DISCRIMINATORS["hifigan"].build):
        with pytest.raises(PoiseError) as caught:
            build(plane)
        assert caught.value.code == "networks.no-vocoder"
