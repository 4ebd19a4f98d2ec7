"""Pictures found in generators: spaces, searches, what is reported and stored."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from poise.errors import PoiseError
from poise.generator import Generator, Inversion, Search
from poise.generator.detail import add_detail
from poise.generator.encoder import trained_encoder
from poise.generator.gauss_newton import pyramid_residuals, refined
from poise.generator.inversion import Found, Starts, find, search_rows
from poise.generator.likeness import Likeness, features_of, pyramid_distance
from poise.generator.pictures import open_pictures
from poise.generator.recovery import errors_of, recovery
from poise.generator.spaces import samples_of, space_of
from poise.generator.stored_inversion import read_inversion, save_inversion
from poise.generator.tuning import save_tuned, tune
from poise.networks import DISCRIMINATORS
from poise.run_folder import RunFolder
from poise.spec import DataSpec

from .families import family

QUICK = Search(starts=4, steps=60, encoder_steps=0)
BRIEF = dataclasses.replace(QUICK, refinements=5)
"""For what need not be found up to rounding: the last steps take most of the time."""


@pytest.fixture(autouse=True)
def _little_detail(monkeypatch: pytest.MonkeyPatch) -> None:
    """How near detail brings a picture is tested elsewhere."""

    def little(*given: Any, **more: Any) -> Any:
        return add_detail(*given, steps=10, **more)

    monkeypatch.setattr("poise.generator.inverted.add_detail", little)


class Linear(nn.Module):
    """Images that are a linear function of the latent, and small enough never to be clamped."""

    offset: Tensor

    def __init__(self, latents: int, shape: tuple[int, ...] = (1, 8, 8)) -> None:
        super().__init__()
        stream = torch.Generator().manual_seed(1)
        weights = torch.randn(latents, int(np.prod(shape)), generator=stream, dtype=torch.float64) / 40
        self.weights, self.shape = nn.Parameter(weights), shape
        self.register_buffer("offset", torch.zeros(weights.shape[1], dtype=torch.float64))

    def forward(self, latent: Tensor) -> Tensor:
        return (latent @ self.weights + self.offset).reshape(-1, *self.shape)


def linear(latents: int = 6, **latent: Any) -> Generator:
    description = {
        "game": {"name": "noise-to-data"}, "kind": "image", "shape": [1, 8, 8], "step": 1,
        "latent": {"size": latents, **latent}, "encoding": {"name": "pixels"}, "condition": None,
        "network": {"name": "mlp"},
    }  # fmt: skip
    return Generator(Linear(latents), description)


@pytest.mark.parametrize("space", ["z", "w", "w+"])
def test_coordinates_of_samples_are_standard_and_lead_back_to_the_samples(space: str) -> None:
    generator = family("stylegan2")
    chosen = space_of(generator, space)
    latent, condition = samples_of(generator, 2000, seed=5)
    coordinates = chosen.coordinates(latent, condition)
    assert coordinates.shape == (2000, *chosen.shape)
    flat = coordinates[:, 0] if space == "w+" else coordinates
    covariance = torch.cov(flat.T)
    assert torch.allclose(flat.mean(0), torch.zeros(chosen.size), atol=0.15)
    assert torch.allclose(covariance, torch.eye(chosen.size), atol=0.25)
    images = chosen.images(coordinates[:20], condition).clamp(-1, 1)
    assert torch.allclose(images, generator.module(latent[:20]), atol=2e-3)
    assert torch.allclose(chosen.of_points(chosen.points(coordinates)), coordinates, atol=1e-3)


def test_what_leaves_the_prior_is_brought_back() -> None:
    chosen = space_of(linear(64))
    far = torch.randn(20, 64, dtype=torch.float64) * 5
    held = chosen.held(far, torch.zeros_like(far))
    assert torch.allclose(held.norm(dim=1), torch.tensor(chosen.norms[1], dtype=torch.float64))
    inside = torch.randn(2000, 64, dtype=torch.float64)
    moved = (chosen.held(inside, torch.zeros_like(inside)) != inside).any(1)
    assert moved.float().mean() < 0.005  # one in a thousand lies beyond

    uniform = space_of(linear(4, distribution="uniform"))
    redraw = torch.rand(500, 4, dtype=torch.float64) * 2 - 1
    held = uniform.points(uniform.held(torch.randn(500, 4, dtype=torch.float64) * 3, redraw))
    assert held.abs().max() <= 1 and held.abs().amax(1).min() > 0
    assert (held.abs() == 1).sum() == 0  # none is gathered at a face


def test_refining_solves_a_linear_problem_as_least_squares_do() -> None:
    generator = linear()
    space = space_of(generator)
    targets = torch.rand(3, 1, 8, 8, dtype=torch.float64) / 5
    start = torch.randn(3, 6, dtype=torch.float64)
    found, loss = refined(space, start, None, targets, Likeness(), iterations=20)
    basis = pyramid_residuals(
        space.images(torch.eye(6, dtype=torch.float64)), torch.zeros(6, 1, 8, 8).double()
    )
    wanted = -pyramid_residuals(torch.zeros_like(targets), targets)
    exact = torch.linalg.lstsq(basis.T, wanted.T).solution.T
    norms = exact.norm(dim=1)
    assert (norms > space.norms[0]).all() and (norms < space.norms[1]).all()
    assert torch.allclose(found, exact, atol=1e-3)
    assert torch.allclose(loss, pyramid_distance(space.images(exact), targets), rtol=1e-4)


def test_a_start_nearer_to_the_mean_than_any_sample_is_not_thrown_back() -> None:
    space = space_of(linear(20))
    least = space.norms[0]
    own = torch.nn.functional.normalize(torch.randn(4, 20, dtype=torch.float64)) * least / 2
    targets = space.images(own)
    found, loss = refined(space, own / 2, None, targets, Likeness(), iterations=20)
    assert torch.allclose(found, own, atol=1e-3) and (loss < 1e-9).all()
    # From where samples are none leaves them
    outside = own * 2.5
    found, _ = refined(space, outside, None, targets, Likeness(), iterations=20)
    assert (found.norm(dim=1) > 0.999 * least).all()


@pytest.mark.parametrize("name", ["mlp", "dcgan", "stylegan2", "r3gan"])
def test_own_samples_come_back(name: str) -> None:
    generator = family(name)
    space = space_of(generator)
    tried = recovery(Starts.of(space, QUICK), Likeness(), QUICK, samples=8)
    assert tried.rate >= 0.75 and tried.trusted == (tried.rate >= 0.9)
    assert tried.interval[0] < tried.rate <= tried.interval[1]


def test_a_pictures_result_does_not_depend_on_its_neighbours() -> None:
    generator = family("dcgan")
    generator.module.double()
    space = space_of(generator)
    search = dataclasses.replace(QUICK, steps=55)
    starts = Starts.of(space, search)
    targets = torch.rand(3, 3, 8, 8, dtype=torch.float64) * 2 - 1
    many = search_rows(starts, targets, Likeness(), search)
    alone = search_rows(starts, targets[1:2], Likeness(), search)
    assert torch.allclose(many.coordinates[1:2], alone.coordinates, atol=1e-7)
    assert torch.allclose(many.spread[1:2], alone.spread, atol=1e-7)


def test_the_best_iterate_is_kept_and_not_the_last() -> None:
    generator = linear()
    space = space_of(generator)
    # So large a step that the last iterate is far from the best
    search = Search(starts=1, steps=3, learning_rate=50.0, encoder_steps=0, refinements=0)
    starts = Starts.of(space, search)
    targets = space.images(starts.coordinates[:4]).detach()  # The samples that it starts from
    found = search_rows(starts, targets, Likeness(), search)
    assert float(found.loss.max()) < 1e-12
    assert torch.equal(found.coordinates, starts.coordinates[:4])


def test_the_worse_half_of_the_starts_is_dropped_and_half_again() -> None:
    search = Search(starts=8, steps=300)
    assert [search.left(step) for step in (0, 49, 50, 100, 150, 299)] == [8, 8, 4, 2, 2, 2]
    assert search.work == 50 * (8 + 4) + 200 * 2


def test_the_class_is_searched_or_given() -> None:
    generator = family("stylegan2", classes=True)
    space = space_of(generator)
    latent, condition = samples_of(generator, 6, seed=4)
    targets = space.images(space.coordinates(latent, condition), condition).clamp(-1, 1)
    assert condition is not None
    space = space_of(generator, "z")
    search = dataclasses.replace(BRIEF, starts=8)
    found = search_rows(Starts.of(space, search), targets, Likeness(), search)
    assert found.condition is not None
    right = (found.condition.argmax(1) == condition.argmax(1)).float().mean()
    assert right >= 0.7  # by chance a third
    brief = dataclasses.replace(search, steps=2)
    given = search_rows(Starts.of(space, brief, label="b"), targets, Likeness(), brief)
    assert given.condition is not None and (given.condition.argmax(1) == 1).all()


def test_an_encoder_of_own_samples_beats_the_mean() -> None:
    space = space_of(family("mlp"))
    encoder = trained_encoder(space, steps=80)
    latent, condition = samples_of(space.generator, 200, seed=9)
    coordinates = space.coordinates(latent, condition)
    error = (encoder(space.images(coordinates)) - coordinates).square().mean()
    assert error < 0.8  # the mean alone has 1


def test_what_the_encoder_and_gauss_newton_find_is_searched_no_further() -> None:
    space = space_of(linear())
    search = Search(starts=4, steps=55, encoder_steps=10)
    starts = Starts.of(space, search)
    latent, _ = samples_of(space.generator, 2, seed=8)
    own, strange = space.images(latent), torch.rand(1, 1, 8, 8, dtype=torch.float64) * 2 - 1
    found = search_rows(starts, torch.cat([own[:1], strange, own[1:]]), Likeness(), search)
    assert found.spread[1] > 0 and (found.spread[::2] == 0).all()  # No other start was tried
    assert torch.allclose(found.coordinates[::2], latent, atol=1e-2)
    without = dataclasses.replace(search, encoder_steps=0)
    alone = search_rows(Starts.of(space, without), strange, Likeness(), without)
    assert float(found.loss[1]) <= float(alone.loss[0]) * 1.001


def test_features_do_not_depend_on_other_rows() -> None:
    generator = family("dcgan")
    torch.manual_seed(0)
    network = DISCRIMINATORS["stylegan2"].build(DataSpec("image", (3, 8, 8)), width=8)
    features = features_of(network.eval(), 1, generator)
    assert features is not None
    images = torch.rand(5, 3, 8, 8) * 2 - 1
    for many, alone in zip(features(images, None), features(images[2:3], None), strict=True):
        assert torch.allclose(many[2:3], alone, atol=1e-5)
    likeness = Likeness(features)
    assert torch.allclose(likeness(images, images), torch.zeros(5), atol=1e-10)
    assert (likeness.apart(images, images.flip(0))[[0, 1, 3, 4]] > 0).all()


def test_found_pictures_are_stored_and_read_without_a_pickle(tmp_path: Path) -> None:
    generator = family("dcgan")
    pictures = generator.data(generator.latents(3, seed=1)).numpy()
    found = generator.invert(pictures, search=BRIEF, own_samples=4)
    save_inversion(tmp_path / "latents", found)
    again = read_inversion(tmp_path / "latents")
    assert torch.equal(again.points, found.points) and again.keys == found.keys
    assert again.recovery == found.recovery and again.search == found.search
    assert torch.allclose(again.psnr, found.psnr)
    assert torch.allclose(again.targets, found.targets, atol=1 / 254)
    again.check(generator)
    with pytest.raises(PoiseError) as caught:
        again.check(family("mlp"))
    assert caught.value.code == "generator.latents-of-another"

    weights = tmp_path / "latents" / "inversion.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    with pytest.raises(PoiseError) as caught:
        read_inversion(tmp_path / "latents")
    assert caught.value.code == "generator.damaged-inversion"
    with pytest.raises(PoiseError) as caught:
        read_inversion(tmp_path / "nothing")
    assert caught.value.code == "generator.no-inversion"


def test_pictures_that_were_found_earlier_are_not_searched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = family("dcgan")
    pictures = generator.data(generator.latents(4, seed=1)).numpy()
    first = generator.invert(pictures[:2], search=BRIEF, own_samples=0)
    seen = list[int]()

    def counted(starts: Starts, targets: Tensor, *rest: Any, **more: Any) -> Any:
        seen.append(len(targets))
        return find(starts, targets, *rest, **more)

    monkeypatch.setattr("poise.generator.inverted.find", counted)
    both = generator.invert(pictures, search=BRIEF, own_samples=0, earlier=first)
    assert seen == [2] and len(both) == 4
    assert torch.equal(both.points[:2], first.points)
    alone = generator.invert(pictures, search=BRIEF, own_samples=0)
    assert torch.allclose(both.psnr, alone.psnr, atol=0.5)
    other = dataclasses.replace(BRIEF, seed=1, steps=2)
    generator.invert(pictures, search=other, own_samples=0, earlier=first)
    assert seen == [2, 4, 4]


def test_pictures_of_another_size_are_brought_to_size_and_that_is_said() -> None:
    generator = family("dcgan")
    opened = open_pictures(generator, np.zeros((2, 20, 24, 3), np.uint8))
    assert opened.images.shape == (2, 3, 8, 8)
    assert any("8x8" in notice and "24x20" in notice for notice in opened.notices)


@pytest.mark.parametrize("case", ["vectors", "not-of-pictures", "no-space"])
def test_what_cannot_be_inverted_is_refused(case: str) -> None:
    pictures = np.zeros((2, 8, 8, 3), np.uint8)
    with pytest.raises(PoiseError) as caught:
        if case == "vectors":
            family("dcgan").invert(np.zeros((5, 2), np.float32))
        elif case == "not-of-pictures":
            family("mlp", shape=(2,)).invert(pictures)
        else:
            family("dcgan").invert(pictures, space="w")
    codes = {"vectors": "data.vectors-are-no-images", "not-of-pictures": "generator.no-images-of-latents"}
    assert caught.value.code == codes.get(case, "generator.no-such-space")


def hard(generator: Generator) -> Inversion:
    """Two pictures that the generator cannot make."""
    stream = np.random.default_rng(0)
    return generator.invert(
        stream.integers(0, 255, (2, 8, 8, 3)).astype(np.uint8), search=BRIEF, own_samples=0
    )


def test_tuning_helps_the_pictures_and_says_what_it_costs_others(tmp_path: Path) -> None:
    generator = family("dcgan")
    weights = {name: value.clone() for name, value in generator.module.state_dict().items()}
    found = hard(generator)
    held, free = (tune(generator, found, steps=40, hold_weight=weight) for weight in (10.0, 0.0))
    assert (held.psnr_after > held.psnr_before + 1).all()
    assert 0 < held.moved < free.moved
    assert all(torch.equal(value, weights[name]) for name, value in generator.module.state_dict().items())

    run = RunFolder.create(tmp_path / "run", recipe={"name": "x"}, environment={}, data={})
    tuned = save_tuned(tmp_path / "tuned", held, run.path)
    again = Generator.load(tuned.path)
    latent = generator.latents(3)
    assert torch.equal(again(latent), held.generator(latent))
    assert not torch.equal(again(latent), generator(latent))
    with pytest.raises(PoiseError) as caught:
        save_tuned(tmp_path / "tuned", held, run.path)
    assert caught.value.code == "run-folder.run-exists"


def test_errors_are_those_of_the_pictures() -> None:
    made, wanted = torch.zeros(2, 1, 8, 8), torch.zeros(2, 1, 8, 8)
    wanted[1] += 2 / 255 * 3
    found = Found(torch.zeros(2, 1), None, made, torch.zeros(2), torch.zeros(2))
    errors = errors_of(found, wanted, Likeness())
    assert torch.allclose(errors.levels, torch.tensor([0.0, 3.0]).double(), atol=1e-5)
    assert errors.features is None and errors.psnr[1] == pytest.approx(20 * np.log10(255 / 3), abs=1e-3)
