"""What a loop hands over of its last step: its latents, its fakes and its reals."""

from __future__ import annotations

import math
from typing import Any

import torch

from poise.diagnosis.look import FEW, Look, MissingError
from poise.diagnosis.parts.samples import beside_reals
from poise.diagnosis.reference import LEAST, summary_of
from poise.diagnosis.samples import (
    apart,
    dependence,
    distances,
    features_of,
    layouts_of,
    likeness,
    mean_distance,
    nearest_others,
)

TWIN = 1e-4  # Share of the mean distance of two samples, below which the two are equal but for rounding
LAID_OUT = 6  # Checks that say how the loop's reals lie to those that were handed over; they do not change
LEAST_HANDED = 2  # Fewer fakes than this of the loop's own are not compared with each other


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
    twins = nearest_others(pairs) < TWIN * mean_distance(pairs)
    found: dict[str, Any] = {
        "fake_alike": likeness(rows, pairs),
        "fake_twins": float(twins.float().mean()),
    }
    if known and reference is not None and len(fake) >= LEAST:
        if look.alone and memory.stood_for:
            found |= beside_reals(rows, pairs, reference)
        found["fake_spread"] = found.get("spread", mean_distance(pairs) / reference.mean_distance)
        found["fake_distance"] = found.get("distance", reference.distance_to(rows, pairs))
    before, usual = memory.handed, mean_distance(pairs)
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
    far, spread = {}, 0.0
    for name, samples in layouts_of(real.to(reference.real.device)).items():
        rows = reference.rows(samples)
        pairs = distances(rows, rows)
        far[name] = reference.distance_to(rows, pairs)
        spread = spread if name else mean_distance(pairs) / reference.mean_distance
    return {"layouts": far if len(far) > 1 else {}, "loop_spread": spread}
