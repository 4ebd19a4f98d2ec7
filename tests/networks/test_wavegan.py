"""WaveGAN: a folded stride is the plain convolution, and shuffled phases are moved waves."""

import pytest
import torch
from torch import Tensor, nn

from poise.errors import PoiseError
from poise.networks import DISCRIMINATORS, GENERATORS
from poise.networks.wavegan import KERNEL, STRIDE, PhaseShuffle, StridedConvolution
from poise.spec import DataSpec, Span


def waves(length: int) -> DataSpec:
    return DataSpec("sound", (1, length), spans=(Span("wave", "bounded", 1),))


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_folded_stride_is_the_plain_convolution_with_its_gradients(channels: int) -> None:
    layer = StridedConvolution(channels, 5).double()
    inputs = [noise(2, channels, 64).requires_grad_() for _ in range(2)]
    padded = nn.functional.pad(inputs[1], (11, 14))
    plain = nn.functional.conv1d(padded, layer.weight, layer.bias, stride=STRIDE)[..., :16]
    folded = layer(inputs[0])
    assert folded.shape == (2, 5, 16) and torch.allclose(folded, plain)
    slopes = [
        torch.autograd.grad((out**2).sum(), [given, layer.weight])
        for given, out in zip(inputs, (folded, plain), strict=True)
    ]
    for one, other in zip(*slopes, strict=True):
        assert torch.allclose(one, other)
    assert KERNEL % STRIDE != 0, "otherwise nothing would have to be padded"


def test_phases_move_in_training_and_stand_in_use() -> None:
    layer, features = PhaseShuffle(2), torch.arange(10.0).reshape(1, 1, 10)
    seen = {tuple(layer(features)[0, 0].tolist()) for _ in range(200)}
    assert len(seen) == 5
    assert (1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0) in seen
    assert (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 8.0) in seen
    assert torch.equal(layer.eval()(features), features)


@pytest.mark.parametrize("length", [1_024, 4_096, 8_192, 16_384])
def test_both_players_of_usual_lengths(length: int) -> None:
    made = GENERATORS["wavegan"].build(waves(length), latent_size=4, width=1)(torch.randn(2, 4))
    assert made.shape == (2, 1, length) and float(made.detach().abs().max()) <= 1
    assert DISCRIMINATORS["wavegan"].build(waves(length), width=1)(made).shape == (2,)


def test_the_papers_sizes() -> None:
    generator = GENERATORS["wavegan"].build(waves(16_384), latent_size=100, width=64)
    shapes = [tuple(layer.weight.shape) for layer in generator if isinstance(layer, nn.ConvTranspose1d)]  # type: ignore[attr-defined]
    assert shapes == [(1024, 512, 25), (512, 256, 25), (256, 128, 25), (128, 64, 25), (64, 1, 25)]


@pytest.mark.parametrize("length", [1_000, 4_098])
def test_other_lengths_are_refused_with_those_that_fit(length: int) -> None:
    with pytest.raises(PoiseError) as caught:
        GENERATORS["wavegan"].build(waves(length), latent_size=4)
    assert caught.value.code == "networks.not-waves" and "waveform,4096" in caught.value.hint
