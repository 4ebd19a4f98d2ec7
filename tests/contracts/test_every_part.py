"""One battery over every loss, regulariser, augmentation and dynamics that is registered."""

import inspect
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from poise.augment import AUGMENTATIONS, Augmentation, AugmentContext
from poise.dynamics import DYNAMICS, Batch, Dynamics, Players
from poise.games import Scoring, View, noise_to_data
from poise.losses import LOSSES, Loss
from poise.registry import bound, checked_settings, provided
from poise.regularisers import REGULARISERS, Regulariser
from poise.spec import DataSpec

Part = Loss | Regulariser | Augmentation | Dynamics

PARTS: list[Part] = [
    *LOSSES.values(),
    *REGULARISERS.values(),
    *AUGMENTATIONS.values(),
    *DYNAMICS.values(),
]


def functions(part: Part) -> list[Callable[..., Any]]:
    return [part.step] if isinstance(part, Dynamics) else part.functions


def noise(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def state_of(loss: Loss, dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
    return {name: torch.tensor(value, dtype=dtype) for name, value in loss.init.items()}


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
    assert list(REGULARISERS)[:5] == ["r1", "r2", "wgan-gp", "dragan", "path-length"]
    assert list(REGULARISERS)[5:] == ["reconstruction", "drift", "spectrum"]
    assert list(AUGMENTATIONS) == ["instance-noise", "label-flip", "packing", "diffaugment", "ada"]
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
        assert "Args:" in text or isinstance(part, Augmentation)
    if isinstance(part, Loss | Regulariser):
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
    assert set(loss.init) == asked
    assert (loss.update is not None) == bool(asked)
    if loss.update:
        moved = loss.update(state_of(loss), noise(4), noise(4))
        assert set(moved) == asked


# Regularisers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3,), (2, 4, 4)])
@pytest.mark.parametrize(
    "regulariser", [one for one in REGULARISERS.values() if not one.needs_parts], ids=lambda one: one.name
)
def test_a_regulariser_gives_one_value_a_sample_that_is_not_negative(
    regulariser: Regulariser, shape: tuple[int, ...]
) -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(math.prod(shape), 4), nn.Softplus(), nn.Linear(4, 1)).double()
    real, fake = noise(5, *shape), noise(5, *shape, seed=1)
    before = real.clone(), fake.clone()
    fake.requires_grad_()
    batch = Batch(real, noise(5, 2), 0, torch.Generator().manual_seed(0))
    networks = {"discriminator": net, "critic": net}
    values = regulariser.value(View(Scoring(), networks, batch, {"fake": fake}, player=regulariser.player))
    assert values.shape == (5,)
    assert bool((values >= 0).all())
    assert torch.equal(real, before[0])
    assert torch.equal(fake, before[1])
    moved = list(net.parameters()) if regulariser.player == "discriminator" else [fake]
    slopes = torch.autograd.grad(values.mean(), moved, allow_unused=True)
    assert any(slope is not None and bool(slope.any()) for slope in slopes)
    assert regulariser.default_weight(DataSpec("image", shape), 0.5) > 0


# Augmentations ---------------------------------------------------------------------------------------------


def context_of(augmentation: Augmentation, seed: int = 0) -> AugmentContext:
    stream = torch.Generator().manual_seed(seed)
    state = {} if augmentation.init is None else augmentation.init()
    return AugmentContext(stream, step=3, images_seen=192, run_images=6400, state=state)


@pytest.mark.parametrize("shape", [(3,), (2, 4, 4)])
@pytest.mark.parametrize("augmentation", AUGMENTATIONS.values(), ids=lambda augmentation: augmentation.name)
def test_an_augmentation_lets_a_gradient_through_and_draws_from_its_context(
    augmentation: Augmentation, shape: tuple[int, ...]
) -> None:
    if augmentation.kinds and len(shape) != 3:
        return
    for dtype in (torch.float32, torch.float64):
        samples = noise(12, *shape, dtype=dtype).requires_grad_()
        before = samples.detach().clone()
        seen = augmentation.apply(samples, context_of(augmentation))
        assert seen.dtype == dtype
        assert 12 % len(seen) == 0
        assert seen.numel() == samples.numel()
        (slope,) = torch.autograd.grad(seen.sum(), samples)
        assert bool(torch.isfinite(slope).all())
        assert bool(slope.flatten(1).any(1).all()), "every sample is seen"
        assert torch.equal(samples.detach(), before)
        torch.manual_seed(int(shape[0]))
        assert torch.equal(augmentation.apply(samples, context_of(augmentation)), seen)


@pytest.mark.parametrize("augmentation", AUGMENTATIONS.values(), ids=lambda augmentation: augmentation.name)
def test_labels_are_exchanged_within_pairs(augmentation: Augmentation) -> None:
    if augmentation.relabel is None:
        return
    real, fake = noise(500), noise(500, seed=1)
    told_real, told_fake = augmentation.relabel(real, fake, context_of(augmentation))
    kept, exchanged = told_real == real, told_real == fake
    assert bool((kept | exchanged).all())
    assert 0 < int(exchanged.sum()) < 250
    torch.testing.assert_close(told_real + told_fake, real + fake)


# Dynamics --------------------------------------------------------------------------------------------------


def small_players() -> Players:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        discriminator = nn.Sequential(nn.Linear(2, 5), nn.Softplus(), nn.Linear(5, 1), nn.Flatten(0)).double()
        generator = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    modules: dict[str, nn.Module] = {"discriminator": discriminator, "generator": generator}
    loss = LOSSES["non-saturating"]
    return Players(
        game=noise_to_data(loss),
        networks={**modules, "critic": discriminator},
        parameters={player: dict(module.named_parameters()) for player, module in modules.items()},
        optimisers={
            player: torch.optim.SGD(module.parameters(), lr=0.01) for player, module in modules.items()
        },
    )


def next_batch() -> Batch:
    return Batch(noise(6, 2, seed=1), noise(6, 3, seed=2), 0, torch.Generator().manual_seed(3))


def values_of(players: Players) -> dict[str, Tensor]:
    return {
        f"{player} {name}": value.detach().clone()
        for player, own in players.parameters.items()
        for name, value in own.items()
    }


def stepped(dynamics: Dynamics) -> Callable[..., Mapping[str, Tensor]]:
    """The step of a dynamics with its settings, and epochs of one step if it asks for their length."""
    defaults = checked_settings({}, dynamics.step, owner=dynamics.name)
    return provided(bound(dynamics.step, defaults), epoch_steps=1)


@pytest.mark.parametrize("dynamics", DYNAMICS.values(), ids=lambda dynamics: dynamics.name)
def test_a_dynamics_updates_both_players_and_leaves_nothing_behind(dynamics: Dynamics) -> None:
    players = small_players()
    before = values_of(players)
    measured: dict[str, Tensor] = {}
    for step in range(2):  # with epochs of one step, both players are updated
        measured |= stepped(dynamics)(players, next_batch, step)
    after = values_of(players)
    moved = {key.split()[0] for key, value in after.items() if not torch.equal(value, before[key])}
    assert moved == {"discriminator", "generator"}
    assert all(bool(torch.isfinite(value).all()) for value in after.values())
    assert not any(value.requires_grad for value in measured.values())
    assert {"discriminator_gradient_norm", "generator_gradient_norm"} <= set(measured)
    for own in players.parameters.values():
        assert all(value.grad is None for value in own.values())


@pytest.mark.parametrize("dynamics", DYNAMICS.values(), ids=lambda dynamics: dynamics.name)
def test_a_dynamics_repeats_itself(dynamics: Dynamics) -> None:
    ends = []
    for _ in range(2):
        players = small_players()
        for step in range(3):
            stepped(dynamics)(players, next_batch, step)
        ends.append(values_of(players))
    torch.testing.assert_close(ends[0], ends[1], rtol=0, atol=0)
