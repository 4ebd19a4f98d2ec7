"""The page's own JavaScript draws the latents of Poise and makes the same samples."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from poise.generator.export import page
from poise.generator.export.plain_layers import plain_layers
from poise.generator.sampling import sample_conditions, sample_latents
from poise.generator.walks import ellipse, to_normal, to_uniform
from poise.networks.conditioned import ConcatenatedGenerator, with_conditional_batch_norm
from poise.recipes.settings import Latent

from .families import family

SCRIPTS = Path(page.__file__).parent
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="no node on this machine")


def computed(script: str, given: Any = None) -> Any:
    """What a script of the page's functions returns."""
    functions = "".join((SCRIPTS / name).read_text() for name in ("numbers.js", "network.js"))
    end = "const given = JSON.parse(require('fs').readFileSync(0));\nconsole.log(JSON.stringify(((given) => "
    whole = f"{functions}\n{end}{script})(given)));\n"
    path = [str(NODE), "-e", whole]
    done = subprocess.run(path, input=json.dumps(given), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@needs_node
@pytest.mark.parametrize("distribution", ["normal", "uniform"])
@pytest.mark.parametrize("size", [1, 7, 16, 100])
def test_a_seed_and_an_index_draw_the_same_latent(distribution: str, size: int) -> None:
    latent = Latent.model_validate({"size": size, "distribution": distribution})
    for seed, index in ((0, 0), (3, 5), (2**40, 41)):
        made = computed(f"Array.from(latentOf({seed}, {index}, {size}, '{distribution}'))")
        wanted = sample_latents(index + 1, latent, seed=seed)[-1].tolist()
        np.testing.assert_allclose(made, wanted, atol=2e-6)


@needs_node
def test_a_seed_draws_the_same_classes() -> None:
    condition = {"kind": "label", "names": list("abcd"), "counts": [5, 3, 1, 80], "shape": [4]}
    wanted = sample_conditions(condition, 200, seed=7)
    assert wanted is not None
    made = computed("[...Array(200).keys()].map((index) => classOf(7, index, [5, 3, 1, 80]))")
    assert made == wanted.argmax(1).tolist()


@needs_node
@pytest.mark.parametrize("distribution", ["normal", "uniform"])
def test_the_circle_is_that_of_python(distribution: str) -> None:
    first, second = torch.rand(2, 50, generator=torch.Generator().manual_seed(0)) * 2 - 1
    call = f"Array.from(onCircle(Float32Array.from(given[0]), given[1], 0.9, '{distribution}'))"
    made = computed(call, [first.tolist(), second.tolist()])
    uniform = distribution == "uniform"
    if uniform:
        first, second = to_normal(first), to_normal(second)
    wanted = ellipse(first, second, torch.tensor([0.9]))[0]
    wanted = to_uniform(wanted) if uniform else wanted
    np.testing.assert_allclose(made, wanted.numpy(), atol=2e-6)


def by_page(
    module: nn.Module, latent: torch.Tensor, condition: torch.Tensor | None = None, *, half: bool = False
) -> np.ndarray[Any, Any]:
    """Samples that the page's network makes of latents."""
    layers = plain_layers(module, latent.shape[1])
    assert layers is not None
    given = {
        "layers": layers.layers,
        "half": half,
        "numbers": base64.b64encode(layers.content(half=half)).decode(),
        "latents": latent.tolist(),
        "conditions": None if condition is None else condition.tolist(),
    }
    script = """{
      const run = plainNetwork(given.layers, numbersOf(bytesOf(given.numbers), given.half));
      const under = (place) => given.conditions && Float32Array.from(given.conditions[place]);
      return given.latents.map((latent, place) => Array.from(run(Float32Array.from(latent), under(place))));
    }"""
    return np.array(computed(script, given), dtype=np.float32)


def random_state(module: nn.Module) -> nn.Module:
    """With running statistics that are not those of a start."""
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d) and layer.running_var is not None:
            assert layer.running_mean is not None
            layer.running_var.uniform_(0.5, 2.0)
            layer.running_mean.normal_()
    return module.eval()


@needs_node
@pytest.mark.parametrize(
    ("name", "shape"),
    [("dcgan", (3, 32, 32)), ("dcgan", (1, 19, 32)), ("mlp", (3, 8, 8)), ("infogan", (1, 28, 28))],
)
def test_plain_networks_make_the_samples_of_torch(name: str, shape: tuple[int, ...]) -> None:
    generator = family(name, shape=shape, width=8)
    random_state(generator.module)
    made = by_page(generator.module, generator.latents(3, seed=1))
    np.testing.assert_allclose(made, generator.sample(3, seed=1).reshape(3, -1), atol=1e-5)


@needs_node
@pytest.mark.parametrize("way", ["beside", "normalisation"])
def test_classes_act_as_in_torch(way: str) -> None:
    plain = family("dcgan", shape=(1, 16, 16), width=8)
    condition = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.0, 0.25, 0.0, 0.75]])
    if way == "beside":
        module: nn.Module = ConcatenatedGenerator(plain.module)
        latent = plain.latents(2, seed=1)[:, :6]
    else:
        module = with_conditional_batch_norm(plain.module, 4)
        latent = plain.latents(2, seed=1)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.3)
    random_state(module)
    wanted = module(latent, condition).clamp(-1, 1).flatten(1).detach().numpy()
    np.testing.assert_allclose(by_page(module, latent, condition), wanted, atol=2e-5)


@needs_node
def test_half_precision_moves_a_sample_by_less_than_a_level_of_eight_bits() -> None:
    generator = family("dcgan", shape=(3, 32, 32), width=16)
    made = by_page(generator.module, generator.latents(2, seed=1), half=True)
    difference = np.abs(made - generator.sample(2, seed=1).reshape(2, -1)).max()
    assert 0 < difference < 2 / 255


@pytest.mark.parametrize("name", ["stylegan2", "r3gan", "resnet", "fastgan", "progressive", "srresnet"])
def test_other_networks_are_left_to_a_runtime(name: str) -> None:
    assert plain_layers(family(name).module, 10) is None


def test_products_are_counted() -> None:
    module = nn.Sequential(
        nn.Linear(5, 8),
        nn.Unflatten(1, (2, 2, 2)),
        nn.ConvTranspose2d(2, 3, 4, 2, 1),
        nn.Conv2d(3, 1, 3, 1, 1),
    )
    layers = plain_layers(module, 5)
    assert layers is not None and layers.products == 5 * 8 + 2 * 3 * 16 * 4 + 3 * 9 * 16
