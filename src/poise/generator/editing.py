"""Samples and inverted pictures, moved along directions: wholly, or within a mask."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import interpolate

from poise.errors import PoiseError
from poise.generator.detail import Detail
from poise.generator.directions import Directions
from poise.generator.inverted import Inversion
from poise.generator.layers import hooked, layers_with_parameters
from poise.generator.naming import SampleName, inputs_of
from poise.generator.spaces import Space, samples_of, space_of

if TYPE_CHECKING:
    from poise.generator.generator import Generator

MAPS = 4  # Axes of maps of features


@dataclass(frozen=True)
class Subjects:
    """What is edited.

    Attributes:
        space: The space of the points.
        names: What to call them.
        points: Latents or styles, `(N, values)`, or `(N, layers, values)` in `"w+"`.
        condition: `(N, condition_size)`; `None` without conditions.
        detail: What is added to features, of pictures that were found with detail.
    """

    space: Space
    names: tuple[str, ...]
    points: Tensor
    condition: Tensor | None
    detail: Detail | None = None

    @torch.no_grad()
    def images(self, points: Tensor | None = None) -> Tensor:
        """The pictures of these points, or of others in their place, `(N, C, H, W)` in [-1, 1]."""
        coordinates = self.space.of_points(self.points if points is None else points)
        if self.detail is None:
            made = self.space.images(coordinates, self.condition)
        else:
            made = self.detail.images(self.space, coordinates, self.condition)
        return made.clamp(-1, 1).float().cpu()


def of_samples(
    generator: Generator, space: str, count: int, *, seed: int = 0, label: str | None = None
) -> Subjects:
    """Samples of a seed, those that `Generator.sample` makes."""
    latent, condition = samples_of(generator, count, seed=seed, label=label)
    return _of_latents(generator, space, [f"seed {seed}, {row}" for row in range(count)], latent, condition)


def of_names(generator: Generator, space: str, names: Sequence[SampleName]) -> Subjects:
    """Samples by the names that `poise sample` gives them.

    Raises:
        PoiseError: One is of another generator.
    """
    latent, condition = inputs_of(generator, names)
    return _of_latents(generator, space, [str(name) for name in names], latent, condition)


def _of_latents(
    generator: Generator, space: str, names: Sequence[str], latent: Tensor, condition: Tensor | None
) -> Subjects:
    chosen = space_of(generator, space)
    like = next(iter(generator.module.parameters()))
    kinds = None if condition is None else condition.to(like)
    with torch.no_grad():
        points = latent.to(like) if chosen.styles is None else chosen.styles.of(latent.to(like), kinds)
    return Subjects(chosen, tuple(names), points, kinds)


def of_inversion(generator: Generator, inversion: Inversion) -> Subjects:
    """Pictures that were found in the generator.

    Raises:
        PoiseError: They were found in another one.
    """
    inversion.check(generator)
    like = next(iter(generator.module.parameters()))
    kinds = None if inversion.condition is None else inversion.condition.to(like)
    detail = None if inversion.detail is None else Detail(inversion.layer, inversion.detail.to(like))
    space = space_of(generator, inversion.space)
    return Subjects(space, inversion.names, inversion.points.to(like), kinds, detail)


def edit(
    subjects: Subjects, directions: Directions, strengths: Mapping[str, float], *, layers: slice | None = None
) -> Subjects:
    """The same subjects, moved along directions.

    Args:
        subjects: What is moved.
        directions: The directions of their generator.
        strengths: How far, in standard deviations, by the direction's name or number.
        layers: Of `"w+"` only: the layers whose styles are moved; by default all.

    Raises:
        PoiseError: The directions are of another generator or of another space, or there is no such one.

    Example:
        >>> edit(subjects, directions, {"smile": 2.0, "3": -1.0}).images()  # doctest: +SKIP
    """
    directions.check(subjects.space.generator)
    if directions.space != subjects.space.name.rstrip("+"):
        raise PoiseError(
            f"These directions are of '{directions.space}', and what is edited is of '{subjects.space.name}'",
            code="generator.directions-of-another-space",
            hint=f"find others: poise directions RUN --again --space {subjects.space.name[0]}",
        )
    moved = torch.zeros_like(subjects.points)
    for name, strength in strengths.items():
        vector = directions[name].vector.to(subjects.points)
        moved = moved + strength * vector
    if layers is not None and subjects.points.dim() == 3:
        chosen = torch.zeros(subjects.points.shape[1], 1).to(moved)
        chosen[layers] = 1
        moved = moved * chosen
    return replace(subjects, points=subjects.points + moved)


def read_strengths(texts: Sequence[str]) -> dict[str, float]:
    """Directions with their strengths, as people type them.

    Example:
        >>> read_strengths(["smile=+2", "3=-0.5", "hat"])
        {'smile': 2.0, '3': -0.5, 'hat': 1.0}

    Raises:
        PoiseError: A strength is no number.
    """
    found = dict[str, float]()
    for text in texts:
        name, _, strength = text.rpartition("=") if "=" in text else (text, "", "1")
        try:
            value = float(strength)
            if not name or not np.isfinite(value):
                raise ValueError
        except ValueError:
            what = f"'{text}' is no direction with a strength"
            hint = "write --direction smile=+2, in standard deviations"
            raise PoiseError(what, code="generator.bad-strength", hint=hint) from None
        found[name.strip()] = value
    return found


# Within a mask ---------------------------------------------------------------------------------------------


def read_mask(path: Path, sides: tuple[int, int]) -> Tensor:
    """A mask `(1, 1, H, W)` from 0 to 1 of a picture: white is edited, black stays.

    Raises:
        PoiseError: It cannot be read, or all of it is black.
    """
    try:
        image = (
            Image.open(io.BytesIO(path.read_bytes())).convert("L").resize(sides[::-1], Image.Resampling.BOX)
        )
    except (OSError, ValueError, SyntaxError) as error:
        what = f"The mask '{path}' cannot be read"
        raise PoiseError(
            what, code="generator.unreadable-mask", why=str(error), hint="give a picture"
        ) from None
    mask = torch.from_numpy(np.asarray(image, np.float32).copy())[None, None] / 255
    if float(mask.max()) < 0.5:
        what = f"The mask '{path}' is black, so that nothing would be edited"
        raise PoiseError(what, code="generator.empty-mask", hint="paint what is to change in white")
    return mask


@torch.no_grad()
def within_mask(before: Subjects, after: Subjects, mask: Tensor) -> Tensor:
    """Pictures of edited subjects inside a mask and of the originals outside, `(N, C, H, W)` in [-1, 1].

    Every map of features of the generator is blended, so that the seam is the network's and not a cut. A
    layer sees beyond its place, so that a little still changes outside; `change_outside` says how much.

    Args:
        before: The originals.
        after: The same, edited.
        mask: `(1, 1, H, W)` from 0, the original, to 1, the edit.

    Source: Collins et al. 2020 ("Editing in style"), for local edits by features; Suzuki et al. 2018
    ("Spatially controllable image synthesis with internal representation collaging"), for their blending.
    """
    layers = list(layers_with_parameters(before.space.generator.module).values())
    kept = list[Tensor]()

    def keep(_: nn.Module, __: object, made: object) -> None:
        if isinstance(made, Tensor) and made.dim() == MAPS:
            kept.append(made)

    def blend(_: nn.Module, __: object, made: object) -> Tensor | None:
        if not isinstance(made, Tensor) or made.dim() != MAPS:
            return None
        original = kept.pop(0)
        share = interpolate(mask.to(made), tuple(made.shape[2:]), mode="area")
        return torch.lerp(original, made, share)

    with hooked(layers, keep):
        before.images()
    with hooked(layers, blend):
        return after.images()


def change_outside(before: Tensor, after: Tensor, mask: Tensor) -> Tensor:
    """The root mean square change of each picture where the mask is black, `(N,)`; white is 2 from black.

    Example:
        >>> mask = torch.zeros(1, 1, 2, 2)
        >>> mask[0, 0, 0] = 1
        >>> change_outside(torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 2, 2) * mask, mask)
        tensor([0.])
    """
    outside = (mask == 0).float().expand_as(before)
    squares = ((after - before).square() * outside).flatten(1).sum(1)
    return (squares / outside.flatten(1).sum(1).clamp(min=1)).sqrt()
