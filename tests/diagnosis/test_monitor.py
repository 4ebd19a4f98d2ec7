"""The drop-in: whatever it is given, it does not raise; and it sees what is there."""

from __future__ import annotations

import itertools
import math
import random
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from poise.diagnosis import Monitor


def drawn(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def watch(monitor: Monitor, steps: int, **given: Any) -> Monitor:
    for step in range(steps):
        monitor.observe(step, **given)
    return monitor


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"real_scores": torch.zeros(4, 1, 3, 3), "fake_scores": (torch.zeros(4, 1), torch.zeros(4, 1, 2, 2))},
        {"real_scores": "high", "fake_scores": object()},
        {"real_scores": torch.zeros(4).half(), "fake_scores": torch.zeros(4).bfloat16()},
        {"real": torch.full((4, 2), math.nan), "fake": torch.full((4, 2), math.nan)},
        {"real": np.zeros((4, 2)), "fake": [[1.0, 2.0]] * 4},
        {"fake": torch.zeros(0, 2), "latent": torch.zeros(())},
        {"fake": torch.zeros(4, 3)},
        {"loss_generator": 0.5, "loss_discriminator": torch.tensor([[0.5]], requires_grad=True)},
        {"loss_generator": None, "loss_discriminator": "low", "metric": "good"},
        {"generator": lambda z: 1 / 0, "latent": torch.zeros(4, 2)},
        {"generator": nn.Linear(3, 2), "latent": torch.zeros(4, 2)},
        {"discriminator": lambda x: None, "fake": torch.zeros(64, 2)},
        {"sample": lambda z, labels: z, "latent": torch.zeros(4, 2)},
    ],
)
@pytest.mark.parametrize("real", [None, drawn(0, 64, 2), "reals", torch.zeros(2, 2)])
def test_nothing_that_it_is_given_makes_it_raise(given: dict[str, Any], real: Any) -> None:
    monitor = watch(Monitor(real, every=1, most_share=1.0), 4, **given)
    assert len(monitor.measurements) == 4
    assert monitor.status in ("OK", "WATCH", "TROUBLE", "BLIND")
    assert "observe" not in monitor.not_used


def test_what_is_unfit_among_what_is_known_of_the_data_is_left_out_and_said() -> None:
    spoiled = drawn(0, 64, 2)
    spoiled[3, 1] = math.nan
    labels = torch.arange(40) % 2
    monitor = Monitor(spoiled, held_out=drawn(1, 64, 5), conditions=labels, every=1, most_share=1.0)
    watch(monitor, 3, fake=drawn(2, 64, 2), discriminator=nn.Linear(2, 1))
    assert monitor.not_used == {
        "real": "1 of 64 samples hold values that are not finite, and are left out",
        "held_out": "held-out samples have the shape (5,) and reals (2,)",
        "conditions": "there are 40 for 64 reals",
    }
    distances = [measurement.distance for measurement in monitor.measurements]
    assert len(distances) == 3
    assert all(distance is not None and math.isfinite(distance) for distance in distances)


