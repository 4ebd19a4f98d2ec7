"""Refined samples against known densities, with exact and with over-confident ratios; and from runs."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import poise
from poise.data import modes
from poise.errors import PoiseError
from poise.generator import Generator
from poise.generator.ratio import log_ratio_of
from poise.generator.refining import REFINEMENTS, Candidates
from poise.generator.sampling import sample_latents
from poise.losses import LOSSES
from poise.metrics.calibration import Platt, platt
from poise.recipes import RECIPES, recipe_with
from poise.recipes.settings import Latent

COUNT = 1500
MEAN, DEVIATION = 0.7, 1.3
ONE = Latent(size=1)


def made(latents: Tensor) -> Tensor:
    """The generator N(0.7, 1.3)."""
    return MEAN + DEVIATION * latents[:, 0].double()


def exact(x: Tensor) -> Tensor:
    """The log ratio of N(0, 1) over it."""
    return ((x - MEAN) / DEVIATION).square() / 2 - x.square() / 2 + math.log(DEVIATION)


def rows(count: int, seed: int) -> Tensor:
    return torch.randn(count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def candidates(ratio: Callable[[Tensor], Tensor], *, seed: int = 3) -> Candidates:
    largest = float(ratio(MEAN + DEVIATION * rows(2000, 9)).max())
    return Candidates(
        draw=lambda count: (sample_latents(count, ONE, seed=seed), None),
        log_ratio=lambda latents, condition: ratio(made(latents)),
        largest=largest,
        latent=ONE,
        seed=seed,
    )


def three_times(x: Tensor) -> Tensor:
    return 3 * exact(x)


@cache
def line() -> Platt:
    return platt(three_times(rows(2000, 5)), three_times(MEAN + DEVIATION * rows(2000, 6)))


def fitted_anew(x: Tensor) -> Tensor:
    return line()(three_times(x))


@pytest.mark.parametrize("method", REFINEMENTS)
@pytest.mark.parametrize("ratio", [exact, fitted_anew], ids=["exact", "fitted"])
def test_mean_and_deviation_become_those_of_the_target(
    method: str, ratio: Callable[[Tensor], Tensor]
) -> None:
    x = made(REFINEMENTS[method](candidates(ratio), COUNT).latents)
    assert float(x.mean()) == pytest.approx(0, abs=0.1)
    assert float(x.std()) == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize("method", REFINEMENTS)
def test_a_score_that_is_too_sure_keeps_favourites(method: str) -> None:
    """Why scores are fitted anew: in closed form r^3 turns N(0.7, 1.3) into N(-0.47, 0.74)."""
    x = made(REFINEMENTS[method](candidates(three_times), COUNT).latents)
    assert float(x.mean()) == pytest.approx(-0.47, abs=0.1)
    assert float(x.std()) == pytest.approx(0.74, abs=0.06)


def test_rejection_accepts_one_in_m() -> None:
    refined = REFINEMENTS["reject"](candidates(exact), COUNT)
    most = exact(torch.linspace(-5, 5, 10_001).double()).max().exp()
    assert refined.acceptance == pytest.approx(1 / float(most), abs=0.04)


@pytest.mark.parametrize("method", ["reject", "chain", "langevin"])
def test_the_first_of_many_are_those_of_few(method: str) -> None:
    few, many = (REFINEMENTS[method](candidates(exact), count).latents for count in (5, 300))
    assert torch.equal(few, many[:5])


@pytest.mark.parametrize("method", ["reject", "chain", "weights"])
def test_what_is_chosen_is_a_plain_sample_of_the_seed(method: str) -> None:
    refined = REFINEMENTS[method](candidates(exact, seed=8), 40)
    assert refined.places is not None
    plain = sample_latents(int(refined.places.max()) + 1, ONE, seed=8)
    assert torch.equal(refined.latents, plain[refined.places])


def test_if_hardly_any_is_accepted_it_says_so() -> None:
    hopeless = Candidates(
        lambda count: (sample_latents(count, ONE, seed=0), None),
        lambda latents, condition: torch.full((len(latents),), -20.0),
        largest=0.0,
        latent=ONE,
        seed=0,
    )
    with pytest.raises(PoiseError) as caught:
        REFINEMENTS["reject"](hopeless, 4)
    assert caught.value.code == "generator.hardly-accepted"


def test_moves_of_uniform_latents_are_refused() -> None:
    uniform = Latent(size=1, distribution="uniform")
    given = candidates(exact)
    with pytest.raises(PoiseError) as caught:
        REFINEMENTS["langevin"](Candidates(given.draw, given.log_ratio, 0.0, uniform, 0), 4)
    assert caught.value.code == "generator.uniform-latents"


def test_which_scores_are_log_ratios() -> None:
    """At the best discriminator p / (p + q), of p twice as dense as q."""
    scores = {"minimax": math.log(2), "non-saturating": math.log(2), "least-squares": 2 / 3}
    for name, score in scores.items():
        convert = LOSSES[name].log_ratio
        assert convert is not None
        assert float(convert(torch.tensor(score))) == pytest.approx(math.log(2), rel=1e-5)
    without = {name for name, loss in LOSSES.items() if loss.log_ratio is None}
    assert without == {"hinge", "wasserstein", "began", "relativistic-average"}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"loss": "hinge"}, "generator.scores-are-no-ratio"),
        ({"loss": "wasserstein"}, "generator.scores-are-no-ratio"),
        ({"packing": 2}, "generator.scores-of-packs"),
    ],
)
def test_scores_that_are_no_log_ratios_are_refused(changes: dict[str, object], code: str) -> None:
    with pytest.raises(PoiseError) as caught:
        log_ratio_of(recipe_with(RECIPES["non-saturating"], changes))
    assert caught.value.code == code


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run on points in the plane, whose samples are far from the data."""
    path = tmp_path_factory.mktemp("runs") / "ring"
    poise.train("ring", steps=150, out=path, doctor="off", evaluate_every=0)
    return path


