"""Walks keep the law at every time, pass their points, and close."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import interpolate, stats

from poise.errors import PoiseError
from poise.generator.marks import marks_of
from poise.generator.moving import durations, frame_picture, is_ours, save_moving
from poise.generator.walks import (
    along_spline,
    blended,
    ellipse,
    frames_of,
    plan_walk,
    spline_weights,
    through_normals,
    to_normal,
    to_uniform,
)

from .families import family

MANY = 40_000


def closed(shown: bool) -> str:
    return "periodic" if shown else "natural"


@settings(max_examples=60)
@given(keys=st.integers(2, 9), loop=st.booleans(), seed=st.integers(0, 999))
def test_the_spline_is_that_of_scipy(keys: int, loop: bool, seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(keys, 3))
    ends = np.concatenate([points, points[:1]]) if loop else points
    wanted = interpolate.CubicSpline(range(len(ends)), ends, bc_type=closed(loop))
    times = np.linspace(0, len(ends) - 1, 31)
    made = along_spline(torch.from_numpy(points), torch.from_numpy(times), closed=loop)
    np.testing.assert_allclose(made.numpy(), wanted(times), atol=1e-9)


@pytest.mark.parametrize("loop", [True, False])
@pytest.mark.parametrize("keys", [2, 3, 5])
def test_every_frame_between_normals_is_normal(keys: int, loop: bool) -> None:
    """The Kolmogorov-Smirnov test at 1e-4 on each of 13 times, and the variance within four errors."""
    drawn = torch.randn(keys, MANY, generator=torch.Generator().manual_seed(keys))
    times = torch.linspace(0, keys - 1 + loop, 13, dtype=torch.float64)
    for frame in through_normals(drawn, times, closed=loop):
        assert stats.kstest(frame.numpy(), "norm").pvalue > 1e-4
        assert abs(float(frame.var()) - 1) < 4 * math.sqrt(2 / MANY)


def test_a_point_that_is_passed_twice_keeps_the_variance() -> None:
    drawn = torch.randn(2, MANY, generator=torch.Generator().manual_seed(1))
    times = torch.linspace(0, 3, 25, dtype=torch.float64)
    for frame in through_normals(drawn[[0, 1, 0]], times, closed=True):
        assert abs(float(frame.var()) - 1) < 4 * math.sqrt(2 / MANY)
    resting = through_normals(drawn[[0, 0]], times[:5], closed=True)
    assert torch.allclose(resting, drawn[:1].expand(5, -1)), "a walk between equal points does not move"


def test_every_frame_of_a_circle_is_normal_and_it_closes() -> None:
    first, second = torch.randn(2, MANY, generator=torch.Generator().manual_seed(2))
    for frame in ellipse(first, second, torch.linspace(0, 2 * math.pi, 9)):
        assert abs(float(frame.var()) - 1) < 4 * math.sqrt(2 / MANY)
    path = ellipse(first, second, torch.tensor([0.0, math.pi / 2, 2 * math.pi]))
    assert torch.allclose(path[0], first) and torch.allclose(path[2], first, atol=1e-5)
    assert torch.allclose(path[1], second, atol=1e-5)


def test_uniform_latents_stay_uniform_on_the_way() -> None:
    drawn = torch.rand(3, MANY, generator=torch.Generator().manual_seed(3)) * 2 - 1
    assert torch.allclose(to_uniform(to_normal(drawn)), drawn, atol=1e-6)
    for frame in to_uniform(through_normals(to_normal(drawn), torch.tensor([0.5, 1.3, 2.8]), closed=True)):
        assert stats.kstest(frame.numpy(), stats.uniform(-1, 2).cdf).pvalue > 1e-4


def test_the_ends_of_the_uniform_law_are_finite() -> None:
    assert bool(to_normal(torch.tensor([-1.0, 1.0])).isfinite().all())


@pytest.mark.parametrize("loop", [True, False])
def test_paths_pass_their_points(loop: bool) -> None:
    points = torch.randn(4, 2, 5)
    times = torch.arange(4, dtype=torch.float64)
    assert torch.allclose(through_normals(points, times, closed=loop), points, atol=1e-5)
    assert torch.allclose(along_spline(points, times, closed=loop), points, atol=1e-5)
    weights = spline_weights(4, torch.linspace(0, 3, 50), closed=loop)
    assert torch.allclose(weights.sum(1), torch.ones(50, dtype=torch.float64))


def test_conditions_between_classes_are_shares_of_both() -> None:
    made = blended(torch.eye(3), torch.tensor([0.0, 0.25, 2.0, 2.5]), closed=True)
    wanted = [[1, 0, 0], [0.75, 0.25, 0], [0, 0, 1], [0.5, 0, 0.5]]
    assert torch.allclose(made, torch.tensor(wanted))
    assert blended(torch.eye(3), torch.tensor([2.0]), closed=False).tolist() == [[0, 0, 1]]


@pytest.mark.parametrize(("name", "space"), [("dcgan", "z"), ("stylegan2", "w"), ("stylegan2", "z")])
def test_frames_at_the_points_are_the_samples(name: str, space: str) -> None:
    generator = family(name)
    latents = generator.latents(6, seed=1).unflatten(0, (3, 2))
    walk = plan_walk(generator, latents, None, frames=12, space=space)  # type: ignore[arg-type]
    frames = torch.stack(list(frames_of(generator, walk)))
    assert frames.shape == (12, 2, 3, 8, 8) and float(frames.abs().max()) <= 1
    samples = generator(latents.flatten(0, 1)).unflatten(0, (3, 2))
    assert torch.allclose(frames[::4], samples, atol=1e-5)
    steps = (frames - frames.roll(1, 0)).abs().amax((1, 2, 3, 4))
    assert float(steps[0]) < 3 * float(steps.median()), "the last frame leads to the first"
    assert not walk.off_the_law


def test_styles_are_the_default_and_are_truncated() -> None:
    generator = family("stylegan2").truncated(0.4)
    latents = generator.latents(2, seed=1)[:, None]
    walk = plan_walk(generator, latents, None, frames=2)
    assert walk.space == "w"
    frames = torch.stack(list(frames_of(generator, walk)))
    assert torch.allclose(frames[:, 0], generator(latents[:, 0]), atol=1e-5)


def test_a_walk_between_classes_says_that_it_leaves_the_law() -> None:
    generator = family("stylegan2", classes=True)
    latents, conditions = generator.latents(1, seed=1).expand(3, 1, -1), torch.eye(3)[:, None]
    walk = plan_walk(generator, latents, conditions, frames=6, space="z")
    assert walk.off_the_law
    assert not replace(walk, conditions=conditions[:1].expand(3, 1, 3)).off_the_law
    frames = torch.stack(list(frames_of(generator, walk)))
    assert torch.allclose(frames[::2, 0], generator(latents[:, 0], torch.eye(3)), atol=1e-5)


def test_what_cannot_be_walked_is_refused() -> None:
    vectors, plain = family("mlp", shape=(2,)), family("dcgan")
    two = plain.latents(2)[:, None]
    for generator, latents, space, code in (
        (vectors, two, None, "generator.no-pictures"),
        (plain, two, "w", "generator.no-styles"),
        (plain, two[:1], None, "generator.walk-of-one-point"),
    ):
        with pytest.raises(PoiseError) as caught:
            plan_walk(generator, latents, None, frames=4, space=space)  # type: ignore[arg-type]
        assert caught.value.code == code


@given(count=st.integers(1, 200), fps=st.floats(1, 60), step=st.sampled_from([1, 10]))
def test_frames_keep_the_pace(count: int, fps: float, step: int) -> None:
    made = durations(count, fps, step=step)
    assert len(made) == count and all(one > 0 and one % step == 0 for one in made)
    assert abs(sum(made) - 1000 * count / fps) <= step


@pytest.mark.parametrize("suffix", [".webp", ".gif", ".mp4"])
def test_files_hold_the_frames_and_say_that_they_are_generated(suffix: str, tmp_path: Path) -> None:
    if suffix == ".mp4":
        pytest.importorskip("imageio_ffmpeg")
    frames = torch.rand(5, 1, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    path = tmp_path / f"walk{suffix}"
    marks = marks_of(["small@0123456789ab/0/0"], {})
    save_moving(map(frame_picture, frames), path, count=5, fps=10, marks=marks)
    assert is_ours(path)
    if suffix == ".mp4":
        import imageio_ffmpeg

        about, *read = imageio_ffmpeg.read_frames(str(path))
        assert about["fps"] == 10 and about["size"] == (256, 256) and len(read) == 5
        return
    with Image.open(path) as made:
        assert made.n_frames == 5 and made.size == (256, 256)  # type: ignore[attr-defined]
        made.seek(1)
        made.load()
        assert made.info["duration"] == 100


def test_a_frame_is_the_picture_enlarged() -> None:
    samples = family("dcgan").latents(1) @ torch.zeros(10, 3 * 8 * 12)
    samples = (samples + torch.linspace(-1, 1, 288)).reshape(1, 3, 8, 12)
    made = np.asarray(frame_picture(samples))
    assert made.shape == (8 * 21, 12 * 21, 3)
    wanted = ((samples[0] + 1) * 127.5).round().permute(1, 2, 0).numpy().astype(np.uint8)
    np.testing.assert_array_equal(made[::21, ::21], wanted)


def test_a_grid_of_walks_is_enlarged_to_be_seen() -> None:
    made = frame_picture(torch.zeros(9, 3, 64, 64))
    assert made.size == (400, 400)  # twice three pictures with a line of two pixels about each
