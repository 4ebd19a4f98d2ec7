import math
from pathlib import Path

import numpy as np
import pytest
from matplotlib.path import Path as Outline
from refusals import refused

from poise.data import BUILT_IN, modes, open_data
from poise.data.sources.built_in import PolygonSettings, corners, coverage, draw


def test_there_are_five_and_each_has_a_sentence() -> None:
    assert sorted(BUILT_IN) == ["digits", "grid", "ring", "spiral", "triangles"]
    assert all(len(summary) > 20 for summary, _ in BUILT_IN.values())


def test_digits_are_the_ones_that_scikit_learn_ships(tmp_path: Path) -> None:
    source = open_data("digits", cache=tmp_path)
    assert (len(source), source.shape, source.kind, source.transform.name) == (
        1797,
        (1, 8, 8),
        "image",
        "pixels",
    )
    assert source.array is not None and source.labels is not None
    # the first row of the first image is 0 0 5 13 9 1 0 0 of 16, and all 1,797 sum to 561,718 of 16
    assert source.array[0, 0, 0].tolist() == [0, 0, 80, 207, 143, 16, 0, 0]
    assert np.rint(source.array / (255 / 16)).sum() == 561_718
    assert np.bincount(source.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert source.label_names == tuple("0123456789")


@pytest.mark.parametrize(
    ("name", "count", "nearest"), [("ring", 8, 2 * math.sin(math.pi / 8)), ("grid", 25, 2.0)]
)
def test_mixtures_have_distinct_modes(name: str, count: int, nearest: float) -> None:
    centres, _ = modes(name)
    apart = np.linalg.norm(centres[:, None] - centres[None], axis=-1) + 1e9 * np.eye(count)
    assert centres.shape == (count, 2)
    assert np.allclose(apart.min(axis=1), nearest)


@pytest.mark.parametrize("name", ["ring", "grid"])
def test_mixtures_have_their_means_deviations_and_shares(name: str, tmp_path: Path) -> None:
    source = open_data(name, cache=tmp_path, seed=3)
    centres, deviation = modes(name)
    assert source.array is not None and source.labels is not None
    assert len(source) == 100_000 and source.transform.name == "identity"
    counts = np.bincount(source.labels, minlength=len(centres))
    expected = len(source) / len(centres)
    assert np.abs(counts - expected).max() < 5 * math.sqrt(expected), "five standard deviations of a count"
    for mode, centre in enumerate(centres):
        points = source.array[source.labels == mode]
        assert np.abs(points.mean(axis=0) - centre).max() < 5 * deviation / math.sqrt(len(points))
        assert np.allclose(points.std(axis=0), deviation, rtol=5 / math.sqrt(2 * len(points)))


def test_the_spiral_lies_on_its_arm(tmp_path: Path) -> None:
    source = open_data("spiral", cache=tmp_path)
    assert source.array is not None
    radius = np.linalg.norm(source.array, axis=1)
    outer = source.array[radius > 0.3]
    radius = np.linalg.norm(outer, axis=1)
    turn = np.arctan2(outer[:, 1], outer[:, 0]) / (2 * math.pi)
    # on the arm the radius is half the number of turns; what is left over is noise of 0.02 in the plane
    off = (2 * radius - turn + 0.5) % 1 - 0.5
    assert radius.max() < 1.15
    assert np.abs(off).max() / 2 < 0.12 and off.std() / 2 < 0.025


def test_the_seed_decides(tmp_path: Path) -> None:
    first, again, other = (open_data("ring", cache=tmp_path, seed=seed) for seed in (0, 0, 1))
    assert first.fingerprint == again.fingerprint != other.fingerprint


def test_triangles_keep_to_their_settings() -> None:
    settings = PolygonSettings(count=4000)
    triangles = corners(settings, seed=0)
    assert np.allclose(triangles.mean(axis=1), 14), "mean-centred"
    sides = np.linalg.norm(np.roll(triangles, -1, axis=1) - np.roll(triangles, 1, axis=1), axis=-1)
    a, b, c = sides.T
    (ux, uy), (vx, vy) = (triangles[:, 1] - triangles[:, 0]).T, (triangles[:, 2] - triangles[:, 0]).T
    area = np.abs(ux * vy - uy * vx) / 2
    assert np.allclose(a * b * c / (4 * area), 0.75 * 28 / 2), "all corners on a circle of that radius"
    # by the inscribed-angle theorem 20 degrees seen from the circle's centre are 10 in the triangle
    smallest = np.degrees(np.arcsin(sides / 21).min(axis=1))
    assert smallest.min() >= 10 - 1e-9
    assert smallest.min() < 11, "and no more is kept free than that"


def test_coverage_counts_sub_pixels() -> None:
    triangles = corners(PolygonSettings(count=40), seed=1)
    covered = coverage(triangles, size=28, subpixels=8)
    centres = (np.arange(28 * 8) + 0.5) / 8
    points = np.stack(np.meshgrid(centres, centres), axis=-1).reshape(-1, 2)
    for triangle, pixels in zip(triangles, covered, strict=True):
        inside = Outline(triangle).contains_points(points).reshape(28, 8, 28, 8)
        assert np.array_equal(pixels, inside.mean(axis=(1, 3)))


def test_coverage_of_a_square_is_exact_and_outside_is_cut() -> None:
    square = np.array([[[1.0, 1.0], [3.0, 1.0], [3.0, 2.0], [1.0, 2.0]]])
    assert coverage(square, size=4, subpixels=4)[0].tolist() == [
        [0, 0, 0, 0],
        [0, 1, 1, 0],
        [0, 0, 0, 0],
        [0, 0, 0, 0],
    ]
    assert coverage(square + 3, size=4, subpixels=4).sum() == 0
    assert coverage(square - [0.5, 0.0], size=4, subpixels=4)[0, 1].tolist() == [0.5, 1, 0.5, 0]


def test_triangles_are_drawn_black_on_white_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = PolygonSettings(count=600)
    images = draw(few, seed=0)
    assert images.shape == (600, 1, 28, 28) and images.dtype == np.uint8
    ink = 1 - images[:, 0] / 255
    across = (ink.sum(axis=1) * (np.arange(28) + 0.5)).sum(axis=1) / ink.sum(axis=(1, 2))
    down = (ink.sum(axis=2) * (np.arange(28) + 0.5)).sum(axis=1) / ink.sum(axis=(1, 2))
    assert np.abs(across - 14).max() < 0.15 and np.abs(down - 14).max() < 0.15, (
        "a triangle's centroid is its mean"
    )
    assert images[:, 0, 0, 0].min() > 200

    monkeypatch.setattr("poise.data.sources.built_in.PolygonSettings", lambda: few)
    first = open_data("triangles", cache=tmp_path)
    assert first.array is not None and np.array_equal(first.array, images)

    def never(*_: object) -> None:
        raise AssertionError("drawn twice")

    monkeypatch.setattr("poise.data.sources.built_in.draw", never)
    assert open_data("triangles", cache=tmp_path).fingerprint == first.fingerprint
    with pytest.raises(AssertionError, match="twice"):
        open_data("triangles", cache=tmp_path, seed=1)


def test_built_in_images_can_be_resized_and_coloured(tmp_path: Path) -> None:
    source = open_data("digits", cache=tmp_path, resolution=16, channels=3)
    assert source.shape == (3, 16, 16) and "enlarged" in " ".join(source.notices)
    assert source.labels is not None and len(source.labels) == 1797


def test_a_folder_of_the_same_name_is_mentioned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ring").mkdir()
    assert any("./ring" in notice for notice in open_data("ring", cache=tmp_path).notices)


def test_unknown_mixtures_name_the_known() -> None:
    with refused("unknown-mixture"):
        modes("rings")
