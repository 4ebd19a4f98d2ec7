"""The eigenvalues of the players' field while a small game is trained, if the recipe asks for them."""

from __future__ import annotations

import torch

from poise.data import Dataset
from poise.dynamics.eigenvalues import Leading, leading_eigenvalues
from poise.errors import PoiseError
from poise.recipes import Recipe
from poise.training.batches import training_batches
from poise.training.callbacks.callback import CallbackContext, CallbackRow, Notify, Request, StepContext
from poise.training.callbacks.quality import write_lines
from poise.training.components import Components, buffers_restored

MOST_PARAMETERS = 500_000
"""Beyond it the vectors of one measurement take more memory than the training."""

TRUSTED = 0.1
"""An eigenvalue counts once its residual is below this share of its modulus."""


class EigenvalueWatch:
    """Writes the leading eigenvalues of the joint field's Jacobian to `metrics.jsonl` every so many steps.

    They are taken on one batch, the same at every measurement, with the penalties of every step; what is
    applied every so often only is not part of the field. Networks, statistics and randomness stay as they
    are.
    """

    def __init__(self, recipe: Recipe, dataset: Dataset, notify: Notify) -> None:
        self.recipe, self.dataset, self.notify = recipe, dataset, notify
        self.every = recipe.eigenvalues_every

    def __call__(self, context: StepContext) -> Request | None:
        """Measure if a measurement is due."""
        if self.every is None or context.step % self.every:
            return None
        found = measured(context.components, self.dataset)
        sure = [value for value, wrong in zip(found.values, found.residuals, strict=True) if wrong <= TRUSTED]
        if not sure:
            self.notify(
                f"No eigenvalue of step {context.step} settled; the networks may be too large for it."
            )
            return None
        shared = {
            "step": context.step,
            "eigenvalues": [[value.real, value.imag] for value in sure],
            "parameters": found.size,
            "batch": self.recipe.batch_size,
        }
        numbers = {
            "leading_eigenvalue_modulus": abs(sure[0]),
            "leading_eigenvalues_least_real_part": min(value.real for value in sure),
            "leading_eigenvalues_largest_imaginary_part": max(abs(value.imag) for value in sure),
        }
        lines = [{"metric": name, "value": value, **shared} for name, value in numbers.items()]
        write_lines(context, lines, self.notify)
        return None


def check_eigenvalues(components: Components) -> None:
    """Refuse to measure what is too large."""
    size = sum(value.numel() for own in components.players.parameters.values() for value in own.values())
    if components.recipe.eigenvalues_every is not None and size > MOST_PARAMETERS:
        what = f"Eigenvalues are measured of games of up to {MOST_PARAMETERS:,} parameters; this has {size:,}"
        hint = "make the networks smaller, --set generator.width=16, or leave eigenvalues_every out"
        raise PoiseError(what, code="training.eigenvalues-too-large", hint=hint)


def measured(components: Components, dataset: Dataset) -> Leading:
    """The leading eigenvalues at the current parameters; nothing is changed."""
    players, recipe = components.players, components.recipe
    batch = training_batches(recipe, dataset, components.device, drawn=0).next(0)
    with torch.random.fork_rng(), buffers_restored(components.modules.values()):
        return leading_eigenvalues(players, batch, seed=recipe.seed)


def _make(context: CallbackContext) -> EigenvalueWatch | None:
    if context.recipe.eigenvalues_every is None:
        return None
    return EigenvalueWatch(context.recipe, context.dataset, context.notify)


EIGENVALUES = CallbackRow(
    "eigenvalues",
    _make,
    "The leading eigenvalues of the players' field, if `eigenvalues_every` is set.",
    default=True,
)