@pytest.mark.parametrize(
    "labels",
    [
        torch.arange(64) % 4,
        (torch.arange(64) % 4)[:, None],
        torch.eye(4)[torch.arange(64) % 4],
        torch.eye(4, dtype=torch.long)[torch.arange(64) % 4],
        (torch.arange(64) % 4).float(),
        (torch.arange(64) % 4).numpy(),
        ["abcd"[number % 4] for number in range(64)],
    ],
)
def test_labels_are_taken_in_every_form(labels: Any) -> None:
    asked: list[torch.Tensor] = []

    def sample(latent: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        asked.append(wanted)
        return latent + wanted[:, None]

    monitor = watch(Monitor(drawn(0, 64, 2), conditions=labels, every=1, most_share=1.0), 2, sample=sample,
                    latent=drawn(1, 64, 2), fake=drawn(2, 64, 2))  # fmt: skip
    assert monitor.not_used == {}
    assert set(asked[-1].tolist()) == {0, 1, 2, 3}
    assert monitor.measurements[-1].condition_response is not None


@pytest.mark.parametrize("labels", [drawn(0, 64), torch.ones(64, 3), torch.zeros(64, 2, 2), torch.arange(5)])
def test_labels_that_are_none_are_said(labels: Any) -> None:
    monitor = watch(Monitor(drawn(0, 64, 2), conditions=labels, every=1), 1, fake=drawn(1, 64, 2))
    assert monitor.not_used["conditions"].endswith((".", "fractions", "reals", "none", ")"))


@pytest.mark.parametrize("wrap", [lambda made: (made, "styles"), lambda made: made.numpy()])
def test_samples_in_a_tuple_or_an_array_are_samples(wrap: Any) -> None:
    monitor = Monitor(drawn(0, 64, 2), every=1, most_share=1.0)
    watch(monitor, 2, sample=wrap, latent=drawn(1, 64, 2))
    assert monitor.measurements[-1].distance is not None
    assert monitor.not_used == {}


def test_a_mean_score_of_a_batch_ranks_nothing() -> None:
    means = {"real_scores": torch.tensor(0.9), "fake_scores": 0.1}
    monitor = watch(Monitor(every=1, most_share=1.0), 40, **means)
    assert {measurement.auc for measurement in monitor.measurements} == {None}
    assert "one number for a whole batch" in monitor.not_used["real_scores"]
    assert monitor.findings == []


def test_a_loss_that_stays_nan_is_not_checked_at_every_step() -> None:
    monitor = watch(Monitor(drawn(0, 64, 2), every=10, most_share=1.0), 30, loss_generator=math.nan)
    assert [measurement.step for measurement in monitor.measurements] == [0, 10, 20]
    assert monitor.status == "TROUBLE"


def test_what_it_could_not_use_is_said() -> None:
    monitor = watch(
        Monitor(drawn(0, 64, 2), every=1, most_share=1.0),
        2,
        real_scores="high",
        metric="good",
        sample=lambda z: 1 / 0,
        latent=drawn(1, 64, 2),
    )
    assert {"real_scores", "metric", "for distance", "for sampling"} <= set(monitor.not_used)
    assert "ZeroDivisionError" in monitor.not_used["for distance"]
    assert monitor.not_checked["mode-collapse"].startswith("sampling raised ZeroDivisionError")
    assert monitor.not_checked["discriminator-overfits"] == "no discriminator was given"


def test_a_nan_loss_is_named_at_once_between_two_checks() -> None:
    monitor = watch(Monitor(drawn(0, 64, 2), every=100, most_share=1.0), 7, loss_generator=torch.tensor(0.5))
    assert monitor.findings == []
    monitor.observe(7, loss_generator=torch.tensor(math.nan), loss_discriminator=torch.tensor(1.0))
    assert monitor.status == "TROUBLE"
    assert str(monitor.findings[0]) == (
        "TROUBLE non-finite, step 7 (99 % sure): A value that is not finite came up in the generator's loss."
    )


def test_samples_that_all_look_the_same_are_a_collapse() -> None:
    monitor = Monitor(drawn(0, 300, 2), every=1, most_share=1.0)
    for step in range(30):
        fake = drawn(step + 1, 128, 2)
        monitor.observe(step, fake=fake if step < 18 else 0.001 * fake + 1)
    collapsed = [one for one in monitor.findings if one.name == "mode-collapse"]
    assert [one.severity for one in collapsed] == ["trouble"]
    assert 18 <= collapsed[0].first_step < 18 + 3, "within three checks"
    assert monitor.readings == monitor.measurements, "scripts written for version 0.1 go on"
    assert [one.separation for one in monitor.readings] == [one.auc for one in monitor.measurements]


def test_samples_like_the_data_are_no_finding() -> None:
    real = drawn(0, 600, 4)
    monitor = Monitor(real[:400], real[400:], every=1, most_share=1.0)
    for step in range(60):
        scores = drawn(2 * step, 64), drawn(2 * step + 1, 64)
        monitor.observe(
            step, generator=nn.Identity(), discriminator=nn.Linear(4, 1), latent=drawn(900 + step, 64, 4),
            real_scores=scores[0] + 0.5, fake_scores=scores[1], loss_generator=scores[0].mean(),
        )  # fmt: skip
    assert monitor.findings == []
    assert monitor.not_checked["condition-ignored"] == "the samples are made without conditions"
    assert monitor.not_checked["data-mismatch"] == "no reals of the loop were given"
    assert set(monitor.not_checked) <= {
        "augmentation-leaks", "condition-ignored", "checkerboard", "data-mismatch", "latent-ignored",
        "modes-apart", "no-gradient", "silence", "clipping", "whistling",
    }  # fmt: skip
    last = monitor.measurements[-1]
    assert last.movement == 0  # the same latents every time
    assert last.spread == pytest.approx(1, abs=0.1)
    assert last.coverage is not None
    assert last.coverage > 0.9
    # Two normals half a deviation apart: Phi(0.5 / sqrt(2)) = 0.638; five standard errors of 64 by 64.
    assert last.auc == pytest.approx(0.638, abs=0.25)


class Restless(nn.Module):
    """Draws from every stream, counts in buffers, attributes, lists and tensors, and exchanges a buffer."""

    calls: torch.Tensor
    replaced: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))
        self.register_buffer("replaced", torch.zeros(2))
        self.count, self.seen, self.mean = 0, [0], torch.zeros(2)
        self.table: dict[str, int] = {}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        self.replaced = self.replaced + 1
        self.count += 1
        self.seen.append(self.count)
        self.table["last"] = self.count
        self.mean.add_(1)
        self.late = self.count
        noise = torch.randn(2) + random.random() + float(np.random.rand()) + self.count % 7
        return x + 0.001 * noise


