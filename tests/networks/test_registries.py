"""One battery over every generator and every discriminator."""

import json

import pytest
import torch
from torch import Tensor, nn

from networks.specs import of
from poise.data import KINDS
from poise.networks import DISCRIMINATORS, GENERATORS, Network, describe, parameter_count
from poise.registry import checked_settings
from poise.training.engine import channels_last

TINY = {"width": 3}
SIDES = (8, 16, 32, 64, 128, 256)
LATENT_SIZE = 5
MAKERS = [name for name, network in GENERATORS.items() if "image" in network.kinds]
SCORERS = [name for name, network in DISCRIMINATORS.items() if "image" in network.kinds]
# Linear at the end in training, with layers of their own; stylegan2 draws noise and sees a batch's deviation
NOT_PLAIN = ("stylegan2", "r3gan", "progressive")
# Scores of several places of an image, always under spectral norm and without a bias
OF_PLACES = ("fastgan",)


def built_generator(name: str, shape: tuple[int, ...], **settings: object) -> nn.Module:
    return GENERATORS[name].build(of(shape), latent_size=LATENT_SIZE, **{**TINY, **settings})


def built_discriminator(name: str, shape: tuple[int, ...], **settings: object) -> nn.Module:
    return DISCRIMINATORS[name].build(of(shape), **{**TINY, **settings})


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("network", [*GENERATORS.values(), *DISCRIMINATORS.values()], ids=lambda n: n.name)
def test_every_network_says_what_it_is_and_its_settings_have_valid_defaults(network: Network) -> None:
    assert network.summary.endswith(".")
    assert any(character.isdigit() for character in network.source), "a source has a year"
    assert set(network.kinds) <= set(KINDS)
    settings = checked_settings({}, network.build, owner=f"network '{network.name}'")
    assert settings["width"] >= 1
    assert "latent_size" not in settings
    assert network.build.__doc__ is not None
    assert all(f"{name}: " in network.build.__doc__ for name in settings), "every setting has its help"


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", MAKERS)
def test_generators_make_images_within_minus_one_and_one(name: str, side: int) -> None:
    channels = 1 + SIDES.index(side) % 4
    generator = built_generator(name, (channels, side, side)).train(name not in NOT_PLAIN)
    for parameter in generator.parameters():
        parameter.data.mul_(30)  # so that the last layer leaves the linear range
    images = generator(noise(2, LATENT_SIZE))
    assert images.shape == (2, channels, side, side)
    assert images.abs().max() <= 1
    assert images.abs().max() > 0.5


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("name", MAKERS)
def test_generators_make_one_to_four_channels(name: str, channels: int) -> None:
    assert built_generator(name, (channels, 8, 8))(noise(3, LATENT_SIZE)).shape == (3, channels, 8, 8)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", SCORERS)
def test_discriminators_score_each_sample_at_every_resolution(name: str, side: int) -> None:
    scores = built_discriminator(name, (3, side, side))(noise(2, 3, side, side))
    assert scores.shape[:1] == (2,) and scores.dim() == 1 + (name in OF_PLACES)
    assert not torch.equal(scores[0], scores[1])


@pytest.mark.parametrize("channels", [1, 2, 6, 12])
@pytest.mark.parametrize("batch", [1, 5])
@pytest.mark.parametrize("name", SCORERS)
def test_discriminators_take_any_batch_and_packed_channels(name: str, batch: int, channels: int) -> None:
    scores = built_discriminator(name, (channels, 16, 16))(noise(batch, channels, 16, 16))
    assert scores.shape[:1] == (batch,) and scores.dim() == 1 + (name in OF_PLACES)


@pytest.mark.parametrize("size", [1, 2, 7])
def test_networks_of_vectors_map_vectors(size: int) -> None:
    makers = [name for name, network in GENERATORS.items() if "vector" in network.kinds]
    scorers = [name for name, network in DISCRIMINATORS.items() if "vector" in network.kinds]
    assert (makers, scorers) == (["mlp"], ["mlp", "autoencoder"])
    vectors = built_generator("mlp", (size,))(noise(4, LATENT_SIZE))
    assert vectors.shape == (4, size)
    for name in scorers:
        assert built_discriminator(name, (size,))(vectors).shape == (4,)


def test_vectors_are_unbounded() -> None:
    generator = built_generator("mlp", (2,))
    latents = noise(4, LATENT_SIZE)
    last = [layer for layer in generator.modules() if isinstance(layer, nn.Linear)][-1]
    nn.init.zeros_(last.bias)
    before = generator(latents)
    last.weight.data.mul_(1e4)
    assert torch.allclose(generator(latents), 1e4 * before)


