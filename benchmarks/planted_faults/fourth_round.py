"""Kinds of faults and healthy games that no rule and no threshold was chosen by."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.planted_faults import hands, planting
from benchmarks.planted_faults.fault import DYNAMICS, Fault, both, no_penalties

FOURTH_SEEDS: Mapping[str, int] = {
    "digits-wasserstein-gp": 9,
    "digits-non-saturating-narrow": 11,
    "digits-relativistic-average": 12,
    "digits-hinge-r1": 10,
    "digits-batch-norm": 11,
    "ring-non-saturating": 9,
    "ring-least-squares": 11,
    "ring-wasserstein-gp-wide": 10,
    "grid-wasserstein-gp": 12,
    "spiral-wasserstein-gp": 9,
    "spiral-relativistic-r1r2": 10,
    "moons-wasserstein-gp": 12,
    "corners-non-saturating": 11,
    "triangles-wasserstein-gp-long": 11,
    "triangles-relativistic-r1r2": 12,
    "openmoji-wasserstein-gp": 10,
    "openmoji-relativistic-r1r2": 9,
    "conditional-ring": 11,
    "conditional-digits-long": 12,
}
"""The games of the fourth round, each at one seed: with a fault and without, so that the two can be compared.

Four of the games were never played with a doctor before: two data sets, a loss with a penalty that it
had not had, and a kind of generator.
"""

FOURTH_FAULTS: tuple[Fault, ...] = (
    # mode-collapse
    Fault(
        "layer-lost",
        "mode-collapse",
        ("digits-non-saturating-narrow", "moons-wasserstein-gp"),
        also=DYNAMICS,
        onset=0.5,
        meddle=lambda source, seed: hands.layer_lost(),
        complete=True,
    ),
    Fault(
        "repeated-sample",
        "mode-collapse",
        ("ring-least-squares", "triangles-wasserstein-gp-long"),
        also=DYNAMICS,
        onset=0.4,
        meddle=lambda source, seed: hands.repeated_sample(),
        complete=True,
    ),
    # mode-hopping
    Fault(
        "sliding-window",
        "mode-hopping",
        ("ring-wasserstein-gp-wide", "spiral-wasserstein-gp", "digits-wasserstein-gp"),
        also=("mode-collapse", "oscillation", "quality-regressed", "generator-dominates"),
        rows=lambda source, seed: hands.sliding_window(source, 0.12, 2),
    ),
    # discriminator-dominates
    Fault(
        "scores-scaled",
        "discriminator-dominates",
        ("digits-non-saturating-narrow", "triangles-relativistic-r1r2"),
        also=("not-learning", "mode-collapse", "quality-regressed"),
        changes={**no_penalties(), "loss": "minimax", "optimisers.discriminator.learning_rate": 1e-3},
        meddle=lambda source, seed: hands.scores_times(50.0),
    ),
    Fault(
        "warm-up-in-epochs",
        "discriminator-dominates",
        ("digits-hinge-r1", "triangles-wasserstein-gp-long"),
        also=("not-learning",),
        meddle=lambda source, seed: hands.warm_up("generator", 400_000),
    ),
    # generator-dominates
    Fault(
        "labels-by-lot",
        "generator-dominates",
        ("digits-batch-norm", "corners-non-saturating"),
        also=("not-learning", "mode-collapse", "quality-regressed"),
        changes={"label_flip": 0.499},
    ),
    Fault(
        "one-number",
        "generator-dominates",
        ("digits-relativistic-average", "openmoji-relativistic-r1r2"),
        also=("not-learning", "mode-collapse", "quality-regressed", "oscillation"),
        meddle=lambda source, seed: hands.one_number(),
    ),
    # oscillation
    Fault(
        "stale-fakes",
        "oscillation",
        ("ring-non-saturating", "spiral-relativistic-r1r2"),
        also=(*DYNAMICS, "not-learning"),
        meddle=lambda source, seed: hands.stale_fakes(60),
    ),
    Fault(
        "no-lipschitz-bound",
        "oscillation",
        ("ring-wasserstein-gp-wide", "moons-wasserstein-gp"),
        also=(*DYNAMICS, "not-learning", "non-finite"),
        changes={**no_penalties(), "dynamics.discriminator_steps": 1, **both("beta1", 0.5)},
    ),
    # discriminator-overfits
    Fault(
        "large-on-few",
        "discriminator-overfits",
        ("digits-wasserstein-gp", "openmoji-wasserstein-gp", "openmoji-relativistic-r1r2"),
        also=("memorisation", "discriminator-dominates", "mode-collapse", "quality-regressed"),
        held_out=0.1,
        changes={
            "discriminator.width": 384,
            "discriminator.depth": 4,
            "dynamics.discriminator_steps": 3,
        },
        handful=50,
    ),
    # memorisation
    Fault(
        "leaked-reals",
        "memorisation",
        ("digits-non-saturating-narrow", "digits-relativistic-average", "openmoji-wasserstein-gp"),
        also=("discriminator-overfits", "generator-dominates"),
        onset=0.4,
        held_out=0.1,
        meddle=lambda source, seed: hands.leaked_reals(planting.known_rows(source, 500, 0.1, seed), 0.85),
    ),
    # non-finite
    Fault(
        "sixteen-bits",
        "non-finite",
        ("digits-relativistic-average", "triangles-relativistic-r1r2"),
        onset=0.5,
        meddle=lambda source, seed: hands.half_precision(70_000.0),
    ),
    Fault(
        "spoiled-moments",
        "non-finite",
        ("spiral-relativistic-r1r2", "digits-hinge-r1"),
        onset=0.5,
        meddle=lambda source, seed: hands.spoiled_moments("discriminator"),
    ),
    # data-shortcut
    Fault(
        "dithered",
        "data-shortcut",
        ("openmoji-wasserstein-gp", "triangles-wasserstein-gp-long"),
        also=("discriminator-dominates", "mode-collapse", "not-learning"),
        meddle=lambda source, seed: hands.dithered(0.5),
    ),
    Fault(
        "clamped",
        "data-shortcut",
        ("digits-hinge-r1", "digits-wasserstein-gp"),
        also=("discriminator-dominates", "mode-collapse", "not-learning"),
        meddle=lambda source, seed: hands.clamped(-0.4, 0.4),
    ),
    # quality-regressed
    Fault(
        "wrong-direction",
        "quality-regressed",
        ("digits-wasserstein-gp", "corners-non-saturating"),
        also=(*DYNAMICS, "not-learning"),
        onset=0.6,
        meddle=lambda source, seed: hands.wrong_direction("generator"),
    ),
    Fault(
        "pulled-back",
        "quality-regressed",
        ("grid-wasserstein-gp", "digits-relativistic-average"),
        also=(*DYNAMICS, "not-learning"),
        onset=0.6,
        meddle=lambda source, seed: hands.pulled_back(0.05),
    ),
    # not-learning
    Fault(
        "steps-clipped",
        "not-learning",
        ("ring-non-saturating", "openmoji-relativistic-r1r2"),
        also=("discriminator-dominates", "generator-dominates", "mode-collapse"),
        meddle=lambda source, seed: hands.steps_clipped(1e-5),
    ),
    Fault(
        "saturated",
        "not-learning",
        ("digits-batch-norm", "triangles-relativistic-r1r2"),
        also=("discriminator-dominates", "mode-collapse"),
        meddle=lambda source, seed: hands.saturated(),
    ),
    # condition-ignored: the discriminator sees labels that the generator hardly sees, and may not be fooled
    Fault(
        "faint-labels",
        "condition-ignored",
        ("conditional-ring", "conditional-digits-long"),
        also=("discriminator-dominates", "mode-collapse", "quality-regressed"),
    ),
    Fault("names-sorted-otherwise", "condition-ignored", ("conditional-ring", "conditional-digits-long")),
)
"""Kinds that calibration never saw, in games at seeds that it never saw."""

FOURTH_HEALTHY = tuple(FOURTH_SEEDS)
"""Every one of the games without a fault, too."""
