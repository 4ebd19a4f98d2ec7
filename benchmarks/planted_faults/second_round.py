"""Kinds of faults and healthy games that a second calibration was kept from, and that count for the third."""

from __future__ import annotations

from benchmarks.planted_faults import meddling, planting
from benchmarks.planted_faults.fault import DYNAMICS, Fault, no_penalties

SECOND_FAULTS: tuple[Fault, ...] = (
    # mode-collapse
    Fault(
        "faint-latents",
        "mode-collapse",
        ("digits-hinge-sn", "spiral-wasserstein-gp-wide"),
        also=DYNAMICS,
        onset=0.5,
        meddle=lambda source, seed: meddling.faint_latents(0.01),
        complete=True,
    ),
    Fault(
        "averaged-batch",
        "mode-collapse",
        ("openmoji-wasserstein-gp", "ring-wasserstein-gp"),
        also=DYNAMICS,
        onset=0.4,
        meddle=lambda source, seed: meddling.averaged_batch(),
        complete=True,
    ),
    # mode-hopping
    Fault(
        "wandering-latents",
        "mode-hopping",
        ("ring-wasserstein-gp", "digits-non-saturating"),
        also=("mode-collapse", "oscillation", "quality-regressed", "discriminator-dominates"),
        meddle=lambda source, seed: meddling.wandering_latents(30),
    ),
    Fault(
        "one-class-at-a-time",
        "mode-hopping",
        ("spiral-relativistic-r1r2",),
        also=("mode-collapse", "oscillation", "quality-regressed", "generator-dominates"),
        rows=lambda source, seed: planting.one_after_another(source, 4, 5),
    ),
    # discriminator-dominates
    Fault(
        "eight-to-one",
        "discriminator-dominates",
        ("digits-least-squares-wide", "openmoji-non-saturating"),
        also=("not-learning", "mode-collapse", "quality-regressed"),
        changes={**no_penalties(), "loss": "minimax", "dynamics.discriminator_steps": 8},
        steps=0.6,
    ),
    Fault(
        "rates-exchanged",
        "discriminator-dominates",
        ("digits-non-saturating-narrow", "triangles-relativistic-r1r2"),
        also=("not-learning", "mode-collapse", "quality-regressed"),
        changes={
            **no_penalties(),
            "optimisers.generator.learning_rate": 2e-5,
            "optimisers.discriminator.learning_rate": 5e-3,
        },
    ),
    # generator-dominates
    Fault(
        "drowned-in-noise",
        "generator-dominates",
        ("digits-relativistic-average", "triangles-wasserstein-gp-long"),
        also=("not-learning", "mode-collapse", "quality-regressed"),
        changes={"instance_noise.deviation": 20.0},
    ),
    Fault(
        "discriminator-of-a-copy",
        "generator-dominates",
        ("spiral-wasserstein-gp", "digits-wasserstein-gp"),
        also=("not-learning", "mode-collapse", "quality-regressed"),
        meddle=lambda source, seed: meddling.put_back("discriminator"),
    ),
    # oscillation
    Fault(
        "turn-about",
        "oscillation",
        ("ring-non-saturating", "spiral-non-saturating", "ring-least-squares"),
        also=DYNAMICS,
        meddle=lambda source, seed: meddling.turn_about(30),
    ),
    # discriminator-overfits
    Fault(
        "small-set-light-penalty",
        "discriminator-overfits",
        ("digits-non-saturating", "digits-relativistic-average", "openmoji-wasserstein-gp"),
        also=("memorisation", "discriminator-dominates", "mode-collapse", "quality-regressed"),
        held_out=0.1,
        changes={"discriminator.width": 256, "penalties.r1.weight": 0.1},
        handful=60,
    ),
    # memorisation
    Fault(
        "snapped",
        "memorisation",
        ("digits-hinge-sn", "openmoji-wasserstein-gp", "triangles-non-saturating"),
        also=("discriminator-overfits", "generator-dominates"),
        onset=0.4,
        held_out=0.1,
        meddle=lambda source, seed: meddling.snapped(planting.known_rows(source, 300, 0.1, seed)),
    ),
    # non-finite
    Fault(
        "some-undefined",
        "non-finite",
        ("digits-wasserstein-gp", "ring-wasserstein-gp"),
        distort=planting.some_undefined,
    ),
    Fault(
        "spoiled-discriminator",
        "non-finite",
        ("triangles-non-saturating", "spiral-relativistic-r1r2"),
        onset=0.5,
        meddle=lambda source, seed: meddling.spoil_a_weight("discriminator"),
    ),
    # data-shortcut
    Fault(
        "unnormalised",
        "data-shortcut",
        ("digits-wasserstein-gp", "openmoji-relativistic-r1r2"),
        also=("discriminator-dominates", "mode-collapse", "not-learning"),
        distort=planting.unnormalised,
    ),
    Fault(
        "captioned",
        "data-shortcut",
        ("triangles-wasserstein-gp-long", "digits-non-saturating"),
        also=("discriminator-dominates", "mode-collapse", "not-learning"),
        distort=planting.captioned,
        meddle=lambda source, seed: meddling.caption_cut(),
    ),
    Fault(
        "blurred-on-the-way",
        "data-shortcut",
        ("openmoji-wasserstein-gp",),
        also=("discriminator-dominates", "mode-collapse", "not-learning"),
        meddle=lambda source, seed: meddling.blurred(),
    ),
    # quality-regressed
    Fault(
        "weights-decay",
        "quality-regressed",
        ("digits-wasserstein-gp", "ring-wasserstein-gp-wide"),
        also=(*DYNAMICS, "not-learning"),
        onset=0.6,
        meddle=lambda source, seed: meddling.decaying_weights(0.03),
    ),
    Fault(
        "layer-drawn-anew",
        "quality-regressed",
        ("triangles-wasserstein-gp-long", "digits-least-squares-wide"),
        also=(*DYNAMICS, "not-learning"),
        onset=0.6,
        meddle=lambda source, seed: meddling.drawn_anew(),
    ),
    # not-learning
    Fault(
        "generator-of-a-copy",
        "not-learning",
        ("digits-hinge-sn", "spiral-wasserstein-gp"),
        also=("discriminator-dominates", "generator-dominates", "mode-collapse"),
        meddle=lambda source, seed: meddling.put_back("generator"),
    ),
    Fault(
        "rates-run-out",
        "not-learning",
        ("openmoji-relativistic-r1r2",),
        also=("discriminator-dominates", "generator-dominates", "mode-collapse"),
        onset=0.1,
        meddle=lambda source, seed: meddling.rates_times({"generator": 1e-6, "discriminator": 1e-6}),
    ),
    # condition-ignored
    Fault("off-by-one", "condition-ignored", ("conditional-digits-long", "conditional-ring")),
    Fault(
        "one-label",
        "condition-ignored",
        ("conditional-ring", "conditional-digits-long"),
        # The discriminator sees labels that the generator does not: it cannot be fooled.
        also=("discriminator-dominates", "mode-collapse", "quality-regressed"),
    ),
)
"""Each was new to the rules of its time."""

SECOND_HEALTHY: tuple[str, ...] = (
    "digits-wasserstein-gp",
    "digits-hinge-sn-wide",
    "digits-least-squares-wide",
    "digits-non-saturating-narrow",
    "digits-relativistic-average",
    "ring-least-squares",
    "ring-wasserstein-gp-wide",
    "ring-non-saturating",
    "grid-wasserstein-gp",
    "spiral-relativistic-r1r2",
    "spiral-wasserstein-gp-wide",
    "triangles-wasserstein-gp-long",
    "triangles-relativistic-r1r2",
    "openmoji-wasserstein-gp",
    "openmoji-relativistic-r1r2",
    "conditional-digits-long",
    "conditional-ring",
)
"""Most of them with a loss, a width or a length that was new then."""
