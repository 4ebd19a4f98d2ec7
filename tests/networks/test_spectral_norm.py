"""Every weight's largest singular value is one, in the matrix form of the paper."""

import copy

import pytest
import torch
from torch import nn

from networks.specs import of
from poise.networks import DISCRIMINATORS


def matrices(network: nn.Module) -> list[torch.Tensor]:
    """The weight of every layer as (outputs, inputs x height x width)."""
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
    return [layer.weight.detach().flatten(1) for layer in layers]


@pytest.mark.parametrize("name", ["mlp", "dcgan", "infogan", "resnet"])
def test_the_largest_singular_value_is_one(name: str) -> None:
    torch.manual_seed(0)
    discriminator = DISCRIMINATORS[name].build(of((1, 16, 16)), width=6, spectral_norm=True)
    samples = torch.randn(2, 1, 16, 16)
    for _ in range(100):  # one power iteration each
        discriminator(samples)
    discriminator.eval()
    found = matrices(discriminator)
    assert len(found) >= 3
    for matrix in found:
        assert torch.linalg.svdvals(matrix)[0].item() == pytest.approx(1.0, rel=1e-3)


def test_it_bounds_the_slope_of_an_mlp() -> None:
    torch.manual_seed(0)
    discriminator = DISCRIMINATORS["mlp"].build(of((3,)), width=8, spectral_norm=True)
    for parameter in discriminator.parameters():
        parameter.data.mul_(50)
    x, y = torch.randn(64, 3), torch.randn(64, 3)
    for _ in range(100):
        discriminator(x)
    discriminator.eval()
    rise = (discriminator(x) - discriminator(y)).abs() / (x - y).norm(dim=1)
    assert rise.max() <= 1 + 1e-3


def test_only_training_moves_the_vectors_and_they_are_saved() -> None:
    torch.manual_seed(0)
    discriminator = DISCRIMINATORS["dcgan"].build(of((1, 8, 8)), width=4, spectral_norm=True)
    samples = torch.randn(2, 1, 8, 8)
    # The start makes 15 iterations; new weights make the vectors wrong again.
    for parameter in discriminator.parameters():
        nn.init.normal_(parameter)
    before = copy.deepcopy(discriminator.state_dict())
    discriminator.eval()(samples)
    assert all(torch.equal(before[name], value) for name, value in discriminator.state_dict().items())
    discriminator.train()(samples)
    moved = {
        name for name, value in discriminator.state_dict().items() if not torch.equal(before[name], value)
    }
    assert moved
    assert all(name.endswith(("_u", "_v")) for name in moved)


@pytest.mark.parametrize("name", ["dcgan", "resnet"])
def test_the_input_gradient_in_functional_form_equals_the_plain_one(name: str) -> None:
    torch.manual_seed(0)
    discriminator = DISCRIMINATORS[name].build(of((1, 8, 8)), width=4, spectral_norm=True)
    samples = torch.randn(3, 1, 8, 8)
    state = copy.deepcopy(discriminator.state_dict())
    functional = torch.func.grad(lambda x: discriminator(x).sum())(samples)
    discriminator.load_state_dict(state)
    points = samples.clone().requires_grad_()
    (plain,) = torch.autograd.grad(discriminator(points).sum(), points)
    assert torch.allclose(functional, plain, rtol=1e-4, atol=1e-7)
