from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image

from poise.data import KINDS, Identity, Pixels, Range, Standardised, to_pillow, to_pixels
from poise.errors import PoiseError

PIXELS = Pixels()
picture, scatter = KINDS["image"].picture, KINDS["vector"].picture


def test_the_grid_shows_each_image_enlarged_without_smoothing() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 3, 8, 8), dtype=np.uint8)
    image = np.asarray(to_pillow(pixels, columns=3))
    assert image.shape == (2 * 50 + 2, 3 * 50 + 2, 3)
    for index, cell in enumerate(pixels):
        top, left = 2 + index // 3 * 50, 2 + index % 3 * 50
        shown = image[top : top + 48, left : left + 48]
        assert np.array_equal(shown, cell.transpose(1, 2, 0).repeat(6, axis=0).repeat(6, axis=1))
    assert (image[52:, 102:] == 128).all(), "the empty place is grey"


@pytest.mark.parametrize("side", [1, 4, 8, 28, 32, 64, 256])
def test_cells_are_well_visible(side: int) -> None:
    assert to_pillow(np.zeros((1, 1, side, side), np.uint8)).size[0] - 4 >= max(32, side)


def test_one_two_three_and_four_channels() -> None:
    assert to_pillow(np.full((1, 1, 48, 48), 7, np.uint8)).mode == "L"
    two = to_pillow(np.stack([np.full((48, 48), 9), np.full((48, 48), 200)])[None].astype(np.uint8))
    assert two.getpixel((20, 20)) == (9, 200, 0)
    half = np.full((1, 4, 48, 48), 100, np.uint8)
    half[0, 3] = 51
    kept = to_pillow(half)
    assert kept.mode == "RGBA" and kept.getpixel((20, 20)) == (100, 100, 100, 51)
    bands = to_pillow(np.arange(5, dtype=np.uint8).reshape(1, 5, 1, 1).repeat(48, 2).repeat(48, 3))
    assert bands.mode == "RGB" and bands.getpixel((20, 20)) == (0, 1, 2), "the first three of five"


def test_bytes_of_samples() -> None:
    samples = torch.tensor([-1.0, 0.0, 1.0, 9.0, -9.0, torch.nan]).reshape(1, 1, 1, 6)
    assert to_pixels(samples, PIXELS).ravel().tolist() == [0, 128, 255, 255, 0, 128]
    assert np.array_equal(to_pixels(samples, PIXELS), to_pixels(samples, Range(0, 1)))
    with pytest.raises(PoiseError) as caught:
        to_pixels(samples, Identity())
    assert caught.value.code == "data.not-pixels"


def test_stored_bytes_are_shown_as_they_are() -> None:
    stored = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16)
    shown = np.asarray(picture(PIXELS.encode(stored), PIXELS, (1, 16, 16)))[2:50:3, 2:50:3]
    assert np.array_equal(shown, stored[0, 0].numpy())


@pytest.mark.parametrize(
    "draw",
    [
        lambda: picture(torch.zeros(2, 1, 8, 8), PIXELS, (3, 8, 8)),
        lambda: picture(torch.zeros(0, 1, 8, 8), PIXELS, (1, 8, 8)),
        lambda: to_pillow(np.zeros((2, 1, 8, 8))),
    ],
    ids=["another shape", "none", "floats"],
)
def test_requests_that_make_no_picture(draw: Callable[[], object]) -> None:
    with pytest.raises(PoiseError) as caught:
        draw()
    assert caught.value.code == "data.no-picture"


def share(image: Image.Image, colour: str) -> float:
    """Of the picture, how much is blue (the samples) or grey (the real points)."""
    values = np.asarray(image).astype(int)
    spread = values.max(axis=2) - values.min(axis=2)
    found = (spread > 60) if colour == "blue" else (spread < 6) & (abs(values[..., 0] - 191) < 6)
    return float(found.mean())


def test_points_are_drawn_with_the_real_ones_beneath() -> None:
    angles = torch.linspace(0, 6, 400)
    ring = torch.stack([angles.cos(), angles.sin()], dim=1)
    identity = Identity()
    alone = scatter(ring, identity, (2,))
    both = scatter(0.5 * ring, identity, (2,), real=ring)
    assert alone.mode == "RGB" and min(alone.size) >= 400
    assert share(alone, "blue") > 0.005 and share(alone, "grey") < 0.002
    assert share(both, "blue") > 0.002 and share(both, "grey") > 0.005


def test_points_are_drawn_in_units_of_the_data() -> None:
    transform = Standardised(center=(100.0, 100.0), scale=(5.0, 5.0))
    points = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    same = scatter(transform.decode(points), Identity(), (2,))
    assert np.array_equal(np.asarray(scatter(points, transform, (2,))), np.asarray(same))


@pytest.mark.parametrize("dimensions", [1, 2, 5])
@pytest.mark.filterwarnings("error")
def test_diverged_samples_still_make_a_picture(dimensions: int) -> None:
    real = torch.randn(300, dimensions, generator=torch.Generator().manual_seed(0))
    broken = torch.full((20, dimensions), torch.nan)
    for fakes, beneath in (
        (broken, None),
        (broken, real),
        (1e30 * torch.ones(20, dimensions), real),
        (real[:1], None),
    ):
        image = scatter(fakes, Identity(), (dimensions,), real=beneath)
        assert image.size == (512, 512)
        assert share(image, "grey") > 0.002 or beneath is None
