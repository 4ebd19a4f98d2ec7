"""Samples made of two: the styles of one in some layers and of another in the others; mixed classes."""

from __future__ import annotations

import re

import torch
from torch import Tensor

from poise.errors import PoiseError
from poise.generator.generator import Generator
from poise.generator.styles import styles_of


def read_layers(text: str, count: int) -> range:
    """The layers that a text names, the coarsest first, counted from 0.

    Args:
        text: `"0-6"`, or one: `"3"`.
        count: How many layers there are.

    Raises:
        PoiseError: It names no layers, or others than there are.

    Example:
        >>> read_layers("2-4", 8)
        range(2, 5)
    """
    found = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", text)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
    if not first <= last < count:
        what = f"There are no layers '{text}'"
        hint = f"this network has the layers 0 to {count - 1}: --layers 0-{max(0, count // 2 - 1)}"
        raise PoiseError(what, code="generator.no-such-layers", hint=hint)
    return range(first, last + 1)


def mixed(rows: Tensor, columns: Tensor, layers: range, count: int) -> Tensor:
    """Every row's style with every column's in some layers.

    Args:
        rows: Styles, `(R, size)`.
        columns: Styles, `(C, size)`.
        layers: The layers that have the column's style.
        count: How many layers there are.

    Returns:
        `(R, C, count, size)`.

    Example:
        >>> made = mixed(torch.zeros(1, 2), torch.ones(3, 2), range(1, 3), 4)
        >>> made[0, 2, :, 0]
        tensor([0., 1., 1., 0.])

    Source: Karras et al. 2019 (StyleGAN), section 3.1.
    """
    theirs = torch.zeros(count, dtype=torch.bool, device=rows.device)
    theirs[layers.start : layers.stop] = True
    return torch.where(theirs[:, None], columns[None, :, None], rows[:, None, None])


@torch.no_grad()
def mix_styles(
    generator: Generator,
    rows: tuple[Tensor, Tensor | None],
    columns: tuple[Tensor, Tensor | None],
    layers: str,
) -> Tensor:
    """A table of samples of mixed styles.

    Args:
        generator: A generator with styles.
        rows: Latents and conditions of the rows, whose styles the other layers have.
        columns: Those of the columns.
        layers: The layers that have the column's style, such as `"0-6"`.

    Returns:
        `(R, C, channels, H, W)` in [-1, 1], on the CPU.

    Raises:
        PoiseError: It has no styles, or no such layers.
    """
    styles = styles_of(generator)
    chosen = read_layers(layers, styles.layers)
    ends = [styles.truncated(*side, truncation=generator.truncation) for side in (rows, columns)]
    made = mixed(ends[0], ends[1], chosen, styles.layers)
    images = [styles.images(row).float().cpu() for row in made]
    return torch.stack(images)


@torch.no_grad()
def mix_classes(generator: Generator, latents: Tensor, path: Tensor, layers: str | None = None) -> Tensor:
    """A table of samples under mixed classes; a row shares its latent, a column its mixture.

    Mixtures are off the law of the training data, which held one class a sample.

    Args:
        generator: A generator with conditions.
        latents: Of the rows, `(R, latent_size)`.
        path: The conditions of the columns, `(C, condition_size)`.
        layers: The layers of a generator with styles that have the column's condition; the others have the
            first column's. All if it is left out.

    Returns:
        `(R, C, channels, H, W)` in [-1, 1], on the CPU.

    Raises:
        PoiseError: Layers are named, and it has no styles, or no such layers.
    """
    rows, columns = len(latents), len(path)
    latent = latents.repeat_interleave(columns, 0)
    condition = path.to(latents.device).repeat(rows, 1)
    if layers is None:
        every: Tensor = generator(latent, condition)
        return torch.stack(every.split(columns))
    styles = styles_of(generator)
    chosen = read_layers(layers, styles.layers)
    truncation = generator.truncation
    theirs = styles.truncated(latent, condition, truncation=truncation).unflatten(0, (rows, columns))
    made = torch.stack(
        [mixed(row[:1], row, chosen, styles.layers)[0] for row in theirs]
    )  # the first column's style where the column's is not
    return torch.stack([styles.images(row).float().cpu() for row in made])
