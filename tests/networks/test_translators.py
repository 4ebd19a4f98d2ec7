"""Networks from images to images, and the discriminator of patches."""

from __future__ import annotations

import json

import pytest
import torch
from torch import Tensor, nn

from networks.specs import of, translated
from poise.networks import IMAGE_DISCRIMINATORS, TRANSLATORS, Network, describe, parameter_count
from poise.networks.layers import InstanceNorm, NoiseDropout, ResidualBlock
from poise.networks.translating import BothWays, PatchDiscriminator, TranslatingGenerator, matching_features
from poise.networks.translators import UNet
from poise.registry import checked_settings
from poise.training.engine import channels_last

SIDES = (8, 16, 32, 64)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    "network", [*TRANSLATORS.values(), IMAGE_DISCRIMINATORS["patch"]], ids=lambda n: n.name
)
def test_every_network_says_what_it_is_and_its_settings_have_valid_defaults(network: Network) -> None:
    assert network.summary.endswith(".") and network.kinds == ("image",)
    assert any(character.isdigit() for character in network.source), "a source has a year"
    settings = checked_settings({}, network.build, owner=f"network '{network.name}'")
    assert settings["width"] == 64 and "source" not in settings
    assert network.build.__doc__ is not None
    assert all(f"{name}: " in network.build.__doc__ for name in settings), "every setting has its help"


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(("taken", "channels"), [(1, 3), (3, 1), (4, 4)])
@pytest.mark.parametrize("name", list(TRANSLATORS))
def test_translators_make_images_of_any_channels(name: str, taken: int, channels: int, side: int) -> None:
    network = TRANSLATORS[name].build(translated((channels, side, side), (taken, side, side)), width=2)
    for parameter in network.parameters():
        parameter.data.mul_(30)  # so that the last layer leaves the linear range
    images = network(noise(2, taken, side, side))
    assert images.shape == (2, channels, side, side)
    assert images.abs().max() <= 1
    assert json.loads(json.dumps(describe(network)))["parameters"] == parameter_count(network)


@pytest.mark.parametrize("name", list(TRANSLATORS))
def test_translators_make_the_same_with_channels_last(name: str) -> None:
    network = TRANSLATORS[name].build(translated((3, 16, 16), (1, 16, 16)), width=4).eval()
    sources = noise(3, 1, 16, 16)
    torch.manual_seed(5)
    images = network(sources)
    channels_last(network)
    torch.manual_seed(5)
    again = network(sources.contiguous(memory_format=torch.channels_last))
    torch.testing.assert_close(again, images, rtol=1e-4, atol=1e-5)


def test_sides_that_are_no_powers_of_two_are_halved_as_often_as_they_can_be() -> None:
    network = TRANSLATORS["unet"].build(translated((3, 48, 48), (1, 48, 48)), width=2)
    assert network(noise(2, 1, 48, 48)).shape == (2, 3, 48, 48)
    assert isinstance(network, UNet) and len(network.downs) == 4


# Published sizes -------------------------------------------------------------------------------------------


def test_the_unet_at_256_has_the_published_parameters() -> None:
    # The authors' PyTorch code prints 54.414 M for 3 to 3 channels. It has no bias in the first and in the
    # innermost convolution, which nothing normalises; here these have one.
    network = TRANSLATORS["unet"].build(translated((3, 256, 256), (3, 256, 256)))
    published = parameter_count(network) - 64 - 512
    assert round(published / 1e6, 3) == 54.414


def test_the_patch_discriminator_has_the_published_parameters() -> None:
    # 2.769 M for source and target with batch norm, 2.765 M for one image with instance norm.
    for channels, norm, published in ((6, "batch", 2.769), (3, "instance", 2.765)):
        network = IMAGE_DISCRIMINATORS["patch"].build(of((channels, 256, 256)), norm=norm)
        assert round(parameter_count(network) / 1e6, 3) == published


def test_the_residual_generator_at_256_has_the_published_parameters() -> None:
    # 11.378 M with a bias in every convolution; here those whose bias a normalisation cancels have none.
    network = TRANSLATORS["residual"].build(translated((3, 256, 256), (3, 256, 256)))
    assert sum(isinstance(layer, ResidualBlock) for layer in network.modules()) == 9
    cancelled = 64 + 128 + 256 + 18 * 256 + 128 + 64
    assert round((parameter_count(network) + cancelled) / 1e6, 3) == 11.378


