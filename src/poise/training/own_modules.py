"""A user's own modules before training: what cannot be trained is refused, what will not work is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from poise.data import Dataset
from poise.errors import PoiseError
from poise.randomness import torch_stream
from poise.regularisers import REGULARISERS
from poise.tasks import GIVEN
from poise.training.batches import latents
from poise.training.callbacks.doctor import packed_scores
from poise.training.components import Components, buffers_restored

VIEWS = ("Alias", "ReshapeAlias", "Select", "Slice", "Squeeze", "UnsafeView", "Unsqueeze", "View")
"""How the names of operators begin that only look at their input in another way."""

BOUNDED = {"Sigmoid": "a sigmoid", "Softmax": "a softmax", "Tanh": "a tanh"}
"""Operators after which scores are no raw scores."""


def check_given(given: Mapping[str, nn.Module]) -> None:
    """Refuse modules that cannot be trained, before anything is built from them."""
    seen: dict[int, str] = {}
    for player, module in given.items():
        parameters = dict(module.named_parameters())
        lazy = next((name for name, value in parameters.items() if is_lazy(value)), None)
        if lazy is not None:
            what = f"The {player}'s parameter '{lazy}' has no shape yet, since its layer is lazy"
            hint = f"call the {player} once on a batch before training"
            raise PoiseError(what, code="training.module-lazy", hint=hint)
        if not any(value.requires_grad for value in parameters.values()):
            why = "all of its parameters are frozen" if parameters else "it has no parameters"
            hint = "let requires_grad be true for at least one of them"
            what = f"There is nothing to train in the {player}"
            raise PoiseError(what, code="training.module-untrainable", why=why, hint=hint)
        other = next((value.dtype for value in parameters.values() if value.dtype != torch.float32), None)
        if other is not None:
            what = f"The {player}'s parameters are of type {str(other).removeprefix('torch.')}"
            why = "weights are trained as 32-bit floats"
            raise PoiseError(
                what, code="training.module-type", why=why, hint=f"call .float() on the {player}"
            )
        for name, value in parameters.items():
            if seen.setdefault(id(value), player) != player:
                what = f"Both players have the parameter '{name}' of the {player}"
                why = "each would undo what the other has learned"
                hint = "give each player a module of its own"
                raise PoiseError(what, code="training.module-shared", why=why, hint=hint)


def check_modules(components: Components, dataset: Dataset) -> tuple[str, ...]:
    """Call a user's own modules once as training will, on a batch of latents and one of the data.

    Nothing is changed: no weight, no running statistic, no randomness.

    Returns:
        What will be trained and will hardly work, a sentence each.

    Raises:
        PoiseError: A module fails, changes its input, or gives values of another shape.
    """
    recipe, device = components.recipe, components.device
    own = [player for player in components.modules if getattr(recipe, player).name == GIVEN]
    if not own:
        return ()
    count = recipe.batch_size * recipe.packing
    rows = np.arange(count) % len(dataset)
    real = dataset.transform.encode(dataset.gather(rows)).to(device)
    given: tuple[Tensor, ...] = ()
    if dataset.condition is not None:
        condition = dataset.condition
        given = (condition.encode(condition.gather(rows % len(condition))).to(device),)
    with buffers_restored(components.modules.values()), torch.random.fork_rng():
        found = [*_generator_notices(components, real, given)] if "generator" in own else []
        # What a discriminator sees of conditions is its task's matter.
        if "discriminator" in own and not given:
            found += _discriminator_notices(components, real)
    return tuple(found)


def _generator_notices(components: Components, real: Tensor, given: tuple[Tensor, ...]) -> Iterator[str]:
    recipe, module = components.recipe, components.modules["generator"]
    latent = latents(len(real), recipe.latent, torch_stream(recipe.seed, 0, "a look at modules"))
    fakes = _called("generator", module, latent.to(real.device), *given)
    if fakes.shape[1:] != real.shape[1:]:
        shape = tuple(real.shape[1:])
        what = f"The generator makes samples of shape {tuple(fakes.shape[1:])}, the data have {shape}"
        hint = "let it map (N, latent.size) to the shape of the data; images within [-1, 1]"
        raise PoiseError(what, code="training.generator-shape", hint=hint)
    if last_operator(fakes) == "Sigmoid" and float(real.min()) < 0:
        yield (
            "The generator ends in a sigmoid and makes no value below 0, and the data go down to "
            f"{float(real.min()):.2g}: end it in a tanh, or in nothing."
        )
    if len(fakes) > 1 and bool((fakes == fakes[:1]).all()):
        yield "The generator makes the same sample of every latent: its output does not depend on its input."


def _discriminator_notices(components: Components, real: Tensor) -> Iterator[str]:
    recipe, module = components.recipe, components.modules["discriminator"]

    def score(samples: Tensor) -> Tensor:
        return packed_scores(module, recipe.packing, samples)

    scores = _called("discriminator", score, real)
    if len(scores) != len(real) // recipe.packing:
        what = f"The discriminator gives {len(scores)} scores for {len(real) // recipe.packing} inputs"
        raise PoiseError(what, code="training.module-scores", hint="let it give raw scores of shape (N,)")
    last = last_operator(scores)
    if last in BOUNDED:
        yield (
            f"The discriminator ends in {BOUNDED[last]}, and the losses take raw scores, which have no "
            "bounds: end it in a linear layer."
        )
    if scores.dim() == 2 and scores.shape[1] > 1:
        yield (
            f"The discriminator gives {scores.shape[1]} scores for each sample, whose mean is taken; if they "
            "are those of classes, let it give one: (N,) or (N, 1)."
        )
    normalised = any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in module.modules())
    penalties = [f"'{name}'" for name in recipe.regularisers if _penalises(name)]
    if normalised and penalties:
        yield (
            "The discriminator has BatchNorm, by which a sample's score depends on its batch, and "
            f"{penalties[0]} penalises the gradient of each sample's own score: use LayerNorm or no "
            "normalisation."
        )


def _penalises(regulariser: str) -> bool:
    return REGULARISERS.named(regulariser).player == "discriminator"


def _called(player: str, function: Callable[..., Tensor], samples: Tensor, *given: Tensor) -> Tensor:
    """What a module makes of samples; a `PoiseError` if it fails or changes them."""
    before, takes = samples.clone(), f"a batch of shape {tuple(samples.shape)}"
    try:
        made = function(samples, *given)
    except Exception as error:
        first = str(error).strip().split("\n", 1)[0]
        why = f"{type(error).__name__}: {first[:200]}".rstrip(".")
        what = f"The {player} fails on {takes}"
        hint = _hint(player, function, samples, given, why)
        raise PoiseError(what, code="training.module-fails", why=why, hint=hint) from None
    if not isinstance(made, Tensor) or not made.is_floating_point() or not made.dim():
        what = f"The {player} gives {_described(made)} for {takes}"
        hint = "let it give samples" if player == "generator" else "let it give raw scores of shape (N,)"
        raise PoiseError(what, code="training.module-output", hint=hint)
    if not torch.equal(before, samples):
        what = f"The {player} changes its input in place"
        why = "the same batch is used again after it"
        hint = "let its first layer not be in place: inplace=False"
        raise PoiseError(what, code="training.module-in-place", why=why, hint=hint)
    return made


def _hint(
    player: str, function: Callable[..., Tensor], samples: Tensor, given: tuple[Tensor, ...], why: str
) -> str:
    if "more than 1 value per channel" in why:
        return "BatchNorm needs two samples or more: use batch_size=2 or more, or another normalisation"
    if player == "generator":
        try:
            function(samples[:, :, None, None], *given)
        except Exception:
            return f"let it take latents of shape {tuple(samples.shape)}, which is (N, latent.size)"
        size = samples.shape[1]
        return f"it takes latents as images: give nn.Sequential(nn.Unflatten(1, ({size}, 1, 1)), generator)"
    return f"let it take samples of shape {tuple(samples.shape)}"


def _described(made: object) -> str:
    if isinstance(made, Tensor):
        return f"a tensor of type {str(made.dtype).removeprefix('torch.')} and shape {tuple(made.shape)}"
    return f"a {type(made).__name__}"


def last_operator(made: Tensor) -> str:
    """The operator that a tensor comes from, past those that only look at it in another way.

    Example:
        >>> last_operator(torch.sigmoid(torch.zeros(2, 1, requires_grad=True)).squeeze(1))
        'Sigmoid'
    """
    node = made.grad_fn
    while node is not None and node.name().startswith(VIEWS) and node.next_functions:
        node = node.next_functions[0][0]
    return "" if node is None else node.name().partition("Backward")[0]
