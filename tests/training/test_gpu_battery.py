"""On a GPU, if there is one: every recipe as a whole run, every metric, and a generator as people use it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import poise
from poise.generator import Generator, Search
from poise.metrics.features.extractor import full_float32
from poise.recipes import RECIPES
from poise.run_folder import RunFolder
from poise.training import Resumption, begin, plan, resume
from small_recipes import STEPS, TABLES, silent, stored, tiny, without_its_end

CUDA = torch.device("cuda")
WITHOUT_SAMPLES = ("image-tagging", "paired-translation", "unpaired-translation", "vocoding")

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU that this PyTorch can use"),
]


@pytest.fixture(autouse=True)
def in_full_float32() -> Iterator[None]:
    """Products and convolutions without TF32, so that the CPU's numbers are the card's within rounding."""
    with full_float32():
        yield


@pytest.mark.parametrize("name", list(RECIPES))
def test_a_recipe_goes_on_from_its_checkpoint(name: str, tmp_path: Path) -> None:
    if RECIPES[name].generator.name in TABLES:
        pytest.importorskip("polars")
    data, recipe = stored(name, tmp_path), tiny(name)
    begin(plan(data, recipe, CUDA), tmp_path / "whole", notify=silent)
    cut = without_its_end(tmp_path / "whole", tmp_path / "cut", STEPS)
    outcome = resume(Resumption(cut, CUDA), notify=silent)
    assert (outcome.status, outcome.position.step) == ("finished", STEPS)
    wanted, found = (RunFolder.open(run).load_checkpoint(STEPS).trained for run in (tmp_path / "whole", cut))
    assert wanted.keys() == found.keys()
    differing = [tensor for tensor, value in wanted.items() if not torch.equal(found[tensor], value)]
    if differing:  # a card adds in an order of its own
        warnings.warn(f"{name}: {len(differing)} of {len(wanted)} tensors differ in their bits", stacklevel=1)
    # One step lies between: Adam may turn the rounding of a small gradient into a step of its rate.
    torch.testing.assert_close(found, wanted, rtol=1e-2, atol=4e-3)
    if RECIPES[name].game.name not in WITHOUT_SAMPLES:
        assert np.isfinite(Generator.load(tmp_path / "cut", device="cuda").sample(3, seed=1)).all()
    assert poise.open_run(tmp_path / "cut").report().stat().st_size > 10_000


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run by class, on the card."""
    settings: dict[str, Any] = {
        "steps": 60,
        "batch_size": 16,
        "evaluate_every": 30,
        "held_out": 0.3,
        "game": "conditional",
        "device": "cuda",
        "generator": {"name": "dcgan", "width": 8},
        "discriminator": {"name": "dcgan", "width": 8},
    }
    out = tmp_path_factory.mktemp("trained") / "run"
    poise.train("digits", "non-saturating", out=out, **settings)
    return out


def test_a_generator_draws_on_the_card_what_it_draws_on_the_cpu(trained: Path) -> None:
    here, there = (Generator.load(trained, device=device) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(there.sample(20, seed=3), here.sample(20, seed=3), atol=1e-4)
    assert there.class_grid(4).size == here.class_grid(4).size


@pytest.mark.parametrize("method", ["reject", "chain", "weights", "langevin"])
def test_samples_are_refined_on_the_card(method: str, trained: Path) -> None:
    generator = Generator.load(trained, device="cuda")
    assert np.isfinite(generator.sample(8, seed=1, refine=method)).all()


def test_pictures_are_found_on_the_card(trained: Path) -> None:
    generator = Generator.load(trained, device="cuda")
    wanted = generator.sample(3, seed=5)
    pictures = ((wanted + 1) * 127.5).round().astype(np.uint8).transpose(0, 2, 3, 1)
    search = Search(starts=2, steps=20, encoder_steps=20)
    found = generator.invert(pictures, search=search)
    assert len(found) == 3


def test_directions_are_found_and_judged_on_the_card(trained: Path) -> None:
    from poise.generator.exploring import explore

    assert len(explore(Generator.load(trained, device="cuda"), most=2)) > 0


def test_an_evaluation_on_the_card_finds_what_it_finds_on_the_cpu(trained: Path) -> None:
    here, there = (poise.evaluate(trained, samples=256, device=device) for device in ("cpu", "cuda"))
    for one, other in zip(here.results, there.results, strict=True):
        for name, value in one.values.items():
            assert other.values[name] == pytest.approx(value, rel=0.05, abs=0.02), name


def test_a_density_ratio_is_fitted_on_the_card() -> None:
    stream = torch.Generator("cuda").manual_seed(0)
    p, q = (torch.randn(400, 2, generator=stream, device="cuda") + shift for shift in (0.0, 0.5))
    ratio = poise.density_ratio(p, q)
    assert np.isfinite(np.asarray(ratio.log_ratio(p.cpu()))).all()


def test_the_monitor_leaves_a_loop_on_the_card_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights, buffers and random streams are equal with and without it, to the bit."""

    def play(watched: bool) -> tuple[list[torch.Tensor], torch.Tensor]:
        torch.manual_seed(0)
        generator = nn.Sequential(nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 2)).cuda()
        critic = nn.Sequential(nn.Linear(2, 32), nn.Dropout(0.2), nn.ReLU(), nn.Linear(32, 1)).cuda()
        players = [torch.optim.Adam(player.parameters(), 1e-3) for player in (generator, critic)]
        data = torch.randn(512, 2, device="cuda")
        monitor = poise.Monitor(data, every=5, most_share=1.0) if watched else None
        for step in range(40):
            latent, real = torch.randn(64, 8, device="cuda"), data[torch.randint(512, (64,), device="cuda")]
            fake = generator(latent)
            critic_loss = nn.functional.softplus(critic(fake.detach())).mean()
            critic_loss = critic_loss + nn.functional.softplus(-critic(real)).mean()
            players[1].zero_grad()
            critic_loss.backward()
            players[1].step()
            generator_loss = nn.functional.softplus(-critic(fake)).mean()
            players[0].zero_grad()
            generator_loss.backward()
            players[0].step()
            if monitor is not None:
                monitor.observe(
                    step,
                    real=real,
                    fake=fake,
                    latent=latent,
                    generator=generator,
                    discriminator=critic,
                    loss_generator=generator_loss,
                    loss_discriminator=critic_loss,
                )
        assert monitor is None or monitor.status != "BLIND"
        state = [*generator.state_dict().values(), *critic.state_dict().values()]
        return state, torch.randn(4, device="cuda")

    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    plain, watched = play(False), play(True)
    assert all(torch.equal(one, other) for one, other in zip(plain[0], watched[0], strict=True))
    assert torch.equal(plain[1], watched[1])
