"""The monitor as a callback of Lightning, by its methods' names alone: Lightning need not be installed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from poise.diagnosis.logs.names import guessed
from poise.diagnosis.monitor import Monitor

# What `observe` takes, and so what a training step may return
KNOWN = (
    "generator", "discriminator", "sample", "latent", "real", "fake", "real_scores", "fake_scores",
    "loss_generator", "loss_discriminator", "metric",
)  # fmt: skip
# The attributes by which modules hold their players
PLAYERS: Mapping[str, Sequence[str]] = {
    "generator": ("generator", "netG", "net_g", "G", "gen", "net_G", "g_net", "generator_model"),
    "discriminator": (
        "discriminator", "netD", "net_d", "D", "disc", "critic", "net_D", "d_net", "discriminator_model",
    ),
}  # fmt: skip
# What the names of logged values stand for
LOGGED = {"generator_loss": "loss_generator", "discriminator_loss": "loss_discriminator", "metric": "metric"}


def callback(monitor: Monitor) -> Any:
    """A Lightning callback that observes every training batch.

    It needs no help: the players are the module's attributes `generator` and `discriminator`, `netG` and
    `netD` or the like; their calls give latents, fakes and scores; the batch gives the reals; and what the
    module logs gives losses and metrics, by their names. What `training_step` returns, if it is a dictionary
    with any of `observe`'s arguments, goes before all of that. If nothing of the kind is found, `not_used`
    says so.

    It is an instance of Lightning's `Callback` if Lightning is installed, else of a plain class with the same
    methods. A step is a batch, however many optimisers there are.

    Example:
        >>> watching = callback(Monitor(every=1))
        >>> watching.on_train_batch_end(None, None, {"loss_generator": 0.5}, None, 0)
    """
    watch = _Watch(monitor)
    methods = {
        "on_train_start": lambda self, trainer, module: watch.begin(module),
        "on_train_batch_end": lambda self, *given: watch.step(*given),
        "on_train_end": lambda self, trainer, module: watch.end(),
    }
    return type("DoctorCallback", (_base(),), methods)()


class _Watch:
    """What one callback holds: the players, what their last calls were, and how many batches there were."""

    def __init__(self, monitor: Monitor) -> None:
        self.monitor = monitor
        self.players: dict[str, Any] = {}
        self.hooks: list[Any] = []
        self.calls: dict[str, list[tuple[Any, Any]]] = {}
        self.batches = 0
        self.busy = False

    def begin(self, module: Any) -> None:
        """Find the players, and listen to their calls."""
        for player, names in PLAYERS.items():
            held = next(
                (getattr(module, name) for name in names if getattr(module, name, None) is not None), None
            )
            if held is not None:
                self.players[player] = held
            if isinstance(held, nn.Module):
                self.hooks.append(held.register_forward_hook(self._listener(player)))

    def end(self) -> None:
        """Listen no more."""
        for hook in self.hooks:
            hook.remove()
        self.hooks.clear()

    def _listener(self, player: str) -> Callable[[Any, Any, Any], None]:
        def listen(module: Any, given: Any, made: Any) -> None:
            if not self.busy and module.training and given:
                self.calls.setdefault(player, []).append((given[0], made))

        return listen

    def step(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int, *rest: Any) -> None:
        """Observe one batch."""
        if not self.players and module is not None:
            self.begin(module)
        found = {**self.players, **self._logged(trainer), **self._called(batch)}
        if isinstance(outputs, Mapping):
            found |= {name: outputs[name] for name in KNOWN if name in outputs}
        if not found.keys() - {"real"}:
            attributes = ", ".join((*PLAYERS, "netG", "netD"))
            self.monitor.not_used["callback"] = (
                f"the module has no attribute of these: {attributes}; and logs no losses; let training_step "
                f"return a dictionary with {', '.join(KNOWN)}"
            )
        self.calls.clear()
        self.busy = True
        try:
            self.monitor.observe(self.batches, **found)
        finally:
            self.busy = False
            self.batches += 1

    def _logged(self, trainer: Any) -> dict[str, Any]:
        """The losses and the metric among what the module logs."""
        values = getattr(trainer, "callback_metrics", None) or {}
        games = guessed(map(str, values))
        if len(games) != 1:
            return {}
        columns = {LOGGED[name]: found for name, found in games[0].items() if name in LOGGED}
        return {name: sum(values[one] for one in found) / len(found) for name, found in columns.items()}

    def _called(self, batch: Any) -> dict[str, Any]:
        """Latents, fakes and scores from what the players were called with, and the reals of the batch."""
        reals = next((one for one in _tensors(batch) if one.is_floating_point()), None)
        found: dict[str, Any] = {} if reals is None else {"real": reals}
        made = self.calls.get("generator", [])
        if made:
            found["latent"], found["fake"] = made[-1]
        fakes = {place for _, fake in made for place in map(_place, _tensors(fake))}
        for given, scores in self.calls.get("discriminator", []):
            places = set(map(_place, _tensors(given)))
            if places & fakes:
                found["fake_scores"] = scores
            elif reals is not None and _place(reals) in places:
                found["real_scores"] = scores
        return found


def _place(tensor: Tensor) -> int:
    """Where a tensor's values lie: a detached tensor is the same one."""
    return tensor.data_ptr()


def _tensors(value: Any) -> list[Tensor]:
    """The tensors in a value as loaders give it."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    return [one for one in value if isinstance(one, torch.Tensor)] if isinstance(value, list | tuple) else []


def _base() -> type:
    for package in ("lightning.pytorch", "pytorch_lightning"):
        try:
            found: type = __import__(package, fromlist=["Callback"]).Callback
            return found
        except ImportError:
            continue
    return object
