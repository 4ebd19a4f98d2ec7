"""Samples: the generator's beside reals, and what a loop hands over of its last step."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from poise.diagnosis.appearance import faults_of, grid_of, layouts_of, probes, summary_of, waves_in
from poise.diagnosis.distances import (
    apart,
    cell_shares,
    copied_share,
    copying_score,
    coverage,
    dependence,
    distances,
    duplicates,
    features_of,
    independent_count,
    likeness,
    mean_distance,
    nearest_training,
)
from poise.diagnosis.examination import FEW, Look, MissingError
from poise.diagnosis.leaks import images_of
from poise.diagnosis.reference import LEAST, MOST_SCORED, Reference

TWIN = 1e-4  # Share of the mean distance of two samples, below which the two are equal but for rounding
LAID_OUT = 6  # Checks that say how the loop's reals lie to those that were handed over; they do not change
LEAST_HANDED = 2  # Fewer fakes than this of the loop's own are not compared with each other


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


def drawn(look: Look) -> dict[str, Any]:
    """How the latents of the loop's last step differ, and whether its fakes follow them."""
    latent, fake = look.subject.latent, look.subject.handed
    if latent is None or len(latent) < 2:
        raise MissingError("no latents of the loop were given")
    rows = latent[:FEW].reshape(min(len(latent), FEW), -1)
    found = {"latents_differ": float((rows != rows[:1]).any(1).float().sum() / (len(rows) - 1))}
    if rows.is_floating_point():
        found["latents_apart"] = float((rows[1:] - rows[:-1]).float().norm(dim=1).mean())
    known = look.subject.translates and fake is not None and len(fake) == len(latent) >= LEAST
    if known and fake is not None and bool(torch.isfinite(fake[:FEW]).all()):
        found["source_followed"] = dependence(features_of(latent[:FEW]), features_of(fake[:FEW]))
    return found


def handed(look: Look) -> dict[str, Any]:
    """Compare the fakes of the loop's last step with each other, with reals, and with those before.

    They stand for the generator's samples at a check that has no time for these, if both were alike when
    they were last compared.
    """
    fake, reference, memory = look.subject.handed, look.reference, look.memory
    if fake is None:
        raise MissingError("no fakes of the loop were given")
    if len(fake) < LEAST_HANDED:
        raise MissingError(f"{len(fake)} fakes are too few")
    fake = fake[:FEW]
    if not bool(torch.isfinite(fake).all()):
        raise MissingError("the fakes hold values that are not finite")
    known = (
        reference is not None and len(reference.real) >= LEAST and fake.shape[1:] == reference.real.shape[1:]
    )
    if known != memory.in_units:  # rows of before the reference was known are on another scale
        memory.handed, memory.first, memory.in_units = None, None, known
    rows = reference.rows(fake) if known and reference is not None else features_of(fake)
    pairs = distances(rows, rows)
    usual = mean_distance(pairs)
    found: dict[str, Any] = {
        "fake_alike": likeness(rows, pairs),
        "fake_twins": duplicates(pairs, TWIN * usual),
    }
    if known and reference is not None and len(fake) >= LEAST:
        if look.alone and memory.stood_for:
            found |= beside_reals(rows, pairs, reference)
        found["fake_spread"] = usual / reference.mean_distance
        found["fake_distance"] = found.get("distance", reference.distance_to(rows, pairs))
    before = memory.handed
    if before is not None and before.shape == rows.shape and usual > 0:
        found["fake_moved"] = float((rows - before).norm(dim=1).mean()) / usual
    memory.handed = rows
    if look.subject.generator is None and len(fake) >= LEAST:
        if memory.first is not None and memory.first.shape[1:] == rows.shape[1:]:
            found["fake_travelled"] = apart(memory.first, rows, rounds=20)
        else:
            memory.first = rows
    return found


def loop_reals(look: Look) -> dict[str, Any]:
    """Simple statistics of the loop's reals beside those of the reference."""
    subject, memory = look.subject, look.memory
    if subject.real is None:
        raise MissingError("no reals of the loop were given")
    reference, real = look.known(), subject.real[:FEW]
    known = len(reference.real) if not reference.from_loop else math.inf
    before, memory.reals = memory.reals, real.clone() if len(subject.real) < known else None
    repeats = before is not None and before.shape == real.shape and bool((before == real).all())
    if reference.from_loop:
        return {"loop_reals": {"repeats": (float(repeats), 0.0)}}
    if real.shape[1:] != reference.real.shape[1:]:
        raise MissingError(
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


def layouts(look: Look) -> dict[str, Any]:
    """How far the loop's reals are from those that were handed over, also if they are changed."""
    if look.subject.real is None:
        raise MissingError("no reals of the loop were given")
    reference, real = look.known(), look.subject.real[:FEW]
    if reference.from_loop or real.shape[1:] != reference.real.shape[1:] or len(real) < LEAST:
        raise MissingError("no reals were handed over that the loop's could differ from")
    if look.memory.laid_out >= LAID_OUT:
        return {}
    look.memory.laid_out += 1
    changed = layouts_of(real.to(reference.real.device))
    rows = reference.rows(torch.cat([*changed.values()])).split(len(real))
    pairs = distances(rows[0], rows[0])  # no change of layout alters how far samples are from each other
    far = {name: reference.distance_to(own, pairs) for name, own in zip(changed, rows, strict=True)}
    spread = mean_distance(pairs) / reference.mean_distance
    return {"layouts": far if len(far) > 1 else {}, "loop_spread": spread}
