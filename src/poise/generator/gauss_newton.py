"""The last steps of an inversion: damped Gauss-Newton, which converges where Adam crawls.

A latent has few numbers, so the whole derivative of a picture by it can be computed, a column at a time. Each
row has its own damping, and a step that does not lower the row's loss is not taken.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import jvp, vmap
from torch.nn.functional import avg_pool2d

from poise.generator.likeness import SMALLEST, Likeness, unsaturated
from poise.generator.spaces import Space

ITERATIONS = 40
MOST_COORDINATES = 512  # Beyond these the columns cost more than they bring
ROWS, COLUMNS = 8, 32  # Rows and columns that are computed at once
FIRST_DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-2, 1e-7, 1e4
LOWER, RAISE = 0.2, 5.0  # What the damping is multiplied with after a step that was taken, or was not
SETTLED = 1e-5  # The share of its loss below which a gain ends the search of a row
HOPELESS = 1e2  # The damping from which on no step helps

OnStep = Callable[[float], None]


def refined(
    space: Space,
    coordinates: Tensor,
    condition: Tensor | None,
    targets: Tensor,
    likeness: Likeness,
    *,
    iterations: int = ITERATIONS,
    on_step: OnStep | None = None,
) -> tuple[Tensor, Tensor]:
    """Coordinates with a loss that is no higher, and that loss; a row depends on no other row.

    The steps are those of the pyramid's squares; whether one is taken is decided by the whole loss.

    Args:
        space: The space.
        coordinates: `(N, *space.shape)`.
        condition: `(N, condition_size)`, if the generator takes one.
        targets: `(N, C, H, W)` in [-1, 1].
        likeness: What is minimised.
        iterations: Tries of a step.
        on_step: Called with the share that is done.

    Source: Marquardt 1963.
    """
    pieces = list(range(0, len(coordinates), ROWS))
    made, losses = list[Tensor](), list[Tensor]()
    for number, start in enumerate(pieces):
        part = slice(start, start + ROWS)
        kinds = None if condition is None else condition[part]
        found, loss = _refined(space, coordinates[part], kinds, targets[part], likeness, iterations)
        made.append(found)
        losses.append(loss)
        if on_step is not None:
            on_step((number + 1) / len(pieces))
    return torch.cat(made), torch.cat(losses)


def _refined(
    space: Space,
    values: Tensor,
    condition: Tensor | None,
    targets: Tensor,
    likeness: Likeness,
    iterations: int,
) -> tuple[Tensor, Tensor]:
    def residuals(flat: Tensor) -> Tensor:
        return pyramid_residuals(space.images(flat.reshape(values.shape), condition), targets)

    @torch.no_grad()
    def loss_of(flat: Tensor) -> Tensor:
        return likeness(space.images(flat.reshape(values.shape), condition), targets, condition)

    flat = values.flatten(1)
    loss, damping = loss_of(flat), torch.full((len(flat),), FIRST_DAMPING).to(flat)
    normal, slope = _normal_equations(residuals, flat)
    # An encoder that is unsure guesses near the mean, where no sample is. A step that would be thrown out of
    # there loses more than it gains, so that a row is held no further out than it began.
    least = torch.linalg.vector_norm(values, dim=-1, keepdim=True).clamp(max=space.norms[0])
    settled = torch.zeros(len(flat), dtype=torch.bool, device=flat.device)
    for iteration in range(iterations):
        diagonal = normal.diagonal(dim1=1, dim2=2)
        scale = diagonal + 1e-3 * diagonal.mean(1, keepdim=True) + 1e-12
        system = normal + torch.diag_embed(damping[:, None] * scale)
        step = torch.linalg.solve(system, slope)
        moved = (flat - step).reshape(values.shape)
        edges = (moved / moved.abs().clamp(min=1e-12)).clamp(-1, 1)
        tried = space.held(moved, edges, least=least).flatten(1)
        after = loss_of(tried)
        # A row that has settled stays, whatever its neighbours still gain
        better = (after < loss) & ~settled
        settled |= better & (after > (1 - SETTLED) * loss)
        flat = torch.where(better[:, None], tried, flat)
        loss = torch.where(better, after, loss)
        damping = (damping * torch.where(better, LOWER, RAISE)).clamp(LEAST_DAMPING, MOST_DAMPING)
        settled |= damping > HOPELESS
        if bool(settled.all()) or iteration == iterations - 1:
            break
        if bool(better.any()):
            normal, slope = _normal_equations(residuals, flat)
    return flat.reshape(values.shape), loss


@torch.no_grad()
def _normal_equations(residuals: Callable[[Tensor], Tensor], flat: Tensor) -> tuple[Tensor, Tensor]:
    """`J^T J` `(N, d, d)` and `J^T r` `(N, d)` of each row."""
    now = residuals(flat)
    basis = torch.eye(flat.shape[1], dtype=flat.dtype, device=flat.device)

    def column(direction: Tensor) -> Tensor:
        found: Tensor = jvp(residuals, (flat,), (direction.expand_as(flat),))[1]
        return found

    columns = vmap(column, chunk_size=COLUMNS)(basis).permute(1, 2, 0)  # (N, residuals, d)
    return columns.mT @ columns, (columns.mT @ now[:, :, None])[:, :, 0]


def pyramid_residuals(made: Tensor, wanted: Tensor) -> Tensor:
    """Numbers `(N, R)` whose squares sum to the pyramid's distance."""
    difference = unsaturated(made, wanted) - wanted
    parts = [difference.flatten(1) / difference[0].numel() ** 0.5]
    while min(difference.shape[2:]) >= 2 * SMALLEST:
        difference = avg_pool2d(difference, 2)
        parts.append(difference.flatten(1) / difference[0].numel() ** 0.5)
    return torch.cat(parts, 1)
