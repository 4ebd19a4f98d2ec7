"""Images moved and scaled by chance."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_feeds import feed_of

from poise.data import Condition, Identity
from poise.errors import PoiseError
from poise.recipes import RECIPES, recipe_with
from poise.recipes.settings import Jitter
from poise.spec import DataSpec
from poise.training.batches import BatchSampler
from poise.training.jitter import draw_jitter, jittered, shifted
from poise.training.resolve import resolve

SIDE = 16
PIXELS = np.random.default_rng(0).normal(size=(12, 2, SIDE, SIDE)).astype(np.float32)


@settings(max_examples=30)
@given(right=st.integers(-5, 5), down=st.integers(-5, 5))
def test_a_move_by_whole_pixels_repeats_the_edge_and_blurs_nothing(right: int, down: int) -> None:
    image = torch.from_numpy(PIXELS[:1])
    rows = (torch.arange(SIDE) - down).clamp(0, SIDE - 1)
    columns = (torch.arange(SIDE) - right).clamp(0, SIDE - 1)
    found = jittered(image, torch.tensor([[1.0, right, down]]))
    torch.testing.assert_close(found, image[:, :, rows][..., columns], atol=2e-5, rtol=0)
    assert torch.equal(shifted(image, torch.tensor([[right, down]])), image[:, :, rows][..., columns])


def test_mirroring_and_moving_at_once_is_mirroring_first() -> None:
    images = torch.from_numpy(PIXELS)
    stream = torch.Generator().manual_seed(0)
    shifts = torch.randint(-4, 5, (len(images), 2), generator=stream)
    mirrored = torch.rand(len(images), 1, generator=stream) < 0.5
    first = torch.where(mirrored[:, :, None, None], images.flip(-1), images)
    assert 0 < int(mirrored.sum()) < len(images)
    assert torch.equal(shifted(images, shifts, mirrored), shifted(first, shifts))


def test_a_ramp_scaled_is_a_ramp_less_steep_about_the_same_middle() -> None:
    middle = (SIDE - 1) / 2
    ramp = (torch.arange(SIDE) - middle).expand(1, 1, SIDE, SIDE)
    found = jittered(ramp, torch.tensor([[1.25, 0.0, 0.0]]))
    torch.testing.assert_close(found, ramp / 1.25, atol=1e-5, rtol=0)
    moved = jittered(ramp, torch.tensor([[1.25, 2.0, 0.0]]))[..., 2:]
    torch.testing.assert_close(moved, (ramp[..., 2:] - 2) / 1.25, atol=1e-5, rtol=0)


def test_draws_stay_within_their_bounds_and_reach_both_ends() -> None:
    places = draw_jitter(4_000, 32, Jitter(shift=0.0625, scale=0.2), torch.Generator().manual_seed(0))
    assert set(places[:, 1:].flatten().tolist()) == {-2.0, -1.0, 0.0, 1.0, 2.0}
    assert 1 / 1.2 <= places[:, 0].min() < 0.84 and 1.19 < places[:, 0].max() <= 1.2
    # Enlarged as often as made smaller: five standard deviations of 4,000 fair coins.
    assert abs(int((places[:, 0] > 1).sum()) - 2_000) < 160


def sampler(*, paired: bool = True, **more: Any) -> BatchSampler:
    condition = Condition("image", PIXELS.shape[1:], PIXELS, Identity(), paired=paired)
    return feed_of(PIXELS, conditions=condition, **more)


MOVING: dict[str, Any] = {"horizontal_flips": True, "jitter": Jitter(shift=0.2, scale=0.3)}


def test_pairs_move_together_and_domains_apart() -> None:
    together = [feed_.next(0) for feed_ in [sampler(**MOVING)] for _ in range(4)]
    for batch in together:
        assert batch.condition is not None
        torch.testing.assert_close(batch.condition, batch.real, atol=0, rtol=0)
    apart = sampler(paired=False, **MOVING)
    batch = apart.next(0)
    assert batch.condition is not None
    assert not torch.isclose(batch.condition.mean((1, 2, 3))[:, None], batch.real.mean((1, 2, 3))).any()


def test_images_that_are_moved_alone_are_not_blurred() -> None:
    still, moving = sampler(), sampler(jitter=Jitter(shift=0.2))
    before, after = still.next(0).real, moving.next(0).real
    middle = after[:, :, 4:-4, 4:-4]
    for image, window in zip(before, middle, strict=True):
        places = image.unfold(1, SIDE - 8, 1).unfold(2, SIDE - 8, 1)
        assert bool((places == window[:, None, None]).flatten(3).all(3).all(0).any()), "a window of the image"


def test_a_batch_depends_on_the_seed_and_its_place_alone() -> None:
    walked = sampler(**MOVING)
    for _ in range(5):
        walked.next(0)
    here, there = walked.next(5), sampler(drawn=5, **MOVING).next(5)
    assert torch.equal(here.real, there.real)
    assert torch.equal(torch.rand(3, generator=here.generator), torch.rand(3, generator=there.generator))


def test_what_stands_still_is_as_it_was_and_draws_nothing() -> None:
    plain, still = sampler().next(0), sampler(jitter=Jitter()).next(0)
    assert torch.equal(plain.real, still.real)
    assert torch.equal(torch.rand(3, generator=plain.generator), torch.rand(3, generator=still.generator))


def test_vectors_cannot_be_moved() -> None:
    recipe = recipe_with(RECIPES["non-saturating"], {"jitter.shift": 0.1})
    with pytest.raises(PoiseError, check=lambda error: error.code == "training.augmentation-unfit"):
        resolve(recipe, DataSpec("vector", (2,)))
