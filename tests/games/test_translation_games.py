"""Games between images: what their players pay, held against sums written out."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from torch import Tensor, nn

from poise.dynamics import Batch
from poise.games import Auxiliary, Conditioned, NoiseToData, UnpairedTranslation, WithAuxiliaries
from poise.games.auxiliary import absolute_error, feature_error, perceptual_error, squared_error
from poise.games.pool import shown
from poise.losses import LOSSES

LOSS, SQUARES = LOSSES["non-saturating"], LOSSES["least-squares"]


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Scores(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.score = nn.Conv2d(channels, 1, 3)

    def forward(self, samples: Tensor, condition: Tensor) -> Tensor:
        scores: Tensor = self.score(torch.cat([samples, condition], 1))
        return scores


class Makes(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.make = nn.Conv2d(1, 3, 1)

    def forward(self, latent: Tensor, condition: Tensor) -> Tensor:
        made: Tensor = self.make(condition)
        return made


def a_batch(seed: int = 0) -> Batch:
    stream = torch.Generator().manual_seed(seed)
    return Batch(noise(4, 3, 8, 8, seed=1), noise(4, 2), 0, stream, noise(4, 1, 8, 8, seed=2))


# Pairs -----------------------------------------------------------------------------------------------------


def test_the_generator_pays_for_its_scores_and_its_distance() -> None:
    torch.manual_seed(0)
    parts = {"generator": Makes(), "discriminator": Scores(4)}
    batch = a_batch()
    assert batch.condition is not None
    added = (Auxiliary("l1", absolute_error, 100.0), Auxiliary("l2", squared_error, 3.0))
    game = WithAuxiliaries(Conditioned(NoiseToData(LOSS, LOSS.discriminator)), added, adversarial=0.5)
    played = game.play(parts, batch)
    cost = game.cost("generator", parts, batch, played, {})
    fake = parts["generator"](batch.latent, batch.condition)
    scores = parts["discriminator"](fake, batch.condition)
    l1, l2 = (fake - batch.real).abs().mean(), (fake - batch.real).square().mean()
    wanted = 0.5 * nn.functional.softplus(-scores).mean() + 100 * l1 + 3 * l2
    torch.testing.assert_close(cost.value, wanted)
    torch.testing.assert_close(cost.measured["l1_loss"], l1.detach())
    assert set(cost.measured) == {"generator_loss", "l1_loss", "l2_loss"}
    both = game.costs(parts, batch, played, {})
    torch.testing.assert_close(both["generator"].value, cost.value)
    alone = Conditioned(NoiseToData(LOSS, LOSS.discriminator)).cost("discriminator", parts, batch, played, {})
    torch.testing.assert_close(game.cost("discriminator", parts, batch, played, {}).value, alone.value)
    torch.testing.assert_close(both["discriminator"].value, alone.value)


def test_features_are_pulled_to_those_of_the_target_and_not_the_other_way() -> None:
    weight = nn.Parameter(torch.tensor(2.0))
    parts = {"features": lambda samples, condition: weight * samples.flatten(1) + condition.flatten(1).sum()}
    batch = a_batch()
    fake = noise(4, 3, 8, 8, seed=5).requires_grad_()
    cost = feature_error(parts, batch, fake)
    torch.testing.assert_close(cost, 2 * (fake - batch.real).abs().flatten(1).sum(1))
    slope = torch.autograd.grad(cost.sum(), fake, retain_graph=True)[0]
    torch.testing.assert_close(slope, 2 * (fake - batch.real).sign())


def test_a_given_extractor_measures_what_is_perceived() -> None:
    def halves(images: Tensor) -> Tensor:
        return images.flatten(1)[:, :10]

    batch, fake = a_batch(), noise(4, 3, 8, 8, seed=5)
    wanted = (halves(fake) - halves(batch.real)).square().mean(1)
    torch.testing.assert_close(perceptual_error(halves)({}, batch, fake), wanted)


# Domains ---------------------------------------------------------------------------------------------------


def unpaired(**settings: Any) -> tuple[UnpairedTranslation, dict[str, nn.Module], Batch]:
    torch.manual_seed(0)
    parts: dict[str, nn.Module] = {
        "a_to_b": nn.Conv2d(3, 3, 1),
        "b_to_a": nn.Conv2d(3, 3, 1),
        "discriminator_a": nn.Conv2d(3, 1, 3),
        "discriminator_b": nn.Conv2d(3, 1, 3),
    }
    parts |= {f"critic_{domain}": parts[f"discriminator_{domain}"] for domain in ("a", "b")}
    game = UnpairedTranslation(NoiseToData(SQUARES, SQUARES.discriminator), (3, 8, 8), **settings)
    stream = torch.Generator().manual_seed(3)
    batch = Batch(noise(2, 3, 8, 8, seed=1), noise(2, 2), 0, stream, noise(2, 3, 8, 8, seed=2))
    return game, parts, batch


def test_the_generators_pay_for_scores_the_way_back_and_what_they_change_at_home() -> None:
    game, parts, batch = unpaired(cycle=10.0, identity=0.5)
    a, b = batch.condition, batch.real
    assert a is not None
    played = game.play(parts, batch)
    fake_b, fake_a = parts["a_to_b"](a), parts["b_to_a"](b)
    torch.testing.assert_close(played["fake_b"], fake_b)
    torch.testing.assert_close(played["fake_a"], fake_a)
    cost = game.cost("generator", parts, batch, played, game.initial_state())
    adversarial = sum(
        (parts[f"discriminator_{domain}"](fake) - 1).square().mean() / 2
        for domain, fake in (("a", fake_a), ("b", fake_b))
    )
    cycle = (parts["b_to_a"](fake_b) - a).abs().mean() + (parts["a_to_b"](fake_a) - b).abs().mean()
    same = (parts["a_to_b"](b) - b).abs().mean() + (parts["b_to_a"](a) - a).abs().mean()
    torch.testing.assert_close(cost.value, adversarial + 10 * cycle + 5 * same)
    torch.testing.assert_close(cost.measured["cycle_loss"], cycle.detach())
    torch.testing.assert_close(cost.measured["identity_loss"], same.detach())
    both = game.costs(parts, batch, played, game.initial_state())
    torch.testing.assert_close(both["generator"].value, cost.value)


def test_without_identity_nothing_is_made_at_home() -> None:
    game, parts, batch = unpaired(identity=0.0, pool=0)
    assert set(game.play(parts, batch)) == {"fake_a", "fake_b"}
    assert game.initial_state() == {}


def test_the_discriminators_pay_in_both_domains_and_never_reach_the_generators() -> None:
    game, parts, batch = unpaired(pool=0)
    a, b = batch.condition, batch.real
    assert a is not None
    played = game.play(parts, batch)
    cost = game.cost("discriminator", parts, batch, played, {})
    wanted = sum(
        (
            (parts[f"discriminator_{domain}"](real) - 1).square().mean()
            + parts[f"discriminator_{domain}"](fake).square().mean()
        )
        / 2
        for domain, real, fake in (("a", a, played["fake_a"]), ("b", b, played["fake_b"]))
    )
    torch.testing.assert_close(cost.value, wanted)
    slopes = torch.autograd.grad(cost.value, list(parts["a_to_b"].parameters()), allow_unused=True)
    assert all(slope is None for slope in slopes)
    assert cost.measured["real_scores"].shape[0] == 4, "those of both domains"


def test_the_pool_is_carried_by_advance_alone() -> None:
    game, parts, batch = unpaired(pool=4)
    state = game.initial_state()
    played = game.play(parts, batch)
    before = {name: value.clone() for name, value in state.items()}
    cost = game.cost("discriminator", parts, batch, played, state)
    assert all(torch.equal(state[name], before[name]) for name in state), "a cost changes nothing"
    after = game.advance(state, cost)
    assert int(after["pool_filled"]) == 2 and not after["pool_a"].requires_grad
    torch.testing.assert_close(after["pool_b"][:2], played["fake_b"])
    assert torch.equal(after["pool_b"][2:], torch.zeros(2, 3, 8, 8))
    assert set(after) == set(state) and all(after[name].shape == state[name].shape for name in state)


@settings(max_examples=40, deadline=None)
@given(
    size=some.integers(1, 12),
    count=some.integers(1, 5),
    steps=some.integers(1, 12),
    seed=some.integers(0, 99),
)
def test_a_pool_shows_and_keeps_only_what_was_made(size: int, count: int, steps: int, seed: int) -> None:
    stream = torch.Generator().manual_seed(seed)
    pool, filled, made = torch.full((size, 1), -1.0), torch.tensor(0), 0
    for _ in range(steps):
        fresh = torch.arange(made, made + count, dtype=torch.float32)[:, None]
        made += count
        held = set(pool.flatten().tolist()) - {-1.0}
        images, after = shown(pool, filled, fresh, stream)
        seen, kept = images.flatten().tolist(), after.flatten().tolist()
        assert all(image in held or image in fresh.flatten().tolist() for image in seen)
        # Whatever is shown of the pool has left it, and what is fresh is shown or kept; nothing is doubled.
        real = [image for image in kept if image != -1.0]
        assert len(real) == len(set(real))
        full = int(filled) >= size - size % count
        if full and size >= count:
            assert sorted(seen + real) == sorted([*held, *fresh.flatten().tolist()])
        room = size - size % count
        filled = (filled + count).clamp(max=room)
        assert len(real) == int(filled)
        pool = after


def test_a_full_pool_shows_old_and_new_alike() -> None:
    stream = torch.Generator().manual_seed(0)
    pool, old = torch.zeros(50, 1), 0
    for _ in range(200):
        images, _ = shown(pool, torch.tensor(48), torch.ones(4, 1), stream)
        old += int((images == 0).sum())
    assert 330 < old < 470, "800 coins: five standard errors around 400"
