"""The appended channel against its closed form."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import functional_call, stack_module_state, vmap

from networks.specs import of
from poise.networks import DISCRIMINATORS
from poise.networks.layers import MinibatchStandardDeviation, group_size_for


@settings(max_examples=25)
@given(st.integers(1, 17), st.integers(1, 3), st.integers(0, 99))
def test_it_is_the_mean_standard_deviation_of_strided_groups(number: int, channels: int, seed: int) -> None:
    features = np.random.default_rng(seed).normal(size=(number, channels, 2, 3))
    appended = MinibatchStandardDeviation()(torch.from_numpy(features)).numpy()
    assert appended.shape == (number, channels + 1, 2, 3)
    np.testing.assert_array_equal(appended[:, :channels], features)
    groups = number // group_size_for(number, 4)
    for group in range(groups):
        expected = np.sqrt(features[group::groups].var(axis=0) + 1e-8).mean()
        np.testing.assert_allclose(appended[group::groups, channels], expected, rtol=1e-10)


@given(st.integers(1, 300), st.integers(1, 8))
def test_groups_divide_the_batch_and_are_as_asked_where_possible(number: int, wanted: int) -> None:
    size = group_size_for(number, wanted)
    assert number % size == 0
    assert size >= min(wanted, number)
    if number % wanted == 0:
        assert size == wanted


def test_equal_samples_have_no_deviation_and_a_finite_slope() -> None:
    features = torch.ones(4, 2, 3, 3, requires_grad=True)
    appended = MinibatchStandardDeviation()(features)
    assert torch.allclose(appended[:, 2], torch.tensor(1e-4), rtol=1e-4)  # the root of the layer's epsilon
    (slope,) = torch.autograd.grad(appended.sum(), features)
    assert slope.isfinite().all()


def test_it_scales_with_the_features() -> None:
    features = torch.randn(8, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    layer = MinibatchStandardDeviation()
    assert torch.allclose(layer(5 * features)[:, -1], 5 * layer(features)[:, -1], rtol=1e-5)


@pytest.mark.parametrize("batch", [1, 2, 3, 4, 6, 7, 8])
def test_a_discriminator_sees_collapse_through_it(batch: int) -> None:
    torch.manual_seed(0)
    discriminator = DISCRIMINATORS["dcgan"].build(of((6, 8, 8)), width=2, minibatch_standard_deviation=True)
    sample = torch.randn(1, 6, 8, 8)
    collapsed, varied = sample.expand(batch, -1, -1, -1), torch.cat([sample, torch.randn(batch - 1, 6, 8, 8)])
    assert discriminator(collapsed).shape == (batch,)
    assert torch.allclose(discriminator(collapsed), discriminator(sample).expand(batch), rtol=1e-4, atol=1e-7)
    if batch > 1:
        assert not torch.allclose(discriminator(varied)[0], discriminator(sample)[0], rtol=1e-4)


def test_it_works_over_many_networks_at_once() -> None:
    torch.manual_seed(0)
    build = DISCRIMINATORS["dcgan"].build
    networks = [build(of((1, 8, 8)), width=2, minibatch_standard_deviation=True) for _ in range(3)]
    parameters, buffers = stack_module_state(networks)
    samples = torch.randn(3, 4, 1, 8, 8)
    together = vmap(lambda p, b, x: functional_call(networks[0], (p, b), (x,)))(parameters, buffers, samples)
    for network, one, scores in zip(networks, samples, together, strict=True):
        assert torch.allclose(network(one), scores, rtol=1e-4, atol=1e-7)
