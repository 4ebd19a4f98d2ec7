"""Games between images: the losses of their players against sums written out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from torch import Tensor, nn

from poise.augment import Augmentation
from poise.dynamics import Batch
from poise.dynamics.players import detached
from poise.games import AdversarialGame, Scoring, Term, View, noise_to_data, unpaired
from poise.games.auxiliary import absolute_error, feature_error, perceptual_error, squared_error
from poise.games.noise_to_data import adversarial_terms, from_latent_and_condition
from poise.games.unpaired import drawn_from_pool
from poise.games.view import judge_with_condition
from poise.losses import LOSSES
from poise.regularisers import REGULARISERS

LOSS, SQUARES = LOSSES["non-saturating"], LOSSES["least-squares"]
POOLS = "discriminator_loss"


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


def paired(*more: Term, adversarial: float = 1.0) -> AdversarialGame:
    return noise_to_data(
        LOSS,
        scoring=Scoring(judge=judge_with_condition),
        forward=from_latent_and_condition,
        adversarial=adversarial,
        more=more,
    )


def view_of(batch: Batch, fake: Tensor, **networks: Callable[..., Tensor]) -> View:
    return View(Scoring(), networks, batch, {"fake": fake}, player="generator")


def test_the_generators_loss_is_of_its_scores_and_its_distance() -> None:
    torch.manual_seed(0)
    parts = {"generator": Makes(), "discriminator": Scores(4)}
    batch = a_batch()
    assert batch.condition is not None
    added = (
        Term("l1_loss", "generator", absolute_error, 100.0),
        Term("l2_loss", "generator", squared_error, 3.0),
    )
    plain = paired()
    game = paired(*added, adversarial=0.5)
    played = game.forward(parts, batch)
    found = game.loss("generator", parts, batch, played, {})
    fake = parts["generator"](batch.latent, batch.condition)
    scores = parts["discriminator"](fake, batch.condition)
    l1, l2 = (fake - batch.real).abs().mean(), (fake - batch.real).square().mean()
    wanted = 0.5 * nn.functional.softplus(-scores).mean() + 100 * l1 + 3 * l2
    torch.testing.assert_close(found.value, wanted)
    torch.testing.assert_close(found.logs["l1_loss"], l1.detach())
    assert set(found.logs) == {"generator_loss", "l1_loss", "l2_loss"}
    both = game.losses(parts, batch, played, {})
    torch.testing.assert_close(both["generator"].value, found.value)
    alone = plain.loss("discriminator", parts, batch, played, {})
    torch.testing.assert_close(game.loss("discriminator", parts, batch, played, {}).value, alone.value)
    torch.testing.assert_close(both["discriminator"].value, alone.value)


def test_features_are_pulled_to_those_of_the_target_and_not_the_other_way() -> None:
    weight = nn.Parameter(torch.tensor(2.0))

    def features(samples: Tensor, condition: Tensor) -> Tensor:
        return weight * samples.flatten(1) + condition.flatten(1).sum()

    batch = a_batch()
    fake = noise(4, 3, 8, 8, seed=5).requires_grad_()
    found = feature_error(view_of(batch, fake, features=features))
    torch.testing.assert_close(found, 2 * (fake - batch.real).abs().flatten(1).sum(1))
    slope = torch.autograd.grad(found.sum(), fake, retain_graph=True)[0]
    torch.testing.assert_close(slope, 2 * (fake - batch.real).sign())


def test_a_given_extractor_measures_what_is_perceived() -> None:
    def halves(images: Tensor) -> Tensor:
        return images.flatten(1)[:, :10]

    batch, fake = a_batch(), noise(4, 3, 8, 8, seed=5)
    wanted = (halves(fake) - halves(batch.real)).square().mean(1)
    torch.testing.assert_close(perceptual_error(halves)(view_of(batch, fake)), wanted)


# Domains ---------------------------------------------------------------------------------------------------


def domains(
    *penalties: Term, scoring: Scoring | None = None, **settings: Any
) -> tuple[AdversarialGame, dict[str, nn.Module], Batch]:
    torch.manual_seed(0)
    parts: dict[str, nn.Module] = {
        "a_to_b": nn.Conv2d(3, 3, 1),
        "b_to_a": nn.Conv2d(3, 3, 1),
        "discriminator_a": nn.Conv2d(3, 1, 3),
        "discriminator_b": nn.Conv2d(3, 1, 3),
    }
    parts |= {f"critic_{domain}": parts[f"discriminator_{domain}"] for domain in ("a", "b")}
    terms = adversarial_terms(SQUARES, {})
    game = unpaired(terms, penalties, scoring or Scoring(), shape=(3, 8, 8), **settings)
    stream = torch.Generator().manual_seed(3)
    batch = Batch(noise(2, 3, 8, 8, seed=1), noise(2, 2), 0, stream, noise(2, 3, 8, 8, seed=2))
    return game, parts, batch


def test_the_generators_loss_is_of_scores_the_way_back_and_what_they_change_at_home() -> None:
    game, parts, batch = domains(cycle=10.0, identity=0.5)
    a, b = batch.condition, batch.real
    assert a is not None
    played = game.forward(parts, batch)
    fake_b, fake_a = parts["a_to_b"](a), parts["b_to_a"](b)
    torch.testing.assert_close(played["fake_b"], fake_b)
    torch.testing.assert_close(played["fake_a"], fake_a)
    found = game.loss("generator", parts, batch, played, game.initial_state())
    adversarial = sum(
        (parts[f"discriminator_{domain}"](fake) - 1).square().mean() / 2
        for domain, fake in (("a", fake_a), ("b", fake_b))
    )
    cycle = (parts["b_to_a"](fake_b) - a).abs().mean() + (parts["a_to_b"](fake_a) - b).abs().mean()
    same = (parts["a_to_b"](b) - b).abs().mean() + (parts["b_to_a"](a) - a).abs().mean()
    torch.testing.assert_close(found.value, adversarial + 10 * cycle + 5 * same)
    torch.testing.assert_close(found.logs["cycle_loss"], cycle.detach())
    torch.testing.assert_close(found.logs["identity_loss"], same.detach())
    both = game.losses(parts, batch, played, game.initial_state())
    torch.testing.assert_close(both["generator"].value, found.value)


def test_without_identity_nothing_is_made_at_home() -> None:
    game, parts, batch = domains(identity=0.0, pool=0)
    assert set(game.forward(parts, batch)) == {"fake_a", "fake_b"}
    assert game.initial_state() == {}


def test_the_discriminators_loss_is_of_both_domains_and_never_reaches_the_generators() -> None:
    game, parts, batch = domains(pool=0)
    a, b = batch.condition, batch.real
    assert a is not None
    played = detached(game.forward(parts, batch))
    found = game.loss("discriminator", parts, batch, played, {})
    wanted = sum(
        (
            (parts[f"discriminator_{domain}"](real) - 1).square().mean()
            + parts[f"discriminator_{domain}"](fake).square().mean()
        )
        / 2
        for domain, real, fake in (("a", a, played["fake_a"]), ("b", b, played["fake_b"]))
    )
    torch.testing.assert_close(found.value, wanted)
    slopes = torch.autograd.grad(found.value, list(parts["a_to_b"].parameters()), allow_unused=True)
    assert all(slope is None for slope in slopes)
    assert found.logs["real_scores"].shape[0] == 4, "those of both domains"


def test_the_pool_is_carried_in_the_state_alone() -> None:
    game, parts, batch = domains(pool=4)
    state = game.initial_state()
    played = game.forward(parts, batch)
    before = {name: value.clone() for name, value in state.items()}
    found = game.loss("discriminator", parts, batch, played, state)
    assert all(torch.equal(state[name], before[name]) for name in state), "a loss changes nothing in place"
    after = dict(found.state)
    assert int(after[f"{POOLS}/filled"]) == 2 and not after[f"{POOLS}/pool_a"].requires_grad
    torch.testing.assert_close(after[f"{POOLS}/pool_b"][:2], played["fake_b"])
    assert torch.equal(after[f"{POOLS}/pool_b"][2:], torch.zeros(2, 3, 8, 8))
    assert set(after) == set(state) and all(after[name].shape == state[name].shape for name in state)
    assert game.loss("generator", parts, batch, played, state).state == {}
    assert game.losses(parts, batch, played, state)["generator"].state == {}


def test_a_full_pool_is_what_the_discriminators_see_and_the_generators_never() -> None:
    game, parts, batch = domains(pool=2)
    state = game.initial_state()
    played = game.forward(parts, batch)
    batch = replace(batch, generator=torch.Generator().manual_seed(1))
    old = torch.full((2, 3, 8, 8), 7.0)
    state |= {f"{POOLS}/pool_{side}": old.clone() for side in "ab"} | {f"{POOLS}/filled": torch.tensor(2)}
    found = game.loss("discriminator", parts, batch, played, state)
    after = found.state
    assert int(after[f"{POOLS}/filled"]) == 2
    scores = dict(zip("ab", found.logs["fake_scores"].split(2), strict=True))
    swaps = 0
    for side in "ab":
        fresh, kept = played[f"fake_{side}"].detach(), after[f"{POOLS}/pool_{side}"]
        swapped = [bool((kept == one).flatten(1).all(1).any()) for one in fresh]
        swaps += sum(swapped)
        shown = torch.stack([old[0] if swap else one for swap, one in zip(swapped, fresh, strict=True)])
        torch.testing.assert_close(scores[side], parts[f"discriminator_{side}"](shown).detach())
    assert 0 < swaps < 4, "or one of the two cases was not tried"
    for seen in (state, game.initial_state()):
        generator = game.loss("generator", parts, batch, played, seen)
        wanted = sum(
            (parts[f"discriminator_{side}"](played[f"fake_{side}"]) - 1).square().mean() / 2 for side in "ab"
        )
        torch.testing.assert_close(generator.logs["generator_loss"], torch.as_tensor(wanted).detach())


def test_regularisers_and_augmentations_are_those_of_each_domain() -> None:
    penalty = Term("penalty_r1", "discriminator", REGULARISERS["r1"].value, 2.0)
    double = Augmentation("double", lambda samples, context: 2 * samples, "Doubles.", "none")
    game, parts, batch = domains(penalty, scoring=Scoring(augmentations=(double,)), pool=0)
    assert batch.condition is not None
    found = game.loss("discriminator", parts, batch, game.forward(parts, batch), {})
    wanted = []
    for side, real in (("a", batch.condition), ("b", batch.real)):
        points = real.clone().requires_grad_()
        scores = parts[f"discriminator_{side}"](2 * points).flatten(1).mean(1)
        (slopes,) = torch.autograd.grad(scores.sum(), points)
        wanted.append(slopes.square().flatten(1).sum(1).mean() / 2)
    torch.testing.assert_close(found.logs["penalty_r1"], wanted[0] + wanted[1])
    total = found.logs["discriminator_loss"] + 2.0 * found.logs["penalty_r1"]
    torch.testing.assert_close(found.value.detach(), total)


def test_an_augmentation_with_a_state_sees_the_scores_of_both_domains() -> None:
    counting = Augmentation(
        "counting",
        lambda samples, context: samples * context.state["strength"],
        "Scales, and counts scores.",
        "none",
        init=lambda: {"strength": torch.tensor(2.0)},
        update=lambda state, real, fake, context: {"strength": state["strength"] + len(real)},
    )
    game, parts, batch = domains(scoring=Scoring(augmentations=(counting,)), pool=0)
    state = game.initial_state()
    found = game.loss("discriminator", parts, batch, game.forward(parts, batch), state)
    assert float(found.state["counting/strength"]) == 2.0 + 2 * len(batch.real)


@pytest.mark.parametrize("pool", [0, 4])
def test_a_loss_with_a_state_has_one_in_each_domain(pool: int) -> None:
    """BEGAN's balance follows the scores of its own domain."""
    began = LOSSES["began"]
    game = unpaired(
        adversarial_terms(began, {"balance_rate": 0.5}), (), Scoring(), shape=(3, 8, 8), pool=pool
    )
    _, parts, batch = domains()
    assert batch.condition is not None
    state = game.initial_state() | {"discriminator_loss/b/balance": torch.tensor(0.25)}
    outputs = game.forward(parts, batch)
    found = game.loss("discriminator", parts, batch, outputs, state)
    wanted = 0.0
    for side, real, balance in (("a", batch.condition, 0.0), ("b", batch.real, 0.25)):
        scores = [parts[f"discriminator_{side}"](one).mean() for one in (real, outputs[f"fake_{side}"])]
        wanted += balance * scores[1] - scores[0]
        moved = (balance + 0.5 * (scores[1] - 0.5 * scores[0])).clamp(0, 1).detach()
        torch.testing.assert_close(found.state[f"discriminator_loss/{side}/balance"], moved)
    torch.testing.assert_close(found.value, torch.as_tensor(wanted))


