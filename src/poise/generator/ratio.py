"""The log ratio of the data over a generator's samples, by its run's own discriminator, fitted again.

In training the discriminator faced the raw generator and the training rows, and penalties shrank its scores.
So its scores are calibrated on held-out rows against samples of the averaged generator, which people sample.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from poise.errors import PoiseError
from poise.generator.discriminator import load_discriminator
from poise.generator.run_data import at_most, data_of_run
from poise.metrics.calibration import Calibration, calibrated
from poise.metrics.ratio import bounds_of
from poise.metrics.result import Result
from poise.randomness import numpy_stream
from poise.recipes import Recipe, saved_recipe
from poise.run_folder import RunFolder
from poise.tasks.build import loss_of

LEAST_HELD_OUT = 32
"""Held-out rows below which two numbers of a calibration are not worth their names."""

MOST_HELD_OUT = 1_000
FAKES = 4
"""Samples of the generator for each held-out row."""

PIECE = 64

Draw = Callable[[int], tuple[Tensor, Tensor | None]]
"""`(count)` to that many samples in the networks' space and their conditions."""


@dataclass(frozen=True, eq=False)
class SampleRatio:
    """The log ratio of the data over a generator's samples.

    Attributes:
        scores: `(samples, condition) -> (N,)`: scores as log ratios, before they are calibrated.
        calibration: From these to log ratios.
        largest: The largest log ratio of the samples that it was calibrated on.
        bounds: Lower bounds on the divergences of the data from the samples, by the rows of the calibration.
    """

    scores: Callable[[Tensor, Tensor | None], Tensor]
    calibration: Calibration
    largest: float
    bounds: Result

    def log_ratio(self, samples: Tensor, condition: Tensor | None = None) -> Tensor:
        """Log ratios `(N,)` of samples in the networks' space, on their device; can be differentiated."""
        return self.calibration(self.scores(samples, condition))


def ratio_of_run(
    folder: RunFolder,
    draw: Draw,
    *,
    step: int | None = None,
    which: Any = None,
    device: str | torch.device = "cpu",
    calibration: str | None = "platt",
    seed: int = 0,
) -> SampleRatio:
    """The log ratio of a run's data over samples of its generator.

    Args:
        folder: The run.
        draw: Draws the samples.
        step: The step of the generator.
        which: Its checkpoint, if one was named.
        device: Where its network is.
        calibration: As for `density_ratio`.
        seed: Draws the held-out rows if there are more than a thousand.

    Raises:
        PoiseError: The scores of this run's loss are no log ratios, or they are of packs; there is no
            discriminator; the data are gone; or too few rows were held out.
    """
    recipe = saved_recipe(folder.recipe)
    as_log_ratio = log_ratio_of(recipe)
    made = load_discriminator(folder, which, step=step, device=device)
    data = data_of_run(folder, hint="sample without --refine")
    group = made.group
    needed = LEAST_HELD_OUT + group - 1
    if len(data.rows.held_out) < needed:
        what = f"The run '{folder.path}' held out {len(data.rows.held_out)} rows, and this needs {needed}"
        why = "scores of rows that a discriminator was trained on say nothing about others"
        hint = f"train with --set held_out={needed}, or sample without --refine"
        raise PoiseError(what, code="generator.too-few-held-out", why=why, hint=hint)
    if not data.same:
        what = f"The data of '{folder.path}' have changed since it was trained"
        why = "rows that it was trained on might be taken for held-out ones"
        raise PoiseError(what, code="generator.data-changed", why=why, hint="sample without --refine")
    rows = at_most(data.rows.held_out, MOST_HELD_OUT, numpy_stream(seed, 0, "rows of a density ratio"))
    real, of_real = data.encoded(rows).to(device), data.conditions(rows)
    of_real = None if of_real is None else of_real.to(device)
    beside = None
    if group > 1:
        beside = real[: group - 1], None if of_real is None else of_real[: group - 1]
        real, of_real = real[group - 1 :], None if of_real is None else of_real[group - 1 :]

    def scores(samples: Tensor, condition: Tensor | None = None) -> Tensor:
        given = None if condition is None else condition.to(device)
        raw = made.scores(samples.to(device), given, beside=beside)
        return as_log_ratio(raw).double()

    fakes, of_fakes = draw(FAKES * len(rows))
    with torch.no_grad():
        of_p, of_q = (in_pieces(scores, *side) for side in ((real, of_real), (fakes, of_fakes)))
    line = calibrated(of_p, of_q, calibration)
    found = [line(side) for side in (of_p, of_q)]
    settings = {"calibration": calibration, "discriminator of step": made.step, "seed": seed}
    counts = {"p": len(of_p), "q": len(of_q)}
    bounds = bounds_of(found[0], found[1], counts, settings, str(folder.data.get("fingerprint", "")))
    return SampleRatio(scores, line, float(found[1].max()), bounds)


def log_ratio_of(recipe: Recipe) -> Callable[[Tensor], Tensor]:
    """From the scores of a recipe's discriminator to log ratios, up to a straight line.

    Raises:
        PoiseError: They are no log ratios.
    """
    loss, _ = loss_of(recipe)
    hint = "sample without --refine, or train with --loss non-saturating"
    if loss.log_ratio is None:
        what = f"The scores of the loss '{loss.name}' say nothing about the ratio of densities"
        why = "its best discriminator is no function of that ratio alone"
        raise PoiseError(what, code="generator.scores-are-no-ratio", why=why, hint=hint)
    if recipe.packing > 1:
        what = f"The discriminator of this run scores packs of {recipe.packing} samples"
        why = "a score is of no sample alone"
        raise PoiseError(what, code="generator.scores-of-packs", why=why, hint=hint)
    return loss.log_ratio


def in_pieces(
    function: Callable[[Tensor, Tensor | None], Tensor], samples: Tensor, condition: Tensor | None
) -> Tensor:
    """A function of samples and conditions, some at once; on the CPU."""
    pieces = samples.split(PIECE)
    given = [None] * len(pieces) if condition is None else condition.split(PIECE)
    return torch.cat([function(*piece).cpu() for piece in zip(pieces, given, strict=True)])
