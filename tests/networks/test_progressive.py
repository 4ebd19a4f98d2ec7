"""Networks that grow: another implementation's numbers, the paper's sizes, levels, what training keeps."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

import poise
from networks import progressive_numbers
from networks.specs import image
from poise.dynamics import Batch
from poise.errors import PoiseError
from poise.networks import DISCRIMINATORS, GENERATORS, parameter_count
from poise.networks.progressive import GrowingDiscriminator, GrowingGenerator, faded, level_of
from poise.recipes import RECIPES, recipe_with
from poise.spec import DataSpec
from poise.training import pick_device, plan
from poise.training.components import build_components, build_game, run_images
from poise.training.engine import in_precision
from poise.training.rehearsal import step_seconds
from poise.training.resolve import resolve

LATENT = 6
SMALL: dict[str, Any] = {"generator.width": 8, "discriminator.width": 8, "batch_size": 4, "steps": 20}


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def pair(spec: DataSpec) -> tuple[GrowingGenerator, GrowingDiscriminator]:
    torch.manual_seed(0)
    making = GENERATORS["progressive"].build(spec, latent_size=LATENT, width=6)
    scoring = DISCRIMINATORS["progressive"].build(spec, width=6)
    assert isinstance(making, GrowingGenerator) and isinstance(scoring, GrowingDiscriminator)
    return making, scoring


@pytest.mark.parametrize("name", list(progressive_numbers.GROWTHS))
def test_images_scores_and_both_derivatives_are_those_of_another_implementation(name: str) -> None:
    making, scoring, names = progressive_numbers.ours()
    growth = progressive_numbers.GROWTHS[name]
    found = progressive_numbers.numbers(
        partial(making, growth=growth), partial(scoring, growth=growth), names
    )
    recorded = json.loads(progressive_numbers.FILE.read_text(encoding="utf-8"))[name]
    for kind in ("images", "scores", "first", "penalty"):
        assert found[kind] == pytest.approx(recorded[kind], rel=1e-5, abs=1e-9)


def test_the_published_sizes() -> None:
    with torch.device("meta"):
        networks = (
            GENERATORS["progressive"].build(image(3, 1024), latent_size=512),
            DISCRIMINATORS["progressive"].build(image(3, 1024)),
        )
    assert [round(parameter_count(one) / 1e6, 1) for one in networks] == [23.1, 23.1]


def test_levels_are_those_of_the_paper() -> None:
    """Each grid is shown 600,000 images alone, then 600,000 while the next fades in."""
    doublings, each = 8, 600_000
    for images in range(0, 12_000_000, 150_000):
        phase, within = divmod(images, 2 * each)
        level = min(phase + max(0.0, (within - each) / each), doublings)
        whole, share = level_of(images / (2 * doublings * each), doublings)
        assert whole + share == pytest.approx(level, abs=1e-9)


@pytest.mark.parametrize("sides", [(8, 8), (16, 16), (12, 20), (50, 50), (48, 64)])
@pytest.mark.parametrize("growth", [0.0, 0.45, 0.8, 1.0])
def test_any_sides_at_every_level(sides: tuple[int, int], growth: float) -> None:
    making, scoring = pair(image(2, *sides))
    made = making(noise(4, LATENT), growth=growth)
    assert made.shape == (4, 2, *sides)
    scores = scoring(made, growth=growth)
    assert scores.shape == (4,)
    (slope,) = torch.autograd.grad(scores.sum(), made)
    assert bool((slope != 0).flatten(2).any(1).all()), "every pixel counts"


def test_a_level_is_the_smaller_network_and_computes_nothing_above_it() -> None:
    making, scoring = pair(image(3, 16))
    small_making, small_scoring = pair(image(3, 8))
    for whole, part in ((making, small_making), (scoring, small_scoring)):
        own = whole.state_dict()
        part.load_state_dict({name: own[name] for name in part.state_dict()})
    latents = noise(4, LATENT)
    made = making(latents, growth=0.5)  # the second of three grids, alone
    torch.testing.assert_close(made, interpolate(small_making(latents), (16, 16)))
    samples = noise(4, 3, 16, 16)
    scores = scoring(samples, growth=0.5)
    torch.testing.assert_close(scores, small_scoring(avg_pool2d(samples, 2)))
    for network, result in ((making, made), (scoring, scores)):
        slopes = torch.autograd.grad(result.sum(), list(network.parameters()), allow_unused=True)
        unused = {
            name for (name, _), slope in zip(network.named_parameters(), slopes, strict=True) if slope is None
        }
        assert any(name.startswith("blocks.2." if network is making else "blocks.1.") for name in unused)
        assert all(name.split(".")[1] in "012" for name in unused)


def test_growing_is_continuous() -> None:
    making, scoring = (network.double() for network in pair(image(3, 16)))
    latents, samples = noise(4, LATENT).double(), noise(4, 3, 16, 16).double()
    for growth in (0.25, 0.5, 0.75, 1.0):
        for function in (partial(making, latents), partial(scoring, samples), partial(faded, samples)):
            if function.func is faded and growth in (0.25, 0.75):
                continue  # what lies above the grid of a level is left in, and averaged away by the other
            before, after = function(growth=growth - 1e-9), function(growth=min(1.0, growth + 1e-9))
            torch.testing.assert_close(before, after, rtol=1e-6, atol=1e-6)
        seen = [
            scoring(faded(samples, near), growth=near) for near in (growth - 1e-9, min(1.0, growth + 1e-9))
        ]
        torch.testing.assert_close(*seen, rtol=1e-6, atol=1e-6)


def test_reals_fade_as_the_paper_fades_them() -> None:
    images = noise(2, 3, 16, 16)
    growth = 0.85  # 0.4 of the last grid
    coarse = interpolate(avg_pool2d(images, 2), scale_factor=2)
    torch.testing.assert_close(faded(images, growth), 0.6 * coarse + 0.4 * images)
    assert faded(images, 0.5) is images and faded(images, 1.0) is images
    # What a generator of a level makes is not made coarser.
    made = pair(image(3, 16))[0](noise(2, LATENT), growth=0.25)
    torch.testing.assert_close(faded(made, 0.3), made)


def test_the_last_growth_of_training_is_kept_for_use() -> None:
    making, _ = pair(image(3, 16))
    latents = noise(2, LATENT)
    whole = making(latents)
    assert float(making.growth) == 1.0
    coarse = making(latents, growth=0.25)
    assert not torch.allclose(coarse, whole) and float(making.growth) == 0.25
    making.eval()
    torch.testing.assert_close(making(latents), coarse.clamp(-1, 1))
    torch.testing.assert_close(making(latents, growth=1.0), whole.clamp(-1, 1))
    assert float(making.growth) == 0.25, "in use nothing is written down"


def test_a_condition_changes_samples_and_scores() -> None:
    making, scoring = pair(DataSpec("image", (3, 8, 8), condition=(3,)))
    condition = torch.eye(3)
    samples = making(noise(3, LATENT), condition, growth=0.75)
    assert not torch.allclose(samples, making(noise(3, LATENT), condition.flip(0), growth=0.75), atol=1e-3)
    scores = scoring(samples, condition, growth=0.75)
    torch.testing.assert_close(scoring(samples, 0 * condition, growth=0.75), torch.zeros(3))
    assert scores.shape == (3,) and bool(scores.any())


@pytest.mark.parametrize("game", ["noise-to-data", "conditional"])
def test_a_game_gives_both_networks_the_growth_of_the_images_seen(game: str) -> None:
    spec = DataSpec("image", (3, 16, 16), condition=(3,) if game == "conditional" else None)
    recipe = resolve(recipe_with(RECIPES["progressive-growing"], SMALL | {"game": game}), spec)
    parts = build_components(recipe, spec, pick_device("cpu"))
    condition = None if spec.condition is None else torch.eye(3)[[0, 1, 2, 0]]
    seen = int(0.8 * 0.85 * run_images(recipe))
    batch = Batch(
        real=noise(4, 3, 16, 16),
        latent=noise(4, 512),
        step=0,
        generator=torch.Generator().manual_seed(0),
        condition=condition,
        images_seen=seen,
        run_images=run_images(recipe),
    )
    networks, own = parts.players.networks, build_game(recipe, spec)
    outputs = own.forward(networks, batch)
    growth = seen / (0.8 * run_images(recipe))
    torch.testing.assert_close(outputs["real"], faded(batch.real, growth))
    logs = own.loss("discriminator", networks, batch, outputs, {}).logs
    scoring = parts.modules["discriminator"]
    extra = () if condition is None else (condition,)
    torch.testing.assert_close(logs["real_scores"], scoring(outputs["real"], *extra, growth=growth).detach())
    assert float(logs["penalty_drift"]) == pytest.approx(float(logs["real_scores"].square().mean()))
    assert float(logs["penalty_wgan_gp"]) > 0
    kept = [float(dict(module.named_buffers())["growth"]) for module in parts.modules.values()]
    assert kept == pytest.approx([growth, growth])


def test_a_run_grows_and_its_generator_is_used_at_its_level(tmp_path: Path) -> None:
    run = poise.train("digits", "progressive-growing", out=tmp_path / "run", sample_every=20, **SMALL)
    assert float(run.generator.module.growth) == 1.0
    short = poise.train(
        "digits", "progressive-growing", out=tmp_path / "short", growth={"start": 0.0, "end": 0.2}, **SMALL
    )
    samples = torch.from_numpy(short.sample(4))
    assert float(short.generator.module.growth) == pytest.approx(0.2)
    torch.testing.assert_close(interpolate(avg_pool2d(samples, 2), scale_factor=2), samples)


def test_networks_in_half_precision_grow_alike() -> None:
    making, _ = pair(image(3, 16))
    latents = noise(4, LATENT)
    rounded = in_precision("bf16", {"generator": making})["generator"](latents, growth=0.6)
    exact = making(latents, growth=0.6)
    assert float(((rounded - exact).square().mean().sqrt() / exact.std()).detach()) < 0.05


def test_many_seeds_grow_as_one_does(tmp_path: Path) -> None:
    brief = SMALL | {"steps": 8, "doctor": "off"}  # a step of each level, and of each that fades in
    runs = poise.train("digits", "progressive-growing", out=tmp_path / "many", seeds=2, **brief)
    alone = poise.train("digits", "progressive-growing", out=tmp_path / "alone", seed=1, **brief)
    many = {run.recipe.seed: run for run in runs}
    torch.testing.assert_close(
        torch.from_numpy(many[1].sample(4)), torch.from_numpy(alone.sample(4)), rtol=0, atol=1e-3
    )


def test_the_time_of_a_step_is_that_of_the_whole_growth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Timed steps are counted by the grid that they reach."""
    experiment = plan("digits", recipe_with(RECIPES["progressive-growing"], SMALL | {"steps": 1000}), CPU)
    seen: list[float] = []
    forward = GrowingGenerator.forward

    def watched(self: GrowingGenerator, *inputs: Tensor, growth: float | None = None) -> Tensor:
        seen.append(-1.0 if growth is None else growth)
        return forward(self, *inputs, growth=growth)

    monkeypatch.setattr(GrowingGenerator, "forward", watched)
    assert step_seconds(experiment) > 0
    assert len({round(growth, 1) for growth in seen}) >= 5 and max(seen) == 1.0


CPU = pick_device("cpu")


@pytest.mark.parametrize("changes", [{"generator": "dcgan"}, {"discriminator": "dcgan"}])
def test_networks_that_do_not_grow_are_refused(changes: dict[str, str]) -> None:
    asked = recipe_with(RECIPES["progressive-growing"], changes)
    with pytest.raises(PoiseError) as refused:
        resolve(asked, image(3, 16))
    assert refused.value.code == "training.network-does-not-grow"
    assert "progressive" in refused.value.hint
    still = resolve(recipe_with(asked, {"growth": None}), image(3, 16))
    assert still.growth is None
