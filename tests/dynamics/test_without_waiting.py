"""An accelerator's path on the CPU: the optimiser skips what is not finite, and nothing is waited for."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from small_players import Batches, Optimiser, copied, game, players_of, small_networks
from torch import Tensor, nn

from poise.dynamics import DYNAMICS, Batch, NonFiniteError, Players
from poise.dynamics import players as of_players


class FusedSGD(torch.optim.SGD):
    """Plain steps that are skipped on the device if `found_inf` says so, as torch's fused optimisers do."""

    found_inf: Tensor | None = None

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        super().__init__(parameters, lr=0.1)
        self.defaults["fused"] = True
        self.steps = 0

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        self.steps += 1
        assert self.found_inf is not None
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    moved = parameter - group["lr"] * parameter.grad
                    parameter.copy_(torch.where(self.found_inf > 0, parameter, moved))


def fused_adam(parameters: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, lr=0.1, fused=True)


@pytest.fixture(params=[FusedSGD, fused_adam], ids=["fake", "adam"])
def players(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Players:
    """Players that are updated as on an accelerator."""
    monkeypatch.setattr(of_players, "waits_for_norm", lambda norm, optimiser: False)
    optimiser: Optimiser = request.param
    return players_of(game("non-saturating"), *small_networks(), optimiser)


def spoilt(step: int) -> Callable[[], Batch]:
    batches = Batches(step)

    def draw() -> Batch:
        batch = batches()
        batch.real[0, 0] = math.nan
        return batch

    return draw


def test_finite_steps_are_those_that_wait(players: Players, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = copy.deepcopy(players)
    waiting.optimisers = {
        player: type(own)(list(waiting.parameters[player].values()), **_settings(own))
        for player, own in players.optimisers.items()
    }
    for step in range(3):
        logs = DYNAMICS["alternating"].step(players, Batches(step), step)
    assert players.unsound is not None
    assert not bool(players.unsound)
    with monkeypatch.context() as patch:
        patch.setattr(of_players, "waits_for_norm", lambda norm, optimiser: True)
        for optimiser in waiting.optimisers.values():
            if isinstance(optimiser, FusedSGD):
                optimiser.found_inf = torch.zeros(())
        for step in range(3):
            wanted = DYNAMICS["alternating"].step(waiting, Batches(step), step)
    assert waiting.unsound is None
    torch.testing.assert_close(copied(players), copied(waiting), rtol=0, atol=0)
    torch.testing.assert_close(dict(logs), dict(wanted), rtol=0, atol=0)


def _settings(optimiser: torch.optim.Optimizer) -> dict[str, Any]:
    return {} if isinstance(optimiser, FusedSGD) else {"lr": 0.1, "fused": True}


@pytest.mark.parametrize("name", ["alternating", "simultaneous", "extragradient"])
def test_what_is_not_finite_is_skipped_and_noted_until_somebody_waits(players: Players, name: str) -> None:
    DYNAMICS[name].step(players, Batches(0), 0)
    before, moments = copied(players), _moments(players)
    assert not bool(players.unsound)
    logs = DYNAMICS[name].step(players, spoilt(1), 1)  # raises nothing
    assert not math.isfinite(float(logs["discriminator_gradient_norm"]))
    after = copied(players)
    torch.testing.assert_close(after["discriminator"], before["discriminator"], rtol=0, atol=0)
    assert _moments(players) == moments
    assert all(bool(torch.isfinite(value).all()) for own in after.values() for value in own.values())
    assert bool(players.unsound)
    DYNAMICS[name].step(players, Batches(2), 2)
    assert bool(players.unsound), "a sound step does not undo it"


def _moments(players: Players) -> list[list[float]]:
    """Each of the discriminator's optimiser tensors."""
    return [value.flatten().tolist() for own in players.slots("discriminator") for value in own.values()]


def test_no_value_of_the_device_is_read(players: Players, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_: Any) -> Any:
        raise AssertionError("the device is waited for")

    _, player = players.game.players
    batch = Batches(0)()
    outputs = players.game.forward(players.networks, batch)
    loss = players.game.loss(player, players.networks, batch, outputs, players.state)
    gradients = players.gradients(player, loss)
    for reading in ("__bool__", "item", "tolist", "__float__"):
        monkeypatch.setattr(Tensor, reading, read)
    if isinstance(players.optimisers[player], FusedSGD):  # torch's own reads its count of steps on the CPU
        players.optimizer_step(player, gradients, (batch, outputs, loss))


def test_on_the_cpu_and_without_a_fused_optimiser_the_norm_is_read_first() -> None:
    norm = torch.tensor(1.0)
    plain = torch.optim.SGD([nn.Parameter(norm.clone())], lr=0.1)
    fused = torch.optim.SGD([nn.Parameter(norm.clone())], lr=0.1, fused=True)
    assert of_players.waits_for_norm(norm, fused)
    elsewhere = torch.empty((), device="meta")
    assert of_players.waits_for_norm(elsewhere, plain)
    assert not of_players.waits_for_norm(elsewhere, fused)
    players = players_of(game("non-saturating"), *small_networks(), fused_adam)
    with pytest.raises(NonFiniteError):
        DYNAMICS["alternating"].step(players, spoilt(0), 0)
