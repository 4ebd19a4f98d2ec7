"""Path length: a step in the space of styles changes the image by as much, wherever and whichever way."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from poise.errors import PoiseError
from poise.regularisers.regulariser import Regulariser, SeenByRegularisers

TINY = 1e-12
"""Added inside the square root, whose slope is infinite at 0."""


def path_length(
    view: SeenByRegularisers,
    *,
    decay: Annotated[float, Field(gt=0, le=1)] = 0.01,
    shrink: Annotated[int, Field(ge=1)] = 2,
) -> Tensor:
    """The squared distance of each sample's path length to the running mean of path lengths.

    The length is the norm of the gradient of a random projection of the image by the styles: the mean over
    layers of the squared norms, its root taken.

    Args:
        view: The generator in it has `styles(latent, condition)`, `(N, layers, size)`, and
            `synthesis(styles)`.
        decay: How much of the running mean each batch replaces.
        shrink: On one in how many of the batch it is measured.

    Returns:
        The cost of each of these samples.

    Raises:
        PoiseError: The generator has no styles.

    Example:
        >>> from types import SimpleNamespace
        >>> measured = SimpleNamespace(remembered=lambda name, compute: torch.tensor([1.0, 3.0]))
        >>> measured.state = {"mean": torch.tensor(0.0)}
        >>> path_length(measured, decay=0.5)
        tensor([0., 4.])

    Source: Karras et al. 2020 (StyleGAN2), equation 4 and appendix B.
    """
    lengths = _lengths(view, shrink)
    return (lengths - torch.lerp(view.state["mean"], lengths.mean(), decay)).square()


def moved_mean(
    state: Mapping[str, Tensor], view: SeenByRegularisers, *, decay: float = 0.01, shrink: int = 2
) -> dict[str, Tensor]:
    """The running mean of path lengths, moved towards those of the batch.

    Args:
        state: `{"mean": a}`.
        view: As for `path_length`.
        decay: How much of the running mean each batch replaces.
        shrink: On one in how many of the batch it is measured.

    Example:
        >>> from types import SimpleNamespace
        >>> measured = SimpleNamespace(remembered=lambda name, compute: torch.tensor([1.0, 3.0]))
        >>> moved_mean({"mean": torch.tensor(0.0)}, measured, decay=0.5)
        {'mean': tensor(1.)}

    Source: Karras et al. 2020 (StyleGAN2), appendix B.
    """
    return {"mean": torch.lerp(state["mean"], _lengths(view, shrink).detach().mean(), decay)}


def _lengths(view: SeenByRegularisers, shrink: int) -> Tensor:
    return view.remembered(f"path lengths, {shrink}", lambda: _measured(view, shrink))


def _measured(view: SeenByRegularisers, shrink: int) -> Tensor:
    generator, batch = view.networks["generator"], view.batch
    generator = getattr(generator, "module", generator)  # itself, if its forward pass is in bfloat16
    styles_of, synthesis = getattr(generator, "styles", None), getattr(generator, "synthesis", None)
    if styles_of is None or synthesis is None:
        what = "The path length cannot be measured of a generator without styles"
        hint = "choose --set generator=stylegan2, or leave it out: --set regularisers.path-length=null"
        raise PoiseError(what, code="regularisers.no-styles", hint=hint)
    count = max(1, len(batch.latent) // shrink)
    condition = None if batch.condition is None else batch.condition[:count]
    differentiable = torch.is_grad_enabled()
    with torch.enable_grad():
        styles = styles_of(batch.latent[:count], condition)
        images = synthesis(styles)
        directions = torch.randn(
            images.shape, generator=view.randomness, device=images.device, dtype=images.dtype
        )
        along = (images * directions).sum() / math.sqrt(images[0, 0].numel())
        (slopes,) = torch.autograd.grad(along, styles, create_graph=differentiable)
    lengths: Tensor = (slopes.square().sum(2).mean(1) + TINY).sqrt()
    return lengths


PATH_LENGTH = Regulariser(
    name="path-length",
    player="generator",
    value=path_length,
    weight=2.0,
    summary="Holds how much an image changes with its styles to a running mean; for every 4th step.",
    source="Karras et al. 2020 (StyleGAN2), equation 4",
    init=lambda: {"mean": torch.tensor(0.0)},
    update=moved_mean,
    needs_parts=("mapping", "synthesis"),
)
