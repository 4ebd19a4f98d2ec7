"""What a network cannot make is refused in a sentence that says what to do."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poise.errors import PoiseError
from poise.networks import DISCRIMINATORS, GENERATORS
from poise.networks.shapes import power_of_two_side, quarterable_sides


@pytest.mark.parametrize("name", ["dcgan", "infogan", "resnet"])
def test_convolutions_refuse_vectors_and_name_the_network_that_takes_them(name: str) -> None:
    for build, more in ((GENERATORS[name].build, {"latent_size": 2}), (DISCRIMINATORS[name].build, {})):
        with pytest.raises(
            PoiseError, match=rf"'{name}' cannot be built for vectors of 2 numbers.*use .*'mlp'"
        ):
            build((2,), **more)


@pytest.mark.parametrize("name", ["dcgan", "resnet"])
@pytest.mark.parametrize(
    ("height", "width", "hint"),
    [
        (28, 28, "resize to 16x16 or 32x32, or use the network 'infogan'"),
        (30, 30, "resize to 16x16 or 32x32, or use the network 'mlp'"),
        (64, 32, "resize to 64x64"),
        (4, 4, "resize to 8x8"),
        (512, 512, "resize to 256x256"),
    ],
)
def test_other_sides_are_refused_with_the_nearest_possible(
    name: str, height: int, width: int, hint: str
) -> None:
    with pytest.raises(PoiseError) as refusal:
        DISCRIMINATORS[name].build((1, height, width))
    sentence = refusal.value.sentence
    assert f"'{name}' cannot be built for images of {height}x{width}" in sentence
    assert "because" in sentence
    assert hint in sentence
    with pytest.raises(PoiseError, match=re.escape(hint)):
        GENERATORS[name].build((1, height, width), latent_size=2)


@pytest.mark.parametrize(("side", "hint"), [(30, "28x28 or 32x32"), (3, "resize to 4x4, or use")])
def test_infogan_refuses_sides_that_four_does_not_divide(side: int, hint: str) -> None:
    with pytest.raises(PoiseError, match=hint):
        DISCRIMINATORS["infogan"].build((1, side, side))


@pytest.mark.parametrize("name", ["dcgan", "infogan", "resnet"])
def test_generators_refuse_five_channels(name: str) -> None:
    with pytest.raises(PoiseError, match=r"cannot make images of 5 channels.*'mlp'"):
        GENERATORS[name].build((5, 32, 32), latent_size=2)


@pytest.mark.parametrize("shape", [(), (3, 3), (0,), (1, 0, 8), (1, 8, -8), (1, 2, 3, 4)])
def test_what_is_neither_image_nor_vector_is_refused(shape: tuple[int, ...]) -> None:
    for network in DISCRIMINATORS.values():
        with pytest.raises(PoiseError, match="cannot be built for the shape"):
            network.build(shape)


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
        build((1, height, width), width=1, code_size=1, depth=1)
    except PoiseError as refusal:
        (proposed,) = re.findall(r"(\d+)x(\d+)$", refusal.hint)
        build((1, int(proposed[0]), int(proposed[1])), width=1, code_size=1, depth=1)
