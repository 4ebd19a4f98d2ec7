"""Augmentations of images: their matrices, the numbers of the published pipelines, and ADA's probability.

`augmentations.npz` holds small images, the random numbers that were drawn, and what the published code
(NVlabs/stylegan2-ada-pytorch, all operations of the bgc group and cutout at p = 0.7, on the CPU;
mit-han-lab/data-efficient-gans, color,translation,cutout) made of them, with gradients.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from poise.augment import AUGMENTATIONS, AugmentContext
from poise.augment.adaptive import adapted, adaptively_augmented, initial
from poise.augment.diffaugment import cut_out, diffaugment, moved, recoloured
from poise.augment.warps import (
    SYM6,
    downsampled,
    drawn_colours,
    drawn_map,
    sampled,
    upsampled,
    warped,
    with_colours,
)
from poise.schedules import Schedule

RECORDED = np.load(Path(__file__).with_name("augmentations.npz"))
PUBLISHED = {name: torch.from_numpy(RECORDED[name]) for name in RECORDED.files}


def context(step: int = 0, images_seen: int = 0, **state: float) -> AugmentContext:
    held = dict(initial()) | {name: torch.tensor(value) for name, value in state.items()}
    return AugmentContext(torch.Generator().manual_seed(7), step, images_seen, 1000, held)


def images(count: int = 4, channels: int = 3, height: int = 12, width: int = 16) -> Tensor:
    stream = torch.Generator().manual_seed(2)
    return torch.randn((count, channels, height, width), generator=stream, dtype=torch.float64)


def test_sampling_is_that_of_torch_and_can_be_differentiated_twice() -> None:
    """Torch's own operator cannot before version 2.13."""
    one, stream = images(2, 2, 5, 6).requires_grad_(), torch.Generator().manual_seed(3)
    grid = 4 * torch.rand((2, 4, 3, 2), generator=stream, dtype=torch.float64) - 2
    of_torch = torch.nn.functional.grid_sample(one, grid, padding_mode="reflection", align_corners=False)
    assert torch.equal(sampled(one, grid), of_torch)
    assert torch.autograd.gradcheck(lambda given: sampled(given, grid), one, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(lambda given: sampled(given, grid), one)
    each = torch.func.vmap(lambda image, place: sampled(image[None], place[None])[0])
    assert torch.equal(each(one.detach(), grid), of_torch)


# The published pipelines -----------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [3, 1])
def test_adas_operations_are_those_of_the_published_code(channels: int) -> None:
    seen, values, gates, cotangent = (
        PUBLISHED[f"{name}_{channels}"] for name in ("images", "values", "gates", "cotangent")
    )
    drawn, chances = iter(values.T), iter(gates.T)

    def draw(law: str) -> Tensor:
        drawn_now: Tensor = next(drawn)
        return drawn_now

    def occurs(strength: float, *, twice: bool = False) -> Tensor:
        share = 0.7 * strength
        return torch.lt(next(chances), 1 - math.sqrt(1 - share) if twice else share)

    one = torch.ones(len(seen))
    start = seen.clone().requires_grad_()
    found = warped(start, drawn_map(one, draw, occurs, *seen.shape[2:], blit=1.0, geometry=1.0))
    if channels == 1:  # the published code leaves hue and saturation out, which do nothing to grey
        drawn = iter([next(drawn), next(drawn), next(drawn), 0 * one, 0 * one, *values.T[-2:]])
        chances = iter([next(chances), next(chances), next(chances), one, one, *gates.T[-1:]])
    colours = drawn_colours(one, draw, occurs, 1.0)
    found = with_colours(found, colours)
    centres, cut = [next(drawn), next(drawn)], next(chances) < 0.7
    near = [
        ((torch.arange(side) + 0.5) / side - centre[:, None]).abs() < 0.25
        for side, centre in zip(reversed(seen.shape[2:]), centres, strict=True)
    ]
    found = found * ~(near[0][:, None, :] & near[1][:, :, None] & cut[:, None, None])[:, None]
    torch.testing.assert_close(found, PUBLISHED[f"augmented_{channels}"], rtol=1e-5, atol=1e-5)
    (slope,) = torch.autograd.grad((found * cotangent).sum(), start)
    torch.testing.assert_close(slope, PUBLISHED[f"gradient_{channels}"], rtol=1e-5, atol=1e-5)


def test_diffaugments_operations_are_those_of_the_published_code() -> None:
    start = PUBLISHED["da_images"].clone().requires_grad_()
    uniform = PUBLISHED["da_uniform"].T[:, :, None, None, None]
    down, right, row, column = PUBLISHED["da_integers"].T
    found = recoloured(start, uniform[0] - 0.5, 2 * uniform[1], uniform[2] + 0.5)
    # The published code names the source of a pixel, which lies on the other side
    found = moved(found, -down, -right)
    tall, wide = (int(side * 0.5 + 0.5) for side in start.shape[2:])
    found = cut_out(found, row - tall // 2, column - wide // 2, tall, wide)
    torch.testing.assert_close(found, PUBLISHED["da_augmented"], rtol=1e-5, atol=1e-6)
    (slope,) = torch.autograd.grad((found * PUBLISHED["da_cotangent"]).sum(), start)
    torch.testing.assert_close(slope, PUBLISHED["da_gradient"], rtol=1e-5, atol=1e-6)


# Warps -----------------------------------------------------------------------------------------------------


def test_even_shifts_of_the_filter_are_orthonormal() -> None:
    taps = torch.tensor(SYM6, dtype=torch.float64)
    for shift in range(0, len(taps), 2):
        product = float((taps[shift:] * taps[: len(taps) - shift]).sum())
        assert product == pytest.approx(1.0 if shift == 0 else 0.0, abs=1e-11)


def test_doubling_and_halving_give_the_image_back() -> None:
    seen = images()
    inner = downsampled(
        upsampled(torch.nn.functional.pad(seen, (6, 6, 6, 6), mode="reflect"))[..., 6:-6, 6:-6]
    )
    torch.testing.assert_close(inner, seen)


@pytest.mark.parametrize("height, width", [(12, 16), (8, 8)])
def test_maps_that_hit_pixels_move_them(height: int, width: int) -> None:
    """Whole pixels are exact, and the outside mirrors the image; mirrors are nearly so: sym6 is skewed."""
    seen = images(height=height, width=width)

    def mapped(*rows: list[float]) -> Tensor:
        return warped(seen, torch.tensor(rows, dtype=seen.dtype).expand(len(seen), 3, 3))

    last = [0.0, 0.0, 1.0]
    torch.testing.assert_close(mapped([1, 0, 0], [0, 1, 0], last), seen)
    moved_left = torch.cat([seen[..., 1:], seen[..., -2:-1]], 3)
    torch.testing.assert_close(mapped([1, 0, 1], [0, 1, 0], last), moved_left)
    for found, expected in (
        (mapped([-1, 0, 0], [0, 1, 0], last), seen.flip(3)),
        (mapped([-1, 0, 0], [0, -1, 0], last), seen.flip(2, 3)),
        *([(mapped([0, 1, 0], [-1, 0, 0], last), seen.rot90(-1, (2, 3)))] if height == width else []),
    ):
        assert float((found - expected).square().mean()) < 0.05 * float(seen.var())


def test_a_gradient_goes_through_warps_and_colours_twice() -> None:
    start = images(1, height=5, width=4).requires_grad_()

    def change(samples: Tensor) -> Tensor:
        return adaptively_augmented(samples, context(), probability=0.8, cutout=0.5).square()

    assert torch.autograd.gradgradcheck(change, (start,))


# ADA -------------------------------------------------------------------------------------------------------


def test_probability_zero_leaves_the_images() -> None:
    seen = images()
    torch.testing.assert_close(adaptively_augmented(seen, context(), cutout=1.0), seen)


def test_the_share_of_changed_images_is_the_probability() -> None:
    """At p = 0.3 so many of 4,000 white images keep their colours, within four deviations."""
    seen = torch.ones(4000, 3, 2, 2)
    left = adaptively_augmented(seen, context(probability=0.3), blit=0, geometry=0)
    # A half of the luma flips changes nothing, and hue and saturation do nothing to grey
    expected = 0.7 * 0.7 * (1 - 0.15)
    kept = float((left - seen).abs().amax((1, 2, 3)).lt(1e-4).float().mean())
    assert abs(kept - expected) < 4 * math.sqrt(expected * (1 - expected) / 4000)


def test_a_schedule_replaces_the_probability_that_adapts() -> None:
    seen = images()
    rising = Schedule(start=0.0, end=1.0)
    at_start = adaptively_augmented(seen, context(probability=0.9), probability=rising)
    torch.testing.assert_close(at_start, seen)
    at_end = adaptively_augmented(seen, context(images_seen=1000), probability=rising)
    torch.testing.assert_close(at_end, adaptively_augmented(seen, context(probability=1.0)))
    scores = torch.ones(4)
    shown = adapted(initial(), scores, scores, context(step=3, images_seen=250), probability=rising)
    assert float(shown["probability"]) == 0.25


def test_the_probability_goes_up_while_signs_are_above_the_target_and_stays_within_its_bounds() -> None:
    """Four steps of 64 reals, three quarters above zero: r_t is 0.5, below the target of 0.6."""
    scores = torch.cat([torch.ones(48), -torch.ones(16)])
    state: dict[str, Tensor] = dict(initial()) | {"probability": torch.tensor(0.3)}
    for step in range(4):
        state = dict(adapted(state, scores, scores, context(step)))
    assert float(state["r_t"]) == 0.5
    assert float(state["probability"]) == pytest.approx(0.3 - 256 / 500_000)
    for step in range(4000):
        state = dict(adapted(state, torch.ones(64), scores, context(step), images=5_000))
    assert float(state["probability"]) == pytest.approx(0.8)
    for step in range(4000):
        state = dict(adapted(state, -torch.ones(64), scores, context(step), images=5_000))
    assert (float(state["probability"]), float(state["r_t"])) == (0.0, -1.0)


# DiffAugment -----------------------------------------------------------------------------------------------


@given(st.integers(-5, 5), st.integers(-5, 5), st.integers(4, 9), st.integers(4, 9))
@settings(max_examples=25)
def test_moved_images_are_rolled_with_zeros(down: int, right: int, height: int, width: int) -> None:
    seen = images(1, 2, height, width)
    found = moved(seen, torch.tensor([down]), torch.tensor([right]))
    for row in range(height):
        for column in range(width):
            source = (row - down, column - right)
            inside = 0 <= source[0] < height and 0 <= source[1] < width
            expected = seen[0, :, source[0], source[1]] if inside else torch.zeros(2, dtype=seen.dtype)
            assert torch.equal(found[0, :, row, column], expected)


def test_diffaugment_cuts_a_quarter_at_most_and_moves_by_an_eighth_at_most() -> None:
    seen = torch.ones(200, 1, 16, 16)
    cut = diffaugment(seen, context(), colour=False, translation=0.0)
    zeros = (cut == 0).sum((1, 2, 3))
    assert int(zeros.max()) == 64
    assert int(zeros.min()) >= 16
    put = diffaugment(seen, context(), colour=False, cutout=0.0)
    rows = (put.amax(3) == 0).sum((1, 2))
    assert int(rows.max()) == 2
    assert int(rows.min()) == 0


def test_a_gradient_goes_through_diffaugment_twice() -> None:
    start = images(1, height=5, width=4).requires_grad_()
    assert torch.autograd.gradgradcheck(lambda samples: diffaugment(samples, context()).square(), (start,))


@pytest.mark.parametrize("name", ["diffaugment", "ada"])
def test_image_augmentations_say_that_they_are_for_images(name: str) -> None:
    assert AUGMENTATIONS[name].kinds == ("image",)
