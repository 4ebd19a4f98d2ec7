"""From measured tensors to a line of the history."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from poise.training.state import summarise


def measured(real: list[float], fake: list[float], **more: float) -> dict[str, Tensor]:
    scores = {"real_scores": torch.tensor(real), "fake_scores": torch.tensor(fake)}
    return {**scores, **{name: torch.tensor(value) for name, value in more.items()}}


def test_an_interval_is_told_by_its_means() -> None:
    window = [
        measured([1.0, 3.0], [-1.0, 1.0], discriminator_loss=2.0),
        measured([5.0, -1.0], [-3.0, 7.0], discriminator_loss=4.0),
    ]
    assert summarise(window, 0.0) == {
        "discriminator_loss": 3.0,
        "real_score": 2.0,
        "fake_score": 1.0,
        "real_right": 0.75,
        "fake_right": 0.5,
    }


def test_without_a_boundary_the_middle_of_the_means_separates() -> None:
    line = summarise([measured([10.0, 12.0, 14.0], [8.0, 10.0, 15.0])], None)
    assert (line["real_score"], line["fake_score"]) == (12.0, 11.0)
    assert line["real_right"] == pytest.approx(2 / 3)
    assert line["fake_right"] == pytest.approx(2 / 3)
    assert summarise([measured([10.0, 12.0, 14.0], [8.0, 10.0, 15.0])], 20.0)["real_right"] == 0.0


def test_what_only_some_steps_measured_is_averaged_over_those() -> None:
    window = [{"penalty_r1": torch.tensor(6.0), "loss": torch.tensor(1.0)}, {"loss": torch.tensor(2.0)}]
    assert summarise(window, 0.0) == {"penalty_r1": 6.0, "loss": 1.5}


def test_scores_of_patches_and_of_batches_of_other_sizes_count_alike() -> None:
    window = [
        {"real_scores": torch.ones(2, 1, 3, 3), "fake_scores": torch.zeros(2, 1, 3, 3)},
        {"real_scores": torch.full((1, 1, 3, 3), 4.0), "fake_scores": torch.zeros(1, 1, 3, 3)},
    ]
    assert summarise(window, 0.5)["real_score"] == 2.0


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_is_left_out(value: float) -> None:
    assert summarise([{"loss": torch.tensor(value), "norm": torch.tensor(1.0)}], 0.0) == {"norm": 1.0}


def test_nothing_measured_is_nothing_told() -> None:
    assert summarise([], 0.0) == {}
    assert summarise([{}], None) == {}


@given(st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=20))
def test_a_discriminator_that_gives_all_the_same_score_gets_none_right(values: list[float]) -> None:
    line = summarise([measured([values[0]] * 3, [values[0]] * 3)], values[0])
    assert (line["real_right"], line["fake_right"]) == (0.0, 0.0)
