"""StyleGAN2 against its paper's equations, its published sizes, and what mixing, noise and means promise."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from networks import stylegan2_numbers
from networks.specs import image
from poise.networks import DISCRIMINATORS, GENERATORS, parameter_count
from poise.networks.equalised import EqualisedConvolution, EqualisedLinear
from poise.networks.modulated import ModulatedConvolution
from poise.networks.resampling import halved, smoothed
from poise.networks.stylegan2 import StyleDiscriminator, StyleGenerator
from poise.recipes.settings import Ema
from poise.spec import DataSpec
from poise.training.ema import EmaGenerator

LATENT = 6


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def generator(spec: DataSpec, **settings: Any) -> StyleGenerator:
    small = {"width": 6, "style_size": 8, "mapping_layers": 2, **settings}
    torch.manual_seed(0)
    made = GENERATORS["stylegan2"].build(spec, latent_size=LATENT, **small).double()
    assert isinstance(made, StyleGenerator)
    for name, value in made.named_parameters():
        if name.endswith(("strength", "bias")):
            value.data += 0.3 * noise(*value.shape)
    return made


def discriminator(spec: DataSpec, **settings: Any) -> StyleDiscriminator:
    torch.manual_seed(0)
    made = DISCRIMINATORS["stylegan2"].build(spec, width=6, **settings).double()
    assert isinstance(made, StyleDiscriminator)
    return made


@pytest.mark.parametrize(
    ("side", "settings", "sizes"),
    [
        (256, {}, (24.8, 24.0)),
        (1024, {}, (30.4, 29.0)),
        (256, {"mapping_layers": 2}, (23.2, 24.0)),
    ],
)
def test_the_published_sizes(side: int, settings: dict[str, int], sizes: tuple[float, float]) -> None:
    with torch.device("meta"):
        networks = (
            GENERATORS["stylegan2"].build(image(3, side), latent_size=512, **settings),
            DISCRIMINATORS["stylegan2"].build(image(3, side)),
        )
    assert tuple(round(parameter_count(network) / 1e6, 1) for network in networks) == sizes


def modulated_one_by_one(layer: ModulatedConvolution, features: Tensor, style: Tensor) -> Tensor:
    """Equations 1 and 3: weights of each sample, made and normalised; zeros inserted before a doubling."""
    made = []
    for one, scales in zip(features, layer.style(style), strict=True):
        weights = layer.weight * scales[:, None, None]
        if layer.demodulate:
            weights = weights / (weights.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        else:
            weights = weights / math.sqrt(weights[0].numel())
        if not layer.doubling:
            made.append(conv2d(one[None], weights, padding=layer.size // 2))
            continue
        channels, height, width = one.shape
        spread = one.new_zeros(1, channels, 2 * height + 3, 2 * width + 3)
        spread[:, :, 2 : 2 + 2 * height : 2, 2 : 2 + 2 * width : 2] = one
        # A transposed convolution is a convolution proper: torch's conv2d correlates.
        made.append(4 * smoothed(conv2d(spread, weights.flip(2, 3)), 1))
    return torch.cat(made)


@pytest.mark.parametrize("demodulate", [True, False])
@pytest.mark.parametrize(("size", "doubling"), [(3, False), (3, True), (1, False)])
def test_scaled_features_are_modulated_weights(size: int, doubling: bool, demodulate: bool) -> None:
    layer = ModulatedConvolution(4, 5, size, 8, doubling=doubling, demodulate=demodulate).double()
    features, style = noise(3, 4, 6, 5), noise(3, 8, seed=1)
    made, norms = layer(features, style)
    wanted = modulated_one_by_one(layer, features, style)
    assert made.shape == (3, 5, 6 * (1 + doubling), 5 * (1 + doubling))
    torch.testing.assert_close(made if norms is None else made * norms, wanted)
    slopes = [
        torch.autograd.grad(values.square().sum(), list(layer.parameters()))
        for values in (made if norms is None else made * norms, wanted)
    ]
    torch.testing.assert_close(*slopes)


def test_equalised_layers_keep_the_size_of_features() -> None:
    """Of independent normal inputs, a leaky ReLU with its gain gives the mean square 1.04."""
    torch.manual_seed(0)
    values = EqualisedLinear(400, 600, active=True)(torch.randn(300, 400))
    grid = EqualisedConvolution(40, 60, 3)(torch.randn(8, 40, 16, 16))[:, :, 1:-1, 1:-1]
    for made in (values, grid):
        assert float(made.detach().square().mean()) == pytest.approx(1.04, rel=0.05)


def test_a_rate_scales_the_step_and_not_the_output() -> None:
    torch.manual_seed(0)
    slow = EqualisedLinear(3, 2, rate=0.01, active=True)
    plain = EqualisedLinear(3, 2, active=True)
    plain.load_state_dict({"weight": slow.weight.detach() / 100, "bias": slow.bias.detach()})
    inputs = torch.randn(5, 3)
    torch.testing.assert_close(slow(inputs), plain(inputs))
    slopes = [torch.autograd.grad(layer(inputs).sum(), layer.weight)[0] for layer in (slow, plain)]
    torch.testing.assert_close(slopes[0], slopes[1] / 100)


def test_a_halving_convolution_of_size_one_convolves_what_is_halved() -> None:
    layer = EqualisedConvolution(3, 4, 1, halve=True, active=False).double()
    features = noise(2, 3, 5, 6)
    weights = layer.weight / math.sqrt(3)
    torch.testing.assert_close(layer(features), conv2d(halved(features), weights))


@pytest.mark.parametrize("sides", [(8, 8), (28, 50), (36, 64), (64, 9)])
def test_any_sides_and_channels(sides: tuple[int, int]) -> None:
    spec = image(2, *sides)
    made = generator(spec)(noise(3, LATENT))
    assert made.shape == (3, 2, *sides)
    scores = discriminator(spec)(made)
    assert scores.shape == (3,) and len(set(scores.tolist())) == 3
    slope = torch.autograd.grad(scores.sum(), made)[0]
    assert bool((slope != 0).flatten(2).any(1).all()), "every pixel counts"


def test_in_eval_mode_a_sample_is_a_function_of_its_latent() -> None:
    network = generator(image(3, 16)).eval()
    latents = noise(4, LATENT)
    made = network(latents)
    assert torch.equal(made, network(latents))
    torch.testing.assert_close(made[:1], network(latents[:1]))
    assert float(made.detach().abs().max()) <= 1


def test_in_training_each_sample_has_noise_of_its_own_from_the_seeded_stream() -> None:
    network = generator(image(3, 16), mixing=0.0)
    latents = noise(1, LATENT).expand(2, -1)
    torch.manual_seed(1)
    first = network(latents)
    assert not torch.allclose(first[0], first[1])
    torch.manual_seed(1)
    assert torch.equal(network(latents), first)
    for name, value in network.named_parameters():
        if name.endswith("strength"):
            nn.init.zeros_(value)
    still = network(latents)
    torch.testing.assert_close(still[0], still[1])


def test_styles_are_mixed_from_a_layer_on_by_a_coin_for_each_sample() -> None:
    network = generator(image(3, 32), mixing=0.5)
    assert network.synthesis.styles == 2 * 5 - 2
    latents = noise(400, LATENT)
    own = network.mapping(latents)
    styles = network.styles(latents)
    torch.testing.assert_close(styles[:, 0], own)
    same = (styles == own[:, None]).all(2)
    assert bool((same.int().diff(dim=1) <= 0).all()), "once another style has begun, it stays"
    lasting = same.sum(1)
    mixed = lasting[lasting < network.synthesis.styles]
    assert 150 < len(mixed) < 250
    assert set(mixed.tolist()) == set(range(1, network.synthesis.styles))
    further = styles[~same].reshape(-1, styles.shape[2])
    assert len(further.unique(dim=0)) == len(mixed)


def test_the_mean_style_follows_in_training_only_and_is_copied_into_the_average() -> None:
    network = generator(image(3, 8))
    latents = noise(5, LATENT)
    network(latents)
    torch.testing.assert_close(network.mean_style, 0.005 * network.mapping(latents).mean(0).detach())
    kept = network.mean_style.clone()
    network.eval()
    network(latents)
    assert torch.equal(network.mean_style, kept)
    average = EmaGenerator(network, Ema(half_life=1_000))
    network.train()
    network(latents)
    average.update(images=16, images_seen=100_000)
    assert torch.equal(dict(average.current().named_buffers())["mean_style"], network.mean_style)
    assert not torch.equal(network.mean_style, kept)


def test_truncation_draws_styles_to_their_mean() -> None:
    network = generator(image(3, 8)).eval()
    network.mean_style.copy_(noise(8, seed=3))
    latents = noise(2, LATENT)
    none = network(latents, truncation=0.0)
    torch.testing.assert_close(none[0], none[1])
    styles = torch.lerp(network.mean_style.expand(2, 8), network.mapping(latents), 0.7)
    wanted = network.synthesis(styles[:, None].expand(-1, network.synthesis.styles, -1)).clamp(-1, 1)
    torch.testing.assert_close(network(latents, truncation=0.7), wanted)


@pytest.mark.parametrize("condition", [[0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 1.0, 1.0]], ids=["class", "tags"])
def test_under_a_condition_styles_are_drawn_to_the_mean_under_it(condition: list[float]) -> None:
    spec = DataSpec("image", (3, 8, 8), condition=(4,))
    network = generator(spec, style_size=32).eval()
    network.mean_style.copy_(noise(32, seed=3))  # not the mean of anything here
    wanted = torch.tensor(condition, dtype=torch.float64)
    other = torch.eye(4, dtype=torch.float64)[3]
    latents = noise(3, LATENT)
    made = network(latents, torch.stack([wanted, other, wanted]), truncation=0.0)
    torch.testing.assert_close(made[0], made[2])
    assert not torch.allclose(made[0], made[1])
    many = network.mapping(noise(20_000, LATENT, seed=5), wanted.expand(20_000, -1)).detach()
    found = network.mean_styles(wanted[None], latents)[0].detach()
    error = (found - many.mean(0)) / (many.std(0) / math.sqrt(256))
    assert float(error.square().mean().sqrt()) < 2, "within standard errors of the mean over 256 latents"
    styles = torch.lerp(found, network.mapping(latents[:1], wanted[None])[0], 0.7)
    half = network.synthesis(styles.expand(1, network.synthesis.styles, -1)).clamp(-1, 1)
    torch.testing.assert_close(network(latents[:1], wanted[None], truncation=0.7), half)


def test_the_size_of_a_latent_does_not_count() -> None:
    network = generator(image(1, 8)).eval()
    latents = noise(3, LATENT)
    torch.testing.assert_close(network(latents), network(3 * latents))


def test_conditions_reach_both_networks() -> None:
    spec = DataSpec("image", (3, 8, 8), condition=(4,))
    network, scores = generator(spec).eval(), discriminator(spec)
    latents, classes = noise(2, LATENT), torch.eye(4, dtype=torch.float64)
    first, second = (network(latents, classes[[place] * 2]) for place in (0, 1))
    assert not torch.allclose(first, second)
    plain = discriminator(image(3, 8))
    assert parameter_count(scores) > parameter_count(plain)
    # The score is an inner product: of the features with a direction for the condition.
    directions = scores.mapping(None, classes)  # type: ignore[misc]
    made = scores.last(scores.blocks(scores.first(first)))
    wanted = (made @ directions[2]) / math.sqrt(made.shape[1])
    torch.testing.assert_close(scores(first, classes[[2, 2]]), wanted)


def test_a_style_can_be_differentiated_twice() -> None:
    network = generator(image(1, 8), width=3, style_size=4)
    network.eval()
    styles = noise(2, network.synthesis.styles, 4).requires_grad_()
    assert torch.autograd.gradgradcheck(network.synthesis, (styles,))


def test_images_scores_and_derivatives_are_those_of_another_implementation() -> None:
    """With equal weights, at 16x16, up to the epsilon of the norms; second derivatives for both penalties."""
    recorded = json.loads(stylegan2_numbers.FILE.read_text(encoding="utf-8"))
    network, scores, names = stylegan2_numbers.ours()
    assert isinstance(network, StyleGenerator)

    def make(latents: Tensor) -> Tensor:
        styles = network.mapping(latents)[:, None].expand(-1, network.synthesis.styles, -1)
        images: Tensor = network.synthesis(styles)
        return images

    network.eval()
    found = stylegan2_numbers.numbers(make, scores, names)
    for kind in ("images", "scores"):
        assert found[kind] == pytest.approx(recorded[kind], rel=1e-5, abs=1e-9)
    for kind in ("first", "second", "penalty"):
        assert found[kind] == pytest.approx(recorded[kind], rel=1e-5, abs=1e-9)
