"""The game with classes: each player's loss by hand, and no forward pass more than it needs."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from poise.augment import Augmentation
from poise.dynamics import Batch
from poise.games import AdversarialGame, Scoring, Term, noise_to_data
from poise.games.auxiliary import class_terms
from poise.games.noise_to_data import from_latent_and_condition
from poise.games.view import first_column
from poise.losses import LOSSES
from poise.networks.conditioned import ConcatenatedGenerator
from poise.regularisers import REGULARISERS
from poise.schedules import Number
from poise.tasks.build import augmentation

LOSS = LOSSES["non-saturating"]
LABELS = torch.tensor([0, 2, 1, 0, 2, 2])


class Judge(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 1 + 3))
        self.seen: list[Tensor] = []

    def forward(self, samples: Tensor) -> Tensor:
        self.seen.append(samples.detach())
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


def game(weight: Number = 1.0, *penalties: Term, chain: tuple[Augmentation, ...] = ()) -> AdversarialGame:
    scoring = Scoring(read=first_column, augmentations=chain)
    more = class_terms(weight)
    return noise_to_data(LOSS, penalties, scoring=scoring, forward=from_latent_and_condition, more=more)


def test_the_cross_entropy_is_part_of_both_losses() -> None:
    networks, judge, batch = setting()
    played = game().forward(networks, batch)
    real, fake = judge.layers(batch.real), judge.layers(played["fake"])
    on_real, on_fake = (cross_entropy(given[:, 1:], LABELS) for given in (real, fake))
    losses = game(0.5).losses(networks, batch, played, {})
    scores = real[:, 0], fake[:, 0]
    torch.testing.assert_close(
        losses["discriminator"].value, LOSS.discriminator(*scores).mean() + 0.5 * (on_real + on_fake)
    )
    torch.testing.assert_close(losses["generator"].value, LOSS.generator(*scores).mean() + 0.5 * on_fake)
    for player in game().players:
        alone = game(0.5).loss(player, networks, batch, played, {})
        torch.testing.assert_close(alone.value, losses[player].value)


def test_the_generator_learns_the_class_from_the_classifier() -> None:
    networks, _, batch = setting()
    only_classes = game(1e6)
    played = only_classes.forward(networks, batch)
    parameters = list(networks["generator"].parameters())
    found = only_classes.loss("generator", networks, batch, played, {})
    slopes = torch.autograd.grad(found.value, parameters)
    with torch.no_grad():
        for parameter, slope in zip(parameters, slopes, strict=True):
            parameter.sub_(1e-9 * slope)
    after = only_classes.loss("generator", networks, batch, only_classes.forward(networks, batch), {})
    assert after.logs["fake_class_loss"] < found.logs["fake_class_loss"]


def test_classes_need_no_forward_pass_of_their_own() -> None:
    networks, judge, batch = setting()
    played = game().forward(networks, batch)
    for chain in ((), (augmentation("instance-noise", {"deviation": 0.3}),)):
        for player, forwards in (("discriminator", 2), ("generator", 1)):
            judge.seen.clear()
            game(chain=chain).loss(player, networks, batch, played, {})
            assert len(judge.seen) == forwards
        judge.seen.clear()
        game(chain=chain).losses(networks, batch, played, {})
        assert len(judge.seen) == 2


def test_classes_are_those_of_what_the_discriminator_sees() -> None:
    """The cross-entropy goes through the augmentations, as every term does."""
    networks, judge, batch = setting()
    played = game().forward(networks, batch)
    chain = (augmentation("instance-noise", {"deviation": 0.3}),)
    found = game(chain=chain).loss("discriminator", networks, batch, played, {})
    fake, real = judge.seen
    assert not torch.equal(real, batch.real)
    for name, seen in (("real_class_loss", real), ("discriminator_fake_class_loss", fake)):
        wanted = cross_entropy(judge.layers(seen)[:, 1:], LABELS)
        torch.testing.assert_close(found.logs[name], wanted.detach())


def test_label_flips_exchange_scores_and_never_classes() -> None:
    networks, _, batch = setting()
    played = game().forward(networks, batch)
    plain = game().loss("discriminator", networks, batch, played, {})
    chain = (augmentation("label-flip", {"share": 0.49}),)
    flipped = game(1.0, chain=chain).loss("discriminator", networks, batch, played, {})
    assert not torch.equal(flipped.logs["discriminator_loss"], plain.logs["discriminator_loss"])
    for name in ("real_class_loss", "discriminator_fake_class_loss", "real_class_accuracy"):
        assert torch.equal(flipped.logs[name], plain.logs[name])


def test_regularisers_are_of_the_score_alone() -> None:
    networks, judge, batch = setting()
    penalty = Term("penalty_r1", "discriminator", REGULARISERS["r1"].value)
    played = game().forward(networks, batch)
    found = game(1.0, penalty).loss("discriminator", networks, batch, played, {})
    real = batch.real.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(judge.layers(real)[:, 0].sum(), real)
    torch.testing.assert_close(found.logs["penalty_r1"], (gradient.square().sum(1) / 2).mean())


def test_accuracy_is_the_share_of_reals_told_rightly() -> None:
    networks, judge, batch = setting()
    found = game().loss("discriminator", networks, batch, game().forward(networks, batch), {})
    right = judge.layers(batch.real)[:, 1:].argmax(1) == LABELS
    assert float(found.logs["real_class_accuracy"]) == pytest.approx(float(right.float().mean()))


def test_a_batch_without_classes_is_refused() -> None:
    networks, _, batch = setting()
    played = game().forward(networks, batch)
    alone = Batch(batch.real, batch.latent, 0, batch.generator)
    for player in game().players:
        with pytest.raises(ValueError, match="without conditions"):
            game().loss(player, networks, alone, played, {})
