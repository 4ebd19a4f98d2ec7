"""The kinds of faults that rules were first chosen by.

Four kinds (few-images, patient-discriminator, discriminator-runs-away, unpenalised-ring) were planted more
strongly after runs for calibration showed that the fault had not taken; the others are as first written.
"""

from __future__ import annotations

from benchmarks.planted_faults import meddling, planting
from benchmarks.planted_faults.fault import DYNAMICS, Fault, both, no_penalties

_DIGITS = ("digits-non-saturating", "digits-wasserstein-gp", "digits-relativistic-r1r2")
_POINTS = ("ring-non-saturating", "grid-relativistic-r1r2", "spiral-wasserstein-gp")
_PICTURES = ("digits-wasserstein-gp", "openmoji-relativistic-r1r2", "triangles-non-saturating")
_MIXED = ("digits-relativistic-r1r2", "ring-wasserstein-gp", "openmoji-wasserstein-gp")
_OTHERS = ("triangles-wasserstein-gp", "grid-wasserstein-gp", "digits-least-squares")
FAULTS: tuple[Fault, ...] = (
    # mode-collapse
    Fault(
        "one-latent",
        "mode-collapse",
        (*_MIXED, "spiral-non-saturating"),
        also=DYNAMICS,
        onset=0.5,
        meddle=lambda source, seed: meddling.no_latents(),
        complete=True,
    ),
    Fault(
        "three-latents",
        "mode-collapse",
        _OTHERS,
        also=DYNAMICS,
        onset=0.5,
        meddle=lambda source, seed: meddling.few_latents(3),
    ),
    Fault(
        "greedy-generator",
        "mode-collapse",
        ("digits-non-saturating", "ring-non-saturating", "triangles-non-saturating"),
        also=(*DYNAMICS, "not-learning"),
        changes={**no_penalties(), "dynamics.generator_steps": 8, **both("beta1", 0.5)},
        steps=0.6,
    ),
    Fault(
        "first-rows-only",
        "mode-collapse",
        ("digits-relativistic-r1r2", *_POINTS[:2]),
        also=("memorisation", "discriminator-overfits", "generator-dominates"),
        rows=lambda source, seed: planting.first_part(source, 0.2),
    ),
    # mode-hopping
    Fault(
        "unshuffled",
        "mode-hopping",
        ("ring-wasserstein-gp", "grid-wasserstein-gp", "digits-wasserstein-gp"),
        also=("mode-collapse", "oscillation", "quality-regressed", "generator-dominates"),
        rows=lambda source, seed: planting.one_after_another(source, 8, 2),
    ),
    Fault(
        "unpenalised-ring",
        "mode-hopping",
        ("ring-non-saturating", "ring-relativistic-r1r2") * 2,
        also=DYNAMICS,
        changes={"penalties.r1.weight": 0.0003, "penalties.r2": None, **both("beta1", 0.5)},
    ),
    # discriminator-dominates
    Fault(
        "sharp-discriminator",
        "discriminator-dominates",
        ("digits-non-saturating", "triangles-non-saturating", "digits-hinge-sn"),
        also=("not-learning", "mode-collapse", "quality-regressed"),
        changes={
            **no_penalties(),
            "loss": "minimax",
            "dynamics.discriminator_steps": 4,
            "discriminator.spectral_norm": False,
            "optimisers.discriminator.learning_rate": 2e-3,
        },
        steps=0.7,
    ),
    Fault(
        "discriminator-runs-away",
        "discriminator-dominates",
        (
            "digits-non-saturating",
            "openmoji-relativistic-r1r2",
            "digits-relativistic-r1r2",
            "triangles-wasserstein-gp",
        ),
        also=("not-learning", "quality-regressed"),
        onset=0.4,
        meddle=lambda source, seed: meddling.penalties_lost({"discriminator": 5.0, "generator": 0.02}),
    ),
    Fault(
        "slow-generator",
        "discriminator-dominates",
        ("digits-least-squares", "triangles-non-saturating", "spiral-non-saturating"),
        also=("not-learning",),
        changes={"optimisers.generator.learning_rate": 1e-6},
    ),
    # generator-dominates
    Fault(
        "slow-discriminator",
        "generator-dominates",
        ("digits-non-saturating", "openmoji-wasserstein-gp", "grid-relativistic-r1r2"),
        also=("not-learning", "mode-collapse"),
        changes={"optimisers.discriminator.learning_rate": 2e-6},
    ),
    Fault(
        "frozen-discriminator",
        "generator-dominates",
        ("ring-wasserstein-gp", "digits-hinge-sn", "triangles-wasserstein-gp"),
        also=("quality-regressed", "mode-collapse", "not-learning"),
        onset=0.4,
        meddle=lambda source, seed: meddling.rates_times({"discriminator": 0.0}),
    ),
    # oscillation
    Fault(
        "linear-discriminator",
        "oscillation",
        ("digits-non-saturating", "spiral-non-saturating", "triangles-non-saturating"),
        also=(*DYNAMICS, "not-learning"),
        changes={
            **no_penalties(),
            "discriminator": {"name": "mlp", "depth": 0},
            **both("learning_rate", 2e-3),
        },
    ),
    Fault(
        "heavy-momentum",
        "oscillation",
        ("ring-non-saturating", "digits-non-saturating", "spiral-non-saturating"),
        also=(*DYNAMICS, "not-learning"),
        changes={**no_penalties(), **both("beta1", 0.9)},
    ),
    # discriminator-overfits
    Fault(
        "few-images",
        "discriminator-overfits",
        ("digits-wasserstein-gp", "openmoji-wasserstein-gp", "triangles-wasserstein-gp"),
        also=("memorisation", "discriminator-dominates", "mode-collapse", "quality-regressed"),
        held_out=0.1,
        changes={"discriminator.width": 256},
        handful=40,
    ),
    Fault(
        "patient-discriminator",
        "discriminator-overfits",
        ("digits-wasserstein-gp", "digits-relativistic-r1r2", "triangles-wasserstein-gp"),
        also=("memorisation", "discriminator-dominates", "mode-collapse", "quality-regressed"),
        held_out=0.1,
        changes={"dynamics.discriminator_steps": 4, "discriminator.width": 256},
        handful=80,
    ),
    # memorisation
    Fault(
        "looked-up",
        "memorisation",
        ("digits-wasserstein-gp", "openmoji-relativistic-r1r2", "triangles-wasserstein-gp"),
        also=("discriminator-overfits", "generator-dominates"),
        onset=0.4,
        held_out=0.1,
        meddle=lambda source, seed: meddling.looked_up(planting.known_rows(source, 300, 0.1, seed)),
    ),
    Fault(
        "a-dozen-images",
        "memorisation",
        ("digits-wasserstein-gp", "triangles-wasserstein-gp", "digits-relativistic-r1r2"),
        also=("discriminator-overfits", "mode-collapse", "discriminator-dominates"),
        held_out=0.1,
        handful=12,
    ),
    # non-finite
    Fault(
        "spoiled-weight",
        "non-finite",
        ("digits-hinge-sn", "ring-relativistic-r1r2", "openmoji-wasserstein-gp"),
        onset=0.5,
        meddle=lambda source, seed: meddling.spoil_a_weight("generator"),
    ),
    Fault(
        "exploding-rate",
        "non-finite",
        ("digits-wasserstein-gp", "ring-wasserstein-gp", "grid-wasserstein-gp"),
        also=DYNAMICS,
        onset=0.5,
        meddle=lambda source, seed: meddling.rates_times({"generator": 1e9, "discriminator": 1e9}),
    ),
    # data-shortcut
    Fault(
        "out-of-range",
        "data-shortcut",
        _PICTURES,
        also=("discriminator-dominates", "mode-collapse", "not-learning"),
        distort=planting.out_of_range,
    ),
    Fault(
        "frame",
        "data-shortcut",
        ("digits-non-saturating", "triangles-wasserstein-gp", "openmoji-wasserstein-gp"),
        also=("discriminator-dominates", "mode-collapse", "not-learning"),
        distort=planting.framed,
        meddle=lambda source, seed: meddling.frame_cut(),
    ),
    Fault(
        "one-sided-scaling",
        "data-shortcut",
        ("digits-hinge-sn", "digits-least-squares", "openmoji-relativistic-r1r2"),
        also=("discriminator-dominates", "mode-collapse", "not-learning"),
        distort=planting.brightened,
    ),
    # quality-regressed
    Fault(
        "late-rate",
        "quality-regressed",
        ("digits-wasserstein-gp", "ring-wasserstein-gp", "digits-relativistic-r1r2", "spiral-wasserstein-gp"),
        also=(*DYNAMICS, "not-learning", "non-finite"),
        onset=0.6,
        meddle=lambda source, seed: meddling.rates_times({"generator": 40.0, "discriminator": 40.0}),
    ),
    Fault(
        "shaken-weights",
        "quality-regressed",
        ("digits-hinge-sn", "grid-wasserstein-gp", "triangles-wasserstein-gp"),
        also=(*DYNAMICS, "not-learning"),
        onset=0.6,
        meddle=lambda source, seed: meddling.shaken_weights(0.15),
    ),
    # not-learning
    Fault(
        "no-gradient",
        "not-learning",
        ("digits-relativistic-r1r2", "ring-non-saturating", "openmoji-wasserstein-gp"),
        also=("discriminator-dominates",),
        changes={"optimisers.generator.learning_rate": 1e-12},
    ),
    Fault(
        "both-stand-still",
        "not-learning",
        ("triangles-non-saturating", "grid-wasserstein-gp", "digits-hinge-sn"),
        also=("generator-dominates",),
        changes=both("learning_rate", 1e-9),
        steps=0.6,
    ),
    # condition-ignored: a loop of its own, see conditional.py
    Fault(
        "shuffled-labels",
        "condition-ignored",
        ("conditional-digits", "conditional-ring", "conditional-digits"),
    ),
    Fault(
        "labels-not-passed",
        "condition-ignored",
        ("conditional-ring", "conditional-digits", "conditional-ring"),
        # The discriminator sees labels that the generator does not: it cannot be fooled.
        also=("discriminator-dominates", "mode-collapse", "quality-regressed"),
    ),
    Fault(
        "unconditional-discriminator",
        "condition-ignored",
        ("conditional-digits", "conditional-ring", "conditional-digits"),
        also=("not-learning",),
    ),
)
