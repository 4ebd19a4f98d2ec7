"""The directions of a generator: found in several ways, judged, ranked, and shown on a sheet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import torch
from PIL import Image
from torch import Tensor

from poise.generator.direction_methods import METHODS, boundaries, independent
from poise.generator.directions import Direction, Directions, Measure
from poise.generator.judging import Judge, of_labels, of_random
from poise.generator.labelling import Labels
from poise.generator.naming import weights_hash
from poise.generator.sheets import sheet
from poise.generator.spaces import Space, samples_of, space_of
from poise.randomness import derive

if TYPE_CHECKING:
    from poise.generator.generator import Generator

OF_A_METHOD = 6  # Directions of each method that are judged
ALIKE = 0.8  # The cosine from which on two directions are one
STRENGTHS = (-3.0, -1.5, 0.0, 1.5, 3.0)

OnStage = Callable[[str, float], None]


def explore(
    generator: Generator,
    *,
    space: Literal["z", "w"] | None = None,
    methods: Sequence[str] | None = None,
    labels: Labels | None = None,
    most: int = 12,
    seed: int = 0,
    on_stage: OnStage | None = None,
) -> Directions:
    """Find directions of a generator, judge them against random ones, and rank them.

    They are ranked by their effect: the length of the change that all samples share. Directions of labels
    come in the same ranking. Of two directions that point the same way the better one stays.

    Args:
        generator: The generator.
        space: `"z"` or `"w"`; by default styles if there are some, else latents.
        methods: The ways to find directions without labels; by default all.
        labels: What names pictures, for directions of classes or tags.
        most: How many directions without a label stay.
        seed: Draws the samples.
        on_stage: Called while it works.

    Raises:
        PoiseError: The generator makes no pictures of latents, or there is no such method or space.
    """
    chosen = space_of(generator, space)
    found = list[tuple[Tensor, Direction, int | None]]()
    ways = [METHODS.named(name) for name in (METHODS if methods is None else methods)]
    for number, way in enumerate(ways):
        if on_stage is not None:
            on_stage("looking for directions", number / len(ways))
        rows = way.find(chosen, seed)[:OF_A_METHOD]
        found += [(row.float().cpu(), _direction(chosen, row, way.name), None) for row in rows]
    if labels is not None:
        rows, explained = boundaries(chosen, labels.log_odds, seed)
        for number, (row, share) in enumerate(zip(rows, explained.tolist(), strict=True)):
            known = {"linear": Measure(share, (share, share))}
            made = replace(_direction(chosen, row, "boundary"), label=labels.names[number], measures=known)
            found.append((row.float().cpu(), made, number))
    judge = Judge.of(chosen, seed=seed)
    drawn, of_each = judge.random(seed=seed)
    judged = list[tuple[Tensor, Direction]]()
    for done, (row, direction, label) in enumerate(found):
        measures = {**direction.measures, **judge.measure(row, seed=seed)}
        if label is not None and labels is not None:
            measures["log-odds"] = of_labels(judge, row, labels.log_odds)[label]
        judged.append((row, replace(direction, measures=measures)))
        if on_stage is not None:
            on_stage("judging directions", (done + 1) / len(found))
    judged.sort(key=lambda one: -one[1].measures["effect"].value)
    kept = [judged[place] for place in independent([row for row, _ in judged], ALIKE)]
    # A label's own direction stays, even if another one points the same way
    kept += [one for one in judged if one[1].label and not any(one[1] is other for _, other in kept)]
    kept.sort(key=lambda one: -one[1].measures["effect"].value)
    plain = [direction for _, direction in kept if direction.label is None][:most]
    ranked = [one for _, one in kept if one.label is not None or any(one is other for other in plain)]
    random = of_random(of_each)
    if labels is not None:
        random["log-odds"] = _random_log_odds(judge, drawn, labels)
    own: Literal["z", "w"] = "z" if chosen.name == "z" else "w"
    return Directions(weights_hash(generator.module), own, tuple(ranked), random)


def _direction(space: Space, row: Tensor, method: str) -> Direction:
    vector = row.to(space.axes) @ space.axes
    # The sign of an eigenvector means nothing: let the largest number be positive
    if method != "boundary" and float(vector[vector.abs().argmax()]) < 0:
        vector = -vector
    return Direction(vector.float().cpu(), method)


def _random_log_odds(judge: Judge, drawn: Tensor, labels: Labels) -> Measure:
    """How much random directions raise or lower the log-odds of any label, without the sign."""
    rises = [abs(measure.value) for one in drawn for measure in of_labels(judge, one, labels.log_odds)]
    return Measure(sum(rises) / len(rises), (min(rises), max(rises)))


def better_than_random(direction: Direction, directions: Directions) -> bool:
    """Whether a direction is above every random one, by the lower end of its interval.

    What counts is the effect. For a label's direction, it is what the direction adds to the label's log-odds.
    """
    measure = "log-odds" if direction.label and "log-odds" in directions.random else "effect"
    return direction.measures[measure].interval[0] > directions.random[measure].interval[1]


@torch.no_grad()
def contact_sheet(
    generator: Generator,
    directions: Directions,
    *,
    most: int | None = None,
    seed: int = 0,
    strengths: Sequence[float] = STRENGTHS,
) -> Image.Image:
    """A picture with a row for each direction: one sample, some deviations to either side.

    Args:
        generator: The generator that they are of.
        directions: The directions.
        most: Rows; by default one for each direction.
        seed: Draws the sample.
        strengths: The columns, in standard deviations.

    Raises:
        PoiseError: The directions are of another generator.
    """
    directions.check(generator)
    space = space_of(generator, directions.space)
    latent, condition = samples_of(generator, 1, seed=derive(seed, 0, "contact sheet") % 2**31)
    start = space.points(space.coordinates(latent, condition))
    steps = torch.tensor(list(strengths)).to(start)[:, None]
    kinds = None if condition is None else condition.expand(len(strengths), -1)
    rows, texts = list[Tensor](), list[str]()
    for number, direction in enumerate(directions.directions[:most], 1):
        points = start + steps * direction.vector.to(start)
        rows.append(space.images(space.of_points(points), kinds).clamp(-1, 1).float().cpu())
        texts.append(f"{number}\n{direction.called or direction.method}"[:40])
    columns = [f"{strength:+g}" if strength else "0" for strength in strengths]
    return sheet(torch.stack(rows), rows=texts, columns=columns)
