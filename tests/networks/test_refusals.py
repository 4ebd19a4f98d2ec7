"""What a network cannot make is refused, with a hint that leads to something it can."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from networks.specs import of, translated
from poise.errors import PoiseError
from poise.networks import DISCRIMINATORS, GENERATORS, IMAGE_DISCRIMINATORS, TRANSLATORS, Network
from poise.networks.shapes import power_of_two_side, quarterable_sides
from poise.spec import DataSpec


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


@pytest.mark.parametrize(
    ("height", "width", "hint"),
    [
        (28, 28, "resize to 16x16 or 32x32, or use the network 'dcgan'"),
        (30, 30, "resize to 16x16 or 32x32, or use the network 'dcgan'"),
        (64, 32, "resize to 64x64"),
        (4, 4, "resize to 8x8, or use the network 'mlp'"),
        (512, 512, "resize to 256x256"),
    ],
)
def test_other_sides_are_refused_with_the_nearest_possible(height: int, width: int, hint: str) -> None:
    spec, code = of((1, height, width)), "side-not-a-power-of-two"
    assert hint in refused(DISCRIMINATORS["resnet"], spec, code).hint
    assert hint in refused(GENERATORS["resnet"], spec, code, latent_size=2).hint


@pytest.mark.parametrize("sides", [(4, 4), (7, 64), (1025, 32)])
def test_dcgan_refuses_sides_out_of_its_range(sides: tuple[int, int]) -> None:
    refused(DISCRIMINATORS["dcgan"], of((1, *sides)), "side-out-of-range")
    refused(GENERATORS["dcgan"], of((1, *sides)), "side-out-of-range", latent_size=2)


@pytest.mark.parametrize(("side", "hint"), [(30, "28x28 or 32x32"), (3, "resize to 4x4, or use")])
def test_infogan_refuses_sides_that_four_does_not_divide(side: int, hint: str) -> None:
    assert hint in refused(DISCRIMINATORS["infogan"], of((1, side, side)), "side-not-divisible-by-four").hint


@pytest.mark.parametrize("shape", [(), (3, 3), (0,), (1, 0, 8), (1, 8, -8), (1, 2, 3, 4)])
def test_what_is_neither_image_nor_vector_is_refused(shape: tuple[int, ...]) -> None:
    for network in IMAGE_DISCRIMINATORS.values():
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


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 600), st.integers(1, 600))
def test_what_a_refusal_proposes_is_accepted(height: int, width: int) -> None:
    for check in (power_of_two_side, quarterable_sides):
        try:
            check(height, width, network="it")
        except PoiseError as refusal:
            sizes = refusal.hint.split("or use")[0]
            proposed = [(int(one), int(two)) for one, two in re.findall(r"(\d+)x(\d+)", sizes)]
            assert proposed
            for size in proposed:
                check(*size, network="it")


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300))
def test_what_the_autoencoder_proposes_is_accepted(height: int, width: int) -> None:
    build = DISCRIMINATORS["autoencoder"].build
    try:
        build(of((1, height, width)), width=1, code_size=1, depth=1)
    except PoiseError as refusal:
        assert refusal.code == "networks.too-few-halvings"
        (proposed,) = re.findall(r"(\d+)x(\d+)$", refusal.hint)
        build(of((1, int(proposed[0]), int(proposed[1]))), width=1, code_size=1, depth=1)
