"""The plan of a run: data are opened, the recipe is resolved, and everything is checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from poise.data import Dataset, kind_of, open_data, origin_of, spec_of
from poise.dynamics import Batch, Players
from poise.dynamics.joint import joint
from poise.errors import PoiseError
from poise.networks.shapes import check_sides
from poise.recipes import Automatic, Choice, Recipe, drafted, recipe_with
from poise.spec import MOST_SIDE, DataSpec, sides_of
from poise.tasks import TASKS, Task
from poise.tasks.held_out import with_held_out
from poise.tasks.prepare import prepared, unused_labels
from poise.text import counted
from poise.training.callbacks import check_callbacks
from poise.training.callbacks.eigenvalues import check_eigenvalues
from poise.training.components import Components, buffers_restored, build_components, run_images
from poise.training.engine import with_precision
from poise.training.evaluation_cost import interval_of
from poise.training.own_modules import check_given, check_modules
from poise.training.private import (
    NOTICE,
    UNSOLVED,
    as_private,
    check_kind,
    check_networks,
    new_secret,
    opened_privately,
    with_noise,
)
from poise.training.resolve import resolve
from poise.training.transfer import Taken, take

Data = Any
"""A path, the name of a built-in, an array, a tensor, a data set, or two of them as `Pairs` or `Domains`."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Experiment:
    """A run that has been checked and not begun: what `--dry-run` shows."""

    dataset: Dataset  # Opened
    origin: Mapping[str, Any]  # How to open them again, as origin_of says it
    components: Components  # The recipe with every value spelled out; networks, game and optimisers
    asked: Recipe  # The recipe before values "by the data" were spelled out
    choice: Choice | None = None  # Why this recipe, if none was named
    notices: tuple[str, ...] = ()  # What will be trained and will hardly work
    taken: Taken | None = None  # What the networks begin with, if not as they were drawn

    def started_from(self, place: Path | str) -> Experiment:
        """The experiment with other weights in its networks; see `poise.training.transfer.take`."""
        return replace(self, taken=take(self.components, place))

    def shortened(self, steps: int) -> Experiment:
        """The same with other steps."""
        asked = recipe_with(self.asked, {"steps": steps})
        components = assembled(self.dataset, asked, self.components.device, {})
        shorter = replace(self, asked=asked, components=measured_when(components, self.dataset), taken=None)
        return shorter if self.taken is None else shorter.started_from(self.taken.path)

    @property
    def recipe(self) -> Recipe:
        """The recipe with every value spelled out."""
        return self.components.recipe

    @property
    def spec(self) -> DataSpec:
        """What networks are told of the data."""
        return spec_of(self.dataset)


def plan(
    data: Data,
    recipe: Recipe | Automatic,
    device: torch.device,
    *,
    given: Mapping[str, nn.Module] | None = None,
    progress: Progress | None = None,
    seconds: float | None = None,
) -> Experiment:
    """Open the data, spell the recipe out and build the networks, so that all that can be refused is.

    Args:
        data: What a user has.
        recipe: What to do with it; `Automatic` lets the data choose.
        device: Where.
        given: The user's own modules, by player.
        progress: Called with `(done, total)` while images are read.
        seconds: How long the training may take, for the data's choice; `None` if nobody said.

    Raises:
        PoiseError: Something does not fit; nothing was written.
    """
    asked = drafted(recipe)
    check_callbacks(asked)
    task = TASKS.named(asked.game.name)
    check_size(asked, task)
    opened = data
    if asked.private is not None:
        blank = asked.private.model_copy(update=UNSOLVED)
        opened = opened_privately(data, blank, new_secret())
    dataset = open_data(
        opened,
        resolution=asked.resolution,
        fit=asked.fit,
        channels=asked.channels,
        encoding=asked.encoding,
        seed=asked.seed,
        progress=progress,
    )
    dataset = unused_labels(prepared(dataset, task, asked.game.options), data, task)
    choice = None
    if isinstance(recipe, Automatic) and not given:
        asked, choice = recipe.chosen(
            spec_of(dataset),
            len(dataset),
            accelerated=device.type != "cpu",
            by_kind=kind_of(dataset).recipe,
            seconds=seconds,
        )
    if asked.private is not None:
        check_kind(dataset)
        counted = opened.privately is not None and opened.privately.counted
        noise = opened.privately.noise if counted else 0.0
        asked = asked.model_copy(update={"private": blank.model_copy(update={"column_noise": noise})})
    check_given(given or {})
    components = assembled(dataset, asked, device, given or {})
    notices = check_modules(components, dataset)
    check_second_order(components, spec_of(dataset))
    if asked.private is not None:
        check_networks(components, spec_of(dataset))
        notices = (NOTICE, *notices)
    check_eigenvalues(components)
    components = measured_when(components, dataset)
    return Experiment(dataset, origin_of(data), components, asked, choice, notices)


