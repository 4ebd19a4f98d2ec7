"""One battery over everything that is registered as a loss, a penalty or a dynamics."""

import inspect
import math
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from poise.dynamics import DYNAMICS, Batch, Dynamics, Match
from poise.games import NoiseToData
from poise.losses import LOSSES, Loss
from poise.penalties import PENALTIES, Penalty
from poise.registry import bound, checked_settings

Part = Loss | Penalty | Dynamics

PARTS: list[Part] = [*LOSSES.values(), *PENALTIES.values(), *DYNAMICS.values()]


def functions(part: Part) -> list[Callable[..., Any]]:
    if isinstance(part, Loss):
        return [part.discriminator, part.generator, *([part.advance] if part.advance else [])]
    return [part.penalty if isinstance(part, Penalty) else part.step]


def noise(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def state_of(loss: Loss, dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
    return {name: torch.tensor(value, dtype=dtype) for name, value in loss.initial_state.items()}


def test_the_registries_hold_what_the_documentation_lists() -> None:
    assert list(LOSSES) == [
        "minimax",
        "non-saturating",
        "least-squares",
        "wasserstein",
        "hinge",
        "relativistic-pairing",
        "relativistic-average",
        "began",
    ]
    assert list(PENALTIES) == ["r1", "r2", "wgan-gp", "dragan"]
    assert list(DYNAMICS)[:3] == ["alternating", "alternating-by-epoch", "simultaneous"]


# Words -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_every_part_says_what_it_is_and_where_it_is_from(part: Part) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", part.name)
    assert part.summary.endswith(".")
    assert "\n" not in part.summary
    assert part.source


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.name)
def test_every_setting_has_a_valid_default_and_its_help(part: Part) -> None:
    settings = checked_settings({}, *functions(part), owner=part.name)
    helps = [inspect.getdoc(function) or "" for function in functions(part)]
    assert all(any(f"\n    {name}: " in text for text in helps) for name in settings)
    for text in helps:
        assert text
        assert "Args:" in text
    if not isinstance(part, Dynamics):
        assert all("Example:" in text and "Source:" in text for text in helps)


# Losses ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1,), (5,), (4, 1, 3, 3), (2, 1)])
@pytest.mark.parametrize("loss", LOSSES.values(), ids=lambda loss: loss.name)
def test_a_loss_gives_one_cost_a_sample_in_the_scores_type(loss: Loss, shape: tuple[int, ...]) -> None:
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        real, fake = noise(*shape, dtype=dtype), noise(*shape, seed=1, dtype=dtype)
        before = real.clone(), fake.clone()
        for costs in (loss.discriminator(real, fake, **state_of(loss, dtype)), loss.generator(real, fake)):
            assert costs.shape == shape[:1]
            assert costs.dtype == dtype
            assert bool(torch.isfinite(costs).all())
        assert torch.equal(real, before[0])
        assert torch.equal(fake, before[1])


@pytest.mark.parametrize("loss", LOSSES.values(), ids=lambda loss: loss.name)
def test_a_losss_state_is_what_its_discriminator_asks_for(loss: Loss) -> None:
    asked = {
        parameter.name
        for parameter in inspect.signature(loss.discriminator).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty
    }
    assert set(loss.initial_state) == asked
    assert (loss.advance is not None) == bool(asked)
    if loss.advance:
        moved = loss.advance(state_of(loss), noise(4), noise(4))
        assert set(moved) == asked


# Penalties -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3,), (2, 4, 4)])
@pytest.mark.parametrize("penalty", PENALTIES.values(), ids=lambda penalty: penalty.name)
def test_a_penalty_gives_one_value_a_sample_that_is_not_negative(
    penalty: Penalty, shape: tuple[int, ...]
) -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), 4), nn.Softplus(), nn.Linear(4, 1)).double()
    real, fake = noise(5, *shape), noise(5, *shape, seed=1)
    before = real.clone(), fake.clone()
    values = penalty.penalty(net, real, fake, generator=torch.Generator().manual_seed(0))
    assert values.shape == (5,)
    assert bool((values >= 0).all())
    assert torch.equal(real, before[0])
    assert torch.equal(fake, before[1])
    slopes = torch.autograd.grad(values.mean(), list(net.parameters()), allow_unused=True)
    assert any(slope is not None and bool(slope.any()) for slope in slopes)
    assert penalty.weight > 0


# Dynamics --------------------------------------------------------------------------------------------------


def small_match() -> Match:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        discriminator = nn.Sequential(nn.Linear(2, 5), nn.Softplus(), nn.Linear(5, 1), nn.Flatten(0)).double()
        generator = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    modules: dict[str, nn.Module] = {"discriminator": discriminator, "generator": generator}
    loss = LOSSES["non-saturating"]
    return Match(
        game=NoiseToData(loss, loss.discriminator),
        networks={**modules, "critic": discriminator},
        parameters={player: dict(module.named_parameters()) for player, module in modules.items()},
        optimisers={
            player: torch.optim.SGD(module.parameters(), lr=0.01) for player, module in modules.items()
        },
    )


def next_batch() -> Batch:
    return Batch(noise(6, 2, seed=1), noise(6, 3, seed=2), 0, torch.Generator().manual_seed(3))


def values_of(match: Match) -> dict[str, Tensor]:
    return {
        f"{player} {name}": value.detach().clone()
        for player, own in match.parameters.items()
        for name, value in own.items()
    }


@pytest.mark.parametrize("dynamics", DYNAMICS.values(), ids=lambda dynamics: dynamics.name)
def test_a_dynamics_moves_players_and_leaves_nothing_behind(dynamics: Dynamics) -> None:
    match = small_match()
    before = values_of(match)
    defaults = checked_settings({}, dynamics.step, owner=dynamics.name)
    measured: dict[str, Tensor] = {}
    for step in range(2):  # with epochs of one step, both players have moved
        measured |= bound(dynamics.step, {**defaults, "epoch_steps": 1})(match, next_batch, step)
    after = values_of(match)
    moved = {key.split()[0] for key, value in after.items() if not torch.equal(value, before[key])}
    assert moved == {"discriminator", "generator"}
    assert all(bool(torch.isfinite(value).all()) for value in after.values())
    assert not any(value.requires_grad for value in measured.values())
    assert {"discriminator_gradient_norm", "generator_gradient_norm"} <= set(measured)
    for own in match.parameters.values():
        assert all(value.grad is None for value in own.values())


@pytest.mark.parametrize("dynamics", DYNAMICS.values(), ids=lambda dynamics: dynamics.name)
def test_a_dynamics_repeats_itself(dynamics: Dynamics) -> None:
    ends = []
    for _ in range(2):
        match = small_match()
        defaults = checked_settings({}, dynamics.step, owner=dynamics.name)
        for step in range(3):
            bound(dynamics.step, {**defaults, "epoch_steps": 1})(match, next_batch, step)
        ends.append(values_of(match))
    torch.testing.assert_close(ends[0], ends[1], rtol=0, atol=0)
