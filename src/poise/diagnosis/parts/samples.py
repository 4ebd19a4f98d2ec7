"""Samples beside reals: distance, variety, simple statistics, copies, grids, waves, augmentations."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from poise.diagnosis.leaks import images_of
from poise.diagnosis.look import FEW, Look, MissingError
from poise.diagnosis.reference import MOST_SCORED, Reference
from poise.diagnosis.samples import (
    cell_shares,
    copied_share,
    copying_score,
    coverage,
    distances,
    duplicates,
    faults_of,
    grid_of,
    independent_count,
    likeness,
    mean_distance,
    nearest_training,
    probes,
    waves_in,
)


def compared(look: Look) -> dict[str, Any]:
    """Compare fakes with reals, and with those of the last check."""
    rows, reference, memory = look.rows(), look.known(), look.memory
    pairs = distances(rows, rows)
    fixed = look.subject.fixed and look.fake is not look.subject.handed
    found: dict[str, Any] = {
        **beside_reals(rows, pairs, reference),
        "distance_floor": reference.floor,
        "alike": likeness(rows, pairs),
        "duplicates": duplicates(pairs, reference.closeness),
    }
    before = memory.previous
    if fixed and before is not None and before.shape[1:] == rows.shape[1:]:
        both = min(len(before), len(rows))
        moved = float((rows[:both] - before[:both]).norm(dim=1).mean())
        found["movement"] = moved / reference.mean_distance
    memory.previous = rows if fixed else None
    return found


def beside_reals(rows: Tensor, pairs: Tensor, reference: Reference) -> dict[str, Any]:
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


def statistics(look: Look) -> dict[str, Any]:
    """How well simple statistics tell fakes from reals."""
    fake, reference = look.samples(), look.known()
    fake = fake[:MOST_SCORED].to(reference.real.device)
    found: dict[str, Any] = {"probes": probes(reference.probed, fake, known=reference.simple)}
    if reference.held_out is not None:
        found["held_out_apart"] = reference.held_out_apart
    return found


def copies(look: Look) -> dict[str, Any]:
    """Compare how near fakes and unseen reals lie to the training reals."""
    rows, reference = look.rows(), look.known()
    if look.subject.translates:
        raise MissingError("the samples are translations, which are to be near to their own targets")
    unseen = reference.unseen_nearest
    if unseen is None:
        raise MissingError(f"{len(reference.real)} reals are too few")
    near = nearest_training(rows, reference.training)
    return {
        "copying": copying_score(near, unseen, count=independent_count(near, len(reference.training))),
        "nearness": float(near.first.median() / unseen.first.median().clamp_min(1e-9)),
        "copied": copied_share(near),
        "copied_held_out": reference.unseen_copied,
    }


def grid(look: Look) -> dict[str, Any]:
    """How much of a grid the samples show, against the reals."""
    own, of_reals = grid_of(look.samples()[:FEW]), look.known().grid
    if own is None or of_reals is None:
        raise MissingError("the samples are no images of 8 pixels or more")
    return {"grid": own / max(of_reals, 1.0)}


def waves(look: Look) -> dict[str, Any]:
    """How many waves are silent, how many values clipped, and how far tones of strides stand out."""
    memory, to_waves = look.memory, look.subject.waves
    fakes = waves_in(look.samples()[:FEW], to_waves)
    if fakes is None:
        raise MissingError("the samples are no sounds of 256 values or more")
    if memory.real_waves is None:
        memory.real_waves = waves_in(look.known().probed[:FEW], to_waves)
    assert memory.real_waves is not None
    return {"waves": faults_of(fakes, memory.real_waves)}


def leaks(look: Look) -> dict[str, Any]:
    """How much of an augmentation the samples carry, against the reals."""
    fake, reference, operations = look.samples(), look.known(), look.subject.operations
    if reference.from_loop:
        raise MissingError("the reals are the loop's own, which may be augmented themselves")
    if operations is not None and not operations:
        raise MissingError("nothing is augmented")
    images = images_of(fake[:MOST_SCORED])
    wanted = reference.augmented if operations is None else operations
    ways = {name: way for name, way in reference.augmented.items() if name in wanted}
    if images is None or not ways:
        raise MissingError("the samples are no images in which an augmentation would show")
    return {"leaks": {name: tuple(way.leak(images)) for name, way in ways.items()}}
