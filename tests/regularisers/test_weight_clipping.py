"""The projection of the discriminator's weights into a box."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from poise.regularisers import clip_weights


@given(values=st.lists(st.floats(-10, 10, width=32), min_size=1), limit=st.floats(0.125, 5, width=32))
def test_every_weight_goes_to_the_nearest_of_the_box(values: list[float], limit: float) -> None:
    weights = torch.tensor(values, dtype=torch.float64)
    clip_weights([weights], limit)
    assert weights.tolist() == [max(-limit, min(limit, value)) for value in values]


def test_parameters_are_changed_in_place_and_without_a_graph() -> None:
    layer = nn.Linear(3, 2)
    nn.init.constant_(layer.weight, 0.5)
    nn.init.constant_(layer.bias, -0.5)
    weight = layer.weight
    clip_weights(iter(layer.parameters()), 0.01)
    assert layer.weight is weight
    assert weight.is_leaf
    assert weight.requires_grad
    torch.testing.assert_close(layer.weight.detach(), torch.full((2, 3), 0.01))
    torch.testing.assert_close(layer.bias.detach(), torch.full((2,), -0.01))


@pytest.mark.parametrize("limit", [0.0, -0.01, math.nan])
def test_a_box_without_inside_is_refused(limit: float) -> None:
    weights = torch.ones(2)
    with pytest.raises(ValueError, match="must be positive"):
        clip_weights([weights], limit)
    assert weights.tolist() == [1.0, 1.0]
