"""Path length by hand on a linear synthesis, its running mean, its gradient, and where it does not fit."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from poise.dynamics import Batch
from poise.dynamics.game import Networks
from poise.errors import PoiseError
from poise.games import Scoring, View, noise_to_data
from poise.games.adversarial import Term
from poise.losses import LOSSES
from poise.recipes import RECIPES, recipe_with
from poise.regularisers import REGULARISERS, path_length
from poise.spec import DataSpec
from poise.training.engine import in_precision
from poise.training.resolve import resolve

ROW = REGULARISERS["path-length"]
LAYERS, STYLE, SIDE = 3, 4, 2


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class Linear(nn.Module):
    """Styles that are latents times a matrix, and images that are styles times another."""

    def __init__(self) -> None:
        super().__init__()
        self.mapping = nn.Parameter(noise(5, STYLE, seed=1))
        self.matrix = nn.Parameter(noise(LAYERS * STYLE, 3 * SIDE**2, seed=2))
        self.bend = 0.0

    def styles(self, latent: Tensor, condition: Tensor | None = None) -> Tensor:
        return (latent @ self.mapping)[:, None].expand(-1, LAYERS, -1)

    def synthesis(self, styles: Tensor) -> Tensor:
        values = styles.flatten(1) @ self.matrix
        return (values + self.bend * values**3).reshape(-1, 3, SIDE, SIDE)

    def forward(self, latent: Tensor) -> Tensor:
        return self.synthesis(self.styles(latent))


def batch(count: int = 6) -> Batch:
    return Batch(noise(count, 3, SIDE, SIDE), noise(count, 5, seed=3), 0, torch.Generator().manual_seed(7))


def view(network: nn.Module, mean: float = 0.5) -> View:
    state = {"path/mean": torch.tensor(mean, dtype=torch.float64)}
    return View(Scoring(), {"generator": network}, batch(), {}, state=state, player="generator", of="path")


def lengths_by_hand(network: Linear, count: int) -> Tensor:
    """Of a linear synthesis the gradient is the projection times the transposed matrix."""
    drawn = torch.randn(
        (count, 3, SIDE, SIDE), generator=torch.Generator().manual_seed(7), dtype=torch.float64
    )
    slopes = (drawn / SIDE).flatten(1) @ network.matrix.T
    return slopes.reshape(count, LAYERS, STYLE).square().sum(2).mean(1).sqrt()


@pytest.mark.parametrize(("shrink", "count"), [(1, 6), (2, 3), (10, 1)])
def test_it_is_the_squared_distance_to_the_mean_that_the_batch_has_moved(shrink: int, count: int) -> None:
    network = Linear()
    lengths = lengths_by_hand(network, count)
    mean = 0.5 + 0.01 * (lengths.mean() - 0.5)
    seen = view(network)
    torch.testing.assert_close(path_length(seen, shrink=shrink), (lengths - mean).square())
    assert ROW.update is not None
    moved = ROW.update(seen.state, seen, shrink=shrink)["mean"]
    torch.testing.assert_close(moved, mean.detach())
    assert not moved.requires_grad


def test_it_is_measured_once_for_the_loss_and_the_mean() -> None:
    seen = view(Linear())
    before = seen.randomness.get_state()
    path_length(seen)
    once = seen.randomness.get_state()
    assert ROW.update is not None
    ROW.update(seen.state, seen)
    assert not torch.equal(before, once) and torch.equal(once, seen.randomness.get_state())


def test_its_gradient_is_the_finite_difference() -> None:
    network = Linear()
    network.bend = 0.1

    def cost(matrix: Tensor, mapping: Tensor) -> Tensor:
        network.matrix.data, network.mapping.data = matrix.data, mapping.data
        found = torch.func.functional_call(  # so that the given tensors are differentiated
            Cost(network), {"network.matrix": matrix, "network.mapping": mapping}, ()
        )
        assert isinstance(found, Tensor)
        return found

    values = tuple(value.detach().clone().requires_grad_() for value in (network.matrix, network.mapping))
    assert torch.autograd.gradcheck(cost, values)


class Cost(nn.Module):
    def __init__(self, network: Linear) -> None:
        super().__init__()
        self.network = network

    def forward(self) -> Tensor:
        return path_length(view(self.network)).mean()


def test_it_is_a_lazy_term_of_the_generator() -> None:
    term = Term("path", "generator", path_length, 2.0, every=4, init=ROW.init, update=ROW.update)
    game = noise_to_data(LOSSES["hinge"], (term,))
    network = Linear()
    networks: Networks = {"generator": network, "discriminator": lambda x: x.flatten(1).sum(1)}
    state = {name: value.double() for name, value in game.initial_state().items()}
    due = game.lazy_loss("generator", networks, replace(batch(), step=8), None, state)
    assert due is not None and set(due.logs) == {"path"} and set(due.state) == {"path/mean"}
    torch.testing.assert_close(due.value.detach(), 4 * 2.0 * due.logs["path"])
    slopes = torch.autograd.grad(due.value, network.matrix)[0]
    assert bool(slopes.any())
    assert game.lazy_loss("generator", networks, replace(batch(), step=9), None, state) is None


def test_in_mixed_precision_it_is_measured_in_full() -> None:
    network, plain = Linear(), view(Linear())
    mixed = view(network)
    mixed.networks = in_precision("bf16", {"generator": network})
    assert torch.equal(path_length(mixed), path_length(plain))


def test_a_generator_without_styles_is_refused_before_training() -> None:
    with pytest.raises(PoiseError) as caught:
        path_length(view(nn.Linear(5, 3)))
    assert caught.value.code == "regularisers.no-styles"
    recipe = recipe_with(RECIPES["non-saturating"], {"regularisers.path-length.every": 4})
    with pytest.raises(PoiseError) as caught:
        resolve(recipe, DataSpec("image", (3, 16, 16)))
    assert caught.value.code == "training.regulariser-unfit" and "dcgan" in caught.value.what


def test_the_weight_of_r1_follows_the_discriminator() -> None:
    spec = DataSpec("image", (3, 256, 256))
    settings = resolve(RECIPES["stylegan2"], spec).regularisers
    assert settings["r1"].weight == pytest.approx(0.0002 * 256**2 / 32)
    assert settings["path-length"].weight == 2.0
    other = recipe_with(RECIPES["stylegan2"], {"discriminator": "dcgan"})
    assert resolve(other, spec).regularisers["r1"].weight == 10.0
