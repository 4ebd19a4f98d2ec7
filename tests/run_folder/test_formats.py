"""The formats in a run folder against other implementations of them: safetensors and JSON."""

import io
import json
import math
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from poise.run_folder.checkpoints import DTYPES, HashedFile, read_tensors, write_tensors
from poise.run_folder.files import from_json, to_json

TYPES = [getattr(torch, name) for name in DTYPES.values()]


def written(tensors: dict[str, Tensor]) -> bytes:
    stream = io.BytesIO()
    write_tensors(HashedFile(stream), tensors)
    return stream.getvalue()


def read(content: bytes) -> dict[str, Tensor]:
    return read_tensors(HashedFile(io.BytesIO(content)), len(content))


def bits(tensor: Tensor) -> Any:
    return tensor.dtype, tensor.shape, tensor.contiguous().reshape(-1).view(torch.uint8).tolist()


@st.composite
def states(draw: st.DrawFn) -> dict[str, Tensor]:
    names = draw(
        st.lists(
            st.text(min_size=1, max_size=9).filter(lambda name: name != "__metadata__"),
            unique=True,
            max_size=6,
        )
    )
    found = {}
    for name in names:
        shape = draw(st.lists(st.integers(0, 4), max_size=3))
        dtype = draw(st.sampled_from(TYPES))
        count = math.prod(shape) * dtype.itemsize
        content = torch.randint(0, 2 if dtype == torch.bool else 256, (count,), dtype=torch.uint8)
        found[name] = content.view(dtype).reshape(shape) if count else torch.empty(shape, dtype=dtype)
    return found


@settings(max_examples=200)
@given(tensors=states())
def test_tensors_are_written_and_read_as_the_library_does(tensors: dict[str, Tensor]) -> None:
    ours, wanted = written(tensors), {name: bits(value) for name, value in tensors.items()}
    assert {name: bits(value) for name, value in safetensors.torch.load(ours).items()} == wanted
    assert {name: bits(value) for name, value in read(ours).items()} == wanted
    theirs = safetensors.torch.save(tensors, metadata={"format": "pt"})
    assert {name: bits(value) for name, value in read(theirs).items()} == wanted


def test_tensors_of_any_layout_and_those_that_share_memory_are_written_as_what_they_show() -> None:
    whole = torch.arange(24.0).reshape(2, 3, 4)
    tensors = {
        "whole": whole,
        "same": whole,
        "turned": whole.permute(2, 0, 1),
        "row": whole[1],
        "still": whole.requires_grad_(),
    }
    tensors |= {
        "wide": torch.ones(3).expand(2, 3),
        "last": torch.rand(2, 3, 4, 4).to(memory_format=torch.channels_last),
    }
    found = read(written(tensors))
    assert all(torch.equal(found[name], value) for name, value in tensors.items())


FINITE = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats()
NAMES = st.text(max_size=5).filter(lambda name: not name.endswith("_is"))
VALUES = st.recursive(
    FINITE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=300)
@given(value=st.dictionaries(NAMES, VALUES, max_size=4))
def test_every_number_comes_back_from_standard_json(value: dict[str, Any]) -> None:
    text = to_json(value)
    json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert repr(from_json(text)) == repr(value)
    assert repr(from_json(text.encode())) == repr(value)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a_is": "nan"}',
        '{"a": null, "a_is": "big"}',
        '{"a_is": "nan"}',
        '{"a": [null], "a_is": ["nan", null]}',
    ],
)
def test_a_name_that_only_looks_like_such_a_word_is_left_alone(text: str) -> None:
    assert from_json(text) == json.loads(text)
