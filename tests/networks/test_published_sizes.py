"""The networks have the layers of their papers, counted independently."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from networks.specs import of
from poise.networks import DISCRIMINATORS, GENERATORS, parameter_count
from poise.networks.autoencoder import ReconstructionScore
from poise.networks.layers import CentredSigmoid, LeakyReLU, Maxout, ResidualBlock, activation_layer
from poise.networks.srresnet import Shuffle


def flat(network: nn.Module) -> nn.Sequential:
    assert isinstance(network, nn.Sequential)
    return network


def autoencoder_of(discriminator: nn.Module) -> nn.Sequential:
    assert isinstance(discriminator, ReconstructionScore)
    return flat(discriminator.autoencoder)


def grids(network: nn.Module, samples: torch.Tensor) -> list[tuple[int, ...]]:
    """The (channels, height, width) after each convolution of a flat network."""
    seen: list[tuple[int, ...]] = []
    for layer in flat(network):
        samples = layer(samples)
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Unflatten):
            seen.append(tuple(samples.shape[1:]))
    return seen


def test_dcgan_at_64_has_the_parameters_of_the_widely_used_tutorial() -> None:
    # PyTorch's DCGAN tutorial, 64x64x3, latent 100, width 64, prints 3,576,704 and 2,765,568 with no biases
    # at all; here the last layer of either, and the first of the discriminator, has one.
    generator = GENERATORS["dcgan"].build(of((3, 64, 64)), latent_size=100)
    discriminator = DISCRIMINATORS["dcgan"].build(of((3, 64, 64)), batch_norm=True)
    assert parameter_count(generator) == 3_576_704 + 3
    assert parameter_count(discriminator) == 2_765_568 + 64 + 1


def test_dcgan_doubles_from_four() -> None:
    generator = GENERATORS["dcgan"].build(of((1, 32, 32)), latent_size=7)
    expected = [(256, 4, 4), (128, 8, 8), (64, 16, 16), (1, 32, 32)]
    assert grids(generator, torch.randn(2, 7)) == expected
    discriminator = DISCRIMINATORS["dcgan"].build(of((1, 32, 32)))
    expected = [(64, 16, 16), (128, 8, 8), (256, 4, 4), (1, 1, 1)]
    assert grids(discriminator, torch.randn(2, 1, 32, 32)) == expected


def test_dcgan_caps_its_widths() -> None:
    generator = GENERATORS["dcgan"].build(of((3, 128, 128)), latent_size=7, width=2, most_multiple=4)
    widths = [grid[0] for grid in grids(generator, torch.randn(2, 7))]
    assert widths == [8, 8, 8, 4, 2, 3]
    discriminator = DISCRIMINATORS["dcgan"].build(of((3, 128, 128)), width=2, most_multiple=4)
    widths = [grid[0] for grid in grids(discriminator, torch.randn(2, 3, 128, 128))]
    assert widths == [2, 4, 8, 8, 8, 1]


def test_dcgan_holds_the_small_networks_of_stacked_digits() -> None:
    generator = GENERATORS["dcgan"].build(of((3, 32, 32)), latent_size=256, width=8, final_convolution=True)
    expected = [(64, 4, 4), (32, 8, 8), (16, 16, 16), (8, 32, 32), (3, 32, 32)]
    assert grids(generator, torch.randn(2, 256)) == expected
    for width in (2, 4):
        build = DISCRIMINATORS["dcgan"].build
        discriminator = build(of((3, 32, 32)), width=width, batch_norm=True, slope=0.3)
        widths = [grid[0] for grid in grids(discriminator, torch.randn(2, 3, 32, 32))]
        assert widths == [width, 2 * width, 4 * width, 1]
        slopes = [layer.negative_slope for layer in flat(discriminator) if isinstance(layer, LeakyReLU)]
        assert slopes == [0.3] * 3


@pytest.mark.parametrize(("side", "smallest"), [(8, 2), (16, 4), (32, 4), (64, 4), (128, 4)])
def test_dcgan_doubles_at_least_twice(side: int, smallest: int) -> None:
    generator = GENERATORS["dcgan"].build(of((1, side, side)), latent_size=5, width=2)
    discriminator = DISCRIMINATORS["dcgan"].build(of((1, side, side)), width=2)
    made, scored = grids(generator, torch.randn(4, 5)), grids(discriminator, torch.randn(4, 1, side, side))
    assert [grid[1] for grid in made] == [2**i for i in range(12) if smallest <= 2**i <= side]
    assert scored[-2][1:] == (smallest, smallest)
    assert len(scored) >= 3, "two convolutions and the score"


@pytest.mark.parametrize("smallest", [1, 2, 4])
def test_dcgan_reaches_smaller_grids(smallest: int) -> None:
    generator = GENERATORS["dcgan"].build(of((3, 8, 8)), latent_size=5, width=2, smallest_side=smallest)
    discriminator = DISCRIMINATORS["dcgan"].build(of((3, 8, 8)), width=2, smallest_side=smallest)
    images = generator(torch.randn(4, 5))
    assert grids(generator, torch.randn(4, 5))[0][1:] == (smallest, smallest)
    assert grids(discriminator, images)[-2][1:] == (smallest, smallest)
    assert discriminator(images).shape == (4,)


def test_infogan_is_the_network_of_the_comparison() -> None:
    generator = GENERATORS["infogan"].build(of((1, 28, 28)), latent_size=64)
    assert grids(generator, torch.randn(2, 64)) == [(128, 7, 7), (64, 14, 14), (1, 28, 28)]
    hidden, flat = 1024, 128 * 7 * 7
    dense = 64 * hidden + 2 * hidden + hidden * flat + 2 * flat
    transposed = 128 * 64 * 16 + 2 * 64 + 64 * 16 + 1
    assert parameter_count(generator) == dense + transposed
    discriminator = DISCRIMINATORS["infogan"].build(of((1, 28, 28)), batch_norm=True)
    assert grids(discriminator, torch.randn(2, 1, 28, 28)) == [(64, 14, 14), (128, 7, 7)]
    convolutions = 64 * 16 + 64 + 64 * 128 * 16 + 2 * 128
    assert parameter_count(discriminator) == convolutions + flat * hidden + 2 * hidden + hidden + 1


def test_infogan_makes_and_scores_oblong_images() -> None:
    images = GENERATORS["infogan"].build(of((2, 12, 20)), latent_size=3, width=2)(torch.randn(2, 3))
    assert images.shape == (2, 2, 12, 20)
    assert DISCRIMINATORS["infogan"].build(of((2, 12, 20)), width=2)(images).shape == (2,)


def test_infogan_ends_in_a_sigmoid_moved_to_minus_one_and_one() -> None:
    generator = GENERATORS["infogan"].build(of((1, 8, 8)), latent_size=3, width=2).eval()
    assert isinstance(flat(generator)[-1], CentredSigmoid)
    latents = torch.randn(4, 3)
    published = flat(generator)[:-1](latents).sigmoid()
    assert torch.allclose((generator(latents) + 1) / 2, published, atol=1e-6)


def test_resnet_at_32_has_the_blocks_of_its_table() -> None:
    def convolution(before: int, after: int, side: int) -> int:
        return before * after * side * side + after

    discriminator = DISCRIMINATORS["resnet"].build(of((3, 32, 32)))
    first = convolution(3, 128, 3) + convolution(128, 128, 3) + convolution(3, 128, 1)
    second = 2 * convolution(128, 128, 3) + convolution(128, 128, 1)
    flat = 2 * convolution(128, 128, 3)
    assert parameter_count(discriminator) == first + second + 2 * flat + 128 + 1
    generator = GENERATORS["resnet"].build(of((3, 32, 32)), latent_size=128)
    norm, wide = 2 * 256, 256 * 256 * 9
    block = 2 * norm + wide + wide + 256 + convolution(256, 256, 1)
    dense = 128 * 256 * 16 + 256 * 16
    assert parameter_count(generator) == dense + 3 * block + norm + convolution(256, 3, 3)


@pytest.mark.parametrize(("side", "blocks"), [(8, 3), (16, 3), (32, 4), (64, 5), (128, 6)])
def test_resnet_grows_by_blocks_of_half_the_width(side: int, blocks: int) -> None:
    discriminator = DISCRIMINATORS["resnet"].build(of((3, side, side)), width=16, spectral_norm=False)
    residual = [layer for layer in flat(discriminator) if isinstance(layer, ResidualBlock)]
    assert len(residual) == blocks
    sides, widths = [], []
    features = torch.randn(1, 3, side, side)
    for block in residual:
        features = block(features)
        widths.append(features.shape[1])
        sides.append(features.shape[2])
    assert widths[-2:] == [16, 16]
    assert widths[0] == (16 if side <= 32 else 16 * 32 // side)
    assert sides[-1] == sides[-2] == sides[-3] == (4 if side == 8 else 8)


def test_resnet_is_the_function_of_its_table() -> None:
    torch.manual_seed(0)
    discriminator = flat(DISCRIMINATORS["resnet"].build(of((3, 16, 16)), width=4, spectral_norm=False))
    samples = torch.randn(2, 3, 16, 16)
    first, second, third = (block for block in discriminator if isinstance(block, ResidualBlock))
    inner, outer = (layer for layer in first.residual.modules() if isinstance(layer, nn.Conv2d))
    (shortcut,) = (layer for layer in first.shortcut.modules() if isinstance(layer, nn.Conv2d))
    # The published order: the shortcut convolves, then averages; the first block has no ReLU before it.
    hidden = nn.functional.avg_pool2d(outer(inner(samples).relu()) + shortcut(samples), 2)
    for block in (second, third):
        inner, outer = (layer for layer in block.modules() if isinstance(layer, nn.Conv2d))
        hidden = hidden + outer(inner(hidden.relu()).relu())
    (dense,) = (layer for layer in discriminator if isinstance(layer, nn.Linear))
    expected = hidden.relu().sum((2, 3)) @ dense.weight[0] + dense.bias
    torch.testing.assert_close(discriminator(samples), expected)


def test_resnet_shortcuts_convolve_the_smaller_grid_to_the_same_effect() -> None:
    features, convolution = torch.randn(2, 3, 8, 8), nn.Conv2d(3, 5, 1)
    pool, double = nn.AvgPool2d(2), nn.Upsample(scale_factor=2, mode="nearest")
    assert torch.allclose(pool(convolution(features)), convolution(pool(features)), atol=1e-6)
    assert torch.allclose(double(convolution(features)), convolution(double(features)), atol=1e-6)


def test_srresnet_at_128_has_the_layers_of_its_figures() -> None:
    def convolution(before: int, after: int, side: int) -> int:
        return before * after * side * side + after

    generator = GENERATORS["srresnet"].build(of((3, 128, 128)), latent_size=128 + 34)
    norm = 2 * 64
    dense = (162 + 1) * 64 * 16 * 16
    blocks = 16 * 2 * (convolution(64, 64, 3) + norm)
    doublings = 3 * (convolution(64, 256, 3) + norm)
    assert parameter_count(generator) == dense + 2 * norm + blocks + doublings + convolution(64, 3, 9)
    discriminator = DISCRIMINATORS["srresnet"].build(of((3, 128, 128)))
    stages = [
        4 * convolution(width, width, 3) + convolution(width, 2 * width, 4)
        for width in (32, 64, 128, 256, 512)
    ]
    assert parameter_count(discriminator) == convolution(3, 32, 4) + sum(stages) + 1024 * 2 * 2 + 1


def test_srresnet_is_the_function_of_its_figures() -> None:
    torch.manual_seed(0)
    settings = {"width": 4, "blocks": 2, "smallest_side": 4}
    network = flat(GENERATORS["srresnet"].build(of((2, 8, 8)), latent_size=3, **settings)).eval()
    latents = torch.randn(2, 3)
    dense, _, norm, _, trunk, convolution, _, last_norm, _, last, _ = network
    features = nn.functional.relu(norm(dense(latents).reshape(2, 4, 4, 4)))
    assert isinstance(trunk, ResidualBlock)
    *blocks, norm_of_trunk, _ = flat(trunk.residual)
    inner = features
    for block in blocks:
        assert isinstance(block, ResidualBlock)
        first, norm_one, _, second, norm_two = flat(block.residual)
        inner = inner + norm_two(second(nn.functional.relu(norm_one(first(inner)))))
    features = features + nn.functional.relu(norm_of_trunk(inner))
    # Channel 4 c + 2 i + j of the convolution is channel c at the pixels (2 y + i, 2 x + j).
    spread = convolution(features).reshape(2, 4, 2, 2, 4, 4).permute(0, 1, 4, 2, 5, 3).reshape(2, 4, 8, 8)
    expected = last(nn.functional.relu(last_norm(spread))).tanh()
    torch.testing.assert_close(network(latents), expected)
    assert expected.shape == (2, 2, 8, 8) and float(expected.detach().std()) > 0


@pytest.mark.parametrize("width", [4, 32])
def test_srresnet_scores_are_of_the_size_of_the_image_at_any_width(width: int) -> None:
    discriminator = DISCRIMINATORS["srresnet"].build(of((3, 64, 64)), width=width)
    scores = discriminator(torch.randn(16, 3, 64, 64)).detach()
    assert 0.1 < float(scores.square().mean().sqrt()) < 3


@pytest.mark.parametrize(
    ("sides", "first", "doublings"),
    [
        ((8, 8), (2, 2), 2),
        ((32, 32), (8, 8), 2),
        ((64, 64), (16, 16), 2),
        ((256, 256), (16, 16), 4),
        ((50, 36), (13, 9), 2),
        ((64, 9), (16, 3), 2),
    ],
)
def test_srresnet_starts_from_sixteen_or_a_quarter(
    sides: tuple[int, int], first: tuple[int, int], doublings: int
) -> None:
    generator = flat(GENERATORS["srresnet"].build(of((3, *sides)), latent_size=3, width=2, blocks=1))
    assert sum(isinstance(layer, Shuffle) for layer in generator) == doublings
    assert generator[:2](torch.randn(1, 3)).shape == (1, 2, *first)
    made = generator(torch.randn(2, 3))
    assert made.shape == (2, 3, *sides)
    assert DISCRIMINATORS["srresnet"].build(of((3, *sides)), width=2)(made).shape == (2,)


def test_mlp_holds_the_networks_of_pacgan() -> None:
    build = GENERATORS["mlp"].build
    generator = build(of((2,)), latent_size=2, width=400, depth=4, batch_norm=True, initial_std=0.02)
    assert parameter_count(generator) == 2 * 400 + 3 * 400 * 400 + 4 * 800 + 400 * 2 + 2
    discriminator = DISCRIMINATORS["mlp"].build(
        of((4,)), width=200, depth=3, maxout_pieces=5, initial_std=0.02
    )
    pieces = 1000
    assert parameter_count(discriminator) == 4 * pieces + 2 * 200 * pieces + 3 * pieces + 200 + 1
    second = flat(discriminator)[2]
    assert isinstance(second, nn.Linear)
    weights = second.weight.detach()
    assert weights.std().item() == pytest.approx(0.02, rel=0.01), "200,000 draws: 0.16 % standard error"
    assert weights.mean().item() == pytest.approx(0.0, abs=2e-4), "four standard errors"
    assert second.bias.abs().max() == 0


def test_mlps_are_flat() -> None:
    for network in (
        GENERATORS["mlp"].build(of((2,)), latent_size=2, batch_norm=True),
        DISCRIMINATORS["mlp"].build(of((2,)), maxout_pieces=3),
    ):
        assert type(network) is nn.Sequential
        assert not any(list(layer.children()) for layer in network)


def test_an_mlp_without_hidden_layers_is_linear() -> None:
    discriminator = DISCRIMINATORS["mlp"].build(of((3,)), depth=0)
    x, y = torch.randn(5, 3), torch.randn(5, 3)
    assert torch.allclose(
        discriminator(x + y) + discriminator(0 * x), discriminator(x) + discriminator(y), atol=1e-6
    )


def test_maxout_is_the_maximum_over_its_pieces() -> None:
    torch.manual_seed(0)
    linear, maxout = nn.Linear(3, 20), Maxout(4)
    samples = torch.randn(6, 3)
    pieces = [samples @ linear.weight[5 * i : 5 * i + 5].T + linear.bias[5 * i : 5 * i + 5] for i in range(4)]
    assert torch.allclose(maxout(linear(samples)), torch.stack(pieces).max(0).values, atol=1e-6)
    assert "pieces=4" in repr(maxout)


@pytest.mark.parametrize(
    ("name", "reference"),
    [("relu", torch.relu), ("elu", nn.functional.elu), ("tanh", torch.tanh)],
)
def test_activations_are_what_they_are_named(name: Any, reference: Callable[[Tensor], Tensor]) -> None:
    values = torch.linspace(-2, 2, 9)
    layer = activation_layer(name)
    assert torch.equal(layer(values), reference(values))


def test_autoencoder_scores_by_the_mean_absolute_error() -> None:
    torch.manual_seed(0)
    discriminator = DISCRIMINATORS["autoencoder"].build(of((3, 28, 20)), width=2, code_size=3)
    samples = torch.randn(4, 3, 28, 20)
    reproduced = autoencoder_of(discriminator)(samples)
    assert reproduced.shape == samples.shape
    expected = torch.stack([-(one - two).abs().mean() for one, two in zip(samples, reproduced, strict=True)])
    assert torch.allclose(discriminator(samples), expected)
    assert (discriminator(samples) < 0).all()


def test_autoencoder_is_unbounded_below() -> None:
    discriminator = DISCRIMINATORS["autoencoder"].build(of((2,)), width=4)
    last = autoencoder_of(discriminator)[-1]
    assert isinstance(last, nn.Linear)
    last.weight.data.mul_(1e6)
    assert discriminator(torch.randn(4, 2)).min() < -1e3


@pytest.mark.parametrize(
    ("shape", "code_grid"),
    [
        ((1, 8, 8), (8, 8)),
        ((1, 28, 28), (7, 7)),
        ((3, 32, 32), (8, 8)),
        ((3, 15, 15), (15, 15)),
        ((1, 48, 64), (6, 8)),
    ],
)
def test_autoencoder_halves_to_a_small_grid(shape: tuple[int, int, int], code_grid: tuple[int, int]) -> None:
    discriminator = DISCRIMINATORS["autoencoder"].build(of(shape), width=2)
    unflatten = next(layer for layer in autoencoder_of(discriminator) if isinstance(layer, nn.Unflatten))
    assert tuple(unflatten.unflattened_size) == (2, *code_grid)
    assert discriminator(torch.randn(2, *shape)).shape == (2,)


def test_autoencoder_learns_to_reproduce() -> None:
    # A code as large as the data: the error must fall well below that of always answering zero, 0.8.
    torch.manual_seed(0)
    discriminator = DISCRIMINATORS["autoencoder"].build(of((2,)), width=16, code_size=2, depth=1)
    optimiser = torch.optim.Adam(discriminator.parameters(), 1e-2)
    samples = torch.randn(128, 2)
    for _ in range(200):
        optimiser.zero_grad()
        (-discriminator(samples).mean()).backward()
        optimiser.step()
    assert discriminator(samples).mean() > -0.1


@pytest.mark.parametrize(
    ("sides", "smallest"),
    [((28, 28), (4, 4)), ((50, 50), (4, 4)), ((9, 9), (2, 2)), ((33, 48), (3, 3)), ((100, 31), (4, 1))],
)
def test_dcgan_halves_any_side_rounding_up(sides: tuple[int, int], smallest: tuple[int, int]) -> None:
    spec = of((5, *sides))
    generator = GENERATORS["dcgan"].build(spec, latent_size=5, width=2)
    discriminator = DISCRIMINATORS["dcgan"].build(spec, width=2)
    images = generator(torch.randn(4, 5))
    made, scored = grids(generator, torch.randn(4, 5)), grids(discriminator, images)
    assert images.shape == (4, 5, *sides) and discriminator(images).shape == (4,)
    halved = [sides]
    while max(halved[-1]) > max(smallest):
        halved.append((-(-halved[-1][0] // 2), -(-halved[-1][1] // 2)))
    assert [grid[1:] for grid in made] == halved[::-1] and halved[-1] == smallest
    assert [grid[1:] for grid in scored[:-1]] == halved[1:]


def test_every_pixel_of_an_odd_side_reaches_the_score() -> None:
    discriminator = DISCRIMINATORS["dcgan"].build(of((1, 33, 21)), width=2)
    images = torch.randn(2, 1, 33, 21, requires_grad=True)
    discriminator(images).sum().backward()
    assert images.grad is not None and bool((images.grad != 0).all())


def test_dcgan_at_the_largest_side_caps_its_parameters() -> None:
    spec = of((3, 1024, 1024))
    generator = GENERATORS["dcgan"].build(spec, latent_size=8, width=1)
    assert generator(torch.randn(2, 8)).shape == (2, 3, 1024, 1024)
