"""FastGAN against the code of its authors, at every size, and what noise, quarters and averages promise."""

from __future__ import annotations

import copy
import json
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import _SpectralNorm

from networks import fastgan_numbers
from networks.specs import image
from poise.dynamics import Batch
from poise.errors import PoiseError
from poise.games import Scoring, View
from poise.networks import DISCRIMINATORS, GENERATORS, parameter_count
from poise.networks.fastgan import FastGenerator, Noise
from poise.networks.fastgan_discriminator import FastDiscriminator, quarter
from poise.recipes import RECIPES, recipe_with
from poise.recipes.settings import Ema
from poise.regularisers import reconstruction
from poise.spec import DataSpec
from poise.tasks.build import regulariser_term
from poise.training import pick_device, plan
from poise.training.ema import EmaGenerator
from poise.training.resolve import resolve

LATENT = 6


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def generator(spec: DataSpec, width: int = 4) -> FastGenerator:
    torch.manual_seed(0)
    made = GENERATORS["fastgan"].build(spec, latent_size=LATENT, width=width)
    assert isinstance(made, FastGenerator)
    for name, value in made.named_parameters():
        if name.endswith("strength"):
            value.data.fill_(0.3)
    return made


def discriminator(spec: DataSpec, width: int = 4) -> FastDiscriminator:
    torch.manual_seed(0)
    made = DISCRIMINATORS["fastgan"].build(spec, width=width)
    assert isinstance(made, FastDiscriminator)
    return made


def test_images_scores_reconstructions_and_gradients_are_those_of_the_authors_code() -> None:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        making, scoring, tensors = fastgan_numbers.ours()
        left, right = (torch.full((fastgan_numbers.COUNT, 1, 1, 1), one) for one in (False, True))

        def reconstruct(images: Tensor) -> list[Tensor]:
            assert isinstance(scoring, FastDiscriminator)
            return [made for made, _ in scoring.reconstructions(images, left, right)]

        found = fastgan_numbers.numbers(making, scoring, reconstruct, tensors)
    finally:
        torch.set_default_dtype(before)
    recorded = json.loads(fastgan_numbers.FILE.read_text(encoding="utf-8"))
    for name in ("images", "scores", "reconstructions"):
        torch.testing.assert_close(
            torch.tensor(found[name]), torch.tensor(recorded[name]), rtol=1e-5, atol=1e-6
        )
    for kind in ("by scores", "by errors"):
        assert found[kind] == pytest.approx(recorded[kind], rel=1e-5)


@pytest.mark.parametrize("side", [256, 512, 1024])
def test_the_published_sizes(side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_SpectralNorm, "_power_method", lambda self, weight, iterations: None)  # sizes alone
    with torch.device("meta"):
        networks = (
            GENERATORS["fastgan"].build(image(3, side), latent_size=256),
            DISCRIMINATORS["fastgan"].build(image(3, side)),
        )
    recorded = json.loads(fastgan_numbers.FILE.read_text(encoding="utf-8"))["parameters"]
    assert [parameter_count(one) for one in networks] == recorded[str(side)]


@pytest.mark.parametrize(
    ("sides", "places"),
    [
        ((8, 8), 2),
        ((16, 16), 2),
        ((9, 13), 2),
        ((64, 64), 50),
        ((48, 64), 30),
        ((50, 50), 32),
        ((100, 31), 8),
    ],
)
def test_any_sides_and_channels(sides: tuple[int, int], places: int) -> None:
    spec = image(2, *sides)
    made = generator(spec)(noise(3, LATENT))
    assert made.shape == (3, 2, *sides)
    network = discriminator(spec)
    scores = network(made)
    assert scores.shape == (3, places)
    (slope,) = torch.autograd.grad(scores.sum(), made)
    assert bool((slope != 0).flatten(2).any(1).all()), "every pixel counts"
    coin = torch.tensor([True, False, True]).reshape(3, 1, 1, 1)
    for ours, wanted in network.reconstructions(made, coin, ~coin):
        assert ours.shape == wanted.shape


def test_every_weight_but_the_decoders_serves_the_scores_and_theirs_the_reconstructions() -> None:
    spec = DataSpec("image", (3, 32, 32), condition=(4,))
    making, scoring = generator(spec), discriminator(spec)
    condition, coin = torch.eye(4), torch.ones(4, 1, 1, 1, dtype=torch.bool)
    scores = scoring(making(noise(4, LATENT), condition), condition)
    parameters = {**dict(making.named_parameters()), **dict(scoring.named_parameters())}
    slopes = torch.autograd.grad(scores.square().sum(), list(parameters.values()), allow_unused=True)
    without = {
        name for name, slope in zip(parameters, slopes, strict=True) if slope is None or not slope.any()
    }
    assert without == {name for name in parameters if name.startswith("decoders")}
    pairs = scoring.reconstructions(noise(4, 3, 32, 32), coin, coin)
    error = torch.stack([(made - wanted).square().mean() for made, wanted in pairs]).sum()
    decoding = [value for name, value in parameters.items() if name.startswith("decoders")]
    assert all(bool(slope.any()) for slope in torch.autograd.grad(error, decoding))


