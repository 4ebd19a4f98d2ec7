"""What a seed draws: row i depends on the seed and on i alone, whatever the count."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from poise.errors import PoiseError
from poise.generator import Generator
from poise.generator.network import described_network
from poise.networks import GENERATORS
from poise.randomness import torch_stream
from poise.recipes.settings import Latent
from poise.spec import DataSpec
from poise.training import latents

from .families import FAMILIES, family

DISTRIBUTIONS = ("normal", "uniform")
NAMES = ("a", "b", "c")


def generator_with(latent: Latent, *, classes: bool = False) -> Generator:
    condition = {"kind": "label", "names": NAMES, "counts": [5, 3, 1], "shape": [3]} if classes else None
    description = {
        "game": {"name": "noise-to-data"}, "kind": "vector", "shape": [2], "latent": latent.model_dump(),
        "encoding": {"name": "identity"}, "condition": condition,
    }  # fmt: skip
    network = GENERATORS["mlp"].build(DataSpec("vector", (2,)), latent_size=latent.size, width=4, depth=1)
    return Generator(network, description)


@settings(max_examples=100)
@given(
    size=st.integers(1, 300),
    few=st.integers(1, 80),
    more=st.integers(0, 80),
    seed=st.integers(0, 2**40),
    distribution=st.sampled_from(DISTRIBUTIONS),
)
def test_the_first_of_many_latents_are_those_of_few(
    size: int, few: int, more: int, seed: int, distribution: str
) -> None:
    generator = generator_with(Latent.model_validate({"size": size, "distribution": distribution}))
    drawn = generator.latents(few, seed=seed)
    assert drawn.shape == (few, size)
    assert torch.equal(drawn, generator.latents(few + more, seed=seed)[:few])


@settings(max_examples=100)
@given(few=st.integers(1, 80), more=st.integers(0, 80), seed=st.integers(0, 2**40))
def test_the_first_of_many_classes_are_those_of_few(few: int, more: int, seed: int) -> None:
    generator = generator_with(Latent(size=2), classes=True)
    drawn, many = generator.conditions(few, seed=seed), generator.conditions(few + more, seed=seed)
    assert drawn is not None and many is not None
    assert torch.equal(drawn, many[:few])


def test_the_first_of_many_samples_are_those_of_few() -> None:
    generator = generator_with(Latent(size=100))
    many = generator.sample(64, seed=3)
    for count in range(1, 64):
        assert np.allclose(generator.sample(count, seed=3), many[:count], atol=1e-6), count


@pytest.mark.parametrize("size", [16, 64, 512])
def test_latents_that_fill_blocks_are_those_of_version_0_1(size: int) -> None:
    drawn = generator_with(Latent(size=size)).latents(5, seed=7)
    assert torch.equal(drawn, latents(5, Latent(size=size), torch_stream(7, 0, "samples")))


@pytest.mark.parametrize("size", [1, 7, 100])
def test_latents_are_normal_and_uniform_up_to_the_last(size: int) -> None:
    """The Kolmogorov-Smirnov test at 1e-4, on all and on the last numbers of 400 seeds."""
    for name, law in (("normal", stats.norm()), ("uniform", stats.uniform(-1, 2))):
        generator = generator_with(Latent.model_validate({"size": size, "distribution": name}))
        drawn = torch.stack([generator.latents(3, seed=seed) for seed in range(400)]).numpy()
        for numbers in (drawn.ravel(), drawn[:, -1, -1]):
            assert stats.kstest(numbers, law.cdf).pvalue > 1e-4


def test_classes_are_as_frequent_as_in_the_data() -> None:
    drawn = generator_with(Latent(size=2), classes=True).conditions(9000, seed=1)
    assert drawn is not None
    assert stats.chisquare(drawn.sum(0).numpy(), [5000, 3000, 1000]).pvalue > 1e-4


def test_a_generator_is_sampled_without_the_trainer_and_what_else_is_slow_to_import(tmp_path: Path) -> None:
    """Nor do the networks of any family bring the compiler of PyTorch, or draw from its stream."""
    from poise.run_folder import RunFolder

    run = RunFolder.create(tmp_path / "run", recipe={}, environment={}, data={})
    described = generator_with(Latent(size=3))
    network = {"name": "mlp", "width": 4, "depth": 1}
    run.save_generator(described.module.state_dict(), {**described.description, "network": network}, "")
    families = [family(name, classes=classes).description for name, classes in FAMILIES]
    code = (
        "import json, sys, torch; from poise.generator import Generator\n"
        "from poise.generator.network import described_network\n"
        "state = torch.random.get_rng_state()\n"
        "networks = [described_network(one) for one in json.load(sys.stdin)]\n"
        "print(len(networks), torch.equal(state, torch.random.get_rng_state()))\n"
        "print([name for name in ('torch._dynamo', 'sympy') if name in sys.modules])\n"
        "print(Generator.load(sys.argv[1]).sample(3).shape)\n"
        "heavy = 'poise.training', 'sklearn', 'scipy', 'matplotlib'\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    command, given = [sys.executable, "-c", code, str(run.path)], json.dumps(families)
    out = subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout
    assert out == f"{len(FAMILIES)} True\n[]\n(3, 2)\n[]\n"


def test_a_description_of_a_network_beyond_all_memory_is_refused_before_it_takes_any() -> None:
    described = {**family("mlp").description, "network": {"name": "mlp", "width": 1_000_000, "depth": 3}}
    with pytest.raises(PoiseError) as caught:
        described_network(described)
    assert caught.value.code == "generator.damaged-description"


def style_generator() -> Generator:
    description = {
        "game": {"name": "noise-to-data"}, "kind": "image", "shape": [3, 8, 8], "latent": {"size": 6},
        "encoding": {"name": "identity"}, "condition": None,
    }  # fmt: skip
    torch.manual_seed(0)
    spec = DataSpec("image", (3, 8, 8))
    network = GENERATORS["stylegan2"].build(spec, latent_size=6, width=4, style_size=8, mapping_layers=1)
    return Generator(network, description)


def test_truncation_draws_samples_to_one() -> None:
    generator = style_generator()
    samples, shared = generator.sample(8, seed=1), generator.truncated(0.0).sample(8, seed=1)
    assert np.ptp(shared, axis=0).max() < 1e-6 < np.ptp(samples, axis=0).max()
    near = generator.truncated(0.5).sample(8, seed=1)
    assert near.std(0).mean() < samples.std(0).mean()
    assert np.array_equal(generator.truncated(1.0).sample(8, seed=1), samples)
    assert generator.truncation == 1.0, "it is another generator"


def test_what_cannot_be_truncated_is_refused() -> None:
    with pytest.raises(PoiseError) as caught:
        generator_with(Latent(size=2)).truncated(0.7)
    assert caught.value.code == "generator.no-truncation"
    with pytest.raises(PoiseError) as caught:
        style_generator().truncated(-1)
    assert caught.value.code == "generator.truncation-out-of-range"
