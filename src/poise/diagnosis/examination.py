"""One check: sample, score, compare, and note what could not be measured and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from poise.diagnosis.finding import Measurement
from poise.diagnosis.reference import LEAST, LEAST_OTHERS, MOST_SCORED, Reference, only_samples
from poise.diagnosis.samples import (
    cell_shares,
    condition_response,
    copied_share,
    copying_score,
    coverage,
    distances,
    duplicates,
    labels_followed,
    mean_distance,
    nearest_training,
)
from poise.diagnosis.scores import first_non_finite, held_out_gap, per_sample_scores, probes, roc_auc

Side = Literal["training", "held out", "fake"]
Sample = Callable[[], Any]  # To samples: a tensor, an array, or a tuple that begins with one
# From samples, and which they are, to scores; a conditional discriminator needs to know their conditions
Score = Callable[[Tensor, Side], Any]


@dataclass(frozen=True)
class Subject:
    """What is examined besides the steps' statistics; any of it may be missing."""

    sample: Sample | None = None  # Makes fakes (N, ...)
    # Whether they are of the same latents each time, so that their movement can be measured
    fixed: bool = False
    score: Score | None = None  # From samples to scores
    swapped: Sample | None = None  # Makes the same fakes with each one's condition exchanged for another
    asked: Tensor | None = None  # The labels that sample asks for, (N,), if conditions are labels
    modules: Sequence[nn.Module] = ()  # Networks that this runs; they are in eval mode meanwhile
    metric: float | None = None  # What the caller measured


class Examiner:
    """Measures. It remembers the last samples, to see how far those of the same latents move."""

    def __init__(self, reference: Reference | None) -> None:
        self.reference = reference
        self.previous: Tensor | None = None

    def examine(self, window: Measurement, subject: Subject) -> Measurement:
        """Measure. A part that raises is left out, and its reason is in `missing`."""
        found: dict[str, Any] = {"metric": subject.metric, "non_finite": window.non_finite}
        missing: dict[str, str] = {}
        with still(subject.modules):
            fake = self._fakes(subject, missing)
            if fake is not None and (culprit := first_non_finite([("samples of the generator", fake)])):
                found["non_finite"] = found["non_finite"] or culprit
                missing["distance"] = "the samples hold values that are not finite"
                fake = None
            parts: dict[str, Callable[[], dict[str, Any]]] = {
                "distance": lambda: self._compared(fake, subject.fixed),
                "held_out_gap": lambda: self._held_out(subject.score, fake),
                "condition_response": lambda: self._conditions(subject, fake),
            }
            for name, part in parts.items():
                if name in missing:
                    continue
                try:
                    found |= part()
                except _MissingError as error:
                    missing[name] = str(error)
                except Exception as error:  # a user's network may raise anything
                    missing[name] = f"it raised {type(error).__name__}: {error}"
        if window.auc is None:
            missing["auc"] = "no scores of reals and fakes were given"
        return replace(window, **found, missing=missing)

    def _fakes(self, subject: Subject, missing: dict[str, str]) -> Tensor | None:
        if subject.sample is None:
            missing["distance"] = "no samples were given"
            return None
        try:
            return only_samples(subject.sample())
        except Exception as error:
            missing["distance"] = f"sampling raised {type(error).__name__}: {error}"
            return None

    def _compared(self, fake: Tensor | None, fixed: bool) -> dict[str, Any]:
        """Compare fakes with reals."""
        if fake is None:
            raise _MissingError("no samples were given")
        reference = self._known()
        if fake.shape[1:] != reference.real.shape[1:]:
            raise _MissingError(
                f"samples have the shape {tuple(fake.shape[1:])} and reals {tuple(reference.real.shape[1:])}"
            )
        if len(fake) < LEAST:
            raise _MissingError(f"{len(fake)} samples are too few")
        rows = reference.rows(fake)
        pairs = distances(rows, rows)
        cells = cell_shares(rows, reference.centres)
        found: dict[str, Any] = {
            "distance": reference.distance_to(rows, pairs),
            "distance_floor": reference.floor,
            "spread": mean_distance(pairs) / reference.mean_distance,
            "duplicates": duplicates(pairs, reference.closeness),
            "cells": cells,
            "coverage": coverage(cells, reference.shares),
            "centre": reference.centre_of(rows),
            "probes": probes(reference.probed, fake.to(reference.real.device)),
        }
        if fixed and self.previous is not None and self.previous.shape == rows.shape:
            moved = float((rows - self.previous).norm(dim=1).mean())
            found["movement"] = moved / reference.mean_distance
        self.previous = rows if fixed else None
        if reference.held_out_nearest is not None:
            near = nearest_training(rows, reference.training)
            found["copying"] = copying_score(near, reference.held_out_nearest)
            found["nearness"] = float(
                near.first.median() / reference.held_out_nearest.first.median().clamp_min(1e-9)
            )
            found["copied"] = copied_share(near)
            found["copied_held_out"] = reference.held_out_copied
        return found

    def _held_out(self, score: Score | None, fake: Tensor | None) -> dict[str, Any]:
        """Compare the scores of training and held-out reals."""
        if score is None:
            raise _MissingError("no discriminator was given")
        reference = self._known()
        held_out = reference.probed_held_out
        if held_out is None:
            raise _MissingError("no data are held out")
        if len(held_out) < LEAST_OTHERS:
            raise _MissingError(f"{len(held_out)} held-out samples are too few")
        if fake is None:
            raise _MissingError("no samples were given")
        sides: tuple[tuple[Tensor, Side], ...] = (
            (reference.probed, "training"),
            (held_out, "held out"),
            (fake[:MOST_SCORED], "fake"),
        )
        training, unseen, made = (
            per_sample_scores(score(samples.to(fake.device), side)).cpu() for samples, side in sides
        )
        return {
            "training_above_held_out": roc_auc(training, unseen),
            "held_out_gap": held_out_gap(training, unseen, made),
        }

    def _conditions(self, subject: Subject, fake: Tensor | None) -> dict[str, Any]:
        """Compare samples of exchanged conditions."""
        if subject.swapped is None:
            raise _MissingError("the samples are made without conditions")
        if fake is None:
            raise _MissingError("no samples were given")
        reference = self._known()
        rows = reference.rows(fake)
        others = reference.rows(only_samples(subject.swapped()))
        found: dict[str, Any] = {"condition_response": condition_response(rows[: len(others)], others)}
        if subject.asked is not None and reference.classes is not None:
            asked = subject.asked.cpu()
            found["condition_followed"] = labels_followed(rows, asked, *reference.classes)
            found["condition_followed_real"] = reference.labels_followed
            # Every label is asked for about as often as it occurs, so others' labels are what chance gives.
            found["condition_chance"] = labels_followed(
                rows, asked.roll(len(asked) // 2 + 1), *reference.classes
            )
        return found

    def _known(self) -> Reference:
        if self.reference is None or len(self.reference.real) < LEAST:
            raise _MissingError("no reals to compare with were given")
        return self.reference


class _MissingError(Exception):
    """An input is not there; the message says which."""


@contextmanager
def still(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Networks in eval mode without gradients; flags and random state are restored afterwards."""
    flags = [(part, part.training) for module in modules for part in module.modules()]
    devices = {tensor.device for module in modules for tensor in module.parameters()}
    cards = [device for device in devices if device.type == "cuda"]
    try:
        for part, _ in flags:
            part.training = False
        with torch.no_grad(), torch.random.fork_rng(devices=cards):
            yield
    finally:
        for part, flag in flags:
            part.training = flag
