"""Detail: features of an early layer, moved so that a picture comes nearer."""

import dataclasses
from pathlib import Path

import pytest
import torch

from poise.generator import Search
from poise.generator.detail import Detail, add_detail, detail_layer, reach_of
from poise.generator.editing import of_inversion
from poise.generator.likeness import Likeness
from poise.generator.spaces import samples_of, space_of
from poise.generator.stored_inversion import read_inversion, save_inversion

from .families import family

QUICK = Search(starts=2, steps=20, encoder_steps=0, refinements=2)
SHAPE = (3, 32, 32)
FAMILIES = ["dcgan", "stylegan2", "resnet", "srresnet", "r3gan", "fastgan", "progressive"]


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_has_a_coarse_layer_and_a_picture_comes_nearer_within_the_ball(name: str) -> None:
    generator = family(name, shape=SHAPE, width=4)
    with torch.no_grad():  # branches that begin at 0 do not stay there
        for parameter in generator.module.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(5)))
    space, layer = space_of(generator), detail_layer(generator)
    assert layer is not None
    latent, condition = samples_of(generator, 3, seed=0)
    coordinates, likeness = space.coordinates(latent, condition), Likeness()
    stream = torch.Generator().manual_seed(0)
    targets = torch.rand((3, *SHAPE), generator=stream) * 2 - 1
    before = likeness(space.images(coordinates), targets)
    found, images = add_detail(space, coordinates, None, targets, likeness, layer, share=0.5, steps=10)
    assert (likeness(images, targets) < before).all()
    assert found.offsets.dim() == 4 and max(found.offsets.shape[2:]) <= 8
    norms = torch.linalg.vector_norm(found.offsets.flatten(1), dim=1)
    assert (norms <= 0.5 * reach_of(space, layer)[0] * 1.0001).all()
    none = Detail(layer, torch.zeros_like(found.offsets))
    assert torch.equal(none.images(space, coordinates, None), space.images(coordinates))


def test_a_pictures_detail_does_not_depend_on_its_neighbours() -> None:
    generator = family("dcgan", shape=SHAPE, width=4)
    generator.module.double()
    space, layer = space_of(generator), detail_layer(generator)
    assert layer is not None
    coordinates = torch.randn(3, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    targets = torch.rand(3, *SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(2)) * 2 - 1
    many, _ = add_detail(space, coordinates, None, targets, Likeness(), layer, steps=10)
    alone, _ = add_detail(space, coordinates[1:2], None, targets[1:2], Likeness(), layer, steps=10)
    assert torch.allclose(many.offsets[1:2], alone.offsets, atol=1e-9)


def test_detail_is_stored_and_stays_when_a_picture_is_edited(tmp_path: Path) -> None:
    generator = family("dcgan", shape=SHAPE, width=4)
    pictures = (torch.rand(2, *SHAPE, generator=torch.Generator().manual_seed(3)) * 255).byte().numpy()
    found = generator.invert(pictures, search=QUICK, own_samples=0)
    assert found.detail is not None and found.layer and (found.psnr > found.plain_psnr).all()
    save_inversion(tmp_path / "latents", found)
    again = read_inversion(tmp_path / "latents")
    assert again.layer == found.layer and again.detail is not None
    assert torch.equal(again.detail, found.detail) and torch.allclose(again.plain_psnr, found.plain_psnr)
    subjects = of_inversion(generator, again)
    assert torch.allclose(subjects.images(), found.results, atol=1e-5)
    moved = dataclasses.replace(subjects, points=subjects.points + 0.5).images()
    assert not torch.equal(moved, subjects.images())

    plain = generator.invert(pictures, search=QUICK, own_samples=0, detail=0.0)
    assert plain.detail is None and torch.allclose(plain.psnr, found.plain_psnr)
