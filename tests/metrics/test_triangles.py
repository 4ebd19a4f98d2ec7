"""The distance to the manifold of triangles is the least one, and F1 counts what it says."""

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from poise.data import PolygonSettings, new_triangles, open_data
from poise.data.sources.built_in import corners, coverage
from poise.errors import PoiseError
from poise.evaluation import evaluate
from poise.evaluation.known_truth import measured_triangles
from poise.evaluation.subjects import Subject
from poise.metrics import triangle_f1
from poise.metrics.triangle_f1 import Inverse
from poise.metrics.triangles import covered_area, nearest_triangles

SETTINGS = PolygonSettings(count=30)


def drawn_angles(count: int, seed: int) -> Tensor:
    """Directions that the built-in set may have: gaps of 20 to 220 degrees."""
    stream = torch.Generator().manual_seed(seed)
    starts = torch.tensor([10.0, 130.0, 250.0], dtype=torch.float64)
    degrees = starts + 100 * torch.rand(count, 3, generator=stream, dtype=torch.float64)
    return (degrees + 360 * torch.rand(count, 1, generator=stream, dtype=torch.float64)).deg2rad()


def test_the_covered_area_is_that_of_the_triangle() -> None:
    angles, radius = drawn_angles(50, 0), 0.75 * 14
    a, b, c = angles.unbind(1)
    area = radius**2 / 2 * ((b - a).sin() + (c - b).sin() + (a - c).sin())
    torch.testing.assert_close(covered_area(angles, size=28).sum((1, 2)), area)


def test_the_covered_area_is_what_ever_finer_counting_comes_to() -> None:
    polygons = corners(SETTINGS, seed=3)
    directions = torch.tensor(corners_to_angles(polygons))
    wanted = covered_area(directions, size=28).numpy()
    coarse, fine = (np.abs(coverage(polygons, size=28, subpixels=n) - wanted).max() for n in (8, 64))
    assert fine < 0.01
    assert fine < coarse / 4


def corners_to_angles(polygons: Any) -> Any:
    """The circle of the corners is known, and its centre is where all three are as far from it."""
    found = []
    for points in polygons:
        # |p|^2 - 2 p.c is the same for all three corners
        left = 2 * (points[1:] - points[0])
        centre = np.linalg.solve(left, (points[1:] ** 2).sum(1) - (points[0] ** 2).sum())
        found.append(np.arctan2(*(points - centre).T[::-1]))
    return np.array(found)


def test_a_triangle_is_found_again_from_its_image() -> None:
    angles = drawn_angles(40, 1)
    found, distances = nearest_triangles(covered_area(angles, size=28))
    assert float(distances.max()) < 1e-4
    torch.testing.assert_close(covered_area(found, size=28), covered_area(angles, size=28), atol=1e-4, rtol=0)


def test_images_of_the_built_in_set_are_on_the_manifold_but_for_its_rounding() -> None:
    images = 1 - torch.as_tensor(new_triangles(60, seed=1))[:, 0].double() / 255
    assert float(nearest_triangles(images)[1].max()) < 0.25


def test_no_triangle_of_a_dense_search_is_nearer() -> None:
    stream = torch.Generator().manual_seed(2)
    angles = drawn_angles(6, 2)
    shape = (6, 28, 28)
    images = covered_area(angles, size=28) + 0.03 * torch.randn(shape, generator=stream, dtype=torch.float64)
    _, distances = nearest_triangles(images)
    offsets = torch.tensor(list(itertools.product(torch.linspace(-0.2, 0.2, 9).tolist(), repeat=3)))
    for image, middle, found in zip(images, angles, distances, strict=True):
        around = covered_area(middle + offsets, size=28)
        assert float(found) <= float((around - image).flatten(1).norm(dim=1).min()) + 1e-9
    everywhere = covered_area(drawn_angles(2_000, 5), size=28)
    nearest = torch.cdist(images.flatten(1), everywhere.flatten(1)).min(1).values
    assert bool((distances <= nearest).all())


