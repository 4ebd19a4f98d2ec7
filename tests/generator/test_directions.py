"""Directions: found by truths that are known, judged against random ones, kept, and used for edits."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from poise.errors import PoiseError
from poise.generator import Direction, Directions, read_directions
from poise.generator.direction_methods import METHODS, boundaries, slopes
from poise.generator.directions import Measure, save_directions
from poise.generator.editing import (
    change_outside,
    edit,
    of_samples,
    read_mask,
    read_strengths,
    within_mask,
)
from poise.generator.exploring import better_than_random, contact_sheet, explore
from poise.generator.judging import Judge, steady
from poise.generator.labelling import Labels, labels_of
from poise.generator.naming import weights_hash
from poise.generator.spaces import space_of
from poise.metrics.features import small_classifier

from .families import family
from .test_inversion import Linear, linear


def cosine(one: Tensor, other: Tensor) -> float:
    return abs(float(one.double() @ other.double() / one.double().norm() / other.double().norm()))


def test_the_closed_form_is_that_of_the_first_layer_with_its_normalisation_folded_in() -> None:
    """The singular vectors of the measured slopes of what follows the first batch normalisation."""
    generator = family("dcgan")
    found = METHODS["closed-form"].find(space_of(generator), 0)
    first = torch.nn.Sequential(*list(generator.module.children())[:3])  # Linear, Unflatten, BatchNorm
    jacobian = torch.func.jacrev(lambda latent: first(latent[None]).flatten())(torch.zeros(10))
    exact = torch.linalg.svd(jacobian).Vh
    assert all(cosine(found[row], exact[row]) > 0.99 for row in range(3))


def test_the_closed_form_of_styles_is_that_of_all_layers_that_take_them() -> None:
    generator = family("stylegan2")
    space = space_of(generator, "w")
    assert space.styles is not None
    synthesis: Any = space.styles.synthesis
    layers = [layer.convolution.style for layer in (*synthesis.layers, *synthesis.images)]

    def scales(coordinates: Tensor) -> Tensor:
        style = space.points(coordinates[None])
        return torch.cat([layer(style).flatten() for layer in layers])

    jacobian = torch.func.jacrev(scales)(torch.zeros(space.size))
    exact = torch.linalg.svd(jacobian).Vh[0]
    assert cosine(METHODS["closed-form"].find(space, 0)[0], exact) > 0.99


def test_slopes_of_a_linear_generator_are_its_weights() -> None:
    generator = linear()
    assert isinstance(generator.module, Linear)
    values, vectors = slopes(space_of(generator), 0)
    exact = torch.linalg.svd(generator.module.weights.T, full_matrices=False)
    assert torch.allclose(values, exact.S.square(), rtol=1e-6)
    assert all(cosine(vectors[row], exact.Vh[row]) > 0.9999 for row in range(6))
    found = METHODS["components"].find(space_of(generator), 0)
    assert cosine(found[0], exact.Vh[0]) > 0.9


@pytest.mark.parametrize("name", ["dcgan", "stylegan2", "resnet", "progressive"])
def test_slopes_agree_with_differences(name: str) -> None:
    generator = family(name)
    generator.module.double()
    space = space_of(generator, "z")
    at = torch.randn(1, 10, dtype=torch.float64)
    direction = torch.randn(1, 10, dtype=torch.float64)
    exact = torch.func.jvp(space.images, (at,), (direction,))[1]
    step = 1e-6 * direction
    assert torch.allclose((space.images(at + step) - space.images(at - step)) / 2e-6, exact, atol=1e-5)


def test_a_boundary_points_to_what_raises_the_label() -> None:
    generator = linear()
    assert isinstance(generator.module, Linear)

    def log_odds(images: Tensor) -> Tensor:
        return torch.stack([30 * images[:, 0, 2, 3], -30 * images[:, 0, 5, 5]], 1)

    found, explained = boundaries(space_of(generator), log_odds, 0)
    weights = generator.module.weights.reshape(6, 8, 8)
    assert found[0].double() @ weights[:, 2, 3] / weights[:, 2, 3].norm() > 0.99
    assert found[1].double() @ -weights[:, 5, 5] / weights[:, 5, 5].norm() > 0.99
    assert (explained > 0.9).all()


def test_labels_come_from_the_data_and_name_them(monkeypatch: pytest.MonkeyPatch) -> None:
    from poise.data import open_data

    brief = partial(small_classifier, epochs=4)
    monkeypatch.setattr("poise.generator.labelling.small_classifier", brief)
    labels = labels_of(open_data("digits"))
    assert labels is not None and labels.names[7] == "class 7"
    dataset = open_data("digits")
    images = dataset.transform.encode(dataset.gather(np.arange(200)))
    assert dataset.labels is not None
    right = labels.log_odds(images).argmax(1).numpy() == np.asarray(dataset.labels)[:200]
    assert right.mean() > 0.9
    assert labels_of(open_data(np.zeros((30, 8, 8), np.uint8))) is None


def test_a_change_that_all_samples_share_is_told_from_noise() -> None:
    stream = torch.Generator().manual_seed(0)
    hits = 0
    for _ in range(200):
        noise = torch.randn(40, 5, generator=stream, dtype=torch.float64)
        found = steady(noise + torch.tensor([2.0, 0, 0, 0, 0]).double(), root=True)
        hits += found.interval[0] <= 2 <= found.interval[1]
    assert hits / 200 > 0.88
    unit = torch.nn.functional.normalize(torch.randn(400, 50, generator=stream, dtype=torch.float64))
    low, high = steady(unit, root=False).interval
    assert low < 0 < high


def strong(row: int = 2) -> tuple[object, Tensor]:
    """A linear generator of which one latent moves the picture more than all others."""
    generator = linear(8)
    assert isinstance(generator.module, Linear)
    with torch.no_grad():
        generator.module.weights[row] *= 6
        # So that absolute responses, of which the features are made, do not change their sign
        generator.module.offset += torch.linspace(-0.5, 0.5, 64).sin()
    return generator, torch.eye(8)[row]


def test_a_direction_that_matters_is_found_first_and_beats_random_ones() -> None:
    generator, axis = strong()
    labels = Labels(("bright",), lambda images: 10 * images.flatten(1).mean(1, keepdim=True), (1.0,))
    found = explore(generator, labels=labels, most=4)  # type: ignore[arg-type]
    first = next(one for one in found.directions if one.label is None)
    assert cosine(first.vector, axis) > 0.95
    assert first.measures["effect"].value > found.random["effect"].interval[1]
    assert first.measures["effect"].value > 2 * found.random["effect"].value
    assert first.measures["frechet"].value > found.random["frechet"].value
    effects = [one.measures["effect"].value for one in found.directions]
    assert effects == sorted(effects, reverse=True)
    named = [one for one in found.directions if one.label == "bright"]
    assert len(named) == 1 and named[0].measures["log-odds"].value > found.random["log-odds"].value
    assert better_than_random(first, found) and better_than_random(named[0], found)
    assert len([one for one in found.directions if one.label is None]) <= 4
    plain = [one.vector for one in found.directions if one.label is None]
    assert all(cosine(one, other) < 0.85 for place, one in enumerate(plain) for other in plain[:place])
    sheet = contact_sheet(generator, found)  # type: ignore[arg-type]
    assert sheet.mode == "RGB" and sheet.width > 5 * 72
    assert sheet.height > 72 * len(found.directions)  # a row for each


def test_a_random_direction_is_not_better_than_random_ones() -> None:
    generator, _ = strong()
    judge = Judge.of(space_of(generator))  # type: ignore[arg-type]
    drawn, measures = judge.random(6, seed=3)
    assert torch.allclose(drawn.norm(dim=1), torch.ones(6))
    low, high = min(one["effect"].value for one in measures), max(one["effect"].value for one in measures)
    assert low < measures[0]["effect"].value + 1e-9 <= high + 1e-9
    assert all(0 <= one["precision"].value <= 1 for one in measures)


def test_a_labels_direction_is_judged_by_its_label() -> None:
    def measured(log_odds: float) -> Directions:
        measures = {
            "effect": Measure(0.1, (0.05, 0.15)),
            "log-odds": Measure(log_odds, (log_odds - 0.2,) * 2),
        }
        one = Direction(torch.ones(2), "boundary", "bright", None, measures)
        random = {"effect": Measure(0.1, (0.0, 0.2)), "log-odds": Measure(0.5, (0.0, 1.0))}
        return Directions("", "z", (one,), random)

    for log_odds, better in ((3.0, True), (1.1, False)):  # the effect is that of a random one in both
        found = measured(log_odds)
        assert better_than_random(found.directions[0], found) == better


def kept(generator: object, count: int = 3) -> Directions:
    module = generator.module  # type: ignore[attr-defined]
    vectors = torch.eye(10)[:count]
    return Directions(weights_hash(module), "z", tuple(Direction(one, "jacobian") for one in vectors))


def test_directions_are_kept_with_their_names_and_refused_by_another_generator(tmp_path: Path) -> None:
    generator = family("dcgan")
    found = kept(generator).named({2: "smile"})
    save_directions(tmp_path, found)
    again = read_directions(tmp_path)
    assert torch.equal(again["smile"].vector, torch.eye(10)[1])
    assert again["3"].method == "jacobian" and again.named({1: "smile"})["2"].name is None
    again.check(generator)
    with pytest.raises(PoiseError) as caught:
        again.check(family("mlp"))
    assert caught.value.code == "generator.directions-of-another"
    for name, code in (("grin", "generator.unknown-direction"), ("4", "generator.unknown-direction")):
        with pytest.raises(PoiseError) as caught:
            again[name]
        assert caught.value.code == code
    for number, name, code in (
        (9, "x", "generator.unknown-direction"),
        (1, "7", "generator.bad-direction-name"),
    ):
        with pytest.raises(PoiseError) as caught:
            again.named({number: name})
        assert caught.value.code == code
    with pytest.raises(PoiseError) as caught:
        read_directions(tmp_path / "nowhere")
    assert caught.value.code == "generator.no-directions-yet"
    (tmp_path / "directions" / "directions.json").write_text("{}")
    with pytest.raises(PoiseError) as caught:
        read_directions(tmp_path)
    assert caught.value.code == "generator.damaged-directions"


def test_an_edit_adds_standard_deviations_of_several_directions() -> None:
    generator = family("dcgan")
    subjects = of_samples(generator, "z", 4, seed=1)
    assert torch.allclose(subjects.images(), torch.from_numpy(generator.sample(4, seed=1)), atol=1e-5)
    directions = kept(generator).named({1: "smile"})
    moved = edit(subjects, directions, {"smile": 2.0, "3": -1.0})
    change = moved.points - subjects.points
    assert torch.allclose(change, torch.tensor([2.0, 0, -1] + [0.0] * 7).expand(4, -1), atol=1e-6)
    back = edit(moved, directions, {"smile": -2.0, "3": 1.0})
    assert torch.allclose(back.images(), subjects.images(), atol=1e-5)


def test_directions_of_latents_do_not_move_styles() -> None:
    generator = family("stylegan2")
    subjects = of_samples(generator, "w", 2)
    with pytest.raises(PoiseError) as caught:
        edit(subjects, kept(generator), {"1": 1.0})
    assert caught.value.code == "generator.directions-of-another-space"


@pytest.mark.parametrize("name", ["dcgan", "stylegan2", "resnet"])
def test_an_edit_in_a_mask_leaves_the_rest(name: str, tmp_path: Path) -> None:
    generator = family(name, shape=(3, 16, 16))
    before = of_samples(generator, "z", 3)
    after = edit(before, kept(generator), {"1": 3.0})
    picture = Image.new("L", (16, 16))
    picture.paste(255, (0, 0, 16, 6))
    picture.save(tmp_path / "mask.png")
    mask = read_mask(tmp_path / "mask.png", (16, 16))
    assert mask.sum() == 6 * 16
    made = within_mask(before, after, mask)
    inside = 1 - (mask == 0).float()
    local = change_outside(before.images(), made, mask)
    wholly = change_outside(before.images(), after.images(), mask)
    assert (local < 0.2 * wholly).all()
    assert (((made - before.images()) * inside).square().sum((1, 2, 3)) > 0).all()
    everywhere = within_mask(before, after, torch.ones(1, 1, 16, 16))
    assert torch.allclose(everywhere, after.images(), atol=1e-5)
    nowhere = within_mask(before, after, torch.zeros(1, 1, 16, 16))
    assert torch.allclose(nowhere, before.images(), atol=1e-5)


@pytest.mark.parametrize(
    ("text", "code"), [("smile=high", "generator.bad-strength"), ("=2", "generator.bad-strength")]
)
def test_strengths_that_are_no_numbers_are_refused(text: str, code: str) -> None:
    with pytest.raises(PoiseError) as caught:
        read_strengths([text])
    assert caught.value.code == code
    assert not math.isnan(read_strengths(["a=b=1"])["a=b"])


def test_masks_that_are_black_or_no_pictures_are_refused(tmp_path: Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "black.png")
    (tmp_path / "text.png").write_text("no")
    for name, code in (("black", "generator.empty-mask"), ("text", "generator.unreadable-mask")):
        with pytest.raises(PoiseError) as caught:
            read_mask(tmp_path / f"{name}.png", (8, 8))
        assert caught.value.code == code