def test_a_regulariser_with_a_state_has_one_in_each_domain() -> None:
    seen = []

    def value(view: View) -> Tensor:
        seen.append((float(view.state["mean"]), view.real))
        drawn = view.remembered("drawn", lambda: torch.rand((), generator=view.randomness))
        return (view.fake - view.state["mean"]).flatten(1).mean(1) * drawn

    def update(state: Mapping[str, Tensor], view: View) -> dict[str, Tensor]:
        drawn = view.remembered("drawn", lambda: torch.tensor(torch.nan))
        return {"mean": state["mean"] + view.real.mean(), "drawn": drawn}

    zero = {"mean": torch.tensor(0.0), "drawn": torch.tensor(0.0)}
    term = Term("held", "discriminator", value, 2.0, init=lambda: dict(zero), update=update)
    game, parts, batch = domains(term, pool=0)
    assert batch.condition is not None
    state = game.initial_state()
    assert {name for name in state if name.startswith("held/")} == {
        "held/a/mean", "held/a/drawn", "held/b/mean", "held/b/drawn"
    }  # fmt: skip
    for _ in range(2):
        found = game.loss("discriminator", parts, batch, game.forward(parts, batch), state)
        state |= found.state
    means = [batch.condition.mean(), batch.real.mean()]
    torch.testing.assert_close([state["held/a/mean"], state["held/b/mean"]], [2 * one for one in means])
    assert [mean for mean, _ in seen] == pytest.approx([0.0, 0.0, *(float(one) for one in means)])
    assert seen[0][1] is batch.condition and seen[1][1] is batch.real
    assert 0 < float(state["held/a/drawn"]) != float(state["held/b/drawn"]) > 0


def test_a_batch_of_one_domain_is_refused() -> None:
    game, parts, batch = domains()
    with pytest.raises(ValueError, match="batch of one"):
        game.forward(parts, Batch(batch.real, batch.latent, 0, batch.generator))


@settings(max_examples=40)
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
        images, after = drawn_from_pool(pool, filled, fresh, stream)
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
        images, _ = drawn_from_pool(pool, torch.tensor(48), torch.ones(4, 1), stream)
        old += int((images == 0).sum())
    assert 330 < old < 470, "800 coins: five standard errors around 400"