def test_what_is_no_triangle_has_the_distance_that_its_area_says() -> None:
    """A white image is as far from a triangle as the triangle is large; the least have corners close by."""
    white = torch.zeros(1, 28, 28)
    angles, distance = nearest_triangles(white)
    gaps = torch.cat([angles, angles[:, :1] + 2 * math.pi], 1).diff(dim=1).rad2deg()
    assert float(distance) == pytest.approx(float(covered_area(angles, size=28).norm()))
    assert float(gaps.min()) > 20 - 1e-6
    assert float(distance) > 2


def test_precision_counts_triangles_and_recall_those_that_are_reached() -> None:
    real = torch.as_tensor(new_triangles(20, seed=4)).float() / 255
    noise = torch.rand(10, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    result = triangle_f1(real, torch.cat([real[:10], noise]))
    assert result.values == {
        "triangle_precision": 0.5,
        "triangle_recall": pytest.approx(0.5, abs=0.06),
        "triangle_f1": pytest.approx(0.5, abs=0.03),
    }
    assert triangle_f1(real, noise).values["triangle_f1"] == 0


class FromAngles(nn.Module):
    """A perfect generator: three numbers are the directions of the corners."""

    def forward(self, latents: Tensor) -> Tensor:
        starts = torch.tensor([60.0, 180.0, 300.0]).deg2rad()
        turns = latents[:, 3:4] * math.pi / 3
        return 1 - covered_area(starts + turns + latents[:, :3] * math.radians(50), size=28)[:, None].float()


def test_a_generator_of_all_triangles_recalls_all_by_its_latents_and_few_by_its_samples() -> None:
    real = torch.as_tensor(new_triangles(40, seed=6)).float() / 255
    latents = 2 * torch.rand(200, 4, generator=torch.Generator().manual_seed(1)) - 1
    made = FromAngles()
    fake = made(latents).clamp(0, 1)
    by_samples = triangle_f1(real, fake).values
    by_latents = triangle_f1(real, fake, inverse=Inverse(made, latents, 1.0)).values
    assert by_samples["triangle_precision"] == by_latents["triangle_precision"] == 1
    assert by_samples["triangle_recall"] < 0.4
    assert by_latents["triangle_recall"] > 0.9
    assert by_latents["triangle_f1"] == pytest.approx(
        2 * by_latents["triangle_recall"] / (1 + by_latents["triangle_recall"])
    )


@pytest.mark.parametrize("images", [torch.zeros(3, 3, 28, 28), torch.full((3, 1, 28, 28), 255.0)])
def test_other_images_are_refused(images: Tensor) -> None:
    with pytest.raises(PoiseError) as caught:
        triangle_f1(images, images)
    assert caught.value.code == "metrics.no-triangles"


def test_samples_are_evaluated_by_name(tmp_path: Path) -> None:
    np.save(tmp_path / "samples.npy", new_triangles(40, seed=9))
    evaluation = evaluate(
        str(tmp_path / "samples.npy"), "triangles", metrics=["triangle_f1"], samples=40, cache=tmp_path
    )
    (result,) = evaluation.results
    assert result.values["triangle_precision"] == 1.0
    assert result.samples == {"real": 40, "fake": 40}


def test_data_whose_manifold_is_not_known_are_refused() -> None:
    digits = open_data("digits")
    with pytest.raises(PoiseError) as caught:
        measured_triangles(Subject("digits", digits.shape, digits), digits, samples=10, seed=0)
    assert caught.value.code == "evaluation.manifold-not-known"


def test_samples_of_another_size_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "samples.npy", new_triangles(40, seed=9)[:, :, ::2, ::2])
    small, triangles = (
        open_data(data, cache=tmp_path) for data in (str(tmp_path / "samples.npy"), "triangles")
    )
    with pytest.raises(PoiseError, match="14x14") as caught:
        measured_triangles(Subject("small", small.shape, small), triangles, samples=40, seed=0)
    assert caught.value.code == "evaluation.manifold-of-another-size"
