"""DCGAN over one, two and three axes of any lengths."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from poise.errors import PoiseError
from poise.networks import DISCRIMINATORS, GENERATORS
from poise.networks.conditioned import (
    ConcatenatedDiscriminator,
    ProjectionDiscriminator,
    with_conditional_batch_norm,
)
from poise.networks.shapes import halved_axes
from poise.spec import DataSpec, Span

SHAPES = [(1, 100), (3, 7), (2, 8, 8), (1, 5, 64), (4, 12, 9, 17), (1, 1, 16, 16), (2, 2)]


def field(shape: tuple[int, ...]) -> DataSpec:
    return DataSpec("field", shape, spans=(Span("values", "real", shape[0]),))


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("shape", SHAPES)
def test_both_players_of_any_axes(shape: tuple[int, ...]) -> None:
    generator = GENERATORS["dcgan"].build(field(shape), latent_size=5, width=4)
    discriminator = DISCRIMINATORS["dcgan"].build(field(shape), width=4)
    made = generator(noise(3, 5))
    assert made.shape == (3, *shape)
    scores = discriminator(made)
    assert scores.shape == (3,) and not torch.equal(scores[0], scores[1])


@pytest.mark.parametrize("axes", [(100,), (9, 32), (8, 7, 6)])
def test_halving_and_doubling_are_inverse(axes: tuple[int, ...]) -> None:
    lengths = halved_axes(axes, 2)
    assert max(lengths[-1]) <= 2 and all(
        after == -(-before // 2)
        for one, other in pairwise(lengths)
        for before, after in zip(one, other, strict=True)
    )
    generator = GENERATORS["dcgan"].build(field((1, *axes)), latent_size=2, width=2)
    for layer in generator.modules():
        assert not any(getattr(layer, "output_padding", ()))


def test_fields_have_no_bounds_and_images_have() -> None:
    torch.manual_seed(0)
    for spec, bounded in ((field((1, 8, 8)), False), (DataSpec("image", (1, 8, 8)), True)):
        generator = GENERATORS["dcgan"].build(spec, latent_size=2, width=4)
        last = [layer for layer in generator.modules() if isinstance(layer, nn.ConvTranspose2d)][-1]
        last.weight.data.mul_(1e4)
        assert (float(generator(noise(8, 2)).detach().abs().max()) <= 1) == bounded


def test_two_axes_are_the_layers_of_images_weight_by_weight() -> None:
    def weights(spec: DataSpec) -> Tensor:
        torch.manual_seed(3)
        generator = GENERATORS["dcgan"].build(spec, latent_size=2, width=4)
        discriminator = DISCRIMINATORS["dcgan"].build(spec, width=4)
        return nn.utils.parameters_to_vector([*generator.parameters(), *discriminator.parameters()])

    assert torch.equal(weights(field((3, 16, 24))), weights(DataSpec("image", (3, 16, 24))))


@pytest.mark.parametrize("shape", [(1, 32), (2, 6, 7, 8)])
def test_conditions_enter_whatever_the_axes(shape: tuple[int, ...]) -> None:
    condition = torch.eye(3)[[0, 1, 2, 0]]
    wider = (shape[0] + 3, *shape[1:])
    network = ConcatenatedDiscriminator(DISCRIMINATORS["dcgan"].build(field(wider), width=4))
    assert network(noise(4, *shape), condition).shape == (4,)
    projecting = ProjectionDiscriminator(DISCRIMINATORS["dcgan"].build(field(shape), width=4), 3)
    assert projecting(noise(4, *shape), condition).shape == (4,)
    generator = with_conditional_batch_norm(
        GENERATORS["dcgan"].build(field(shape), latent_size=5, width=4), 3
    )
    assert generator(noise(4, 5), condition).shape == (4, *shape)


@pytest.mark.parametrize("shape", [(1, 12), (1, 6, 5, 4)])
def test_penalties_differentiate_twice(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    discriminator = DISCRIMINATORS["dcgan"].build(field(shape), width=3).double().eval()
    points = noise(3, *shape).double().requires_grad_()

    def penalty(samples: Tensor) -> Tensor:
        (slopes,) = torch.autograd.grad(discriminator(samples).sum(), samples, create_graph=True)
        return slopes.square().sum()

    assert torch.autograd.gradcheck(
        lambda weight: torch.func.functional_call(discriminator, {"0.weight": weight}, (points,)).sum(),
        (discriminator.get_parameter("0.weight").detach().clone().requires_grad_(),),
    )
    assert float(penalty(points).detach()) > 0


def test_a_single_place_is_no_grid() -> None:
    with pytest.raises(PoiseError) as caught:
        GENERATORS["dcgan"].build(field((4, 1, 1)), latent_size=2)
    assert caught.value.code == "networks.no-axes"
