"""The monitor as a callback of Lightning, by its methods' names alone: Lightning need not be installed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from poise.diagnosis.monitor import Monitor

KNOWN = (
    "generator", "discriminator", "sample", "latent", "real", "fake", "real_scores", "fake_scores",
    "loss_generator", "loss_discriminator", "metric",
)  # fmt: skip


def callback(monitor: Monitor) -> Any:
    """A Lightning callback that observes every training batch.

    It takes what `training_step` returns, if that is a dictionary with any of `observe`'s arguments, and the
    module's `generator` and `discriminator`, if it has them. It is an instance of Lightning's `Callback` if
    Lightning is installed, else of a plain class with the same method.

    Example:
        >>> watching = callback(Monitor(every=1))
        >>> watching.on_train_batch_end(None, None, {"loss_generator": 0.5}, None, 0)
    """

    def on_train_batch_end(
        self: Any, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int, *rest: Any
    ) -> None:
        given = dict(outputs) if isinstance(outputs, Mapping) else {}
        found = {name: given[name] for name in KNOWN if name in given}
        for name in ("generator", "discriminator"):
            if name not in found and getattr(module, name, None) is not None:
                found[name] = getattr(module, name)
        monitor.observe(getattr(trainer, "global_step", batch_idx) or batch_idx, **found)

    made = type("DoctorCallback", (_base(),), {"on_train_batch_end": on_train_batch_end})
    return made()


def _base() -> type:
    for package in ("lightning.pytorch", "pytorch_lightning"):
        try:
            found: type = __import__(package, fromlist=["Callback"]).Callback
            return found
        except ImportError:
            continue
    return object
