"""One check: sample, score, compare, and note what could not be measured and why."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from poise.diagnosis.finding import Measurement
from poise.diagnosis.inputs import only_samples
from poise.diagnosis.leaks import images_of
from poise.diagnosis.reference import (
    LEAST,
    LEAST_HELD_OUT,
    LEAST_OTHERS,
    MOST_PROBED,
    MOST_SCORED,
    Reference,
    summary_of,
)
from poise.diagnosis.rule import LATER
from poise.diagnosis.samples import (
    apart,
    cell_shares,
    condition_response,
    copied_share,
    copying_score,
    coverage,
    dependence,
    distances,
    duplicates,
    faults_of,
    features_of,
    grid_of,
    independent_count,
    labels_followed,
    layouts_of,
    likeness,
    mean_distance,
    nearest_others,
    nearest_training,
    probes,
    waves_in,
)
from poise.diagnosis.undisturbed import still
from poise.diagnosis.window import first_non_finite, held_out_gap, per_sample_scores, roc_auc

Side = Literal["training", "held out", "fake"]
Sample = Callable[[int], Any]  # From how many to samples: a tensor, an array, or a tuple that begins with one
# From samples, and which they are, to scores; a conditional discriminator needs to know their conditions
Score = Callable[[Tensor, Side], Any]
WATCHED = 32  # Weights of each tensor that are compared with those of the last check
FEW = 64  # Samples that are enough if there is time for no more
ASKED = 16  # Samples of which the latents are exchanged
TWIN = 1e-4  # Share of the mean distance of two samples, below which the two are equal but for rounding
# Parts for which the generator is sampled
SAMPLED = frozenset(
    {"samples", "held out", "conditions", "statistics", "copies", "grid", "waves", "augmentation"}
)
# Those for which the loop's fakes never stand, and those that call a network otherwise
OWN, SCORED = frozenset({"samples", "conditions"}), frozenset({"latents", "held out"})
DEARER = 1.5  # Times what a part took before that it is taken to cost at most now
LAID_OUT = 6  # Checks that say how the loop's reals lie to those that were handed over; they do not change
LEAST_HANDED = 2  # Fewer fakes than this of the loop's own are not compared with each other
# Difference of the energy distances, and share of the greater one, below which the loop's fakes may stand for
# the generator's samples
SAME, SAME_SHARE = 0.06, 0.15

# The parts of a check and the quantity under whose name it is noted why a part gave nothing, cheapest first
PARTS: Mapping[str, str] = {
    "weights": "weights",
    "drawn": "latents_differ",
    "samples": "distance",
    "latents": "latent_response",
    "handed": "fake_distance",
    "loop": "loop_reals",
    "held out": "held_out_gap",
    "conditions": "condition_response",
    "statistics": "probes",
    "copies": "copying",
    "grid": "grid",
    "waves": "waves",
    "layouts": "layouts",
    "augmentation": "leaks",
}


@dataclass(frozen=True)
class Subject:
    """What is examined besides the steps' statistics; any of it may be missing."""

    sample: Sample | None = None  # Makes fakes (N, ...)
    # Whether they are of the same latents each time, so that their movement can be measured
    fixed: bool = False
    score: Score | None = None  # From samples to scores
    swapped: Sample | None = None  # Makes the same fakes with each one's condition exchanged for another
    redrawn: Sample | None = None  # Makes fakes of the same conditions and of other latents
    asked: Tensor | None = None  # The labels that sample asks for, (N,), if conditions are labels
    modules: Sequence[nn.Module] = ()  # Networks that this runs; they are in eval mode meanwhile
    handed: Tensor | None = None  # The fakes of the loop's last step
    latent: Tensor | None = None  # The latents of that step
    real: Tensor | None = None  # Its reals
    generator: nn.Module | None = None  # Whose weights are watched
    discriminator: nn.Module | None = None  # The same
    translates: bool = False  # Whether latents are samples of another domain, so that copies mean nothing
    # The operations that samples are augmented with before the discriminator; None if that is not known
    operations: Collection[str] | None = None
    # From samples to waves (N, T) that can be heard; None if samples of one axis are waves
    waves: Callable[[Tensor], Tensor] | None = None
    metric: float | None = None  # What the caller measured