def restless(watched: bool) -> tuple[Any, ...]:
    """Training with and without a doctor: everything that could differ."""
    torch.manual_seed(5), random.seed(5), np.random.seed(5)
    network = nn.Sequential(
        nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), Restless(), nn.Linear(8, 2),
        nn.utils.parametrizations.spectral_norm(nn.Linear(2, 2)),
    )  # fmt: skip
    network[3] = nn.Sequential(nn.Linear(8, 2), Restless(), nn.Linear(2, 8))
    network[1].eval()  # frozen by its owner, beside parts that train

    def wrapped(latent: torch.Tensor) -> Any:
        return network(latent)

    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    monitor = Monitor(drawn(0, 64, 2), drawn(1, 64, 2), every=1, most_share=1.0)
    for step in range(8):
        latent = torch.randn(64, 2)
        fake = network(latent)
        optimiser.zero_grad()
        torch.autograd.backward(fake.square().mean())
        optimiser.step()
        if watched:
            monitor.observe(step, generator=wrapped, discriminator=network, latent=latent, fake=fake,
                            real=drawn(step, 64, 2))  # fmt: skip
    if watched:
        assert monitor.measurements[-1].movement is not None
        assert monitor.measurements[-1].training_above_held_out is not None
    counter: Any = cast(Any, network[3])[1]
    return (
        {name: value.clone() for name, value in network.state_dict().items()},
        (counter.count, list(counter.seen), dict(counter.table), counter.mean.tolist(), counter.late),
        (torch.rand(3).tolist(), random.random(), float(np.random.rand())),
        [part.training for part in network.modules()],
    )


def test_a_training_has_the_same_bits_with_and_without_the_monitor() -> None:
    with_, without = restless(True), restless(False)
    assert with_[0].keys() == without[0].keys()
    assert all(torch.equal(value, without[0][name]) for name, value in with_[0].items())
    assert with_[1:] == without[1:]


