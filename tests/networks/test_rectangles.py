"""Networks, augmentations and measurements of images that are not square."""

import math

import pytest
import torch
from torch import Tensor

from networks.specs import of, translated
from poise.augment import AUGMENTATIONS, AugmentContext
from poise.augment.warps import drawn_map
from poise.diagnosis.appearance import grid_of
from poise.metrics.features import EXTRACTORS
from poise.networks import DISCRIMINATORS, GENERATORS, IMAGE_DISCRIMINATORS, TRANSLATORS
from poise.regularisers import squared_gradient_norm
from poise.tasks.perceptual import perceptual_features

SIZES = ((8, 64), (48, 64), (64, 36), (45, 23), (9, 8))
"""Height and width: of strips, of shared proportions, and of odd sides."""
MAKERS = [name for name, network in GENERATORS.items() if "image" in network.kinds]
SCORERS = [name for name, network in DISCRIMINATORS.items() if "image" in network.kinds]


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", MAKERS)
def test_every_generator_makes_them_within_its_range(name: str, size: tuple[int, int]) -> None:
    generator = GENERATORS[name].build(of((3, *size)), latent_size=5, width=4)
    images = generator.eval()(noise(2, 5))
    assert images.shape == (2, 3, *size) and images.abs().max() <= 1
    assert not torch.equal(images[0], images[1])


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", [name for name in SCORERS if name != "autoencoder"])
def test_every_discriminator_sees_all_of_them(name: str, size: tuple[int, int]) -> None:
    discriminator = DISCRIMINATORS[name].build(of((3, *size)), width=4).eval()
    samples = noise(4, 3, *size).requires_grad_()
    scores = discriminator(samples)
    assert len(scores) == 4
    (slopes,) = torch.autograd.grad(scores.sum(), samples)
    assert (slopes.abs().sum((0, 1)) > 0).all(), "every pixel changes the score, the edges of odd sides too"


@pytest.mark.parametrize("name", ["dcgan", "infogan", "resnet", "stylegan2", "r3gan"])
def test_penalties_of_odd_sides_have_gradients(name: str) -> None:
    discriminator = DISCRIMINATORS[name].build(of((1, 19, 13)), width=4)
    norms = squared_gradient_norm(discriminator, noise(4, 1, 19, 13))
    slopes = torch.autograd.grad(norms.sum(), list(discriminator.parameters()), allow_unused=True)
    assert any(slope is not None and bool(slope.abs().sum() > 0) for slope in slopes)


@pytest.mark.parametrize("name", list(TRANSLATORS))
def test_translators_keep_the_size(name: str) -> None:
    images = noise(2, 1, 48, 64)
    assert TRANSLATORS[name].build(translated((3, 48, 64), (1, 48, 64)), width=4)(images).shape == (
        2,
        3,
        48,
        64,
    )
    assert IMAGE_DISCRIMINATORS["patch"].build(of((3, 48, 64)), width=4)(noise(2, 3, 48, 64)).shape[0] == 2


@pytest.mark.parametrize("name", ["diffaugment", "ada"])
def test_augmentations_keep_the_size_and_carry_gradients(name: str) -> None:
    row = AUGMENTATIONS[name]
    state = {} if row.init is None else {**row.init(), "probability": torch.tensor(0.8)}
    context = AugmentContext(torch.Generator().manual_seed(1), 0, 0, 1000, state)
    images = noise(6, 3, 24, 40).requires_grad_()
    made = row.apply(images, context)
    assert made.shape == images.shape and bool(torch.autograd.grad(made.sum(), images)[0].abs().sum() > 0)


def test_quarter_turns_are_for_squares_only() -> None:
    stream = torch.Generator().manual_seed(0)
    one = torch.ones(200)

    def draw(law: str) -> Tensor:
        return torch.rand(200, generator=stream)

    def turned(height: int, width: int) -> Tensor:
        maps = drawn_map(one, draw, lambda *_, **__: one.bool(), height, width, blit=1.0, geometry=0.0)
        return maps[:, 0, 1].abs() > 0.5

    assert turned(24, 24).any() and not turned(24, 40).any()


@pytest.mark.parametrize(("height", "width"), [(16, 48), (48, 16), (36, 64)])
def test_a_chequer_is_seen_in_them(height: int, width: int) -> None:
    smooth = torch.nn.functional.avg_pool2d(noise(64, 1, height + 4, width + 4), 5, 1)
    pattern = torch.ones(height, width)
    pattern[:, ::2] = -1
    plain, chequered = grid_of(smooth), grid_of(smooth + 0.2 * pattern)
    assert plain is not None and chequered is not None and chequered > 5 * plain


def test_features_see_the_whole_of_them() -> None:
    extractor = EXTRACTORS["random-convolutions"].build(3)
    left, right = torch.zeros(1, 3, 48, 128), torch.zeros(1, 3, 48, 128)
    left[..., :64], right[..., 64:] = 1, 1
    assert extractor(left).shape == extractor(right).shape
    assert not torch.allclose(extractor(left), extractor(right), atol=0.1)
    perceptual = perceptual_features("random-convolutions", 3)
    assert math.isfinite(float(perceptual(torch.rand(2, 3, 80, 120)).sum()))
