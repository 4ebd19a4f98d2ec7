"""Devices by their names."""

import pytest
import torch

from poise.devices import pick_device
from poise.errors import PoiseError
from poise.metrics.features.extractor import full_float32


@pytest.mark.parametrize(
    ("there", "taken"), [(("cuda", "mps"), "cuda"), (("mps",), "mps"), ((), "cpu")], ids=str
)
def test_auto_takes_the_first_accelerator_that_is_there(
    there: tuple[str, ...], taken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in there)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in there)
    assert pick_device("auto") == torch.device(taken)
    for_numbers_of_64_bits = "cuda" if "cuda" in there else "cpu"
    assert pick_device("auto", float64=True) == torch.device(for_numbers_of_64_bits)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("cuda:1", ""),
        ("cuda:2", "devices.device-missing"),
        ("mps", "devices.device-missing"),
        ("cuda:first", "devices.unknown-device"),
        ("gpu", "devices.unknown-device"),
    ],
)
def test_a_card_that_is_not_there_is_refused(name: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    if not code:
        assert pick_device(name) == torch.device(name)
        return
    with pytest.raises(PoiseError) as refused:
        pick_device(name)
    assert refused.value.code == code


def test_full_float32_ends_with_its_block() -> None:
    products, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn
    before = products.allow_tf32, convolutions.allow_tf32
    with pytest.raises(ZeroDivisionError), full_float32():
        assert not products.allow_tf32 and not convolutions.allow_tf32
        _ = 1 / 0
    assert (products.allow_tf32, convolutions.allow_tf32) == before
