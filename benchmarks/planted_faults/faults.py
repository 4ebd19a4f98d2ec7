"""The table of planted faults, and the runs: which fault is planted in which game, with which seed.

There were four rounds. Rules and thresholds were chosen by the first, at seeds 0 to 2; what a later round
kept out of that choice (seeds 3 to 5, 6 to 8, 9 to 12) is calibration for the next. The kinds, the games and
the rules of a round were committed before any of its runs was trained. Four kinds of the first
(few-images, patient-discriminator, discriminator-runs-away, unpenalised-ring) were made stronger after runs
for calibration had shown no effect; all others are as first written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from benchmarks.planted_faults import plants as do
from benchmarks.planted_faults.games import BASES
from poise.data import Dataset

DYNAMICS = (
    "mode-collapse mode-hopping oscillation quality-regressed generator-dominates discriminator-dominates"
)
"""What may follow if the balance of the players is lost altogether."""

ALSO: Mapping[str, str] = {
    "mode-collapse": DYNAMICS,
    "mode-hopping": "mode-collapse oscillation quality-regressed generator-dominates",
    "discriminator-dominates": "not-learning mode-collapse quality-regressed",
    "generator-dominates": "not-learning mode-collapse quality-regressed",
    "oscillation": f"{DYNAMICS} not-learning",
    "discriminator-overfits": "memorisation discriminator-dominates mode-collapse quality-regressed",
    "memorisation": "discriminator-overfits generator-dominates",
    "data-shortcut": "discriminator-dominates mode-collapse not-learning",
    "quality-regressed": f"{DYNAMICS} not-learning",
    "not-learning": "discriminator-dominates generator-dominates mode-collapse",
}
"""Findings that are true, too, of a fault that has this one, unless its row says otherwise."""

LONG = {
    "gp": "wasserstein-gp", "rr": "relativistic-r1r2", "ra": "relativistic-average", "ns": "non-saturating",
    "ls": "least-squares", "sn": "hinge-sn", "c": "conditional",
}  # fmt: skip


def games_of(places: str) -> list[str]:
    """The games of some short names, separated by spaces."""
    return ["-".join([LONG.get(word, word) for word in place.split("-")]) for place in places.split()]


UNFOOLED = "discriminator-dominates mode-collapse quality-regressed"
"""What follows if the discriminator sees labels that the generator does not: it cannot be fooled."""


SHARPER: Mapping[str, str] = {
    "mode-collapse": "latent-ignored",
    "not-learning": "no-gradient",
    "generator-dominates": "no-gradient",
    "non-finite": "diverging",
    "data-shortcut": "data-mismatch checkerboard",
}
"""Names that say more exactly what the older one says; they were added after these runs were recorded."""


@dataclass(frozen=True)
class Fault:
    """One kind of fault; a row of the table."""

    name: str
    finding: str  # that the doctor should name
    places: str  # the games it is planted in, one a run, by their short names
    also: str | None = None  # true of it, too, and counted neither for nor against; those of `ALSO` if `None`
    onset: float = 0.0  # the share of the run at which it begins
    changes: Mapping[str, Any] = field(default_factory=dict)  # in the recipe
    rows: Callable[[Dataset], do.ExchangedRows] | None = None  # what it does to the rows
    distort: Callable[[Tensor], Tensor] | None = None  # what it does to reals, in the networks' space
    meddle: do.Plant | None = None  # what interferes from the onset on
    held_out: float | None = None  # the share of the data that is held out
    steps: float = 1.0  # the share of the game's steps that it is run for
    handful: int = 0  # so many rows alone are ever shown; 0 for all
    complete: bool = False  # whether a generator collapses wholly by it, to one sample

    @property
    def games(self) -> list[str]:
        """The names of the games it is planted in, one a run."""
        return games_of(self.places)

    @property
    def true(self) -> set[str]:
        """All findings that are true of it."""
        also = ALSO.get(self.finding, "") if self.also is None else self.also
        return {self.finding, *also.split(), *SHARPER.get(self.finding, "").split()}

    @property
    def beyond_settings(self) -> str:
        """Why no setting can repair it; empty if one can, since it lies in the recipe itself."""
        if self.handful or self.rows is not None:
            return "it lies in the data: rows are missing, repeated or in an order"
        if self.distort is not None:
            return "it lies in how the data are prepared"
        if self.finding == "condition-ignored":
            return "it lies in the person's own loop, which the doctor cannot change"
        if self.meddle is not None or not self.changes:
            return "a hand goes on meddling with weights, rates or latents, in every branch, too"
        return ""


def _both(name: str, value: Any) -> dict[str, Any]:
    return {f"optimisers.{player}.{name}": value for player in ("generator", "discriminator")}


def _nearest(made: Tensor, rows: Tensor) -> Tensor:
    return torch.cdist(made.flatten(1), rows.flatten(1)).argmin(1)


_FREE = {"regularisers.r1": None, "regularisers.r2": None, "regularisers.wgan-gp": None}
_MINIMAX = {**_FREE, "loss": "minimax"}
_D_STEPS, _D_WIDTH = "dynamics.discriminator_steps", "discriminator.width"
_G, _D = "generator", "discriminator"
_G_RATE, _D_RATE = (f"optimisers.{player}.learning_rate" for player in (_G, _D))

# fmt: off
FIRST = (
    Fault("one-latent", "mode-collapse", "digits-rr ring-gp openmoji-gp spiral-ns", onset=0.5,
          meddle=do.on_latents(torch.zeros_like), complete=True),
    Fault("three-latents", "mode-collapse", "triangles-gp grid-gp digits-ls", onset=0.5,
          meddle=do.on_latents(do.few_latents, 3)),
    Fault("greedy-generator", "mode-collapse", "digits-ns ring-ns triangles-ns", f"{DYNAMICS} not-learning",
          changes={**_FREE, "dynamics.generator_steps": 8, **_both("beta1", 0.5)}, steps=0.6),
    Fault("first-rows-only", "mode-collapse", "digits-rr ring-ns grid-rr",
          "memorisation discriminator-overfits generator-dominates",
          rows=lambda data: do.first_part(data, 0.2)),
    Fault("unshuffled", "mode-hopping", "ring-gp grid-gp digits-gp",
          rows=lambda data: do.one_after_another(data, 8, 2)),
    Fault("unpenalised-ring", "mode-hopping", "ring-ns ring-rr ring-ns ring-rr", DYNAMICS,
          changes={"regularisers.r1.weight": 0.0003, "regularisers.r2": None, **_both("beta1", 0.5)}),
    Fault("sharp-discriminator", "discriminator-dominates", "digits-ns triangles-ns digits-sn",
          changes={**_MINIMAX, _D_STEPS: 4, "discriminator.spectral_norm": False, _D_RATE: 2e-3}, steps=0.7),
    Fault("discriminator-runs-away", "discriminator-dominates",
          "digits-ns openmoji-rr digits-rr triangles-gp", "not-learning quality-regressed", onset=0.4,
          meddle=do.once(do.penalties_lost, discriminator=5.0, generator=0.02)),
    Fault("slow-generator", "discriminator-dominates", "digits-ls triangles-ns spiral-ns", "not-learning",
          changes={_G_RATE: 1e-6}),
    Fault("slow-discriminator", "generator-dominates", "digits-ns openmoji-gp grid-rr",
          "not-learning mode-collapse", changes={_D_RATE: 2e-6}),
    Fault("frozen-discriminator", "generator-dominates", "ring-gp digits-sn triangles-gp", onset=0.4,
          meddle=do.once(do.rates_times, discriminator=0.0)),
    Fault("linear-discriminator", "oscillation", "digits-ns spiral-ns triangles-ns",
          changes={**_FREE, "discriminator": {"name": "mlp", "depth": 0}, **_both("learning_rate", 2e-3)}),
    Fault("heavy-momentum", "oscillation", "ring-ns digits-ns spiral-ns",
          changes={**_FREE, **_both("beta1", 0.9)}),
    Fault("few-images", "discriminator-overfits", "digits-gp openmoji-gp triangles-gp", held_out=0.1,
          changes={_D_WIDTH: 256}, handful=40),
    Fault("patient-discriminator", "discriminator-overfits", "digits-gp digits-rr triangles-gp", held_out=0.1,
          changes={_D_STEPS: 4, _D_WIDTH: 256}, handful=80),
    Fault("looked-up", "memorisation", "digits-gp openmoji-rr triangles-gp", onset=0.4, held_out=0.1,
          meddle=do.copies(300, do.by_code, 2, 8, 997, own=0.02)),
    Fault("a-dozen-images", "memorisation", "digits-gp triangles-gp digits-rr",
          "discriminator-overfits mode-collapse discriminator-dominates", held_out=0.1, handful=12),
    Fault("spoiled-weight", "non-finite", "digits-sn ring-rr openmoji-gp", onset=0.5,
          meddle=do.once(do.spoil_a_weight, "generator")),
    Fault("exploding-rate", "non-finite", "digits-gp ring-gp grid-gp", DYNAMICS, onset=0.5,
          meddle=do.once(do.rates_times, generator=1e9, discriminator=1e9)),
    Fault("out-of-range", "data-shortcut", "digits-gp openmoji-rr triangles-ns",
          distort=lambda real: 1.8 * real),
    Fault("frame", "data-shortcut", "digits-ns triangles-gp openmoji-gp",
          distort=lambda real: do.painted(real, "border", 1.0),
          meddle=do.on_samples(do.painted, "border", -1.0)),
    Fault("one-sided-scaling", "data-shortcut", "digits-sn digits-ls openmoji-rr",
          distort=lambda real: 0.5 * real + 1.0),
    Fault("late-rate", "quality-regressed", "digits-gp ring-gp digits-rr spiral-gp",
          f"{DYNAMICS} not-learning non-finite", onset=0.6,
          meddle=do.once(do.rates_times, generator=40.0, discriminator=40.0)),
    Fault("shaken-weights", "quality-regressed", "digits-sn grid-gp triangles-gp", onset=0.6,
          meddle=do.always(do.shaken, 0.15)),
    Fault("no-gradient", "not-learning", "digits-rr ring-ns openmoji-gp", "discriminator-dominates",
          changes={_G_RATE: 1e-12}),
    Fault("both-stand-still", "not-learning", "triangles-ns grid-gp digits-sn", "generator-dominates",
          changes=_both("learning_rate", 1e-9), steps=0.6),
    # Faults of conditions are planted in a loop of their own, see conditional.py.
    Fault("shuffled-labels", "condition-ignored", "c-digits c-ring c-digits"),
    Fault("labels-not-passed", "condition-ignored", "c-ring c-digits c-ring", UNFOOLED),
    Fault("unconditional-discriminator", "condition-ignored", "c-digits c-ring c-digits", "not-learning"),
)

SECOND = (
    Fault("faint-latents", "mode-collapse", "digits-sn spiral-gp-wide", onset=0.5,
          meddle=do.on_latents(lambda latent: 0.01 * latent), complete=True),
    Fault("averaged-batch", "mode-collapse", "openmoji-gp ring-gp", onset=0.4,
          meddle=do.on_samples(lambda made: 0.98 * made.mean(0, keepdim=True) + 0.02 * made), complete=True),
    Fault("wandering-latents", "mode-hopping", "ring-gp digits-ns",
          "mode-collapse oscillation quality-regressed discriminator-dominates",
          meddle=do.always(do.wandering_latents, 30)),
    Fault("one-class-at-a-time", "mode-hopping", "spiral-rr",
          rows=lambda data: do.one_after_another(data, 4, 5)),
    Fault("eight-to-one", "discriminator-dominates", "digits-ls-wide openmoji-ns",
          changes={**_MINIMAX, _D_STEPS: 8}, steps=0.6),
    Fault("rates-exchanged", "discriminator-dominates", "digits-ns-narrow triangles-rr",
          changes={**_FREE, _G_RATE: 2e-5, _D_RATE: 5e-3}),
    Fault("drowned-in-noise", "generator-dominates", "digits-ra triangles-gp-long",
          changes={"instance_noise.deviation": 20.0}),
    Fault("discriminator-of-a-copy", "generator-dominates", "spiral-gp digits-gp",
          meddle=do.always(do.put_back, "discriminator")),
    Fault("turn-about", "oscillation", "ring-ns spiral-ns ring-ls", DYNAMICS,
          meddle=do.always(do.rates_by_step, lambda step: {_D: 1 - step // 30 % 2, _G: step // 30 % 2})),
    Fault("small-set-light-penalty", "discriminator-overfits", "digits-ns digits-ra openmoji-gp",
          held_out=0.1, changes={_D_WIDTH: 256, "regularisers.r1.weight": 0.1}, handful=60),
    Fault("snapped", "memorisation", "digits-sn openmoji-gp triangles-ns", onset=0.4, held_out=0.1,
          meddle=do.copies(300, _nearest, share=0.9, own=0.1)),
    Fault("some-undefined", "non-finite", "digits-gp ring-gp", distort=do.some_undefined),
    Fault("spoiled-discriminator", "non-finite", "triangles-ns spiral-rr", onset=0.5,
          meddle=do.once(do.spoil_a_weight, "discriminator")),
    Fault("unnormalised", "data-shortcut", "digits-gp openmoji-rr",
          distort=lambda real: 127.5 * (real + 1.0)),
    Fault("captioned", "data-shortcut", "triangles-gp-long digits-ns",
          distort=lambda real: do.painted(real, "caption", 1.0),
          meddle=do.on_samples(do.painted, "caption", -1.0)),
    Fault("blurred-on-the-way", "data-shortcut", "openmoji-gp",
          meddle=do.on_samples(avg_pool2d, 3, 1, 1, False, False)),
    Fault("weights-decay", "quality-regressed", "digits-gp ring-gp-wide", onset=0.6,
          meddle=do.always(do.each_weight, lambda one: one.mul_(1 - 0.03))),
    Fault("layer-drawn-anew", "quality-regressed", "triangles-gp-long digits-ls-wide", onset=0.6,
          meddle=do.always(do.last_drawn_anew)),
    Fault("generator-of-a-copy", "not-learning", "digits-sn spiral-gp",
          meddle=do.always(do.put_back, "generator")),
    Fault("rates-run-out", "not-learning", "openmoji-rr", onset=0.1,
          meddle=do.once(do.rates_times, generator=1e-6, discriminator=1e-6)),
    Fault("off-by-one", "condition-ignored", "c-digits-long c-ring"),
    Fault("one-label", "condition-ignored", "c-ring c-digits-long", UNFOOLED),
)

THIRD = (
    Fault("expanded-latent", "mode-collapse", "digits-ls-wide spiral-gp", onset=0.4,
          meddle=do.on_latents(lambda latent: latent[:1].expand_as(latent)), complete=True),
    Fault("sorted-by-folder", "mode-hopping", "ring-gp-wide spiral-gp-wide",
          rows=lambda data: do.one_after_another(data, 6, 3)),
    Fault("big-discriminator", "discriminator-dominates", "digits-gp triangles-gp-long",
          changes={**_MINIMAX, _D_STEPS: 3, _D_WIDTH: 384, _D_RATE: 1e-3}, steps=0.6),
    Fault("random-discriminator", "generator-dominates", "digits-ra spiral-rr",
          meddle=do.always(do.drawn_anew, "discriminator")),
    Fault("runaway-momentum", "oscillation", "ring-rr spiral-rr", changes={**_FREE, **_both("beta1", 0.95)}),
    Fault("hundred-images", "discriminator-overfits", "digits-gp digits-rr openmoji-gp", held_out=0.1,
          changes={_D_STEPS: 6, _D_WIDTH: 256}, handful=100, steps=0.7),
    Fault("replayed", "memorisation", "digits-ls-wide openmoji-rr",
          "discriminator-overfits generator-dominates mode-collapse", onset=0.4, held_out=0.1,
          meddle=do.copies(60, do.by_code, 2, 8, 997, own=0.02)),
    Fault("overflowing-weights", "non-finite", "digits-sn grid-gp", onset=0.5,
          meddle=do.once(do.each_weight, {}, lambda one: one.mul_(1e30))),
    Fault("shifted-range", "data-shortcut", "digits-ns openmoji-gp", distort=lambda real: real + 1.2),
    Fault("dimmed", "data-shortcut", "digits-gp triangles-gp-long",
          meddle=do.on_samples(lambda made: 0.4 * made)),
    Fault("coarse-weights", "quality-regressed", "digits-gp ring-gp", onset=0.6,
          meddle=do.always(do.each_weight, lambda one: one.copy_((one / 0.2).round() * 0.2))),
    Fault("generator-frozen", "not-learning", "digits-ra triangles-rr",
          meddle=do.once(do.rates_times, generator=0.0)),
    Fault("random-to-generator", "condition-ignored", "c-ring c-digits-long", UNFOOLED),
)

FOURTH = (
    Fault("layer-lost", "mode-collapse", "digits-ns-narrow moons-gp", onset=0.5,
          meddle=do.always(lambda context, memory: do.matrices(context)[0].zero_()), complete=True),
    Fault("repeated-sample", "mode-collapse", "ring-ls triangles-gp-long", onset=0.4,
          meddle=do.on_samples(lambda made: made[:1].expand_as(made)), complete=True),
    Fault("sliding-window", "mode-hopping", "ring-gp-wide spiral-gp digits-gp",
          rows=lambda data: do.sliding_window(data, 0.12, 2)),
    Fault("scores-scaled", "discriminator-dominates", "digits-ns-narrow triangles-rr",
          changes={**_MINIMAX, _D_RATE: 1e-3}, meddle=do.once(do.scores_times, 50.0)),
    Fault("warm-up-in-epochs", "discriminator-dominates", "digits-hinge-r1 triangles-gp-long", "not-learning",
          meddle=do.always(do.rates_by_step, lambda step: {"generator": step / 400_000})),
    Fault("labels-by-lot", "generator-dominates", "digits-batch-norm corners-ns",
          changes={"label_flip": 0.499}),
    Fault("one-number", "generator-dominates", "digits-ra openmoji-rr",
          "not-learning mode-collapse quality-regressed oscillation", meddle=do.once(do.one_number)),
    Fault("stale-fakes", "oscillation", "ring-ns spiral-rr", meddle=do.once(do.stale_fakes, 60)),
    Fault("no-lipschitz-bound", "oscillation", "ring-gp-wide moons-gp", f"{DYNAMICS} not-learning non-finite",
          changes={**_FREE, _D_STEPS: 1, **_both("beta1", 0.5)}),
    Fault("large-on-few", "discriminator-overfits", "digits-gp openmoji-gp openmoji-rr", held_out=0.1,
          changes={_D_WIDTH: 384, "discriminator.depth": 4, _D_STEPS: 3}, handful=50),
    Fault("leaked-reals", "memorisation", "digits-ns-narrow digits-ra openmoji-gp", onset=0.4, held_out=0.1,
          meddle=do.copies(500, do.by_code, 3, 16, 1_301, share=0.85, own=1 - 0.85)),
    Fault("sixteen-bits", "non-finite", "digits-ra triangles-rr", onset=0.5,
          meddle=do.on_samples(lambda made: (70_000 * made).half().float() / 70_000)),
    Fault("spoiled-moments", "non-finite", "spiral-rr digits-hinge-r1", onset=0.5,
          meddle=do.once(do.spoiled_moments)),
    Fault("dithered", "data-shortcut", "openmoji-gp triangles-gp-long",
          meddle=do.on_samples(do.dithered, 0.5)),
    Fault("clamped", "data-shortcut", "digits-hinge-r1 digits-gp",
          meddle=do.on_samples(lambda made: made.clamp(-0.4, 0.4))),
    Fault("wrong-direction", "quality-regressed", "digits-gp corners-ns", onset=0.6,
          meddle=do.once(lambda context: do.groups(context, "generator")[0].update(maximize=True))),
    Fault("pulled-back", "quality-regressed", "grid-gp digits-ra", onset=0.6,
          meddle=do.always(do.pulled_back, 0.05)),
    Fault("steps-clipped", "not-learning", "ring-ns openmoji-rr", meddle=do.always(do.steps_clipped, 1e-5)),
    Fault("saturated", "not-learning", "digits-batch-norm triangles-rr",
          "discriminator-dominates mode-collapse",
          meddle=do.once(lambda context: [*do.weights(context).values()][-1].fill_(60.0))),
    Fault("faint-labels", "condition-ignored", "c-ring c-digits-long", UNFOOLED),
    Fault("names-sorted-otherwise", "condition-ignored", "c-ring c-digits-long"),
)

SECOND_HEALTHY = games_of(
    "digits-gp digits-sn-wide digits-ls-wide digits-ns-narrow digits-ra ring-ls ring-gp-wide ring-ns grid-gp "
    "spiral-rr spiral-gp-wide triangles-gp-long triangles-rr openmoji-gp openmoji-rr c-digits-long c-ring"
)
THIRD_HEALTHY = games_of(
    "digits-gp digits-ls-wide digits-ns-narrow digits-ra ring-ls ring-gp-wide grid-gp spiral-rr "
    "spiral-gp-wide triangles-gp-long openmoji-gp openmoji-rr c-ring"
)
FOURTH_SEEDS = dict(zip(games_of(
    "digits-gp digits-ns-narrow digits-ra digits-hinge-r1 digits-batch-norm ring-ns ring-ls ring-gp-wide "
    "grid-gp spiral-gp spiral-rr moons-gp corners-ns triangles-gp-long triangles-rr openmoji-gp openmoji-rr "
    "c-ring c-digits-long"
), (9, 11, 12, 10, 11, 9, 11, 10, 12, 9, 10, 12, 11, 11, 12, 10, 9, 11, 12), strict=True))
"""The games of the fourth round, each at one seed, healthy and with its faults."""
# fmt: on


@dataclass(frozen=True)
class Case:
    """One run: of a game, with a fault or healthy, with one seed of everything."""

    base: str
    fault: Fault | None
    seed: int

    @property
    def kind(self) -> str:
        """The fault's name, or `healthy`."""
        return "healthy" if self.fault is None else self.fault.name

    @property
    def name(self) -> str:
        return f"{self.kind}--{self.base}--{self.seed}"

    @property
    def kept_out(self) -> bool:
        """Whether no rule and no threshold was chosen by it: whether it is of the fourth round."""
        return self.seed >= 9


def cases() -> list[Case]:
    """All runs, in the order in which they are recorded: those for calibration come first."""
    games = [*BASES, "conditional-digits", "conditional-ring"]
    return [
        *(Case(base, fault, index % 3) for fault in FIRST for index, base in enumerate(fault.games)),
        *(Case(base, None, seed) for seed in (0, 1, 2) for base in games),
        *_round(SECOND, SECOND_HEALTHY, (3, 4, 5)),
        *_round(THIRD, THIRD_HEALTHY, (6, 7, 8)),
        *(Case(base, fault, FOURTH_SEEDS[base]) for fault in FOURTH for base in fault.games),
        *(Case(base, None, seed) for base, seed in FOURTH_SEEDS.items()),
    ]


def _round(faults: Sequence[Fault], healthy: Sequence[str], seeds: Sequence[int]) -> list[Case]:
    """The runs of the second or third round, one of each kind first, so that a part of them is of use."""
    planted: list[tuple[str, Fault | None]] = [(base, one) for one in faults for base in one.games]
    chosen = [*planted, *((base, None) for base in healthy)]
    found = [Case(base, fault, seeds[index % 3]) for index, (base, fault) in enumerate(chosen)]
    return [case for turn in range(3) for case in found[turn::3]]