def test_refined_samples_of_a_run_are_more_like_its_data(run: Path) -> None:
    """By rejection they are plain samples of the seed; as the ratio says, and in fact."""
    generator = Generator.load(run)
    plain = generator.sample(400, seed=1)
    refined = generator.sample(400, seed=1, refine="reject")
    assert refined.shape == plain.shape
    assert {tuple(row) for row in refined[:5].tolist()} <= {
        tuple(row) for row in generator.sample(4000, seed=1).tolist()
    }

    def to_centres(samples: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> float:
        centres = np.asarray(modes("ring").centres)
        return float(
            torch.cdist(torch.from_numpy(samples).double(), torch.from_numpy(centres).double())
            .min(1)
            .values.mean()
        )

    assert to_centres(refined) < to_centres(plain)


def test_the_ratio_is_of_held_out_rows_and_samples_of_the_average(run: Path) -> None:
    ratio = Generator.load(run).ratio
    assert ratio.bounds.samples["p"] >= 32 and ratio.bounds.samples["q"] == 4 * ratio.bounds.samples["p"]
    again = Generator.load(run).ratio
    assert ratio.calibration == again.calibration


def test_the_same_seed_gives_the_same_bits_and_another_gives_others(run: Path) -> None:
    for method in REFINEMENTS:
        first, second, other = (poise.open_run(run).sample(8, seed, refine=method) for seed in (1, 1, 2))
        assert (first == second).all() and not (first == other).all()


def test_a_folder_without_its_run_is_told_so(run: Path, tmp_path: Path) -> None:
    generator = Generator.load(run)
    alone = Generator(generator.module, generator.description)
    with pytest.raises(PoiseError) as caught:
        alone.sample(4, refine="reject")
    assert caught.value.code == "generator.refine-needs-run"
    shutil.copytree(run, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    with pytest.raises(PoiseError) as caught:
        Generator.load(tmp_path / "run").sample(4, refine="reject")
    assert caught.value.code == "generator.no-discriminator"


def test_an_unknown_method_is_refused_with_those_that_exist(run: Path) -> None:
    with pytest.raises(PoiseError) as caught:
        Generator.load(run).sample(4, refine="rejection")
    assert caught.value.code == "unknown-refinement" and "'reject'" in caught.value.hint


def test_too_few_held_out_rows_are_refused_with_the_number_that_is_needed(
    tmp_path: Path,
) -> None:
    data = np.random.default_rng(0).normal(size=(300, 2)).astype(np.float32)
    np.save(tmp_path / "data.npy", data)
    poise.train(tmp_path / "data.npy", steps=2, out=tmp_path / "run", doctor="off", evaluate_every=0)
    with pytest.raises(PoiseError) as caught:
        Generator.load(tmp_path / "run").sample(4, refine="chain")
    assert caught.value.code == "generator.too-few-held-out" and "32" in caught.value.hint
