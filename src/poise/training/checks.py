"""Checks before training: enough data, and networks that can be differentiated twice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from poise.data import Dataset
from poise.dynamics import Batch, Players
from poise.dynamics.joint import joint
from poise.errors import PoiseError
from poise.recipes import Recipe
from poise.spec import DataSpec
from poise.training.components import Components, buffers_restored, run_images

DEAD_ENDS = ("torch::autograd::Error", "torch::autograd::NotImplemented")
"""What stands in the graph of a gradient for an operator without a second derivative."""


def check_batch(recipe: Recipe, dataset: Dataset) -> None:
    """Refuse data that are fewer than a batch."""
    if len(dataset) < recipe.batch_size * recipe.packing:
        batch = f"{recipe.batch_size}" + (f" x {recipe.packing}" if recipe.packing > 1 else "")
        what = f"'{dataset.name}' holds {len(dataset)} samples, fewer than a batch of {batch}"
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
    samples = min(recipe.batch_size, 4) * recipe.packing
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

    def forward(self, *arguments: Tensor) -> Tensor:
        scores: Tensor = self.critic(*arguments)
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
