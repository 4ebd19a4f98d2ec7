"""Kinds of faults and healthy games that a third calibration was kept from, and that count for the fourth."""

from __future__ import annotations

from benchmarks.planted_faults import meddling, planting
from benchmarks.planted_faults.fault import DYNAMICS, Fault, both, no_penalties

THIRD_FAULTS: tuple[Fault, ...] = (
    Fault(
        "expanded-latent",
        "mode-collapse",
        ("digits-least-squares-wide", "spiral-wasserstein-gp"),
        also=DYNAMICS,
        onset=0.4,
        meddle=lambda source, seed: meddling.expanded_latent(),
        complete=True,
    ),
    Fault(
        "sorted-by-folder",
        "mode-hopping",
        ("ring-wasserstein-gp-wide", "spiral-wasserstein-gp-wide"),
        also=("mode-collapse", "oscillation", "quality-regressed", "generator-dominates"),
        rows=lambda source, seed: planting.one_after_another(source, 6, 3),
    ),
    Fault(
        "big-discriminator",
        "discriminator-dominates",
        ("digits-wasserstein-gp", "triangles-wasserstein-gp-long"),
        also=("not-learning", "mode-collapse", "quality-regressed"),
        changes={
            **no_penalties(),
            "loss": "minimax",
            "dynamics.discriminator_steps": 3,
            "discriminator.width": 384,
            "optimisers.discriminator.learning_rate": 1e-3,
        },
        steps=0.6,
    ),
    Fault(
        "random-discriminator",
        "generator-dominates",
        ("digits-relativistic-average", "spiral-relativistic-r1r2"),
        also=("not-learning", "mode-collapse", "quality-regressed"),
        meddle=lambda source, seed: meddling.all_drawn_anew("discriminator"),
    ),
    Fault(
        "runaway-momentum",
        "oscillation",
        ("ring-relativistic-r1r2", "spiral-relativistic-r1r2"),
        also=(*DYNAMICS, "not-learning"),
        changes={**no_penalties(), **both("beta1", 0.95)},
    ),
    Fault(
        "hundred-images",
        "discriminator-overfits",
        ("digits-wasserstein-gp", "digits-relativistic-r1r2", "openmoji-wasserstein-gp"),
        also=("memorisation", "discriminator-dominates", "mode-collapse", "quality-regressed"),
        held_out=0.1,
        changes={"dynamics.discriminator_steps": 6, "discriminator.width": 256},
        handful=100,
        steps=0.7,
    ),
    Fault(
        "replayed",
        "memorisation",
        ("digits-least-squares-wide", "openmoji-relativistic-r1r2"),
        also=("discriminator-overfits", "generator-dominates", "mode-collapse"),
        onset=0.4,
        held_out=0.1,
        meddle=lambda source, seed: meddling.looked_up(planting.known_rows(source, 60, 0.1, seed)),
    ),
    Fault(
        "overflowing-weights",
        "non-finite",
        ("digits-hinge-sn", "grid-wasserstein-gp"),
        onset=0.5,
        meddle=lambda source, seed: meddling.swollen_weights("generator", 1e30),
    ),
    Fault(
        "shifted-range",
        "data-shortcut",
        ("digits-non-saturating", "openmoji-wasserstein-gp"),
        also=("discriminator-dominates", "mode-collapse", "not-learning"),
        distort=planting.shifted,
    ),
    Fault(
        "dimmed",
        "data-shortcut",
        ("digits-wasserstein-gp", "triangles-wasserstein-gp-long"),
        also=("discriminator-dominates", "mode-collapse", "not-learning"),
        meddle=lambda source, seed: meddling.dimmed(0.4),
    ),
    Fault(
        "coarse-weights",
        "quality-regressed",
        ("digits-wasserstein-gp", "ring-wasserstein-gp"),
        also=(*DYNAMICS, "not-learning"),
        onset=0.6,
        meddle=lambda source, seed: meddling.coarse_weights(0.2),
    ),
    Fault(
        "generator-frozen",
        "not-learning",
        ("digits-relativistic-average", "triangles-relativistic-r1r2"),
        also=("discriminator-dominates", "generator-dominates", "mode-collapse"),
        meddle=lambda source, seed: meddling.rates_times({"generator": 0.0}),
    ),
    # The discriminator sees labels that the generator does not: it may not be fooled.
    Fault(
        "random-to-generator",
        "condition-ignored",
        ("conditional-ring", "conditional-digits-long"),
        also=("discriminator-dominates", "mode-collapse", "quality-regressed"),
    ),
)
"""Each was new to the rules of its time."""

THIRD_HEALTHY: tuple[str, ...] = (
    "digits-wasserstein-gp",
    "digits-least-squares-wide",
    "digits-non-saturating-narrow",
    "digits-relativistic-average",
    "ring-least-squares",
    "ring-wasserstein-gp-wide",
    "grid-wasserstein-gp",
    "spiral-relativistic-r1r2",
    "spiral-wasserstein-gp-wide",
    "triangles-wasserstein-gp-long",
    "openmoji-wasserstein-gp",
    "openmoji-relativistic-r1r2",
    "conditional-ring",
)
"""Seen before, at other seeds."""
