"""R3GAN's networks: their published sizes, how they start, and their score under a condition."""

from __future__ import annotations

import json
import math

import pytest
import torch
from torch import Tensor, nn

from networks import r3gan_numbers
from networks.specs import image
from poise.dynamics import Batch
from poise.errors import PoiseError
from poise.networks import DISCRIMINATORS, GENERATORS, parameter_count
from poise.networks.r3gan import ResidualBlock, ResidualDiscriminator, ResidualGenerator
from poise.recipes import RECIPES, recipe_with
from poise.spec import DataSpec
from poise.tasks import TASKS

GENERATOR, DISCRIMINATOR = GENERATORS["r3gan"].build, DISCRIMINATORS["r3gan"].build
CLASSES = DataSpec("image", (3, 32, 32), condition=(10,))


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("spec", "sizes"), [(CLASSES, (20.8, 21.3)), (image(3, 256), (23.1, 23.0))], ids=["CIFAR-10", "FFHQ-256"]
)
def test_the_published_sizes(spec: DataSpec, sizes: tuple[float, float]) -> None:
    with torch.device("meta"):
        networks = GENERATOR(spec, latent_size=64), DISCRIMINATOR(spec)
    found = tuple(round(parameter_count(one) / 1e6, 1) for one in networks)
    assert found == sizes


def test_a_block_starts_as_the_identity_and_its_weights_shrink_with_the_depth() -> None:
    torch.manual_seed(0)
    block = ResidualBlock(64, group_width=16, blocks=16)
    features = noise(2, 64, 4, 4)
    assert torch.equal(block(features), features)
    first, middle = block.residual[0], block.residual[2]
    assert isinstance(first, nn.Conv2d)
    assert isinstance(middle, nn.Conv2d)
    gain = math.sqrt(2 / 1.04) / 2  # sixteen blocks: 16 ** -1/4
    assert float(first.weight.detach().std()) == pytest.approx(gain / math.sqrt(64), rel=0.02)
    assert float(middle.weight.detach().std()) == pytest.approx(gain / math.sqrt(16 * 9), rel=0.02)
    assert middle.groups == 128 // 16


def test_samples_are_linear_in_the_latent_at_the_start() -> None:
    """Blocks are identities then, and everything else is linear."""
    torch.manual_seed(0)
    generator = GENERATOR(image(3, 16), latent_size=8, width=32).double()
    first, second = (noise(4, 8, seed=seed).double() for seed in (1, 2))
    expected = 2 * generator(first) - 3 * generator(second)
    torch.testing.assert_close(generator(2 * first - 3 * second), expected)


def test_a_condition_is_embedded_beside_the_latent_and_multiplies_the_features() -> None:
    torch.manual_seed(0)
    generator, discriminator = GENERATOR(CLASSES, latent_size=8, width=32), DISCRIMINATOR(CLASSES, width=32)
    assert isinstance(generator, ResidualGenerator)
    assert isinstance(discriminator, ResidualDiscriminator)
    condition = torch.eye(10)[:4]
    samples = generator(noise(4, 8), condition)
    assert samples.shape == (4, 3, 32, 32)
    other = generator(noise(4, 8), condition.flip(0))
    assert bool((samples != other).flatten(1).any(1).all())
    scores = [discriminator(samples, share * condition) for share in (1.0, 0.5)]
    torch.testing.assert_close(scores[0], 2 * scores[1])


@pytest.mark.parametrize(("height", "width"), [(8, 8), (12, 20), (48, 64), (50, 50)])
def test_it_serves_any_sides(height: int, width: int) -> None:
    spec = DataSpec("image", (2, height, width))
    samples = GENERATOR(spec, latent_size=4, width=16)(noise(3, 4))
    assert samples.shape == (3, 2, height, width)
    assert DISCRIMINATOR(spec, width=16)(samples).shape == (3,)


def test_channels_that_do_not_fall_into_groups_are_refused() -> None:
    with pytest.raises(PoiseError) as refused:
        GENERATOR(image(3, 64), latent_size=4, width=40)
    assert refused.value.code == "networks.channels-of-no-groups"
    multiple = int(str(refused.value.hint).split("multiple of ")[1].split(",")[0])
    assert multiple == 16
    GENERATOR(image(3, 64), latent_size=4, width=3 * multiple)


def test_images_scores_and_steps_are_those_of_the_authors_code() -> None:
    """With equal weights: the gradients of both players' steps hold second derivatives, of R1 and R2."""
    recorded = json.loads(r3gan_numbers.FILE.read_text(encoding="utf-8"))
    generator, discriminator, names = r3gan_numbers.ours()
    found = r3gan_numbers.outputs(generator, discriminator)
    for kind in ("images", "scores"):
        assert found[kind] == pytest.approx(recorded[kind], rel=1e-5, abs=1e-9)
    constant = {"regularisers": {name: {"weight": r3gan_numbers.GAMMA} for name in ("r1", "r2")}}
    recipe = recipe_with(RECIPES["r3gan"], {"game": "conditional", "augmentations": {}, **constant})
    game = TASKS["conditional"].game(recipe)
    latents, classes, reals = r3gan_numbers.inputs()
    batch = Batch(reals, latents, 0, torch.Generator(), classes)
    networks = {"generator": generator, "discriminator": discriminator, "critic": discriminator}
    for player in ("discriminator", "generator"):
        loss = game.loss(player, networks, batch, game.forward(networks, batch), {})
        own = [name for name in names if name.startswith(player)]
        slopes = torch.autograd.grad(loss.value, [names[name] for name in own])
        expected = recorded[player]
        assert list(expected) == own
        assert r3gan_numbers.norms(slopes) == pytest.approx(list(expected.values()), rel=1e-5, abs=1e-9)
