"""What a network's record promises: parts that can be reached, conditions that it takes itself."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor, nn

from networks.specs import of, translated
from poise.errors import PoiseError
from poise.networks import DISCRIMINATORS, GENERATORS, IMAGE_DISCRIMINATORS, TRANSLATORS, Network
from poise.networks.conditioned import ConcatenatedGenerator
from poise.recipes.settings import Part
from poise.registry import Registry
from poise.spec import DataSpec
from poise.tasks import conditional


class Mapped(nn.Module):
    """A generator with two parts, that takes a condition itself."""

    def __init__(self, spec: DataSpec, latent_size: int) -> None:
        super().__init__()
        assert spec.condition is not None
        self.to_style = nn.Linear(latent_size + spec.condition[0], 4)
        self.drawing = nn.Sequential(nn.Linear(4, spec.numbers))

    def forward(self, latent: Tensor, condition: Tensor) -> Tensor:
        made: Tensor = self.drawing(self.to_style(torch.cat([latent, condition], 1)))
        return made


def mapped(spec: DataSpec, *, latent_size: int) -> nn.Module:
    return Mapped(spec, latent_size)


MAPPED = Network(
    name="mapped",
    build=mapped,
    summary="Two parts.",
    source="Here, 2026",
    kinds=("vector",),
    takes_condition=True,
    parts={"mapping": "to_style", "synthesis": "drawing"},
)
SPEC = DataSpec("vector", (3,), condition=(2,))


def test_parts_are_reached_in_the_module_and_through_what_holds_it() -> None:
    module = MAPPED.build(SPEC, latent_size=5)
    assert isinstance(module, Mapped)
    assert MAPPED.part(module, "mapping") is module.to_style
    assert MAPPED.part(ConcatenatedGenerator(module), "synthesis") is module.drawing
    with pytest.raises(PoiseError) as caught:
        MAPPED.part(module, "maping")
    assert caught.value.code == "networks.unknown-part" and "mapping" in caught.value.hint


def test_every_part_that_a_network_names_exists() -> None:
    spec = translated((1, 16, 16), (1, 16, 16))
    for registry in (GENERATORS, IMAGE_DISCRIMINATORS, TRANSLATORS):
        more = {"latent_size": 4} if registry is GENERATORS else {}
        for network in registry.values():
            if not network.serves(spec):
                continue
            module = network.build(spec, width=4, **more)
            assert all(isinstance(network.part(module, name), nn.Module) for name in network.parts)


def test_a_network_serves_the_kinds_that_it_names_and_conditions_only_if_there_are_some() -> None:
    assert GENERATORS["mlp"].serves(of((2,))) and not GENERATORS["dcgan"].serves(of((2,)))
    assert MAPPED.serves(SPEC) and not MAPPED.serves(of((3,)))


def test_a_network_that_takes_a_condition_is_not_wrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry("generator", [*GENERATORS.values(), MAPPED])
    monkeypatch.setattr(conditional, "GENERATORS", registry)
    monkeypatch.setattr("poise.tasks.noise_to_data.GENERATORS", registry)
    for task in (conditional.CONDITIONAL, conditional.PROJECTION):
        module = task.generator(Part(name="mapped"), SPEC, 5)
        assert isinstance(module, Mapped)
        assert module(torch.randn(4, 5), torch.eye(2)[[0, 1, 0, 1]]).shape == (4, 3)
    plain = conditional.generator(Part(name="mlp", width=8), SPEC, 5)
    assert isinstance(plain, ConcatenatedGenerator)


def test_a_discriminator_that_takes_a_condition_is_given_it() -> None:
    def build(spec: DataSpec) -> nn.Module:
        assert spec == SPEC
        return nn.Bilinear(3, 2, 1)

    bilinear = dataclasses.replace(DISCRIMINATORS["mlp"], build=build, takes_condition=True)
    assert isinstance(conditional.scoring_with_condition(bilinear, Part(name="mlp"), SPEC), nn.Bilinear)
