"""Rates are a function of the step alone."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from poise.training.rates import Rates, share_left


@given(steps=st.integers(1, 10_000), constant=st.floats(0, 1), data=st.data())
def test_a_rate_holds_then_falls_and_never_reaches_zero_before_the_end(
    steps: int, constant: float, data: st.DataObject
) -> None:
    step = data.draw(st.integers(0, steps - 1))
    share = share_left(step, steps=steps, constant_share=constant)
    assert 0 < share <= 1
    assert share <= share_left(max(0, step - 1), steps=steps, constant_share=constant)
    if step <= constant * steps:
        assert share == 1


def test_both_optimisers_follow_and_come_back() -> None:
    optimisers = {
        player: torch.optim.Adam([torch.zeros(1, requires_grad=True)], lr=rate)
        for player, rate in (("discriminator", 0.4), ("generator", 0.1))
    }
    rates = Rates(optimisers, constant_share=0.5, steps=4)
    rates.set(3)
    assert [one.param_groups[0]["lr"] for one in optimisers.values()] == pytest.approx([0.2, 0.05])
    rates.set(0)
    assert [one.param_groups[0]["lr"] for one in optimisers.values()] == pytest.approx([0.4, 0.1])
