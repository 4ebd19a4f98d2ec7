"""The drop-in: whatever it is given, it does not raise; and it sees what is there."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

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
    assert monitor.status in ("OK", "WATCH", "TROUBLE")
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
    one_hot = Monitor(drawn(0, 8, 2), conditions=torch.eye(2)[torch.arange(8) % 2])
    assert "its shape is (8, 2) of float32" in one_hot.not_used["conditions"]


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
        latent=torch.zeros(4, 2),
    )
    assert set(monitor.not_used) == {"real_scores", "metric", "for distance"}
    assert "ZeroDivisionError" in monitor.not_used["for distance"]
    assert monitor.not_checked["mode-collapse"].startswith("sampling raised ZeroDivisionError")
    assert monitor.not_checked["discriminator-overfits"] == "no discriminator was given"


def test_a_nan_loss_is_named_at_once_between_two_checks() -> None:
    monitor = watch(Monitor(drawn(0, 64, 2), every=100, most_share=1.0), 7, loss_generator=torch.tensor(0.5))
    assert monitor.status == "OK"
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
    assert collapsed[0].first_step == 18


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
    assert monitor.not_checked == {"condition-ignored": "the samples are made without conditions"}
    last = monitor.measurements[-1]
    assert last.movement == 0  # the same latents every time
    assert last.spread == pytest.approx(1, abs=0.1)
    assert last.coverage is not None
    assert last.coverage > 0.9
    # Two normals half a deviation apart: Phi(0.5 / sqrt(2)) = 0.638; five standard errors of 64 by 64.
    assert last.auc == pytest.approx(0.638, abs=0.25)


def test_networks_and_randomness_are_left_as_they_were() -> None:
    network = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 2))
    network[1].eval()  # frozen by its owner, beside parts that train
    before = {name: value.clone() for name, value in network.state_dict().items()}
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    monitor = Monitor(drawn(0, 64, 2), drawn(1, 64, 2), every=1, most_share=1.0)
    watch(monitor, 3, generator=network, discriminator=network, latent=drawn(2, 64, 2))
    assert torch.equal(torch.rand(3), expected)
    assert [part.training for part in network] == [True, False, True, True]
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_steps_that_go_back_forget_what_came_after() -> None:
    monitor = watch(Monitor(drawn(0, 64, 2), every=1, most_share=1.0), 5, fake=drawn(1, 64, 2))
    monitor.observe(5, loss_generator=torch.tensor(math.nan))
    assert monitor.findings
    monitor.observe(2, fake=drawn(1, 64, 2))
    assert [measurement.step for measurement in monitor.measurements] == [0, 1, 2]
    assert monitor.findings == []
    assert "went back from 5 to 2" in monitor.not_used["step"]


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
    assert len(watch(none, 50, fake=drawn(1, 64, 2)).measurements) <= 3


def test_a_listener_hears_every_check() -> None:
    monitor = Monitor(drawn(0, 64, 2), every=2, most_share=1.0)
    heard: list[tuple[int, int]] = []
    monitor.listen(lambda measurement, changed: heard.append((measurement.step, len(changed))))
    watch(monitor, 6, fake=drawn(1, 64, 2))
    assert heard == [(0, 0), (2, 0), (4, 0)]