def test_a_condition_changes_samples_and_scores() -> None:
    spec = DataSpec("image", (3, 16, 16), condition=(3,))
    making, scoring = generator(spec).eval(), discriminator(spec).eval()
    latents, condition = noise(3, LATENT), torch.eye(3)
    samples = making(latents, condition)
    assert not torch.allclose(samples, making(latents, condition.flip(0)), atol=1e-3)
    assert not torch.allclose(scoring(samples, condition), scoring(samples, condition.flip(0)), atol=1e-3)


def test_noise_is_drawn_in_training_and_fixed_in_use() -> None:
    network = generator(image(3, 16)).eval()
    latents = noise(4, LATENT)
    made = network(latents)
    assert torch.equal(made, network(latents))
    torch.testing.assert_close(made[:1], network(latents[:1]))
    network.train()
    torch.manual_seed(1)
    first, second = network(latents), network(latents)
    assert not torch.allclose(first, second)
    torch.manual_seed(1)
    again = network(latents)
    torch.testing.assert_close(again, first, rtol=0, atol=0.01)  # spectral norm has moved
    assert float((second - first).detach().abs().max()) > 0.1


def test_quarters_are_the_four_parts_of_an_image() -> None:
    images = torch.arange(36.0).reshape(1, 1, 6, 6).expand(4, -1, -1, -1)
    down, right = (torch.tensor(one).reshape(4, 1, 1, 1) for one in ([0, 0, 1, 1], [0, 1, 0, 1]))
    found = quarter(images, down.bool(), right.bool())
    rows = torch.cat([torch.cat([found[0], found[1]], -1), torch.cat([found[2], found[3]], -1)], -2)
    assert torch.equal(rows, images[0])
    assert quarter(torch.zeros(1, 1, 5, 7), *(torch.ones(1, 1, 1, 1, dtype=torch.bool),) * 2).shape[2:] == (
        3,
        4,
    )


def test_averaged_statistics_make_eval_mode_agree_with_training_mode() -> None:
    """Samples of the authors' generator are spoilt in eval mode, since they average the weights alone."""
    network = generator(image(3, 16))
    for layer in network.modules():
        if isinstance(layer, Noise):
            nn.init.zeros_(layer.strength)
    average = EmaGenerator(network, Ema(half_life=40, ramp=0))
    spoilt = copy.deepcopy(network).eval()
    with torch.no_grad():
        for seed in range(80):
            network(noise(16, LATENT, seed=seed))
            average.update(images=8, images_seen=8)
        latents = noise(128, LATENT)
        in_use, without = average.current()(latents), spoilt(latents)
        in_training = copy.deepcopy(average.current()).train()(latents)
    away = [
        float((one - in_training).square().mean().sqrt() / in_training.std()) for one in (in_use, without)
    ]
    assert away[0] < 0.1 and away[1] > 0.5


def view_of(network: nn.Module, real: Tensor) -> View:
    """A view without fakes: the reconstruction is of reals."""
    batch = Batch(real, noise(len(real), 1), 0, torch.Generator().manual_seed(0))
    return View(Scoring(), {"discriminator": network, "critic": network}, batch, {})


@pytest.mark.parametrize("features", [None, "random-convolutions"])
def test_the_term_is_the_error_of_reals_and_teaches_the_discriminator_to_see(features: str | None) -> None:
    resolved = resolve(recipe_with(RECIPES["fastgan"], SMALL | {FEATURES: features}), image(3, 16))
    term = regulariser_term("reconstruction", resolved.regularisers["reconstruction"])
    assert (term.player, term.every, term.weight) == ("discriminator", 1, 1.0)
    torch.manual_seed(0)
    network = discriminator(image(3, 16), width=8)
    real = noise(8, 3, 4, 4).repeat_interleave(4, 2).repeat_interleave(4, 3).clamp(-1, 1)
    optimiser = torch.optim.Adam(network.parameters(), 4e-3, (0.5, 0.999))
    errors = []
    for _ in range(20):
        values = term.value(view_of(network, real))
        assert values.shape == (8,)
        optimiser.zero_grad()
        values.mean().backward()
        optimiser.step()
        errors.append(float(values.detach().mean()))
    assert errors[-1] < 0.5 * errors[0]


FEATURES = "regularisers.reconstruction.features"
SMALL: dict[str, Any] = {"generator.width": 8, "discriminator.width": 8}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"discriminator": "dcgan"}, "training.regulariser-unfit"),
        ({FEATURES: "inception-v4"}, "unknown-extractor"),
    ],
)
def test_what_has_no_decoders_and_what_has_no_features_is_refused(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(PoiseError) as refused:
        plan("digits", recipe_with(RECIPES["fastgan"], SMALL | changes), pick_device("cpu"))
    assert refused.value.code == code


def test_the_error_is_the_mean_over_pixels_of_each_pair() -> None:
    wanted = noise(3, 2, 4, 4)
    network = SimpleNamespace(
        reconstructions=lambda samples, down, right: [(wanted + 1, wanted), (wanted - 2, wanted)]
    )
    values = reconstruction(view_of(network, wanted), extractor=lambda name, channels: pytest.fail())  # type: ignore[arg-type]
    torch.testing.assert_close(values, torch.full((3,), 5.0))
