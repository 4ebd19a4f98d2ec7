"""Batches as functions of the seed and of how many came before."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_feeds import feed_of, numbered
from torch import Tensor

from poise.recipes.settings import Latent
from poise.training.batches import BatchSampler, latents


def sampler(size: int, samples: int, *, image: bool = False, seed: int = 0, **more: Any) -> BatchSampler:
    """Rows that hold their own number, in every pixel or in one value."""
    rows = numbered(size, beside=0.25) if image else np.arange(size, dtype=np.float32)[:, None]
    return feed_of(rows, samples=samples, seed=seed, **more)


def numbers(real: Tensor) -> list[int]:
    return [int(row.min()) for row in real]


@settings(max_examples=60)
@given(size=st.integers(1, 40), samples=st.integers(1, 50), seed=st.integers(0, 10**6))
def test_each_epoch_is_a_permutation_and_batches_straddle_epochs(size: int, samples: int, seed: int) -> None:
    one = sampler(size, samples, seed=seed)
    drawn: list[int] = []
    while len(drawn) < 3 * size:
        drawn += numbers(one.next(0).real)
    assert len(drawn) == one.drawn * samples, "no batch is short"
    for epoch in range(3):
        assert sorted(drawn[epoch * size : (epoch + 1) * size]) == list(range(size))


def test_epochs_and_seeds_differ_in_their_order() -> None:
    one = sampler(100, 100)
    first, second = numbers(one.next(0).real), numbers(one.next(0).real)
    assert first != second
    assert first != sorted(first)
    assert numbers(sampler(100, 100, seed=1).next(0).real) != first
    assert numbers(sampler(100, 100).next(5).real) == first, "the order is by the batch, not the step"


@settings(max_examples=40)
@given(size=st.integers(1, 30), samples=st.integers(1, 12), drawn=st.integers(0, 40), flips=st.booleans())
def test_a_feed_goes_on_from_any_batch_as_if_it_had_never_stopped(
    size: int, samples: int, drawn: int, flips: bool
) -> None:
    whole = sampler(size, samples, image=True, horizontal_flips=flips)
    for _ in range(drawn):
        whole.next(0)
    resumed = sampler(size, samples, image=True, horizontal_flips=flips, drawn=drawn)
    for step in range(3):
        ours, theirs = resumed.next(step), whole.next(step)
        assert torch.equal(ours.real, theirs.real)
        assert torch.equal(ours.latent, theirs.latent)
        assert ours.step == theirs.step == step
        assert torch.equal(torch.rand(2, generator=ours.generator), torch.rand(2, generator=theirs.generator))
    assert resumed.drawn == whole.drawn == drawn + 3


def test_what_a_penalty_draws_changes_no_later_batch() -> None:
    quiet, noisy = sampler(10, 4), sampler(10, 4)
    torch.rand(1000, generator=noisy.next(0).generator)
    quiet.next(0)
    ours, theirs = noisy.next(1), quiet.next(1)
    assert torch.equal(ours.real, theirs.real)
    assert torch.equal(ours.latent, theirs.latent)


def test_every_batch_has_its_own_latents() -> None:
    one = sampler(10, 4)
    drawn = [one.next(0).latent for _ in range(5)]
    assert all(latent.shape == (4, 3) for latent in drawn)
    assert len({float(latent[0, 0]) for latent in drawn}) == 5


def test_flips_mirror_about_half_of_the_images_and_nothing_else() -> None:
    plain, flipping = sampler(400, 400, image=True), sampler(400, 400, image=True, horizontal_flips=True)
    straight, turned = plain.next(0), flipping.next(0)
    assert torch.equal(straight.latent, turned.latent)
    mirrored = [not torch.equal(a, b) for a, b in zip(straight.real, turned.real, strict=True)]
    for before, after, was in zip(straight.real, turned.real, mirrored, strict=True):
        assert torch.equal(after, before.flip(-1) if was else before)
    # Five standard deviations of a fair coin thrown 400 times.
    assert abs(sum(mirrored) - 200) < 50
    again = sampler(400, 400, image=True, horizontal_flips=True).next(0)
    assert torch.equal(again.real, turned.real)


@pytest.mark.parametrize(("size", "samples", "steps"), [(10, 5, 2), (11, 5, 3), (3, 5, 1), (1, 1, 1)])
def test_an_epoch_has_as_many_steps_as_it_takes_to_see_all(size: int, samples: int, steps: int) -> None:
    assert sampler(size, samples).epoch_steps == steps


@pytest.mark.parametrize("distribution", ["normal", "uniform"])
def test_latents_have_the_moments_of_their_distribution(distribution: Any) -> None:
    drawn = latents(20_000, Latent(size=3, distribution=distribution), torch.Generator().manual_seed(0))
    assert drawn.shape == (20_000, 3)
    variance = 1.0 if distribution == "normal" else 1 / 3
    # Five standard deviations of a mean over 60,000 values.
    assert abs(float(drawn.mean())) < 5 * (variance / 60_000) ** 0.5
    assert float(drawn.var()) == pytest.approx(variance, rel=0.03)
    assert (float(drawn.abs().max()) <= 1) == (distribution == "uniform")