def check_size(recipe: Recipe, task: Task) -> None:
    """Refuse images larger than `auto` can make before the first of them is read."""
    sides = (0, 0) if recipe.resolution is None else sides_of(recipe.resolution)
    if max(sides) > MOST_SIDE and recipe.generator.name == "auto" and task.directions is None:
        check_sides(*sides, network="dcgan")


def assembled(
    dataset: Dataset, recipe: Recipe, device: torch.device, given: Mapping[str, nn.Module]
) -> Components:
    """What a run on data that are open trains, its recipe spelled out."""
    spec = spec_of(dataset)
    recipe = with_held_out(recipe if recipe.private is None else as_private(recipe), dataset)
    resolved = with_precision(resolve(recipe, spec, given=tuple(given)), device)
    if resolved.private is not None:
        resolved = with_noise(resolved, len(dataset))
    check_batch(resolved, dataset)
    return build_components(resolved, spec, device, given=given)


def measured_when(components: Components, dataset: Dataset) -> Components:
    """The same, once its recipe says how often samples are measured."""
    if components.recipe.evaluate_every is None:
        every = {"evaluate_every": interval_of(components, dataset)}
        components.recipe = components.recipe.model_copy(update=every)
    return components


DEAD_ENDS = ("torch::autograd::Error", "torch::autograd::NotImplemented")
"""What stands in the graph of a gradient for an operator without a second derivative."""


def check_batch(recipe: Recipe, dataset: Dataset) -> None:
    """Refuse data that are fewer than a batch."""
    if len(dataset) < recipe.batch_size * recipe.packing:
        batch = f"{recipe.batch_size}" + (f" x {recipe.packing}" if recipe.packing > 1 else "")
        what = f"'{dataset.name}' holds {counted(len(dataset), 'sample')}, fewer than a batch of {batch}"
        hint = f"use --batch-size {max(1, len(dataset) // recipe.packing)} or less, or give more data"
        raise PoiseError(what, code="training.too-few-samples", hint=hint)


def check_second_order(components: Components, spec: DataSpec) -> None:
    """Differentiate twice on a few samples of noise whatever will be differentiated twice while training.

    Torch itself would leave out, without a word, what lies behind an operator without a second derivative.
    Nothing is changed: no weight, no running statistic, no randomness.
    """
    recipe, players, dynamics = components.recipe, components.players, components.dynamics
    measured = recipe.eigenvalues_every is not None
    if not (dynamics.second_order or measured or recipe.regularisers):
        return
    with torch.random.fork_rng(), buffers_restored(components.modules.values()):
        batch = _noise(components, spec)
        penalised, ends = bool(recipe.regularisers) and _ends(_first_losses(players, batch), players), False
        if dynamics.second_order or measured:
            field = joint(players, batch, create_graph=True)
            ends = _ends([one for own in field.gradients.values() for one in own], players)
    if penalised:
        names = " and ".join(f"'{name}'" for name in recipe.regularisers)
        without = " ".join(f"--set regularisers.{name}=null" for name in recipe.regularisers)
        what = f"This discriminator cannot be regularised by {names}"
        why = "one of its operators cannot be differentiated twice"
        hint = f"leave it out: {without}"
        raise PoiseError(what, code="training.penalty-not-differentiable", why=why, hint=hint)
    if ends and not dynamics.second_order:
        what = "The eigenvalues of these networks cannot be measured"
        why = "one of their operators cannot be differentiated twice"
        hint = "leave eigenvalues_every out"
        raise PoiseError(what, code="training.eigenvalues-not-differentiable", why=why, hint=hint)
    if ends:
        what = f"The dynamics '{dynamics.name}' cannot train these networks"
        why = "one of their operators cannot be differentiated twice"
        hint = "choose one that differentiates once: --set dynamics=extragradient"
        raise PoiseError(what, code="training.dynamics-not-differentiable", why=why, hint=hint)