def test_steps_that_go_back_forget_what_came_after() -> None:
    monitor = watch(Monitor(drawn(0, 64, 2), every=1, most_share=1.0), 5, fake=drawn(1, 64, 2))
    monitor.observe(5, loss_generator=torch.tensor(math.nan))
    assert monitor.findings
    monitor.observe(2, fake=drawn(1, 64, 2))
    assert [measurement.step for measurement in monitor.measurements] == [0, 1, 2]
    assert monitor.findings == []
    assert "went back from 5 to 2" in monitor.not_used["step"]


@pytest.mark.parametrize(
    ("number", "told"),
    [
        (lambda step: step % 25, "started again at 0 after 24"),
        (lambda step: 1 + step % 25, "started again at 1 after 25"),
        (lambda step: step // 25, "stands still at 0"),
        (lambda step: 0, "stands still at 0"),
        (lambda step: None, "no number"),
    ],
)
def test_steps_that_do_not_count_are_counted(number: Any, told: str) -> None:
    """A loop that hands over the number of a batch, of an epoch, or nothing: a collapse is named."""
    monitor = Monitor(drawn(0, 256, 2), steps=200, most_share=1.0)
    for step in range(200):
        monitor.observe(number(step), fake=torch.zeros(32, 2) if step >= 60 else drawn(step, 32, 2))
    assert told in monitor.not_used["step"]
    steps = [measurement.step for measurement in monitor.measurements]
    assert steps == sorted(set(steps))
    assert len(steps) >= 55
    (found,) = [one for one in monitor.findings if one.name == "mode-collapse"]
    assert 60 <= found.first_step <= 72


def test_steps_that_jump_are_understood() -> None:
    """Images seen, in place of steps."""
    monitor = Monitor(drawn(0, 256, 2), most_share=1.0)
    for step in range(300):
        monitor.observe(64 * step, fake=drawn(step, 32, 2))
    assert "step" not in monitor.not_used
    assert 28 <= len(monitor.measurements) <= 32  # every tenth call
    assert {one.step % 64 for one in monitor.measurements} == {0}


PICTURES = torch.rand(128, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize(
    "real",
    [
        PICTURES,
        PICTURES.numpy(),
        list(PICTURES),
        [(one, 0) for one in PICTURES],
        (PICTURES, torch.zeros(128)),
        PICTURES.permute(0, 2, 3, 1),
        ((PICTURES + 1) * 127.5).round().byte(),
        ((PICTURES + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy(),
        PICTURES.flatten(1),
        TensorDataset(PICTURES, torch.zeros(128)),
        DataLoader(TensorDataset(PICTURES), batch_size=32, shuffle=True),
        {"image": PICTURES, "label": torch.zeros(128)},
    ],
)
def test_reals_are_taken_as_people_have_them(real: Any) -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    monitor = Monitor(real, every=1, most_share=1.0)
    fake = PICTURES.flip(0)[:64]
    watch(monitor, 2, fake=fake, real=PICTURES[:64], real_scores=drawn(0, 64), fake_scores=drawn(1, 64))
    assert torch.equal(torch.rand(1), expected)
    assert monitor.not_used == {}
    last = monitor.measurements[-1]
    assert last.distance == pytest.approx(0, abs=0.02)
    assert last.loop_reals["mean"] == pytest.approx((0, 0), abs=0.05)
    assert last.loop_reals["deviation"] == pytest.approx((0.577, 0.577), abs=0.03)  # uniform on -1 to 1


@pytest.mark.parametrize(
    ("real", "told"),
    [
        ("reals", "text"),
        (nn.Linear(2, 2), "network"),
        (object(), "object"),
        ([torch.zeros(3, 4), torch.zeros(3, 5)], "differ in shape"),
        ([], "empty"),
    ],
)
def test_reals_that_are_none_are_said_in_a_sentence(real: Any, told: str) -> None:
    assert told in Monitor(real).not_used["real"]


def test_reals_of_another_size_give_way_to_those_of_the_loop() -> None:
    monitor = Monitor(torch.rand(64, 3, 16, 16), every=1, most_share=1.0)
    watch(monitor, 10, real=PICTURES[:64], fake=PICTURES[64:])
    assert "the loop's own are taken instead" in monitor.not_used["real"]
    assert monitor.measurements[-1].distance == pytest.approx(0, abs=0.02)


def test_a_doctor_that_sees_next_to_nothing_is_blind_and_says_what_it_needs() -> None:
    monitor = Monitor(every=1, most_share=1.0)
    with pytest.warns(UserWarning, match="blind"):
        watch(monitor, 30, loss_generator=0.7, loss_discriminator=1.3)
    assert monitor.status == "BLIND"
    assert any("fake=" in one for one in monitor.hand_over)
    assert any("real_scores=" in one for one in monitor.hand_over)
    seeing = watch(Monitor(drawn(0, 64, 2), every=1), 9, fake=drawn(1, 64, 2),
                   real_scores=drawn(2, 64), fake_scores=drawn(3, 64))  # fmt: skip
    assert seeing.status == "OK"


def test_what_the_loop_hands_over_is_looked_at_if_the_generator_cannot_be_called() -> None:
    def conditional(latent: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        raise TypeError("a label is wanted")

    monitor = Monitor(drawn(0, 64, 2), every=1, most_share=1.0)
    watch(monitor, 6, generator=conditional, latent=drawn(1, 64, 2), fake=torch.zeros(64, 2))
    assert monitor.findings[0].name == "mode-collapse"
    assert monitor.findings[0].severity == "trouble"


@pytest.mark.parametrize("swapped", [False, True])
def test_conditional_generators_are_called_as_they_are(swapped: bool) -> None:
    """G(z, c), G(c, z), and G(z, c) whose condition comes with the latent."""
    embedding = nn.Embedding(4, 2)

    def make(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        latent, label = (second, first) if swapped else (first, second)
        return latent + cast(torch.Tensor, embedding(label))

    labels = torch.arange(64) % 4
    monitor = Monitor(drawn(0, 64, 2), conditions=labels, every=1, most_share=1.0)
    watch(monitor, 3, generator=make, latent=drawn(1, 64, 2))
    last = monitor.measurements[-1]
    assert last.latent_response is not None and last.latent_response > 0.3
    assert last.condition_response is not None and last.condition_response > 0.1
    if not swapped:
        together = watch(
            Monitor(drawn(0, 64, 2), every=1, most_share=1.0),
            3,
            generator=make,
            latent=(drawn(1, 64, 2), labels),
        )
        assert together.measurements[-1].latent_response == pytest.approx(last.latent_response, rel=0.2)


def test_an_ignored_latent_is_named_beside_conditions_that_are_followed() -> None:
    labels, centres = torch.arange(256) % 4, torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [4.0, 4.0]])
    monitor = Monitor(centres[labels] + 0.3 * drawn(0, 256, 2), conditions=labels, every=1, most_share=1.0)
    watch(monitor, 3, sample=lambda latent, label: centres[label], latent=drawn(1, 64, 2))
    assert "latent-ignored" in {one.name for one in monitor.findings if one.severity == "trouble"}


def test_the_same_latents_at_every_step_are_named() -> None:
    """The generator drifts slowly, as one that learns; its fakes come again row by row."""
    found = {}
    for name in ("same", "fresh"):
        monitor = Monitor(drawn(0, 256, 2), steps=200, most_share=1.0)
        for step in range(100):
            latent = drawn(7 if name == "same" else step, 64, 2)
            monitor.observe(step, fake=latent + 0.01 * step, latent=latent)
        found[name] = {one.name for one in monitor.findings if one.severity == "trouble"}
    assert "latent-ignored" in found["same"]
    assert "latent-ignored" not in found["fresh"]


class Trained:
    """Two small networks with their optimisers; `fault` is what keeps them from training."""

    def __init__(self, fault: str = "") -> None:
        torch.manual_seed(0)
        self.fault = fault
        self.generator, self.discriminator = nn.Linear(2, 2), nn.Linear(2, 1)
        own = {"generator": self.generator, "discriminator": self.discriminator}
        self.optimisers = {
            name: torch.optim.SGD(
                (nn.Linear(2, 2) if fault == f"{name} of a copy" else module).parameters(), 0.01
            )
            for name, module in own.items()
        }

    def step(self, number: int) -> dict[str, Any]:
        real, latent = drawn(number, 64, 2) + 2, drawn(10_000 + number, 64, 2)
        fake = self.generator(latent)
        scores = self.discriminator(real), self.discriminator(fake.detach())
        loss = nn.functional.softplus(-scores[0]).mean() + nn.functional.softplus(scores[1]).mean()
        self.optimisers["discriminator"].zero_grad()
        torch.autograd.backward(loss)
        self.optimisers["discriminator"].step()
        made = fake.detach().requires_grad_() if self.fault == "detached" else fake
        own = nn.functional.softplus(-self.discriminator(made)).mean()
        self.optimisers["generator"].zero_grad()
        torch.autograd.backward(own)
        if self.fault != "no step":
            self.optimisers["generator"].step()
        return {
            "generator": self.generator, "discriminator": self.discriminator, "latent": latent, "real": real,
            "fake": fake, "real_scores": scores[0], "fake_scores": scores[1], "loss_generator": own,
            "loss_discriminator": loss,
        }  # fmt: skip


@pytest.mark.parametrize(
    "fault", ["", "detached", "no step", "generator of a copy", "discriminator of a copy"]
)
def test_a_player_whose_weights_stay_is_named_within_three_checks(fault: str) -> None:
    monitor, loop = Monitor(drawn(0, 256, 2) + 2, steps=1200, most_share=1.0), Trained(fault)
    for step in range(61):
        monitor.observe(step, **loop.step(step))
    assert len(monitor.measurements) == 4
    found = [one for one in monitor.findings if one.name == "no-gradient"]
    assert [one.severity for one in found] == (["trouble"] if fault else [])
    if fault:
        assert found[0].first_step <= 40
        assert ("discriminator" in fault) == ("discriminator" in found[0].sentence)


def test_overflows_that_a_scaler_skips_are_no_trouble() -> None:
    """Gradients that are infinite at a check, of a scaled loss: the step was skipped, nothing is broken."""
    monitor, loop = Monitor(drawn(0, 256, 2) + 2, every=1, most_share=1.0), Trained()
    for step in range(12):
        given = loop.step(step)
        for weight in [*loop.generator.parameters(), *loop.discriminator.parameters()]:
            assert weight.grad is not None
            weight.grad.fill_(math.inf)
        monitor.observe(step, **given)
    assert "non-finite" not in {one.name for one in monitor.findings}


@pytest.mark.parametrize("change", ["range", "bytes", "again"])
def test_reals_that_are_not_what_was_handed_over_are_named(change: str) -> None:
    monitor = Monitor(PICTURES, steps=600, most_share=1.0)
    for step in range(60):
        rows = slice(0, 32) if change == "again" else torch.randperm(128)[:32]
        real = PICTURES[rows]
        real = (real + 1) / 2 if change == "range" else (real + 1) * 127.5 if change == "bytes" else real
        monitor.observe(step, real=real, fake=PICTURES[torch.randperm(128)[:32]])
    (found,) = [one for one in monitor.findings if one.name == "data-mismatch"]
    assert found.severity == "trouble"


def test_held_out_data_of_another_distribution_are_said_to_be_that() -> None:
    """The discriminator tells them from training data, and knows nothing by heart: the loop has no fault."""
    real, held_out = drawn(0, 400, 4), drawn(1, 200, 4) + torch.tensor([1.0, 0.0, 0.0, 0.0])
    found = {}
    for name, rows in (("another", held_out), ("same", drawn(1, 200, 4))):
        monitor = Monitor(real, rows, steps=600, most_share=1.0)
        for step in range(300):
            monitor.observe(step, fake=drawn(step, 64, 4) - 2, discriminator=lambda x: -x[:, :1],
                            real_scores=drawn(0, 64), fake_scores=drawn(1, 64))  # fmt: skip
        found[name] = monitor
    names = {name: {one.name for one in monitor.findings} for name, monitor in found.items()}
    assert names["another"] == names["same"] - {"discriminator-overfits"}
    assert found["same"].not_used == {}
    another = found["another"]
    for told in (another.not_used["held_out"], another.not_checked["discriminator-overfits"]):
        assert "another distribution" in told and "draw them by lot" in told


def test_copies_are_told_by_the_training_reals_if_the_held_out_ones_are_of_another_distribution() -> None:
    """Samples of the data lie nearer to them than data of another place: they are no copies for that."""
    real, elsewhere = drawn(0, 400, 4), drawn(1, 200, 4) + torch.tensor([3.0, 0.0, 0.0, 0.0])
    for rows, named in ((drawn(2, 256, 4), False), (real[:256], True)):
        monitor = Monitor(real, elsewhere, every=10, steps=600, most_share=1.0)
        for step in range(0, 600, 10):
            monitor.observe(step, fake=rows[torch.randperm(256)])
        assert ("memorisation" in {one.name for one in monitor.findings}) == named


def test_reals_are_gathered_where_none_are_given() -> None:
    monitor = Monitor(every=1, most_share=1.0)
    for step in range(12):
        monitor.observe(step, real=drawn(step, 64, 2), fake=drawn(99 - step, 64, 2))
    assert monitor.measurements[0].distance is None
    assert monitor.measurements[-1].distance == pytest.approx(0, abs=0.1)


def test_labels_that_are_followed_and_ignored() -> None:
    labels = torch.arange(400) % 4
    centres = torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [4.0, 4.0]])
    real = centres[labels] + 0.3 * drawn(0, 400, 2)

    def follows(latent: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        return centres[wanted] + 0.3 * latent

    def ignores(latent: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        return centres[(latent.sum(1).abs() * 97).long() % 4] + 0.3 * latent

    found = {}
    for sample in (follows, ignores):
        monitor = Monitor(real, conditions=labels, every=1, most_share=1.0)
        for step in range(60):
            monitor.observe(step, sample=sample, latent=drawn(step, 64, 2))
        found[sample.__name__] = {one.name: one.severity for one in monitor.findings}
        assert monitor.measurements[-1].condition_chance == pytest.approx(0.25, abs=0.15)
    assert "condition-ignored" not in found["follows"]
    assert found["ignores"]["condition-ignored"] == "trouble"


def test_checks_are_rarer_as_the_run_grows_and_never_beyond_their_share() -> None:
    monitor = Monitor(drawn(0, 64, 2), most_share=1.0)
    for step in range(2000):
        monitor.observe(step, fake=drawn(7, 16, 2))
    steps = [measurement.step for measurement in monitor.measurements]
    gaps = [after - before for before, after in itertools.pairwise(steps)]
    assert gaps[0] == 10
    assert gaps[-1] >= 40
    assert len(steps) < 140
    none = Monitor(drawn(0, 64, 2), every=1, most_share=0.0)
    assert len(watch(none, 50, fake=drawn(1, 64, 2)).measurements) <= 4, "the first ones come at once"


def test_a_listener_hears_every_check() -> None:
    monitor = Monitor(drawn(0, 64, 2), every=2, most_share=1.0)
    heard: list[tuple[int, int]] = []
    monitor.listen(lambda measurement, changed: heard.append((measurement.step, len(changed))))
    watch(monitor, 6, fake=drawn(1, 64, 2))
    assert heard == [(0, 0), (2, 0), (4, 0)]