@pytest.mark.parametrize(
    "name", [name for name in SCORERS if name not in ("autoencoder", *NOT_PLAIN, *OF_PLACES)]
)
def test_scores_are_raw(name: str) -> None:
    discriminator = built_discriminator(name, (1, 16, 16), spectral_norm=False)
    last = [layer for layer in discriminator.modules() if isinstance(layer, nn.Linear | nn.Conv2d)][-1]
    assert last.bias is not None
    samples = noise(4, 1, 16, 16)
    nn.init.zeros_(last.bias)
    before = discriminator(samples)
    last.weight.data.mul_(-1e5)
    assert torch.allclose(discriminator(samples), -1e5 * before, rtol=1e-4)


@pytest.mark.parametrize("name", SCORERS)
def test_channels_last_scores_alike(name: str) -> None:
    discriminator = built_discriminator(name, (3, 16, 16)).eval()
    samples = noise(4, 3, 16, 16)
    scores = discriminator(samples)
    channels_last(discriminator)
    assert torch.allclose(
        discriminator(samples.to(memory_format=torch.channels_last)), scores, rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("name", MAKERS)
def test_channels_last_makes_alike(name: str) -> None:
    generator = built_generator(name, (3, 16, 16)).eval()
    latents = noise(4, LATENT_SIZE)
    images = generator(latents)
    channels_last(generator)
    again = generator(latents)
    assert torch.allclose(again, images, rtol=1e-4, atol=1e-6)
    if name != "mlp":
        assert again.is_contiguous(memory_format=torch.channels_last), "no layer falls back"


@pytest.mark.parametrize("name", [name for name in MAKERS if name not in NOT_PLAIN])
def test_in_evaluation_a_sample_does_not_depend_on_its_batch(name: str) -> None:
    generator = built_generator(name, (1, 8, 8), **({} if name in OF_PLACES else {"batch_norm": True}))
    latents = noise(6, LATENT_SIZE)
    generator(latents)
    assert not torch.allclose(generator(latents)[:1], generator(latents[:3])[:1], atol=1e-6), (
        "in training it does"
    )
    generator.eval()
    assert torch.allclose(generator(latents)[:1], generator(latents[:1]), atol=1e-6)
    assert torch.equal(generator(latents), generator(latents))


@pytest.mark.parametrize("name", [name for name in SCORERS if name not in NOT_PLAIN])
def test_by_default_a_score_does_not_depend_on_the_batch(name: str) -> None:
    discriminator = built_discriminator(name, (1, 8, 8)).eval()
    samples = noise(6, 1, 8, 8)
    assert torch.allclose(discriminator(samples)[:2], discriminator(samples[:2]), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", SCORERS)
def test_the_seed_decides_the_weights(name: str) -> None:
    def weights(seed: int) -> Tensor:
        torch.manual_seed(seed)
        return nn.utils.parameters_to_vector(built_discriminator(name, (1, 8, 8)).parameters())

    assert torch.equal(weights(3), weights(3))
    assert not torch.equal(weights(3), weights(4))


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        (name, {"vector": (2,), "image": (1, 8, 8)}[kind])
        for name, network in DISCRIMINATORS.items()
        for kind in network.kinds
        if kind in ("vector", "image")
    ],
)
def test_every_discriminator_can_be_differentiated_twice(name: str, shape: tuple[int, ...]) -> None:
    small = {"hidden_size": 4} if name == "infogan" else {}
    discriminator = built_discriminator(name, shape, **small).double()
    discriminator.eval()  # so that the vectors of spectral norm stand still
    samples = noise(3, *shape).double()

    def penalty() -> Tensor:
        points = samples.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(discriminator(points).sum(), points, create_graph=True)
        return gradient.square().sum()

    # A central difference along one random direction of all parameters at once.
    parameters = [parameter for parameter in discriminator.parameters() if parameter.requires_grad]
    slopes = torch.autograd.grad(penalty(), parameters, allow_unused=True)
    direction = [noise(*parameter.shape).double() for parameter in parameters]
    expected = sum(
        (slope * way).sum() for slope, way in zip(slopes, direction, strict=True) if slope is not None
    )
    measured, step = 0.0, 1e-6
    for sign in (1, -1):
        for parameter, way in zip(parameters, direction, strict=True):
            parameter.data.add_(sign * step * way)
        measured += sign * float(penalty().detach()) / (2 * step)
        for parameter, way in zip(parameters, direction, strict=True):
            parameter.data.sub_(sign * step * way)
    assert float(expected) != 0
    assert measured == pytest.approx(float(expected), rel=1e-4)


@pytest.mark.parametrize("name", SCORERS)
def test_the_description_adds_up_and_is_json(name: str) -> None:
    discriminator = built_discriminator(name, (1, 8, 8))
    description = describe(discriminator)
    assert json.loads(json.dumps(description)) == description
    assert description["parameters"] == description["trainable"] == parameter_count(discriminator)
    assert sum(layer["parameters"] for layer in description["layers"]) == parameter_count(discriminator)
    assert not any("Parametri" in layer["kind"] for layer in description["layers"])
    kinds = {layer["kind"] for layer in description["layers"]}
    assert kinds & {"Linear", "Conv2d", "EqualisedConvolution"}
