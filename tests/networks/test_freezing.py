"""Which layers of a discriminator are near the image, and what is frozen of them."""

import pytest
import torch

from networks.specs import of, translated
from poise.errors import PoiseError
from poise.networks import DISCRIMINATORS, IMAGE_DISCRIMINATORS, OneForEachDomain
from poise.networks.conditioned import ConcatenatedDiscriminator
from poise.networks.freezing import frozen_layers, layers_from_image

SCORERS = [name for name, network in DISCRIMINATORS.items() if "image" in network.kinds]


@pytest.mark.parametrize("name", SCORERS)
def test_every_parameter_belongs_to_one_layer(name: str) -> None:
    module = DISCRIMINATORS[name].build(of((3, 16, 16)), width=4)
    layers = layers_from_image(DISCRIMINATORS[name], module)
    named = [parameter for layer in layers for parameter in layer]
    assert len(named) == len(set(named)) and set(named) == {one for one, _ in module.named_parameters()}


@pytest.mark.parametrize("name", [name for name in SCORERS if name != "autoencoder"])
def test_an_image_passes_frozen_layers_before_all_others(name: str) -> None:
    module = DISCRIMINATORS[name].build(of((3, 16, 16)), width=4).eval()
    layers = layers_from_image(DISCRIMINATORS[name], module)
    passed: list[int] = []
    for place, layer in enumerate(layers):
        path = next(iter(layer)).split(".parametrizations")[0].removesuffix(".weight").removesuffix(".bias")
        module.get_submodule(path).register_forward_hook(lambda *_, place=place: passed.append(place))
    module(torch.randn(4, 3, 16, 16))
    assert sorted(passed) == list(range(len(passed))), "those that scores do not need come last"
    assert len(passed) == len(layers) or name in ("fastgan", "progressive")
    beside = 1  # of a residual block the shortcut is computed after the rest, or before
    assert all(abs(place - turn) <= beside for turn, place in enumerate(passed))


def test_a_normalisation_belongs_to_the_layer_before_it() -> None:
    network = DISCRIMINATORS["dcgan"]
    module = network.build(of((3, 32, 32)), width=4, batch_norm=True)
    assert [len(layer) for layer in layers_from_image(network, module)] == [2, 3, 3, 2]


def test_only_the_layers_that_are_asked_for_are_frozen() -> None:
    network = DISCRIMINATORS["resnet"]
    module = ConcatenatedDiscriminator(network.build(of((3, 16, 16)), width=4))
    frozen_layers(network, module, 3)
    still = [name for name, one in module.named_parameters() if not one.requires_grad]
    assert still == [name for layer in layers_from_image(network, module)[:3] for name in layer]
    assert len(still) == 6 and all(name.startswith("network.0.") for name in still)
    with pytest.raises(PoiseError, check=lambda error: error.code == "networks.too-many-frozen"):
        frozen_layers(network, module, 99)


def test_both_domains_are_frozen_alike() -> None:
    network, spec = IMAGE_DISCRIMINATORS["patch"], translated((3, 16, 16), (3, 16, 16))
    module = OneForEachDomain(network.build(spec, width=4), network.build(spec, width=4))
    frozen_layers(network, module, 1)
    still = [name for name, one in module.named_parameters() if not one.requires_grad]
    assert {name.split(".")[0] for name in still} == {"of_a", "of_b"} and len(still) % 2 == 0
