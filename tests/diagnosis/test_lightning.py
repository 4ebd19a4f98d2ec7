"""The callback for Lightning, called as Lightning calls it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from poise.diagnosis import Monitor
from poise.diagnosis.lightning import callback


def module(*names: str) -> SimpleNamespace:
    torch.manual_seed(0)
    return SimpleNamespace(**dict(zip(names, (nn.Linear(3, 2), nn.Linear(2, 1)), strict=True)))


def recorded(monitor: Monitor, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What `observe` is called with."""
    seen: list[dict[str, Any]] = []
    monkeypatch.setattr(monitor, "observe", lambda step, **given: seen.append({"step": step, **given}))
    return seen


@pytest.mark.parametrize(
    "names", [("generator", "discriminator"), ("netG", "netD"), ("G", "D"), ("gen", "critic")]
)
def test_a_step_that_returns_nothing_is_watched_by_its_calls(
    names: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monitor, held = Monitor(every=1), module(*names)
    seen, watching = recorded(monitor, monkeypatch), callback(monitor)
    generator, discriminator = (getattr(held, name) for name in names)
    trainer = SimpleNamespace(
        global_step=4, callback_metrics={"d_loss": torch.tensor(0.5), "g_loss": torch.tensor(2.0)}
    )
    watching.on_train_start(trainer, held)
    real, latent = torch.randn(4, 2), torch.randn(4, 3)
    fake = generator(latent)
    scores = discriminator(real), discriminator(fake.detach()), discriminator(fake)
    watching.on_train_batch_end(trainer, held, None, [real, torch.zeros(4, dtype=torch.long)], 0)
    (given,) = seen
    assert given["step"] == 0 and given["generator"] is generator and given["discriminator"] is discriminator
    wanted = {
        "latent": latent,
        "real": real,
        "fake": fake,
        "real_scores": scores[0],
        "fake_scores": scores[2],
    }
    assert all(given[name] is value for name, value in wanted.items())
    assert (float(given["loss_discriminator"]), float(given["loss_generator"])) == (0.5, 2.0)
    watching.on_train_end(trainer, held)
    generator(latent)
    watching.on_train_batch_end(trainer, held, None, [real], 1)
    assert "fake" not in seen[1]


def test_what_a_step_returns_goes_first_and_a_step_is_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monitor = Monitor(every=1)
    seen, watching = recorded(monitor, monkeypatch), callback(monitor)
    for batch in range(3):
        trainer = SimpleNamespace(global_step=2 * batch, callback_metrics={"d_loss": 1.0})
        outputs = {"loss_discriminator": 0.25, "real": "own", "else": 1}
        watching.on_train_batch_end(trainer, None, outputs, [torch.randn(4, 2)], batch % 2)
    assert [given["step"] for given in seen] == [0, 1, 2]
    assert all(given["loss_discriminator"] == 0.25 and given["real"] == "own" for given in seen)
    assert "else" not in seen[0]


def test_a_callback_that_sees_nothing_says_so() -> None:
    monitor = Monitor(every=1)
    watching = callback(monitor)
    watching.on_train_batch_end(
        SimpleNamespace(callback_metrics={}), SimpleNamespace(), None, [torch.randn(4, 2)], 0
    )
    assert "netG" in monitor.not_used["callback"] and "training_step" in monitor.not_used["callback"]


def test_validation_and_the_monitors_own_calls_are_not_taken_for_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monitor, held = Monitor(every=1), module("generator", "discriminator")
    watching, latent = callback(monitor), torch.randn(4, 3)
    watching.on_train_start(None, held)
    seen: list[dict[str, Tensor]] = []

    def observe(step: int, **given: Any) -> None:
        seen.append(given)
        held.generator(latent)  # as a check samples

    monkeypatch.setattr(monitor, "observe", observe)
    held.generator.eval()
    held.generator(latent)
    held.generator.train()
    watching.on_train_batch_end(None, held, None, [torch.randn(4, 2)], 0)
    watching.on_train_batch_end(None, held, None, [torch.randn(4, 2)], 1)
    assert len(seen) == 2 and not any("fake" in given for given in seen)
