"""The runs: which fault is planted in which game, from when on, and what it should be called.

Four kinds (few-images, patient-discriminator, discriminator-runs-away, unpenalised-ring) were planted more
strongly after runs for calibration showed that the fault had not taken; the others are as first written.

What is kept out of calibration: the kinds in `FAULTS_KEPT_OUT` and the games in `HEALTHY_KEPT_OUT`, at seeds
of their own. They were written down, with the rules as they are, before any of them was played. An earlier
round kept seed 2 and six kinds out; its figures were seen, so that it is calibration now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from benchmarks.planted_faults import planting
from benchmarks.planted_faults.bases import BASES
from benchmarks.planted_faults.planting import Bewitched, Meddle
from poise.data import Source

HEALTHY = "healthy"


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes:
        name: What it is called.
        finding: What the doctor should call it.
        bases: The games it is planted in, one a run.
        also: Findings that are true of it, too, and count neither for nor against.
        onset: From which share of the run on; 0 for from the start.
        changes: What it changes in the recipe.
        rows: What it does to the rows, from the source and the seed.
        distort: What it does to reals, in the networks' space.
        meddle: Makes a hand that meddles from the onset on, from the source and the seed.
        held_out: The share of the data that is held out.
        steps: The share of the game's steps that it is run for.
        handful: How many rows alone are ever shown; 0 for all.
    """

    name: str
    finding: str
    bases: tuple[str, ...]
    also: tuple[str, ...] = ()
    onset: float = 0.0
    changes: Mapping[str, Any] = field(default_factory=dict)
    rows: Callable[[Source, int], Bewitched] | None = None
    distort: Callable[[Tensor], Tensor] | None = None
    meddle: Callable[[Source, int], Meddle] | None = None
    held_out: float | None = None
    steps: float = 1.0
    handful: int = 0

    @property
    def rescuable(self) -> bool:
        """Whether a change of the recipe can mend it: it lies in the recipe itself."""
        return bool(self.changes) and not (self.rows or self.distort or self.meddle or self.handful)


def _no_penalties() -> dict[str, Any]:
    return {"penalties.r1": None, "penalties.r2": None, "penalties.wgan-gp": None}


def _both(name: str, value: Any) -> dict[str, Any]:
    return {f"optimisers.{player}.{name}": value for player in ("generator", "discriminator")}


_DIGITS = ("digits-non-saturating", "digits-wasserstein-gp", "digits-relativistic-r1r2")
_POINTS = ("ring-non-saturating", "grid-relativistic-r1r2", "spiral-wasserstein-gp")
_PICTURES = ("digits-wasserstein-gp", "openmoji-relativistic-r1r2", "triangles-non-saturating")
_MIXED = ("digits-relativistic-r1r2", "ring-wasserstein-gp", "openmoji-wasserstein-gp")
_OTHERS = ("triangles-wasserstein-gp", "grid-wasserstein-gp", "digits-least-squares")
_DYNAMICS = (
    "mode-collapse",
    "mode-hopping",
    "oscillation",
    "quality-regressed",
    "generator-dominates",
    "discriminator-dominates",
)

