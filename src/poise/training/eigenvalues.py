"""The eigenvalues of the players' field while a small game is trained, where the recipe asks for them."""

from __future__ import annotations

import torch

from poise.data import Source
from poise.dynamics.eigenvalues import Leading, leading_eigenvalues
from poise.errors import PoiseError
from poise.recipes import Recipe
from poise.training.assemble import Assembly
from poise.training.held_out import training_feed
from poise.training.observer import Moment, Request, Say

MOST_PARAMETERS = 500_000
"""Beyond it the vectors of one measurement take more memory than the training."""

TRUSTED = 0.1
"""An eigenvalue counts once its residual is below this share of its modulus."""


class EigenvalueWatch:
    """Writes the leading eigenvalues of the joint field's Jacobian to `metrics.jsonl` every so many steps.

    They are taken on one batch, the same at every measurement, with the penalties of every step; what is
    applied every so often only is not part of the field. Networks, statistics and randomness stay as they
    are.

    Args:
        recipe: The resolved recipe; its `eigenvalues_every` says when.
        source: The data.
        say: Tells a person what could not be measured.
    """

    def __init__(self, recipe: Recipe, source: Source, say: Say) -> None:
        self.recipe, self.source, self.say = recipe, source, say
        self.every = recipe.eigenvalues_every

    def __call__(self, moment: Moment) -> Request | None:
        """Measure where it is time."""
        if self.every is None or moment.step % self.every:
            return None
        found = measured(moment.assembly, self.source)
        sure = [value for value, wrong in zip(found.values, found.residuals, strict=True) if wrong <= TRUSTED]
        if not sure:
            self.say(f"No eigenvalue of step {moment.step} settled; the networks may be too large for it.")
            return None
        shared = {
            "step": moment.step,
            "eigenvalues": [[value.real, value.imag] for value in sure],
            "parameters": found.size,
            "batch": self.recipe.batch_size,
        }
        numbers = {
            "leading_eigenvalue_modulus": abs(sure[0]),
            "leading_eigenvalues_least_real_part": min(value.real for value in sure),
            "leading_eigenvalues_largest_imaginary_part": max(abs(value.imag) for value in sure),
        }
        try:
            for name, value in numbers.items():
                moment.run.append("metrics", {"metric": name, "value": value, **shared})
        except OSError as error:
            self.say(f"Could not write the eigenvalues of step {moment.step}: {error.strerror or error}.")
        return None


def check_eigenvalues(assembly: Assembly) -> None:
    """Refuse to measure what is too large.

    Raises:
        PoiseError: The networks have too many parameters.
    """
    size = sum(value.numel() for own in assembly.match.parameters.values() for value in own.values())
    if assembly.recipe.eigenvalues_every is not None and size > MOST_PARAMETERS:
        raise PoiseError(
            f"Eigenvalues are measured of games of up to {MOST_PARAMETERS:,} parameters; this has {size:,}",
            mend="make the networks smaller, --set generator.width=16, or leave eigenvalues_every out",
        )


def measured(assembly: Assembly, source: Source) -> Leading:
    """The leading eigenvalues where an assembly stands; nothing of it is changed."""
    match, recipe = assembly.match, assembly.recipe
    batch = training_feed(recipe, source, assembly.device, drawn=0).next(0)
    buffers = [buffer for module in assembly.modules.values() for buffer in module.buffers()]
    kept = [buffer.clone() for buffer in buffers]
    with torch.random.fork_rng():
        try:
            return leading_eigenvalues(match, batch, seed=recipe.seed)
        finally:
            for buffer, value in zip(buffers, kept, strict=True):
                buffer.copy_(value)