@pytest.mark.parametrize(("halvings", "patch"), [(1, 16), (2, 34), (3, 70)])
def test_a_score_sees_a_patch_of_the_published_size(halvings: int, patch: int) -> None:
    network = IMAGE_DISCRIMINATORS["patch"].build(of((1, 128, 128)), width=2, halvings=halvings, norm="none")
    images = noise(1, 1, 128, 128).requires_grad_()
    scores = network(images)
    middle = scores.shape[-1] // 2
    (gradient,) = torch.autograd.grad(scores[0, 0, middle, middle], images)
    touched = gradient[0, 0].ne(0)
    assert int(touched.any(0).sum()) == int(touched.any(1).sum()) == patch


@pytest.mark.parametrize(("side", "halvings"), [(8, 1), (16, 1), (32, 2), (64, 2), (128, 3), (256, 3)])
def test_patches_grow_with_the_image(side: int, halvings: int) -> None:
    network = IMAGE_DISCRIMINATORS["patch"].build(of((3, side, side)), width=2)
    assert isinstance(network, PatchDiscriminator)
    assert len(network.stages) == halvings + 2
    scores = network(noise(2, 3, side, side))
    assert scores.shape == (2, 1, side // 2**halvings - 2, side // 2**halvings - 2)


# Parts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_instance_norm_is_that_of_torch(layout: torch.memory_format) -> None:
    features = noise(3, 5, 6, 7).contiguous(memory_format=layout).requires_grad_()
    wanted = nn.InstanceNorm2d(5)(features)
    torch.testing.assert_close(InstanceNorm(5)(features), wanted, rtol=1e-4, atol=1e-5)
    weights = noise(3, 5, 6, 7, seed=1)
    slopes = [
        torch.autograd.grad((made * weights).sum(), features)[0]
        for made in (InstanceNorm(5)(features), wanted)
    ]
    torch.testing.assert_close(*slopes, rtol=1e-3, atol=1e-5)


def test_dropout_is_noise_in_use_and_the_same_for_every_image() -> None:
    layer, features = NoiseDropout(0.5), torch.ones(4, 8, 8, 8)
    assert not torch.equal(layer(features)[0], layer(features)[1]), "in training each sample has its own"
    layer.eval()
    torch.manual_seed(1)
    first = layer(features)
    torch.manual_seed(1)
    alone = layer(features[2:3])
    assert torch.equal(first[2:3], alone), "an image does not depend on its neighbours"
    torch.manual_seed(2)
    assert not torch.equal(layer(features), first), "another seed is another image"
    assert 0.4 < float((first[0] == 0).float().mean()) < 0.6, "512 draws: 4.5 standard errors"
    assert torch.equal(NoiseDropout(0.0)(features), features)


def test_a_unet_has_noise_in_its_first_layers_on_the_way_up() -> None:
    network = TRANSLATORS["unet"].build(translated((3, 256, 256), (3, 256, 256)), width=1)
    assert isinstance(network, UNet)
    noisy = [any(isinstance(layer, NoiseDropout) for layer in up.modules()) for up in network.ups]
    assert noisy == [True] * 3 + [False] * 5
    small = TRANSLATORS["unet"].build(translated((3, 32, 32), (1, 32, 32)), width=4).eval()
    sources = noise(2, 1, 32, 32)
    torch.manual_seed(1)
    one = small(sources)
    torch.manual_seed(2)
    assert not torch.allclose(small(sources), one)


def test_matched_features_are_the_mean_differences_of_the_grids() -> None:
    network = IMAGE_DISCRIMINATORS["patch"].build(of((4, 16, 16)), width=3)
    assert isinstance(network, PatchDiscriminator)
    condition, one, two = noise(2, 1, 16, 16), noise(2, 3, 16, 16, seed=1), noise(2, 3, 16, 16, seed=2)
    rows = [matching_features(network)(samples, condition) for samples in (one, two)]
    grids = [network.features(torch.cat([samples, condition], 1)) for samples in (one, two)]
    wanted = torch.stack([(a - b).abs().flatten(1).mean(1) for a, b in zip(*grids, strict=True)]).sum(0)
    torch.testing.assert_close((rows[0] - rows[1]).abs().sum(1), wanted)
    assert len(grids[0]) == 2


def test_generators_of_translations_ignore_the_latent() -> None:
    there, back = nn.Conv2d(1, 3, 1), nn.Conv2d(3, 1, 1)
    images = noise(2, 1, 8, 8)
    one_way, both = TranslatingGenerator(there), BothWays(there, back)
    assert torch.equal(one_way(noise(2, 4), images), both(noise(2, 9), images))
    assert both.back(noise(2, 4), both(noise(2, 4), images)).shape == images.shape
