"""What a network cannot make is refused, with a hint that leads to something it can."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from networks.specs import of, translated
from poise.errors import PoiseError
from poise.networks import DISCRIMINATORS, GENERATORS, IMAGE_DISCRIMINATORS, TRANSLATORS, Network
from poise.networks.shapes import check_sides, quarterable_sides
from poise.spec import DataSpec, read_resolution, sides_of


def refused(network: Network, spec: DataSpec, code: str, **options: Any) -> PoiseError:
    with pytest.raises(PoiseError) as caught:
        network.build(spec, **options)
    assert caught.value.code == f"networks.{code}"
    assert f"'{network.name}'" in caught.value.what
    return caught.value


@pytest.mark.parametrize("name", ["dcgan", "infogan", "resnet"])
def test_convolutions_refuse_vectors_and_name_the_network_that_takes_them(name: str) -> None:
    for network, more in ((GENERATORS[name], {"latent_size": 2}), (DISCRIMINATORS[name], {})):
        assert "'mlp'" in refused(network, of((2,)), "not-images", **more).hint


@pytest.mark.parametrize("name", ["dcgan", "resnet", "stylegan2", "r3gan"])
@pytest.mark.parametrize(
    ("height", "width", "nearest"),
    [(4, 4, "8"), (7, 64, "64x8"), (64, 7, "8x64"), (1025, 32, "32x1024"), (1536, 2048, "1024x768")],
)
def test_sides_out_of_range_are_refused_with_the_nearest_size(
    name: str, height: int, width: int, nearest: str
) -> None:
    for network, more in ((GENERATORS[name], {"latent_size": 2}), (DISCRIMINATORS[name], {})):
        refusal = refused(network, of((3, height, width)), "side-out-of-range", **more)
        assert f"--resolution {nearest}" in refusal.hint and f"{width}x{height}" in refusal.what


def test_infogan_makes_four_pixels_and_no_fewer() -> None:
    assert "--resolution 4" in refused(DISCRIMINATORS["infogan"], of((1, 3, 3)), "side-out-of-range").hint


@pytest.mark.parametrize("shape", [(), (3, 3), (0,), (1, 0, 8), (1, 8, -8), (1, 2, 3, 4)])
def test_what_is_neither_image_nor_vector_is_refused(shape: tuple[int, ...]) -> None:
    for network in IMAGE_DISCRIMINATORS.values():
        if network.serves(of((1, 8, 8))):
            refused(network, of(shape), "unknown-shape")


@pytest.mark.parametrize(
    ("name", "shape", "source", "options", "code"),
    [
        ("unet", (3, 30, 30), (1, 30, 30), {}, "too-many-halvings"),
        ("unet", (3, 32, 32), (1, 32, 32), {"depth": 6}, "too-many-halvings"),
        ("unet", (3, 32, 32), (1, 64, 64), {}, "sides-differ"),
        ("residual", (3, 32, 32), (3, 64, 64), {}, "sides-differ"),
        ("residual", (3, 30, 30), (3, 30, 30), {}, "side-not-divisible-by-four"),
        ("residual", (3, 4, 4), (3, 4, 4), {}, "side-not-divisible-by-four"),
        ("residual", (3, 32, 32), (10,), {}, "no-image-to-translate"),
    ],
)
def test_translators_refuse_what_they_cannot_make(
    name: str, shape: tuple[int, ...], source: tuple[int, ...], options: dict[str, int], code: str
) -> None:
    refused(TRANSLATORS[name], translated(shape, source), code, **options)


def test_the_patch_discriminator_refuses_images_too_small_for_its_halvings() -> None:
    refused(IMAGE_DISCRIMINATORS["patch"], of((3, 4, 4)), "image-too-small")
    refused(IMAGE_DISCRIMINATORS["patch"], of((3, 16, 16)), "image-too-small", halvings=3)


@settings(max_examples=60)
@given(st.integers(1, 3000), st.integers(1, 3000))
def test_what_a_refusal_proposes_is_accepted(height: int, width: int) -> None:
    for check in (check_sides, quarterable_sides):
        try:
            check(height, width, network="it")
        except PoiseError as refusal:
            proposed = re.findall(r"\d+x\d+|\d+", refusal.hint.split("--resolution")[1])
            assert proposed
            for size in proposed:
                check(*sides_of(read_resolution(size)), network="it")


@settings(max_examples=30)
@given(st.integers(1, 300), st.integers(1, 300))
def test_what_the_autoencoder_proposes_is_accepted(height: int, width: int) -> None:
    build = DISCRIMINATORS["autoencoder"].build
    try:
        build(of((1, height, width)), width=1, code_size=1, depth=1)
    except PoiseError as refusal:
        assert refusal.code == "networks.too-few-halvings"
        (proposed,) = re.findall(r"(\d+)x(\d+)$", refusal.hint)
        build(of((1, int(proposed[1]), int(proposed[0]))), width=1, code_size=1, depth=1)
