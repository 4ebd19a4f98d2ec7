"""Which random streams are seeded and restored on a device that this machine may not have."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from poise.randomness import seed_networks, streams_kept


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> list[torch.Generator]:
    """Three CUDA devices, the middle one current, whose generators are those of the CPU."""
    generators = [torch.Generator().manual_seed(100 + index) for index in range(3)]
    monkeypatch.setattr(torch.cuda, "default_generators", generators)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_rng_state_all", lambda: [one.get_state() for one in generators])

    def set_all(states: list[torch.Tensor]) -> None:
        for one, state in zip(generators, states, strict=True):
            one.set_state(state)

    monkeypatch.setattr(torch.cuda, "set_rng_state_all", set_all)
    return generators


@pytest.mark.parametrize(("device", "seeded"), [("cuda", 1), ("cuda:0", 0), ("cuda:1", 1), ("cuda:2", 2)])
def test_only_the_generator_of_the_networks_device_is_seeded(
    cuda: list[torch.Generator], device: str, seeded: int
) -> None:
    with torch.random.fork_rng(devices=[]):
        seed_networks(torch.device(device), 7)
        assert torch.initial_seed() == 7
    assert [one.initial_seed() for one in cuda] == [
        7 if index == seeded else 100 + index for index in range(3)
    ]


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_other_devices_leave_the_generators_of_cuda_alone(
    cuda: list[torch.Generator], device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds: list[int] = []
    monkeypatch.setattr(torch.mps, "manual_seed", seeds.append)
    with torch.random.fork_rng(devices=[]):
        seed_networks(torch.device(device), 7)
        assert torch.initial_seed() == 7
    assert seeds == ([7] if device == "mps" else [])
    assert [one.initial_seed() for one in cuda] == [100, 101, 102]


@pytest.mark.parametrize(("device", "own"), [("cuda", 1), ("cuda:2", 2)])
def test_a_session_gives_the_process_the_stream_of_its_device_back(
    cuda: list[torch.Generator], device: str, own: int
) -> None:
    before, on_cpu = [one.get_state() for one in cuda], torch.get_rng_state()
    with streams_kept():
        seed_networks(torch.device(device), 7)
        torch.rand(3)
        torch.rand(3, generator=cuda[own])
    assert torch.equal(torch.get_rng_state(), on_cpu)
    assert all(torch.equal(one.get_state(), state) for one, state in zip(cuda, before, strict=True))


def test_a_session_on_mps_gives_its_stream_back(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = torch.Generator().manual_seed(5)
    before = stream.get_state()
    monkeypatch.setattr(torch.mps, "manual_seed", stream.manual_seed)
    monkeypatch.setattr(torch.mps, "get_rng_state", stream.get_state)
    monkeypatch.setattr(torch.mps, "set_rng_state", stream.set_state)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)

    def fail() -> None:
        with streams_kept():
            seed_networks(torch.device("mps"), 7)
            torch.rand(3, generator=stream)
            raise RuntimeError

    _raises(fail)
    assert torch.equal(stream.get_state(), before)


def _raises(function: Callable[[], None]) -> None:
    with pytest.raises(RuntimeError):
        function()