class Examiner:
    """Measures. It remembers the last samples and weights, to see how far they move.

    Args:
        reference: Reals to compare with.

    Attributes:
        seconds: What each part costs, as its last measurements say.
        count: How many samples were compared then.
        stood_for: Whether the loop's fakes may stand for the generator's samples.
    """

    def __init__(self, reference: Reference | None) -> None:
        self.reference = reference
        self.previous: Tensor | None = None
        self.seconds: dict[str, float] = {}
        self.count, self.stood_for = MOST_PROBED, False
        self._handed: Tensor | None = None
        self._first: Tensor | None = None
        self._in_units = False
        self._laid_out = 0
        self._reals: Tensor | None = None
        self._real_waves: Tensor | None = None
        self._weights: dict[str, Tensor] = {}
        self._last: tuple[Tensor, Tensor] | None = None

    def examine(
        self,
        window: Measurement,
        subject: Subject,
        *,
        parts: Sequence[str] | None = None,
        count: int = MOST_PROBED,
    ) -> Measurement:
        """Measure. A part that raises is left out, and its reason is in `missing`.

        Args:
            window: The statistics of the steps.
            subject: What is examined.
            parts: Those that there is time for; all by default.
            count: How many samples are compared.
        """
        found: dict[str, Any] = {"metric": subject.metric, "non_finite": window.non_finite}
        if self.reference is not None:
            found |= {
                "training_count": len(self.reference.real),
                "held_out_count": 0 if self.reference.held_out is None else len(self.reference.held_out),
            }
        missing: dict[str, str] = {}
        chosen = tuple(PARTS) if parts is None else parts
        missing |= {PARTS[name]: LATER for name in PARTS if name not in chosen}
        wanted = SAMPLED & set(chosen)
        own = OWN if subject.swapped is not None else OWN - {"conditions"}
        stands = self.stood_for and not own & set(chosen)
        self.count = count
        with still(subject.modules) if (wanted and not stands) or SCORED & set(chosen) else nullcontext():
            began = time.perf_counter()
            if stands:
                fake = None if subject.handed is None or not wanted else subject.handed[:count]
                self.count = count if fake is None else len(fake)
            else:
                fake = self._fakes(subject, count, missing) if wanted else None
            culprit = None if fake is None else first_non_finite([("samples of the generator", fake)])
            if culprit:
                found["non_finite"] = found["non_finite"] or culprit
                missing["distance"] = "the samples hold values that are not finite"
                fake = None
            if wanted and not stands:
                self._took("sampling", time.perf_counter() - began)
            measure: dict[str, Callable[[], dict[str, Any]]] = {
                "weights": lambda: self._moved(subject),
                "drawn": lambda: self._drawn(subject),
                "samples": lambda: self._compared(fake, subject),
                "latents": lambda: self._latents(subject),
                "handed": lambda: self._of_the_loop(subject, stands="samples" not in chosen),
                "loop": lambda: self._reals_of_the_loop(subject),
                "held out": lambda: self._held_out(subject.score, fake),
                "conditions": lambda: self._conditions(subject, fake),
                "statistics": lambda: self._statistics(fake, subject),
                "copies": lambda: self._copies(fake, subject),
                "grid": lambda: self._grid(fake, subject),
                "waves": lambda: self._sounds(fake, subject),
                "layouts": lambda: self._layouts(subject),
                "augmentation": lambda: self._leaks(fake, subject),
            }
            for name in chosen:
                if PARTS[name] in missing:
                    continue
                began = time.perf_counter()
                try:
                    found |= measure[name]()
                except _MissingError as error:
                    missing[PARTS[name]] = str(error)
                except Exception as error:  # a user's network may raise anything
                    missing[PARTS[name]] = f"it raised {type(error).__name__}: {error}"
                self._took(name, time.perf_counter() - began)
        self._last = None
        broken = found.pop("broken", None)
        found["non_finite"] = found["non_finite"] or broken
        if subject.sample is None or "samples" in chosen:
            enough = subject.handed is not None and len(subject.handed) >= LEAST_OTHERS
            self.stood_for = enough and _agree(found.get("distance"), found.get("fake_distance"))
        elif "distance" in found:
            missing["movement"] = missing.pop("distance")
        if window.auc is None:
            missing["auc"] = "no scores of reals and fakes were given"
        return replace(window, **found, missing=missing)

    def state(self) -> dict[str, Tensor]:
        """What later measurements depend on."""
        found = {} if self.previous is None else {"previous_samples": self.previous}
        return found | {f"weights/{name}": value for name, value in self._weights.items()}

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.previous = state.get("previous_samples")
        prefix = "weights/"
        self._weights = {
            name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)
        }

    def _took(self, part: str, seconds: float) -> None:
        """Note what a part costs: other programs can only make it seem dearer, at times many times over."""
        self.seconds[part] = min(seconds, DEARER * self.seconds.get(part, math.inf))

    def _fakes(self, subject: Subject, count: int, missing: dict[str, str]) -> Tensor | None:
        if subject.sample is None:
            if subject.handed is None:
                missing["distance"] = "no samples were given"
            return subject.handed
        try:
            return only_samples(subject.sample(count))[:count]
        except Exception as error:
            missing["sampling"] = f"sampling raised {type(error).__name__}: {error}"
            if subject.handed is None:
                missing["distance"] = missing["sampling"]
            return subject.handed

    def _moved(self, subject: Subject) -> dict[str, Any]:
        """Which share of the watched weights has changed since the last check, and whether any is broken."""
        found: dict[str, Any] = {}
        for name, module in (("generator", subject.generator), ("discriminator", subject.discriminator)):
            weights = _watched(module)
            if weights is None:
                continue
            before, self._weights[name] = self._weights.get(name), weights
            if not bool(torch.isfinite(weights).all()):
                found.setdefault("broken", f"{name}'s weights")
            if before is not None and before.shape == weights.shape:
                found[f"{name}_moved"] = float((before != weights).float().mean())
        if not self._weights:
            raise _MissingError("no networks with weights were given")
        return found

    def _compared(self, fake: Tensor | None, subject: Subject) -> dict[str, Any]:
        """Compare fakes with reals."""
        rows, reference = self._rows(fake)
        pairs = distances(rows, rows)
        fixed = subject.fixed and fake is not subject.handed
        found: dict[str, Any] = {
            **_beside_reals(rows, pairs, reference),
            "distance_floor": reference.floor,
            "alike": likeness(rows, pairs),
            "duplicates": duplicates(pairs, reference.closeness),
        }
        before = self.previous
        if fixed and before is not None and before.shape[1:] == rows.shape[1:]:
            both = min(len(before), len(rows))
            moved = float((rows[:both] - before[:both]).norm(dim=1).mean())
            found["movement"] = moved / reference.mean_distance
        self.previous = rows if fixed else None
        return found

    def _latents(self, subject: Subject) -> dict[str, Any]:
        """How far samples move with their latents alone: noise that layers draw is the same in both."""
        if subject.sample is None or subject.redrawn is None:
            raise _MissingError("no generator and no latents were given")
        made = []
        for sample in (subject.sample, subject.redrawn):
            cards = _cards(subject.modules)
            with torch.random.fork_rng(devices=cards):
                # torch.manual_seed formats a stack for every device, which costs as much as a small network
                (torch.manual_seed if cards else torch.default_generator.manual_seed)(0)
                made.append(only_samples(sample(ASKED))[:ASKED])
        reference = self._known()
        if made[0].shape[1:] != reference.real.shape[1:]:
            raise _MissingError("samples and reals differ in shape")
        first, second = (reference.rows(one) for one in made)
        moved = float((first - second).norm(dim=1).mean())
        return {"latent_response": moved / reference.mean_distance}

    def _drawn(self, subject: Subject) -> dict[str, Any]:
        """How the latents of the loop's last step differ, and whether its fakes follow them."""
        latent, fake = subject.latent, subject.handed
        if latent is None or len(latent) < 2:
            raise _MissingError("no latents of the loop were given")
        rows = latent[:FEW].reshape(min(len(latent), FEW), -1)
        found = {"latents_differ": float((rows != rows[:1]).any(1).float().sum() / (len(rows) - 1))}
        if rows.is_floating_point():
            found["latents_apart"] = float((rows[1:] - rows[:-1]).float().norm(dim=1).mean())
        known = subject.translates and fake is not None and len(fake) == len(latent) >= LEAST
        if known and fake is not None and bool(torch.isfinite(fake[:FEW]).all()):
            found["source_followed"] = dependence(features_of(latent[:FEW]), features_of(fake[:FEW]))
        return found

    def _of_the_loop(self, subject: Subject, *, stands: bool) -> dict[str, Any]:
        """Compare the fakes of the loop's last step with each other, with reals, and with those before.

        They stand for the generator's samples at a check that has no time for these, if both were alike when
        they were last compared.
        """
        fake = subject.handed
        if fake is None:
            raise _MissingError("no fakes of the loop were given")
        if len(fake) < LEAST_HANDED:
            raise _MissingError(f"{len(fake)} fakes are too few")
        fake = fake[:FEW]
        if not bool(torch.isfinite(fake).all()):
            raise _MissingError("the fakes hold values that are not finite")
        reference = self.reference
        known = (
            reference is not None
            and len(reference.real) >= LEAST
            and fake.shape[1:] == reference.real.shape[1:]
        )
        if known != self._in_units:  # rows of before the reference was known are on another scale
            self._handed, self._first, self._in_units = None, None, known
        rows = reference.rows(fake) if known and reference is not None else features_of(fake)
        pairs = distances(rows, rows)
        twins = nearest_others(pairs) < TWIN * mean_distance(pairs)
        found: dict[str, Any] = {
            "fake_alike": likeness(rows, pairs),
            "fake_twins": float(twins.float().mean()),
        }
        if known and reference is not None and len(fake) >= LEAST:
            if stands and self.stood_for:
                found |= _beside_reals(rows, pairs, reference)
            found["fake_spread"] = found.get("spread", mean_distance(pairs) / reference.mean_distance)
            found["fake_distance"] = found.get("distance", reference.distance_to(rows, pairs))
        before, usual = self._handed, mean_distance(pairs)
        if before is not None and before.shape == rows.shape and usual > 0:
            found["fake_moved"] = float((rows - before).norm(dim=1).mean()) / usual
        self._handed = rows
        if subject.generator is None and len(fake) >= LEAST:
            if self._first is not None and self._first.shape[1:] == rows.shape[1:]:
                found["fake_travelled"] = apart(self._first, rows, rounds=20)
            else:
                self._first = rows
        return found

    def _reals_of_the_loop(self, subject: Subject) -> dict[str, Any]:
        """Simple statistics of the loop's reals beside those of the reference."""
        if subject.real is None:
            raise _MissingError("no reals of the loop were given")
        reference, real = self._known(), subject.real[:FEW]
        known = len(reference.real) if not reference.from_loop else math.inf
        before, self._reals = self._reals, real.clone() if len(subject.real) < known else None
        repeats = before is not None and before.shape == real.shape and bool((before == real).all())
        if reference.from_loop:
            return {"loop_reals": {"repeats": (float(repeats), 0.0)}}
        if real.shape[1:] != reference.real.shape[1:]:
            raise _MissingError(
                f"the loop's reals have the shape {tuple(real.shape[1:])} and those that were given "
                f"{tuple(reference.real.shape[1:])}"
            )
        here, there = summary_of(real), reference.summary
        found = {
            name: (value, there[name])
            for name, value in here.items()
            if name in there and math.isfinite(value) and math.isfinite(there[name])
        }
        if subject.handed is not None and "colour" in there and subject.handed.shape[1:] == real.shape[1:]:
            found["colour of fakes"] = summary_of(subject.handed[:FEW])["colour"], there["colour"]
        found["repeats"] = float(repeats), 0.0
        return {"loop_reals": found}

    def _layouts(self, subject: Subject) -> dict[str, Any]:
        """How far the loop's reals are from those that were handed over, also if they are changed."""
        if subject.real is None:
            raise _MissingError("no reals of the loop were given")
        reference, real = self._known(), subject.real[:FEW]
        if reference.from_loop or real.shape[1:] != reference.real.shape[1:] or len(real) < LEAST:
            raise _MissingError("no reals were handed over that the loop's could differ from")
        if self._laid_out >= LAID_OUT:
            return {}
        self._laid_out += 1
        far, spread = {}, 0.0
        for name, samples in layouts_of(real.to(reference.real.device)).items():
            rows = reference.rows(samples)
            pairs = distances(rows, rows)
            far[name] = reference.distance_to(rows, pairs)
            spread = spread if name else mean_distance(pairs) / reference.mean_distance
        return {"layouts": far if len(far) > 1 else {}, "loop_spread": spread}

    def _statistics(self, fake: Tensor | None, subject: Subject) -> dict[str, Any]:
        """How well simple statistics tell fakes from reals."""
        self._rows(fake)
        assert fake is not None
        reference = self._known()
        fake = fake[:MOST_SCORED].to(reference.real.device)
        found: dict[str, Any] = {"probes": probes(reference.probed, fake, known=reference.simple)}
        if reference.held_out is not None:
            found["held_out_apart"] = reference.held_out_apart
        return found

    def _copies(self, fake: Tensor | None, subject: Subject) -> dict[str, Any]:
        """Compare how near fakes and unseen reals lie to the training reals."""
        rows, reference = self._rows(fake)
        if subject.translates:
            raise _MissingError("the samples are translations, which are to be near to their own targets")
        unseen = reference.unseen_nearest
        if unseen is None:
            raise _MissingError(f"{len(reference.real)} reals are too few")
        near = nearest_training(rows, reference.training)
        return {
            "copying": copying_score(near, unseen, count=independent_count(near, len(reference.training))),
            "nearness": float(near.first.median() / unseen.first.median().clamp_min(1e-9)),
            "copied": copied_share(near),
            "copied_held_out": reference.unseen_copied,
        }

    def _grid(self, fake: Tensor | None, subject: Subject) -> dict[str, Any]:
        """How much of a grid the samples show, against the reals."""
        self._rows(fake)
        assert fake is not None
        own, of_reals = grid_of(fake[:FEW]), self._known().grid
        if own is None or of_reals is None:
            raise _MissingError("the samples are no images of 8 pixels or more")
        return {"grid": own / max(of_reals, 1.0)}

    def _sounds(self, fake: Tensor | None, subject: Subject) -> dict[str, Any]:
        """How many waves are silent, how many values clipped, and how far tones of strides stand out."""
        self._rows(fake)
        assert fake is not None
        waves = waves_in(fake[:FEW], subject.waves)
        if waves is None:
            raise _MissingError("the samples are no sounds of 256 values or more")
        if self._real_waves is None:
            self._real_waves = waves_in(self._known().probed[:FEW], subject.waves)
        assert self._real_waves is not None
        return {"waves": faults_of(waves, self._real_waves)}

    def _leaks(self, fake: Tensor | None, subject: Subject) -> dict[str, Any]:
        """How much of an augmentation the samples carry, against the reals."""
        self._rows(fake)
        assert fake is not None
        reference = self._known()
        if reference.from_loop:
            raise _MissingError("the reals are the loop's own, which may be augmented themselves")
        if subject.operations is not None and not subject.operations:
            raise _MissingError("nothing is augmented")
        images = images_of(fake[:MOST_SCORED])
        wanted = reference.augmented if subject.operations is None else subject.operations
        ways = {name: way for name, way in reference.augmented.items() if name in wanted}
        if images is None or not ways:
            raise _MissingError("the samples are no images in which an augmentation would show")
        return {"leaks": {name: tuple(way.leak(images)) for name, way in ways.items()}}

    def _held_out(self, score: Score | None, fake: Tensor | None) -> dict[str, Any]:
        """Compare the scores of training and held-out reals."""
        if score is None:
            raise _MissingError("no discriminator was given")
        reference = self._known()
        held_out = reference.probed_held_out
        if held_out is None:
            raise _MissingError("no data are held out")
        if len(held_out) < LEAST_HELD_OUT:
            raise _MissingError(f"{len(held_out)} held-out samples are too few")
        if fake is None:
            raise _MissingError("no samples were given")
        count = MOST_SCORED if len(fake) > FEW else FEW
        sides: tuple[tuple[Tensor, Side], ...] = (
            (reference.probed[:count], "training"),
            (held_out[:count], "held out"),
            (fake[:count], "fake"),
        )
        training, unseen, made = (
            per_sample_scores(score(samples.to(fake.device), side)).cpu() for samples, side in sides
        )
        return {
            "held_out_apart": reference.held_out_apart,
            "training_above_held_out": roc_auc(training, unseen),
            "held_out_gap": held_out_gap(training, unseen, made),
        }

    def _conditions(self, subject: Subject, fake: Tensor | None) -> dict[str, Any]:
        """Compare samples of exchanged conditions."""
        if subject.swapped is None:
            raise _MissingError("the samples are made without conditions")
        if fake is None or fake is subject.handed:
            raise _MissingError("no samples of known conditions were given")
        reference, count = self._known(), len(fake)
        rows = reference.rows(fake)
        others = reference.rows(only_samples(subject.swapped(count)))
        found: dict[str, Any] = {"condition_response": condition_response(rows[: len(others)], others)}
        if subject.asked is not None and reference.classes is not None:
            asked = subject.asked.cpu()[:count]
            found["condition_followed"] = labels_followed(rows, asked, *reference.classes)
            found["condition_followed_real"] = reference.labels_followed
            # Every label is asked for about as often as it occurs, so others' labels are what chance gives.
            found["condition_chance"] = labels_followed(
                rows, asked.roll(len(asked) // 2 + 1), *reference.classes
            )
        return found

    def _rows(self, fake: Tensor | None) -> tuple[Tensor, Reference]:
        """Fakes as rows that are compared with the reference."""
        if fake is None:
            raise _MissingError("no samples were given")
        reference = self._known()
        if fake.shape[1:] != reference.real.shape[1:]:
            raise _MissingError(
                f"samples have the shape {tuple(fake.shape[1:])} and reals {tuple(reference.real.shape[1:])}"
            )
        if len(fake) < LEAST:
            raise _MissingError(f"{len(fake)} samples are too few")
        if self._last is None or self._last[0] is not fake:
            self._last = fake, reference.rows(fake)
        return self._last[1], reference

    def _known(self) -> Reference:
        if self.reference is None or len(self.reference.real) < LEAST:
            raise _MissingError("no reals to compare with were given")
        return self.reference


class _MissingError(Exception):
    """An input is not there; the message says which."""


def _beside_reals(rows: Tensor, pairs: Tensor, reference: Reference) -> dict[str, Any]:
    """How far rows, whose distances are `pairs`, are from reals, and how much of these they cover."""
    cells = cell_shares(rows, reference.centres)
    return {
        "distance": reference.distance_to(rows, pairs),
        "spread": mean_distance(pairs) / reference.mean_distance,
        "cells": cells,
        "coverage": coverage(cells, reference.shares, count=len(rows)),
        "fake_count": len(rows),
        "centre": reference.centre_of(rows),
    }


def _agree(own: float | None, handed: float | None) -> bool:
    """Whether the loop's fakes are about as far from the reals as the generator's samples."""
    if own is None or handed is None:
        return False
    return abs(own - handed) < max(SAME, SAME_SHARE * max(own, handed))


def _cards(modules: Sequence[nn.Module]) -> list[torch.device]:
    devices = {tensor.device for module in modules for tensor in module.parameters()}
    return [device for device in devices if device.type == "cuda"]


def _watched(module: nn.Module | None) -> Tensor | None:
    """A few weights of each tensor of a network that is trained, on the CPU."""
    if module is None:
        return None
    parts = [one.detach().reshape(-1)[:WATCHED].float() for one in module.parameters() if one.requires_grad]
    return torch.cat(parts).cpu() if parts else None
