"""The parts of a check, cheapest first: a further one is a function of a look, and a row."""

from __future__ import annotations

from collections.abc import Mapping

from poise.diagnosis.examination import Part
from poise.diagnosis.parts.networks import conditions, held_out, latents, weights
from poise.diagnosis.parts.samples import (
    compared,
    copies,
    drawn,
    grid,
    handed,
    layouts,
    leaks,
    loop_reals,
    statistics,
    waves,
)

PARTS: Mapping[str, Part] = {
    "weights": Part("weights", weights),
    "drawn": Part("latents_differ", drawn),
    "samples": Part("distance", compared, samples=True, own=True),
    "latents": Part("latent_response", latents, calls=True),
    "handed": Part("fake_distance", handed),
    "loop": Part("loop_reals", loop_reals),
    "held out": Part("held_out_gap", held_out, samples=True, calls=True),
    "conditions": Part("condition_response", conditions, samples=True, own=True),
    "statistics": Part("probes", statistics, samples=True),
    "copies": Part("copying", copies, samples=True, first=3.0),
    "grid": Part("grid", grid, samples=True),
    "waves": Part("waves", waves, samples=True),
    "layouts": Part("layouts", layouts),
    "augmentation": Part("leaks", leaks, samples=True, first=8.0),
}

__all__ = ["PARTS"]
