"""What is drawn and measured of translations while they are learnt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

import poise
from poise.data import Domains, Pairs, open_data
from poise.dynamics import Batch
from poise.errors import PoiseError
from poise.games import Scoring, View
from poise.games.auxiliary import perceptual_error
from poise.generator.translating import translated
from poise.metrics.translation_errors import peak_signal_to_noise, structural_similarity
from poise.networks import IMAGE_DISCRIMINATORS
from poise.recipes import RECIPES, Recipe, recipe_with
from poise.recipes.settings import Part
from poise.run_folder import RunFolder
from poise.spec import DataSpec
from poise.tasks.perceptual import perceptual_features
from poise.tasks.translation import scores_each_alone
from poise.training import Resumption, begin, pick_device, plan, resume
from poise.training.callbacks.translations import TranslationPictures, TranslationQuality

CPU = pick_device("cpu")
Array = np.ndarray[Any, np.dtype[Any]]


def digits(count: int, start: int = 0) -> Array:
    array = open_data("digits").array
    assert array is not None
    return np.asarray(array[start : start + count])


def tiny(name: str, **more: Any) -> Recipe:
    small = {
        "generator.width": 4,
        "discriminator.width": 4,
        "batch_size": 4,
        "steps": 4,
        "sample_every": 2,
        "evaluate_every": 2,
    }
    return recipe_with(RECIPES[name], {**small, "log_every": 2, **more})


def silent(sentence: str) -> None:
    """Nobody is told."""


# Measures --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [16, 32])
def test_structural_similarity_is_that_of_torchmetrics(side: int) -> None:
    stream = torch.Generator().manual_seed(0)
    wanted = torch.rand(4, 3, side, side, generator=stream) * 2 - 1
    made = (wanted + 0.3 * torch.randn(4, 3, side, side, generator=stream)).clamp(-1, 1)
    theirs = structural_similarity_index_measure(
        (made.double() + 1) / 2, (wanted.double() + 1) / 2, data_range=1.0, return_full_image=True
    )
    assert isinstance(theirs, tuple)
    # Theirs goes on over the border, by reflection.
    within = theirs[1][..., 5:-5, 5:-5].mean()
    assert float(structural_similarity(made, wanted).mean()) == pytest.approx(float(within), abs=1e-6)


def test_the_noise_ratio_of_each_image_is_that_of_torchmetrics() -> None:
    stream = torch.Generator().manual_seed(0)
    wanted = torch.rand(3, 1, 8, 8, generator=stream) * 2 - 1
    made = wanted + 0.1 * torch.randn(3, 1, 8, 8, generator=stream)
    each = [float(peak_signal_noise_ratio(m, w, data_range=2.0)) for m, w in zip(made, wanted, strict=True)]
    assert peak_signal_to_noise(made, wanted).tolist() == pytest.approx(each, abs=1e-4)
    assert peak_signal_to_noise(wanted, wanted).tolist() == [100.0] * 3


def test_small_images_have_a_similarity_too() -> None:
    images = torch.rand(2, 1, 8, 8) * 2 - 1
    assert structural_similarity(images, images).tolist() == pytest.approx([1.0] * 2)
    assert bool((structural_similarity(images, -images) < 0).all())


# What is watched -------------------------------------------------------------------------------------------


def test_pairs_are_drawn_and_measured_on_what_is_held_out(tmp_path: Path) -> None:
    data = Pairs(digits(40), 255 - digits(40), held_out=0.25)
    begin(plan(data, tiny("pix2pix", evaluate_every=4), CPU), tmp_path / "run", notify=silent)
    run = RunFolder.open(tmp_path / "run")
    lines = [line for line in run.lines("metrics") if line["step"] == 4]
    assert [line["metric"] for line in lines] == ["l1", "psnr", "ssim", "frechet_distance"]
    assert all(line["images"] == "10 held out" for line in lines)
    assert all(isinstance(line["training"], float) for line in lines[:3])
    assert [line["better"] for line in lines] == ["lower", "higher", "higher", "lower"]
    assert (run.path / "checkpoints" / "best").is_dir()
    assert {line["step"] for line in run.lines("metrics")} >= {4}
    source = open_data(data)
    assert source.held_out is not None and source.held_out.condition is not None
    made = poise.open_run(run.path).translate(source.held_out.condition.gather(np.arange(10)).numpy(), seed=0)
    wanted = source.transform.encode(source.held_out.gather(np.arange(10))).numpy()
    # Noise is drawn from another seed, so that the error is alike and not the same.
    assert np.abs(made - wanted).mean() == pytest.approx(lines[0]["value"], rel=0.25)


def test_the_gap_shows_where_pairs_are_learnt_by_heart() -> None:
    """A generator that has the training targets by heart, and makes black of all else."""
    recipe, source = tiny("pix2pix"), open_data(Pairs(digits(40), 255 - digits(40), held_out=0.25))

    class ByHeart(nn.Module):
        def forward(self, latent: Tensor, condition: Tensor) -> Tensor:
            known = source.condition
            assert known is not None
            learnt = known.encode(known.gather(np.arange(len(known))))
            seen = torch.stack([(learnt == image).flatten(1).all(1).any() for image in condition])
            return torch.where(seen[:, None, None, None], -condition, torch.full_like(condition, -1.0))

    lines = TranslationQuality(recipe, source, silent).measured(ByHeart(), CPU)
    by_name = {line["metric"]: line for line in lines}
    assert by_name["l1"]["training"] == 0.0 and float(str(by_name["l1"]["value"])) > 1.0
    assert by_name["ssim"]["training"] == pytest.approx(1.0) and float(str(by_name["ssim"]["value"])) < 0.5
    assert by_name["psnr"]["training"] == 100.0


def test_domains_are_measured_by_the_way_there_and_back(tmp_path: Path) -> None:
    data = Domains(digits(40), 255 - digits(40, 40))
    begin(plan(data, tiny("cyclegan", evaluate_every=4), CPU), tmp_path / "run", notify=silent)
    lines = [line for line in RunFolder.open(tmp_path / "run").lines("metrics") if line["step"] == 4]
    assert [line["metric"] for line in lines] == ["cycle_error", "frechet_distance"]


def test_the_best_translation_is_chosen_among_those_of_training(tmp_path: Path) -> None:
    """Lines of `poise evaluate`, one better than any and one without a number, change nothing."""

    def stop_at_two(context: Any) -> Any:
        return "stop" if context.step == 2 else None

    data, path = Pairs(digits(40), 255 - digits(40), held_out=0.25), tmp_path / "run"
    begin(plan(data, tiny("pix2pix"), CPU), path, callbacks=[stop_at_two], notify=silent)
    run = RunFolder.open(path)
    for value in (0.0, None):
        run.append("metrics", {"step": 2, "metric": "frechet_distance", "value": value, "by": "evaluate"})
    resume(Resumption(path, CPU, data=data), notify=silent)
    begin(plan(data, tiny("pix2pix"), CPU), tmp_path / "whole", notify=silent)
    whole = RunFolder.open(tmp_path / "whole")
    assert run.load_checkpoint("best").step == whole.load_checkpoint("best").step
    assert [line for line in run.lines("metrics") if line["by"] == "training"] == whole.lines("metrics")


@pytest.mark.parametrize(("name", "columns"), [("pix2pix", 3), ("cyclegan", 3)])
def test_a_picture_has_two_blocks_of_three_columns(name: str, columns: int) -> None:
    sides = digits(40), 255 - digits(40)
    source = open_data(Pairs(*sides) if name == "pix2pix" else Domains(*sides))

    class Same(nn.Module):
        def forward(self, latent: Tensor, condition: Tensor) -> Tensor:
            return condition

        def back(self, latent: Tensor, condition: Tensor) -> Tensor:
            return -condition

    pictures = TranslationPictures(tiny(name), source, silent)
    if name == "cyclegan":
        from poise.networks import BothWays

        image = pictures.picture(BothWays(nn.Identity(), nn.Identity()), CPU)
    else:
        image = pictures.picture(Same(), CPU)
    assert image.mode == "RGB"
    pixels = np.asarray(image).astype(int)
    # Cells of 48 pixels with gaps of 2, twice as large; the output of what changes nothing is its input.
    left, top, cell = 6 + 4, 6 + 14 + 4, 100
    first, second, third = (
        pixels[top : top + 96, left + cell * place : left + cell * place + 96] for place in (0, 1, 2)
    )
    assert np.array_equal(first, second)
    assert np.array_equal(third, 255 - first) == (name == "pix2pix")


def test_a_translation_depends_on_the_image_and_the_seed_alone() -> None:
    recipe = recipe_with(tiny("pix2pix"), {"generator.dropout": 0.5})
    module = plan(Pairs(digits(40), digits(40)), recipe, CPU).components.ema.module
    images, latent = torch.rand(70, 1, 8, 8) * 2 - 1, torch.zeros(70, 64)
    before = torch.get_rng_state()
    all_at_once = translated(module, latent, images, seed=3)
    assert torch.equal(torch.get_rng_state(), before), "the noise leaves no trace"
    alone = translated(module, latent[:1], images[69:], seed=3)
    torch.testing.assert_close(all_at_once[69:], alone, atol=1e-6, rtol=0)
    assert not torch.allclose(translated(module, latent, images, seed=4), all_at_once)


# Sessions --------------------------------------------------------------------------------------------------


def test_held_out_images_never_reach_training(tmp_path: Path) -> None:
    marked = np.arange(40, dtype=np.uint8)[:, None, None] * np.ones((1, 8, 8), np.uint8)
    recipe = tiny("cyclegan", horizontal_flips=False)
    planned = plan(Domains(marked, marked + 100, held_out=0.5), recipe, CPU)
    apart = planned.dataset.held_out
    assert apart is not None and apart.condition is not None
    kept = {int(image[0, 0, 0]) for image in apart.gather(np.arange(len(apart)))}
    kept |= {int(image[0, 0, 0]) for image in apart.condition.gather(np.arange(len(apart.condition)))}
    seen: set[int] = set()
    play = planned.components.players.game.forward

    class Spy:
        def __getattr__(self, name: str) -> Any:
            return getattr(game, name)

        def forward(self, networks: Any, batch: Any) -> Any:
            for images in (batch.real, batch.condition):
                seen.update(round(float(value)) for value in (images[:, 0, 0, 0] + 1) * 127.5)
            return play(networks, batch)

    game = planned.components.players.game
    planned.components.players.game = Spy()
    begin(planned, tmp_path / "run", notify=silent)
    assert seen and not seen & kept


def test_a_run_on_arrays_is_resumed_with_the_arrays_again(tmp_path: Path) -> None:
    data = Pairs(digits(40), 255 - digits(40))
    begin(plan(data, tiny("pix2pix"), CPU), tmp_path / "run", notify=silent)
    with pytest.raises(PoiseError, check=lambda error: error.code == "training.data-in-memory"):
        resume(Resumption(tmp_path / "run", CPU, steps=6), notify=silent)
    with pytest.raises(PoiseError, check=lambda error: error.code == "training.data-changed"):
        resume(Resumption(tmp_path / "run", CPU, steps=6, data=Pairs(digits(40), digits(40))), notify=silent)
    outcome = resume(Resumption(tmp_path / "run", CPU, steps=6, data=data), notify=silent)
    assert outcome.position.step == 6


@pytest.mark.parametrize(
    ("name", "data", "settings", "code"),
    [
        ("pix2pix", "digits", {}, "tasks.no-pairs"),
        ("cyclegan", "digits", {}, "tasks.single-domain"),
        ("pix2pix", "domains", {}, "tasks.no-pairs"),
        ("cyclegan", "pairs", {}, "tasks.single-domain"),
        (
            "pix2pix",
            "pairs",
            {"discriminator": "dcgan", "game.feature_matching": 1.0},
            "tasks.no-features-to-match",
        ),
        ("pix2pix", "pairs", {"game.l3": 1.0}, "unknown-setting"),
        ("pix2pix", "pairs", {"packing": 2}, "training.packing-unfit"),
    ],
)
def test_what_does_not_fit_is_refused(name: str, data: str, settings: dict[str, Any], code: str) -> None:
    sides = digits(40), digits(40)
    whole = {"digits": "digits", "pairs": Pairs(*sides), "domains": Domains(*sides)}[data]
    with pytest.raises(PoiseError) as caught:
        plan(whole, recipe_with(RECIPES[name], settings), CPU)
    assert caught.value.code == code


@pytest.mark.parametrize("auxiliary", ["l2", "feature_matching", "perceptual"])
def test_every_auxiliary_can_be_trained_with(auxiliary: str, tmp_path: Path) -> None:
    recipe = tiny("pix2pix", steps=2, **{f"game.{auxiliary}": 1.0})
    begin(plan(Pairs(digits(40), 255 - digits(40)), recipe, CPU), tmp_path / "run", notify=silent)
    assert f"{auxiliary}_loss" in RunFolder.open(tmp_path / "run").lines("history")[-1]


@pytest.mark.parametrize("side", [16, 96])
def test_a_generator_learns_from_features_of_any_size_of_image(side: int) -> None:
    made = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0)).requires_grad_()
    wanted = torch.zeros(2, 3, side, side)
    error = perceptual_error(perceptual_features("random-convolutions", 3))
    batch = Batch(real=wanted, latent=torch.zeros(2, 1), step=0, generator=torch.Generator())
    value = error(View(Scoring(), {}, batch, {"fake": made}))
    (slope,) = torch.autograd.grad(value.sum(), made)
    assert bool((slope != 0).any((1, 2, 3)).all())
    # A step down the slope lessens the cost, by what the slope says.
    step = 1e-3 / float(slope.square().sum())
    nearer = View(Scoring(), {}, batch, {"fake": made.detach() - step * slope})
    lessened = value.sum() - error(nearer).sum()
    assert float(lessened.detach()) == pytest.approx(1e-3, rel=0.05)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("classifier", "tasks.features-without-gradient"),
        ("pixels", "tasks.features-without-gradient"),
        ("vgg", "unknown-extractor"),
    ],
)
def test_features_that_cannot_be_trained_by_are_refused(name: str, code: str) -> None:
    with pytest.raises(PoiseError, check=lambda error: error.code == code):
        perceptual_features(name, 3)


def test_a_persons_own_networks_translate(tmp_path: Path) -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Conv2d(1, 1, 3, padding=1)

        def forward(self, latent: Tensor, condition: Tensor) -> Tensor:
            made: Tensor = self.layer(condition).tanh() + 0 * latent.sum()
            return made

    module = Own()
    run = poise.train(
        Pairs(digits(40), 255 - digits(40)), tiny("pix2pix", steps=2), generator=module, out=tmp_path / "own"
    )
    assert run.translate(digits(3)).shape == (3, 1, 8, 8)
    image = Image.open(RunFolder.open(tmp_path / "own").samples()[-1][1])
    assert image.width > 300


@pytest.mark.parametrize(
    ("options", "alone"),
    [
        ({"norm": "instance"}, True),
        ({"norm": "none"}, True),
        ({"norm": "batch"}, False),
        ({"norm": "instance", "spectral_norm": True}, False),
    ],
)
def test_reals_and_fakes_share_a_pass_where_nothing_ties_samples(
    options: dict[str, Any], alone: bool
) -> None:
    part = Part(name="patch", width=4, **options)
    assert scores_each_alone(part) == alone
    torch.manual_seed(0)
    network = IMAGE_DISCRIMINATORS["patch"].build(DataSpec("image", (3, 16, 16)), **part.options)
    images = torch.randn(6, 3, 16, 16)
    apart = torch.cat([network(images[:3]), network(images[3:])])
    torch.manual_seed(0)
    again = IMAGE_DISCRIMINATORS["patch"].build(DataSpec("image", (3, 16, 16)), **part.options)
    if alone:
        torch.testing.assert_close(again(images), apart)
    elif options["norm"] == "batch":
        assert not torch.allclose(again(images), apart, atol=1e-3)