FAULTS: tuple[Fault, ...] = (
    # mode-collapse
    Fault(
        "one-latent",
        "mode-collapse",
        (*_MIXED, "spiral-non-saturating"),
        also=_DYNAMICS,
        onset=0.5,
        meddle=lambda source, seed: planting.no_latents(),
    ),
    Fault(
        "three-latents",
        "mode-collapse",
        _OTHERS,
        also=_DYNAMICS,
        onset=0.5,
        meddle=lambda source, seed: planting.few_latents(3),
    ),
    Fault(
        "greedy-generator",
        "mode-collapse",
        ("digits-non-saturating", "ring-non-saturating", "triangles-non-saturating"),
        also=(*_DYNAMICS, "not-learning"),
        changes={**_no_penalties(), "dynamics.generator_steps": 8, **_both("beta1", 0.5)},
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
        also=_DYNAMICS,
        changes={"penalties.r1.weight": 0.0003, "penalties.r2": None, **_both("beta1", 0.5)},
    ),
    # discriminator-dominates
    Fault(
        "sharp-discriminator",
        "discriminator-dominates",
        ("digits-non-saturating", "triangles-non-saturating", "digits-hinge-sn"),
        also=("not-learning", "mode-collapse", "quality-regressed"),
        changes={
            **_no_penalties(),
            "loss": "minimax",
            "dynamics.discriminator_steps": 4,
            "discriminator.spectral_norm": False,
            "optimisers.discriminator.rate": 2e-3,
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
        meddle=lambda source, seed: planting.penalties_lost({"discriminator": 5.0, "generator": 0.02}),
    ),
    Fault(
        "slow-generator",
        "discriminator-dominates",
        ("digits-least-squares", "triangles-non-saturating", "spiral-non-saturating"),
        also=("not-learning",),
        changes={"optimisers.generator.rate": 1e-6},
    ),
    # generator-dominates
    Fault(
        "slow-discriminator",
        "generator-dominates",
        ("digits-non-saturating", "openmoji-wasserstein-gp", "grid-relativistic-r1r2"),
        also=("not-learning", "mode-collapse"),
        changes={"optimisers.discriminator.rate": 2e-6},
    ),
    Fault(
        "frozen-discriminator",
        "generator-dominates",
        ("ring-wasserstein-gp", "digits-hinge-sn", "triangles-wasserstein-gp"),
        also=("quality-regressed", "mode-collapse", "not-learning"),
        onset=0.4,
        meddle=lambda source, seed: planting.rates_times({"discriminator": 0.0}),
    ),
    # oscillation
    Fault(
        "linear-discriminator",
        "oscillation",
        ("digits-non-saturating", "spiral-non-saturating", "triangles-non-saturating"),
        also=(*_DYNAMICS, "not-learning"),
        changes={**_no_penalties(), "discriminator": {"name": "mlp", "depth": 0}, **_both("rate", 2e-3)},
    ),
    Fault(
        "heavy-momentum",
        "oscillation",
        ("ring-non-saturating", "digits-non-saturating", "spiral-non-saturating"),
        also=(*_DYNAMICS, "not-learning"),
        changes={**_no_penalties(), **_both("beta1", 0.9)},
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
        meddle=lambda source, seed: planting.looked_up(planting.known_rows(source, 300, 0.1, seed)),
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
        meddle=lambda source, seed: planting.spoil_a_weight("generator"),
    ),
    Fault(
        "exploding-rate",
        "non-finite",
        ("digits-wasserstein-gp", "ring-wasserstein-gp", "grid-wasserstein-gp"),
        also=_DYNAMICS,
        onset=0.5,
        meddle=lambda source, seed: planting.rates_times({"generator": 1e9, "discriminator": 1e9}),
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
        meddle=lambda source, seed: planting.frame_cut(),
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
        also=(*_DYNAMICS, "not-learning", "non-finite"),
        onset=0.6,
        meddle=lambda source, seed: planting.rates_times({"generator": 40.0, "discriminator": 40.0}),
    ),
    Fault(
        "shaken-weights",
        "quality-regressed",
        ("digits-hinge-sn", "grid-wasserstein-gp", "triangles-wasserstein-gp"),
        also=(*_DYNAMICS, "not-learning"),
        onset=0.6,
        meddle=lambda source, seed: planting.shaken_weights(0.15),
    ),
    # not-learning
    Fault(
        "no-gradient",
        "not-learning",
        ("digits-relativistic-r1r2", "ring-non-saturating", "openmoji-wasserstein-gp"),
        also=("discriminator-dominates",),
        changes={"optimisers.generator.rate": 1e-12},
    ),
    Fault(
        "both-stand-still",
        "not-learning",
        ("triangles-non-saturating", "grid-wasserstein-gp", "digits-hinge-sn"),
        also=("generator-dominates",),
        changes=_both("rate", 1e-9),
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


FAULTS_KEPT_OUT: tuple[Fault, ...] = (
    # mode-collapse
    Fault(
        "faint-latents",
        "mode-collapse",
        ("digits-hinge-sn", "spiral-wasserstein-gp-wide"),
        also=_DYNAMICS,
        onset=0.5,
        meddle=lambda source, seed: planting.faint_latents(0.01),
    ),
    Fault(
        "averaged-batch",
        "mode-collapse",
        ("openmoji-wasserstein-gp", "ring-wasserstein-gp"),
        also=_DYNAMICS,
        onset=0.4,
        meddle=lambda source, seed: planting.averaged_batch(),
    ),
    # mode-hopping
    Fault(
        "wandering-latents",
        "mode-hopping",
        ("ring-wasserstein-gp", "digits-non-saturating"),
        also=("mode-collapse", "oscillation", "quality-regressed", "discriminator-dominates"),
        meddle=lambda source, seed: planting.wandering_latents(30),
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
        changes={**_no_penalties(), "loss": "minimax", "dynamics.discriminator_steps": 8},
        steps=0.6,
    ),
    Fault(
        "rates-exchanged",
        "discriminator-dominates",
        ("digits-non-saturating-narrow", "triangles-relativistic-r1r2"),
        also=("not-learning", "mode-collapse", "quality-regressed"),
        changes={
            **_no_penalties(),
            "optimisers.generator.rate": 2e-5,
            "optimisers.discriminator.rate": 5e-3,
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
        meddle=lambda source, seed: planting.put_back("discriminator"),
    ),
    # oscillation
    Fault(
        "turn-about",
        "oscillation",
        ("ring-non-saturating", "spiral-non-saturating", "ring-least-squares"),
        also=_DYNAMICS,
        meddle=lambda source, seed: planting.turn_about(30),
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
        meddle=lambda source, seed: planting.snapped(planting.known_rows(source, 300, 0.1, seed)),
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
        meddle=lambda source, seed: planting.spoil_a_weight("discriminator"),
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
        meddle=lambda source, seed: planting.caption_cut(),
    ),
    Fault(
        "blurred-on-the-way",
        "data-shortcut",
        ("openmoji-wasserstein-gp",),
        also=("discriminator-dominates", "mode-collapse", "not-learning"),
        meddle=lambda source, seed: planting.blurred(),
    ),
    # quality-regressed
    Fault(
        "weights-decay",
        "quality-regressed",
        ("digits-wasserstein-gp", "ring-wasserstein-gp-wide"),
        also=(*_DYNAMICS, "not-learning"),
        onset=0.6,
        meddle=lambda source, seed: planting.decaying_weights(0.03),
    ),
    Fault(
        "layer-drawn-anew",
        "quality-regressed",
        ("triangles-wasserstein-gp-long", "digits-least-squares-wide"),
        also=(*_DYNAMICS, "not-learning"),
        onset=0.6,
        meddle=lambda source, seed: planting.drawn_anew(),
    ),
    # not-learning
    Fault(
        "generator-of-a-copy",
        "not-learning",
        ("digits-hinge-sn", "spiral-wasserstein-gp"),
        also=("discriminator-dominates", "generator-dominates", "mode-collapse"),
        meddle=lambda source, seed: planting.put_back("generator"),
    ),
    Fault(
        "rates-run-out",
        "not-learning",
        ("openmoji-relativistic-r1r2",),
        also=("discriminator-dominates", "generator-dominates", "mode-collapse"),
        onset=0.1,
        meddle=lambda source, seed: planting.rates_times({"generator": 1e-6, "discriminator": 1e-6}),
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
"""Kinds of faults that calibration never saw, each in games at seeds that it never saw."""

HEALTHY_KEPT_OUT: tuple[str, ...] = (
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
"""Healthy games kept out: most of them with a loss, a width or a length that calibration never saw."""

SEEDS_KEPT_OUT = (3, 4, 5)


@dataclass(frozen=True)
class Case:
    """One run.

    Attributes:
        base: The game.
        fault: What is planted; `None` in a healthy run.
        seed: Of everything.
    """

    base: str
    fault: Fault | None
    seed: int

    @property
    def kind(self) -> str:
        """The fault's name, or `healthy`."""
        return HEALTHY if self.fault is None else self.fault.name

    @property
    def name(self) -> str:
        """Of its record."""
        return f"{self.kind}--{self.base}--{self.seed}"

    @property
    def kept_out(self) -> bool:
        """Whether no rule and no threshold was chosen by it."""
        return self.seed in SEEDS_KEPT_OUT


def cases() -> list[Case]:
    """All runs, in the order in which they are recorded: those for calibration come first."""
    seen = [Case(base, fault, place % 3) for fault in FAULTS for place, base in enumerate(fault.bases)] + [
        Case(base, None, seed)
        for seed in (0, 1, 2)
        for base in (*BASES, "conditional-digits", "conditional-ring")
    ]
    planted = [(base, fault) for fault in FAULTS_KEPT_OUT for base in fault.bases]
    new = [
        Case(base, fault, SEEDS_KEPT_OUT[place % 3])
        for place, (base, fault) in enumerate([*planted, *((base, None) for base in HEALTHY_KEPT_OUT)])
    ]
    # One of each kind first, so that a part of them already says something.
    return [*seen, *(case for turn in range(3) for case in new[turn::3])]
