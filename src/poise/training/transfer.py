"""Beginning from other weights: what has the same name and shape is taken, and the rest is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from poise.errors import PoiseError
from poise.games.view import own_part
from poise.networks.conditioned import names_without_condition
from poise.recipes import Recipe
from poise.run_folder import Checkpoint, RunFolder
from poise.run_folder.checkpoints import DamagedError, checkpoint_of
from poise.run_folder.tensors_folder import read_tensors_folder
from poise.training.components import Components

SHOWN = 3
"""How many tensors that are not taken a sentence names."""


@dataclass(frozen=True)
class Taken:
    """What the networks of a run began with, and from where."""

    path: Path
    step: int
    counts: Mapping[str, tuple[int, int]]  # By player: tensors that were taken, and that there are
    left: tuple[str, ...]  # Those that stay as they were drawn, each with the reason
    frozen: int = 0  # Layers of the discriminator, counted from the image, that are not trained
    # Those of layers that take a condition besides here, whose weights begin at zero for it
    widened: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """For a user."""
        parts = [f"{some} of {whole} tensors of the {who}" for who, (some, whole) in self.counts.items()]
        text = f"The weights of '{self.path}' at step {self.step:,} were taken: {' and '.join(parts)}"
        if self.left:
            more = f" and {len(self.left) - SHOWN} more" if len(self.left) > SHOWN else ""
            text = f"{text}; not {', '.join(self.left[:SHOWN])}{more}"
        if self.widened:
            text = f"{text}; the condition begins without effect in {' and '.join(self.widened)}"
        if not self.frozen:
            return f"{text}."
        layers = "layer" if self.frozen == 1 else f"{self.frozen} layers"
        return f"{text}. The {layers} of the discriminator next to the image will not be trained."

    def to_json(self) -> dict[str, Any]:
        """As `environment.json` has it under `from`."""
        counts = {player: list(pair) for player, pair in self.counts.items()}
        frozen = {"frozen_layers": self.frozen} if self.frozen else {}
        widened = {"widened": list(self.widened)} if self.widened else {}
        about = {"path": str(self.path), "step": self.step, "taken": counts, "left": list(self.left)}
        return {**about, **frozen, **widened}

    @staticmethod
    def recorded(environment: Mapping[str, Any]) -> Taken | None:
        """What an `environment.json` says of it; `None` if its run began with weights that were drawn."""
        found = environment.get("from")
        if found is None:
            return None
        counts = {player: (int(some), int(whole)) for player, (some, whole) in found["taken"].items()}
        frozen = int(found.get("frozen_layers", 0))
        left, widened = tuple(found["left"]), tuple(found.get("widened", ()))
        return Taken(Path(found["path"]), int(found["step"]), counts, left, frozen, widened)


def check_frozen(recipe: Recipe, taken: Taken | None) -> None:
    """Raises a `PoiseError` if layers are to keep weights that nobody has trained."""
    count = recipe.freeze_discriminator_layers
    if count and taken is None:
        what = f"{count} {'layer' if count == 1 else 'layers'} of the discriminator cannot be frozen"
        why = "they would keep the weights with which they were drawn"
        hint = "begin with the weights of a run, --from RUN, or leave freeze_discriminator_layers out"
        raise PoiseError(what, code="training.frozen-without-from", why=why, hint=hint)


def take(components: Components, place: Path | str, *, step: int | None = None) -> Taken:
    """Put other weights into the networks, and into the average of the generator.

    Args:
        components: The networks as they were drawn.
        place: A run, of which the newest checkpoint is taken; one of its checkpoints; or its generator, whose
            averaged weights are taken and which leaves the discriminator as it was drawn.
        step: The step whose weights these must be; `None` for whatever there is.

    Raises:
        PoiseError: There are no weights or not those of that step, no tensor has the name and shape of one of
            these networks, or one of a layer that is frozen has not.
    """
    path = Path(place).expanduser().absolute()
    found = _checkpoint_at(path, step)
    if step is not None and found.step != step:
        what = f"The weights of step {step:,} are no longer in '{path}'"
        why = f"they are those of step {found.step:,} now"
        raise PoiseError(what, code="training.weights-changed", why=why, hint="put the former ones back")
    counts, left, widened = {}, list[str](), list[str]()
    for player, module in components.modules.items():
        copied = _copy(own_part(found.tensors, f"network/{player}"), module)
        counts[player] = copied.taken, copied.whole
        left += [f"{player}'s {reason}" for reason in copied.left]
        widened += [f"{player}'s {name}" for name in copied.widened]
    if not any(some for some, _ in counts.values()):
        what = f"The networks have no tensor in common with those of '{path}'"
        why = f"not taken are {', '.join(left[:SHOWN])}"
        hint = f"choose the same networks: --set generator=NAME and its settings as in {path}"
        raise PoiseError(what, code="training.nothing-to-take", why=why, hint=hint)
    frozen = {
        name
        for name, value in components.modules["discriminator"].named_parameters()
        if not value.requires_grad
    }
    lost = [one for one in left if one.removeprefix("discriminator's ").split(" (")[0] in frozen]
    if components.recipe.freeze_discriminator_layers and lost:
        raise PoiseError(
            f"Layers of the discriminator that are to be frozen are not in '{path}'",
            code="training.frozen-not-taken",
            why=f"not taken are {', '.join(lost[:SHOWN])}",
            hint="freeze fewer layers, or choose the same discriminator",
        )
    average = own_part(found.tensors, "ema/generator")
    components.ema.module.load_state_dict(components.modules["generator"].state_dict())
    _copy(average, components.ema.module)
    frozen_layers = components.recipe.freeze_discriminator_layers
    return Taken(path, found.step, counts, tuple(left), frozen_layers, tuple(widened))


@dataclass(frozen=True)
class _Copied:
    """What became of the tensors of a network."""

    whole: int
    left: list[str]  # Those that stay as they were drawn, with the reason
    widened: list[str]  # Those that are taken and have further columns, which are zero

    @property
    def taken(self) -> int:
        """How many were taken."""
        return self.whole - len(self.left)


@torch.no_grad()
def _copy(theirs: Mapping[str, Tensor], module: nn.Module) -> _Copied:
    """Copy what has the same name and shape.

    A network with a condition takes those of the network that the condition entered. If it enters as further
    inputs, the new columns are zero, so that it begins as that network.
    """
    own, plain = module.state_dict(), names_without_condition(module)
    adopted = bool(plain) and not theirs.keys() & own.keys()
    copied = _Copied(len(own), [], [])
    for name, value in own.items():
        other = theirs.get(plain.get(name, "") if adopted else name)
        if other is None:
            copied.left.append(f"{name} (there is none)")
        elif other.shape == value.shape:
            value.copy_(other)
        elif adopted and _is_wider(value, other):
            value.zero_()[:, : other.shape[1]].copy_(other)
            copied.widened.append(name)
        else:
            copied.left.append(f"{name} ({_shape(other)} there, {_shape(value)} here)")
    return copied


def _is_wider(value: Tensor, other: Tensor) -> bool:
    """Whether a weight has more inputs than another, and is like it otherwise."""
    if value.dim() != other.dim() or value.dim() < 2 or value.shape[1] <= other.shape[1]:
        return False
    return value.shape[0] == other.shape[0] and value.shape[2:] == other.shape[2:]


def _shape(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "a number"


def _checkpoint_at(path: Path, step: int | None = None) -> Checkpoint:
    """The weights of a run's newest checkpoint, or of that step; of a checkpoint, or of a generator."""
    if (path / "recipe.json").is_file():
        run = RunFolder.open(path)
        steps = run.checkpoint_steps()
        if not steps:
            return _checkpoint_at(path / "generator")
        return run.load_checkpoint(step if step in steps else steps[-1])
    for weights, about in (("tensors", "state"), ("generator", "generator")):
        if not (path / f"{weights}.safetensors").is_file():
            continue
        try:
            found = read_tensors_folder(path, f"{weights}.safetensors", f"{about}.json")
        except DamagedError as error:
            what = f"The weights in '{path}' are damaged"
            hint = "name another checkpoint, or the run"
            raise PoiseError(what, code="training.weights-damaged", why=str(error), hint=hint) from None
        if weights == "tensors":
            return checkpoint_of(found)
        tensors = {f"network/generator/{name}": value for name, value in found.tensors.items()}
        return Checkpoint(found.step, tensors, found.objects[about])
    what = f"'{path}' holds no weights"
    hint = "give a run's folder, one of its checkpoints, or its generator"
    raise PoiseError(what, code="training.no-weights", hint=hint)