def _noise(components: Components, spec: DataSpec) -> Batch:
    """A few samples of noise as the batch of step 0, at which every penalty is due."""
    recipe, device = components.recipe, components.device
    samples = min(recipe.batch_size, 2) * recipe.packing  # batch statistics need two
    generator = torch.Generator(device).manual_seed(0)
    real = torch.randn((samples, *spec.shape), generator=generator, device=device)
    latent = torch.randn((samples, recipe.latent.size), generator=generator, device=device)
    condition = None
    if spec.condition is not None:
        condition = torch.randn((samples, *spec.condition), generator=generator, device=device)
    return Batch(
        real=real,
        latent=latent,
        step=0,
        generator=generator,
        condition=condition,
        images_seen=run_images(recipe),  # when networks that grow are used whole
        run_images=run_images(recipe),
    )


def _first_losses(players: Players, batch: Batch) -> list[Tensor]:
    """The discriminator's losses, those of lazy terms included."""
    first, _ = players.game.players
    one = torch.ones((), device=batch.real.device, requires_grad=True)
    networks = {
        name: _Times(network, one)
        if name.startswith("critic") and isinstance(network, nn.Module)
        else network
        for name, network in players.networks.items()
    }
    with torch.no_grad():
        outputs = players.game.forward(networks, batch)
    losses = [
        players.game.loss(first, networks, batch, outputs, players.state),
        players.game.lazy_loss(first, networks, batch, outputs, players.state),
    ]
    return [loss.value for loss in losses if loss is not None]


class _Times(nn.Module):
    """A critic times a number that takes a gradient: else torch marks no dead end in its last operator."""

    def __init__(self, critic: nn.Module, factor: Tensor) -> None:
        super().__init__()
        self.critic, self.factor = critic, factor

    def forward(self, *arguments: Tensor, **settings: Any) -> Tensor:
        scores: Tensor = self.critic(*arguments, **settings)
        return scores * self.factor


def _ends(values: Sequence[Tensor | None], players: Players) -> bool:
    """Whether torch would refuse to differentiate these once more, or would leave a part out."""
    known = [value for value in values if value is not None and value.requires_grad]
    if not known or _dead_ends(known):
        return bool(known)
    numbers = [number for own in players.parameters.values() for number in own.values()]
    total = torch.stack([value.square().sum() for value in known]).sum()
    try:  # some operators look differentiable in the graph, and refuse when it comes to it
        torch.autograd.grad(total, numbers, allow_unused=True)
    except RuntimeError as error:
        if "not implemented" not in str(error):
            raise
        return True
    return False


def _dead_ends(values: Iterable[Tensor | None]) -> bool:
    """Whether a graph ends where torch would refuse to go on, or would leave a part out."""
    seen: set[object] = set()
    left = [value.grad_fn for value in values if value is not None]
    while left:
        node = left.pop()
        if node is None or node in seen:
            continue
        if node.name() in DEAD_ENDS:
            return True
        seen.add(node)
        left += [before for before, _ in node.next_functions]
    return False
