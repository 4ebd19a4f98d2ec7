"""The game with classes: what each pays by hand, and no forward more than it needs."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from poise.dynamics import Batch
from poise.games import AuxiliaryClassifier, NoiseToData, WeightedPenalty
from poise.losses import LOSSES
from poise.networks.conditioned import ConcatenatedGenerator
from poise.penalties import PENALTIES

LOSS = LOSSES["non-saturating"]
LABELS = torch.tensor([0, 2, 1, 0, 2, 2])


class Judge(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 1 + 3))
        self.calls = 0

    def forward(self, samples: Tensor) -> Tensor:
        self.calls += 1
        scored: Tensor = self.layers(samples)
        return scored


def setting() -> tuple[dict[str, nn.Module], Judge, Batch]:
    torch.manual_seed(0)
    judge = Judge()
    networks: dict[str, nn.Module] = {
        "generator": ConcatenatedGenerator(nn.Linear(2 + 3, 2)),
        "discriminator": judge,
        "critic": judge,
    }
    stream = torch.Generator().manual_seed(1)
    real, latent = torch.randn(2, 6, 2, generator=stream)
    condition = torch.nn.functional.one_hot(LABELS, 3).float()
    return networks, judge, Batch(real, latent, 0, stream, condition)


def game(weight: float = 1.0, **inner: Any) -> AuxiliaryClassifier:
    return AuxiliaryClassifier(NoiseToData(LOSS, LOSS.discriminator, **inner), weight)


def test_both_players_pay_the_cross_entropy() -> None:
    networks, judge, batch = setting()
    played = game().play(networks, batch)
    real, fake = judge.layers(batch.real), judge.layers(played["fake"])
    on_real, on_fake = (cross_entropy(given[:, 1:], LABELS) for given in (real, fake))
    costs = game(0.5).costs(networks, batch, played, {})
    scores = real[:, 0], fake[:, 0]
    torch.testing.assert_close(
        costs["discriminator"].value, LOSS.discriminator(*scores).mean() + 0.5 * (on_real + on_fake)
    )
    torch.testing.assert_close(costs["generator"].value, LOSS.generator(*scores).mean() + 0.5 * on_fake)
    for player in game().players:
        alone = game(0.5).cost(player, networks, batch, played, {})
        torch.testing.assert_close(alone.value, costs[player].value)


def test_the_generator_learns_the_class_from_the_classifier() -> None:
    networks, _, batch = setting()
    only_classes = AuxiliaryClassifier(NoiseToData(LOSS, LOSS.discriminator), 1e6)
    played = only_classes.play(networks, batch)
    parameters = list(networks["generator"].parameters())
    cost = only_classes.cost("generator", networks, batch, played, {})
    slopes = torch.autograd.grad(cost.value, parameters)
    with torch.no_grad():
        for parameter, slope in zip(parameters, slopes, strict=True):
            parameter.sub_(1e-9 * slope)
    after = only_classes.cost("generator", networks, batch, only_classes.play(networks, batch), {})
    assert after.measured["fake_class_loss"] < cost.measured["fake_class_loss"]


def test_classes_cost_no_forward_of_their_own() -> None:
    networks, judge, batch = setting()
    played = game().play(networks, batch)
    for player, forwards in (("discriminator", 2), ("generator", 1)):
        judge.calls = 0
        game().cost(player, networks, batch, played, {})
        assert judge.calls == forwards
    judge.calls = 0
    game().costs(networks, batch, played, {})
    assert judge.calls == 2


def test_noise_on_what_is_scored_leaves_the_classes_of_clean_samples() -> None:
    networks, judge, batch = setting()
    played = game().play(networks, batch)
    cost = game(instance_noise=0.3).cost("discriminator", networks, batch, played, {})
    wanted = cross_entropy(judge.layers(batch.real)[:, 1:], LABELS)
    torch.testing.assert_close(cost.measured["real_class_loss"], wanted.detach())


def test_penalties_are_of_the_score_alone() -> None:
    networks, judge, batch = setting()
    penalty = WeightedPenalty("r1", PENALTIES["r1"].penalty, weight=1.0, every=1)
    played = game().play(networks, batch)
    cost = game(penalties=(penalty,)).cost("discriminator", networks, batch, played, {})
    real = batch.real.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(judge.layers(real)[:, 0].sum(), real)
    torch.testing.assert_close(cost.measured["penalty_r1"], (gradient.square().sum(1) / 2).mean())


def test_accuracy_is_the_share_of_reals_told_rightly() -> None:
    networks, judge, batch = setting()
    cost = game().cost("discriminator", networks, batch, game().play(networks, batch), {})
    right = judge.layers(batch.real)[:, 1:].argmax(1) == LABELS
    assert float(cost.measured["real_class_accuracy"]) == pytest.approx(float(right.float().mean()))


def test_a_batch_without_classes_is_refused() -> None:
    networks, _, batch = setting()
    with pytest.raises(ValueError, match="without conditions"):
        game().play(networks, Batch(batch.real, batch.latent, 0, batch.generator))
