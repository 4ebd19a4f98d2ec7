import json
import math

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from poise.data import Identity, Pixels, Range, Standardised, Transform, transform_from_json
from poise.errors import PoiseError


def test_bytes_become_the_exact_quotients() -> None:
    encoded = Pixels().encode(torch.arange(256, dtype=torch.uint8))
    assert encoded.dtype == torch.float32
    assert encoded[0] == -1 and encoded[255] == 1
    exact = (np.arange(256) - 127.5) / 127.5
    assert np.abs(encoded.numpy() - exact).max() <= 2.0**-25, "half a unit in the last place below 1"
    assert torch.equal(encoded, -encoded.flip(0)), "symmetric about 0"


STEADY = settings(suppress_health_check=[HealthCheck.too_slow])  # on a busy machine, too


@STEADY
@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=1, max_dims=4, max_side=5)))
def test_bytes_come_back(stored: np.ndarray) -> None:
    transform = Pixels()
    before = torch.from_numpy(stored.copy())
    value = transform.encode(before)
    assert value.abs().max() <= 1
    assert torch.equal(transform.decode(value), before)
    assert np.array_equal(before.numpy(), stored), "what was given is left alone"


@STEADY
@given(
    st.floats(-1e3, 1e3),
    st.floats(1e-2, 1e3),
    hnp.arrays(np.float64, st.integers(1, 20), elements=st.floats(0, 1)),
)
def test_ranges_come_back(low: float, width: float, share: np.ndarray) -> None:
    transform = Range(low, low + width)
    stored = torch.from_numpy((low + width * share).astype(np.float32))
    value = transform.encode(stored)
    rounding = 1e-6 * (1 + (abs(low) + width) / width)
    assert np.allclose(value.numpy(), 2 * share - 1, atol=rounding)
    assert torch.allclose(transform.decode(value), stored, atol=rounding * width)


@STEADY
@given(
    hnp.arrays(np.float32, st.tuples(st.integers(1, 9), st.just(3)), elements=st.floats(-100, 100, width=32)),
    st.tuples(*[st.floats(-50, 50)] * 3),
    st.tuples(*[st.floats(0.1, 50)] * 3),
)
def test_columns_come_back(stored: np.ndarray, center: tuple[float, ...], scale: tuple[float, ...]) -> None:
    transform = Standardised(center=center, scale=scale)
    value = transform.encode(torch.from_numpy(stored.copy()))
    assert np.allclose(value.numpy(), (stored - np.array(center)) / np.array(scale), rtol=1e-4, atol=1e-4)
    assert np.allclose(transform.decode(value).numpy(), stored, atol=1e-3)


def test_gradients_flow_after_use_in_inference_mode() -> None:
    transform = Standardised(center=(1.5, 2.5), scale=(3.0, 4.0))
    with torch.inference_mode():
        transform.decode(torch.zeros(1, 2))
    value = torch.zeros(1, 2, requires_grad=True)
    transform.decode(value).sum().backward()
    assert value.grad is not None and value.grad.tolist() == [[3.0, 4.0]]


def test_identity_gives_the_values_themselves() -> None:
    stored = torch.randn(4, 2)
    assert torch.equal(Identity().encode(stored), stored)
    assert torch.equal(Identity().decode(stored), stored)


def test_what_lies_beyond_an_image_is_clamped_and_what_lies_beyond_a_table_is_kept() -> None:
    beyond = torch.tensor([-3.0, 0.25, 7.0])
    assert Pixels().decode(beyond).tolist() == [0, 159, 255]
    assert Range(0, 1).decode(beyond).tolist() == [0.0, 0.625, 1.0]
    assert Identity().decode(beyond).tolist() == beyond.tolist()


def test_half_precision_samples_decode_in_full_precision() -> None:
    decoded = Range(0, 1).decode(torch.ones(2, dtype=torch.bfloat16))
    assert decoded.dtype == torch.float32


@pytest.mark.parametrize(
    "transform",
    [
        Pixels(),
        Range(0.0, 255.0),
        Identity(),
        Standardised(center=(0.1, 2.0), scale=(1.0, math.pi)),
    ],
)
def test_json_and_back(transform: Transform) -> None:
    again = transform_from_json(json.loads(json.dumps(transform.to_json())))
    assert again == transform and hash(again) == hash(transform)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ({"name": "pixel"}, "unknown-transform"),
        ({"name": "pixels", "lo": 1}, "unknown-field"),
        ({}, "data.transform-unnamed"),
        ({"name": ["pixels"]}, "data.transform-unnamed"),
        ({"name": "range", "low": "0"}, "data.transform-not-numbers"),
        ({"name": "range", "low": True}, "data.transform-not-numbers"),
        ({"name": "range", "low": 1.0, "high": 1.0}, "data.transform-range"),
        ({"name": "range", "low": float("nan")}, "data.transform-not-finite"),
        ({"name": "standardised"}, "data.transform-columns"),
        ({"name": "standardised", "center": [0.0], "scale": []}, "data.transform-columns"),
        ({"name": "standardised", "center": [0.0], "scale": [0.0]}, "data.transform-columns"),
        ({"name": "standardised", "center": [[0.0]], "scale": [1.0]}, "data.transform-not-numbers"),
        ({"name": "pixels", "center": [0.0], "scale": [1.0]}, "data.transform-columns"),
    ],
)
def test_a_damaged_record_is_refused(written: dict[str, object], code: str) -> None:
    with pytest.raises(PoiseError) as caught:
        transform_from_json(written)
    assert caught.value.code == code
