"""Every generator and discriminator of the registries with a condition built in."""

import pytest
import torch
from torch import Tensor, nn

from networks.specs import of
from poise.errors import PoiseError
from poise.networks import DISCRIMINATORS, GENERATORS
from poise.networks.conditioned import (
    ClassifyingDiscriminator,
    ConditionalBatchNorm,
    ProjectionDiscriminator,
    split_head,
    with_conditional_batch_norm,
)
from poise.regularisers import squared_gradient_norm

LATENT, CLASSES = 5, 4
MAKERS = [
    name for name, network in GENERATORS.items() if "image" in network.kinds and not network.takes_condition
]
JUDGES = [
    name
    for name, network in DISCRIMINATORS.items()
    if name != "autoencoder" and "image" in network.kinds and not network.takes_condition
]
SIDES = (8, 16, 32, 64)


class Given(nn.Module):
    """A network with its condition held, which still shows its buffers."""

    def __init__(self, network: nn.Module, condition: torch.Tensor) -> None:
        super().__init__()
        self.network, self.condition = network, condition

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.network(samples, self.condition)
        return scores


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def classes(*labels: int) -> Tensor:
    return torch.nn.functional.one_hot(torch.tensor(labels), CLASSES).float()


def plain_generator(name: str, side: int = 8) -> nn.Module:
    return GENERATORS[name].build(of((3, side, side)), latent_size=LATENT, width=4, batch_norm=True)


def plain_judge(name: str, side: int = 8, **settings: object) -> nn.Module:
    return DISCRIMINATORS[name].build(of((3, side, side)), **{"width": 4, "spectral_norm": False, **settings})


@pytest.mark.parametrize("name", MAKERS)
def test_before_training_all_classes_make_what_the_plain_generator_makes(name: str) -> None:
    for side in SIDES:
        plain = plain_generator(name, side)
        generator = with_conditional_batch_norm(plain, CLASSES)
        latent = noise(6, LATENT)
        wanted = plain(latent)
        for label in range(CLASSES):
            torch.testing.assert_close(generator(latent, classes(*[label] * 6)), wanted)


@pytest.mark.parametrize("name", MAKERS)
def test_a_class_has_its_own_scale_and_shift(name: str) -> None:
    generator = with_conditional_batch_norm(plain_generator(name), CLASSES)
    norms = [layer for layer in generator.modules() if isinstance(layer, ConditionalBatchNorm)]
    assert norms
    with torch.no_grad():
        norms[0].scale.weight[:, 2] += 1.0
    latent = noise(2, LATENT).repeat(2, 1)
    generator.eval()
    made = generator(latent, classes(1, 1, 2, 2))
    assert not torch.allclose(made[:2], made[2:], atol=1e-5)
    untouched = generator(latent, classes(1, 1, 3, 3))
    torch.testing.assert_close(untouched[:2], untouched[2:])


def test_the_norm_is_that_of_the_batch_then_affine_by_the_class() -> None:
    norm = ConditionalBatchNorm(nn.BatchNorm2d(3), CLASSES)
    nn.init.normal_(norm.scale.weight)
    nn.init.normal_(norm.shift.weight)
    features, labels = noise(5, 3, 4, 4), [0, 3, 1, 1, 2]
    mean = features.mean((0, 2, 3), keepdim=True)
    spread = features.var((0, 2, 3), unbiased=False, keepdim=True)
    whitened = (features - mean) / (spread + 1e-5).sqrt()
    scale, shift = norm.scale.weight.T[labels], norm.shift.weight.T[labels]
    wanted = whitened * scale[:, :, None, None] + shift[:, :, None, None]
    torch.testing.assert_close(norm(features, classes(*labels)), wanted)


def test_a_generator_without_normalisation_is_refused() -> None:
    plain = GENERATORS["dcgan"].build(of((1, 8, 8)), latent_size=LATENT, width=4, batch_norm=False)
    with pytest.raises(PoiseError) as caught:
        with_conditional_batch_norm(plain, CLASSES)
    assert caught.value.code == "networks.no-batch-norm"


@pytest.mark.parametrize("name", JUDGES)
def test_a_head_and_its_features_are_the_whole_network(name: str) -> None:
    for side in SIDES:
        network = plain_judge(name, side)
        features, head, size = split_head(network)
        samples = noise(3, 3, side, side)
        torch.testing.assert_close(head(features(samples)), network(samples))
        assert torch.flatten(features(samples), 1).shape == (3, size)


@pytest.mark.parametrize("name", JUDGES)
def test_the_condition_enters_as_an_inner_product_with_the_features(name: str) -> None:
    network = plain_judge(name)
    judge = ProjectionDiscriminator(network, CLASSES)
    samples = noise(4, 3, 8, 8)
    features = torch.flatten(judge.features(samples), 1)
    for label in range(CLASSES):
        row = judge.rows.weight[:, label]
        wanted = network(samples) + features @ row
        torch.testing.assert_close(judge(samples, classes(*[label] * 4)), wanted)


@pytest.mark.parametrize("name", JUDGES)
def test_the_class_head_leaves_the_score_as_it_is(name: str) -> None:
    network = plain_judge(name)
    judge = ClassifyingDiscriminator(network, CLASSES)
    samples = noise(4, 3, 8, 8)
    given = judge(samples)
    assert given.shape == (4, 1 + CLASSES)
    torch.testing.assert_close(given[:, 0], network(samples))
    logits = judge.classifier(torch.flatten(judge.features(samples), 1))
    torch.testing.assert_close(given[:, 1:], logits)


@pytest.mark.parametrize("build", [ProjectionDiscriminator, ClassifyingDiscriminator])
def test_what_has_no_linear_score_is_refused(build: type[nn.Module]) -> None:
    network = DISCRIMINATORS["autoencoder"].build(of((1, 8, 8)), width=4)
    with pytest.raises(PoiseError) as caught:
        build(network, CLASSES)
    assert caught.value.code == "networks.no-linear-head"


def test_spectral_norm_holds_for_what_was_added() -> None:
    projecting = ProjectionDiscriminator(plain_judge("dcgan"), CLASSES, spectral_norm=True)
    telling = ClassifyingDiscriminator(plain_judge("dcgan"), CLASSES, spectral_norm=True)
    samples = noise(4, 3, 8, 8)
    for _ in range(50):  # each forward in training is one power iteration
        projecting(samples, classes(0, 1, 2, 3))
        telling(samples)
    for layer in (projecting.eval().rows, telling.eval().classifier):
        assert float(torch.linalg.matrix_norm(layer.weight.detach(), 2)) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("name", JUDGES)
def test_penalties_move_the_rows_of_the_classes_that_are_there(name: str) -> None:
    projecting = ProjectionDiscriminator(plain_judge(name), CLASSES).double().eval()
    critic = Given(projecting, classes(0, 3, 2).double())
    penalty = squared_gradient_norm(critic, noise(3, 3, 8, 8).double())
    (rows,) = torch.autograd.grad(penalty.sum(), projecting.rows.weight)
    assert rows.any(0).tolist() == [True, False, True, True]
