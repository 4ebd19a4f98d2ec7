"""Images turned, scaled, moved and recoloured by drawn matrices, without aliasing."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, conv2d, conv_transpose2d, grid_sample, pad

# The low-pass filter of the wavelet sym6 (Daubechies 1992, table 6.3). Its even shifts are orthonormal, so
# doubling the size and halving it again gives the image back.
SYM6 = (
    0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633,
    0.4910559419267466, 0.787641141030194, 0.3379294217276218, -0.07263752278646252,
    -0.021060292512300564, 0.04472490177066578, 0.0017677118642428036, -0.007800708325034148,
)  # fmt: skip
REACH = len(SYM6) // 4  # Pixels of the image that the filter reaches beyond its edge

Draw = Callable[..., Tensor]


def upsampled(images: Tensor) -> Tensor:
    """Images of twice the size by the filter sym6; what lies outside is zero.

    Args:
        images: `(N, C, H, W)`.
    """
    for axis in (2, 3):
        kernel = _filter(images, axis)
        stride, padding = ((2, 1), (5, 0)) if axis == 2 else ((1, 2), (0, 5))
        flat = images.reshape(-1, 1, *images.shape[2:])
        grown = conv_transpose2d(flat, 2 * kernel, stride=stride, padding=padding)
        images = grown.reshape(*images.shape[:2], *grown.shape[2:])
    return images


def downsampled(images: Tensor) -> Tensor:
    """Images of half the size, less the filter's reach at each edge: `2 (H + 6)` rows become `H`.

    Args:
        images: `(N, C, 2 (H + 6), 2 (W + 6))`.
    """
    images = images[..., 1:-1, 1:-1]
    for axis in (2, 3):
        kernel = _filter(images, axis)
        flat = images.reshape(-1, 1, *images.shape[2:])
        shrunk = conv2d(flat, kernel, stride=(2, 1) if axis == 2 else (1, 2))
        images = shrunk.reshape(*images.shape[:2], *shrunk.shape[2:])
    return images


@cache
def _constant(values: tuple[Any, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Numbers on a device; they are made once, since an accelerator waits for numbers from the host."""
    return torch.tensor(values, dtype=dtype, device=device)


def _filter(images: Tensor, axis: int) -> Tensor:
    values = _constant(SYM6, images.dtype, images.device)
    return (values / values.sum()).reshape((1, 1, -1, 1) if axis == 2 else (1, 1, 1, -1))


def warped(images: Tensor, back: Tensor) -> Tensor:
    """Images under affine maps; what comes in from outside mirrors the image.

    Args:
        images: `(N, C, H, W)`.
        back: `(N, 3, 3)`, from a place in the new image to its place in the old one, in pixels from the
            middle, to the right and down.

    Returns:
        As many images, through twice the size, so that nothing aliases. The margin that is mirrored is three
        quarters of the side, whatever is drawn; beyond it the margin is mirrored again.

    Source: Karras et al. 2020 (ADA), appendix B.
    """
    height, width = images.shape[-2:]
    down, right = (min(side - 1, math.ceil(0.75 * side) + REACH) for side in (height, width))
    large = upsampled(pad(images, (right, right, down, down), mode="reflect"))
    size = [len(images), images.shape[1], 2 * (height + 2 * REACH), 2 * (width + 2 * REACH)]
    # In the doubled image, whose filter moves it by half a pixel
    half = _shift(back.new_full((), -0.5), back.new_full((), -0.5))
    half_back = _shift(back.new_full((), 0.5), back.new_full((), 0.5))
    doubling, halving = (_diagonal(back, one, one) for one in (2.0, 0.5))
    inner = half @ doubling @ back @ halving @ half_back
    to_share = _diagonal(back, 2 / large.shape[-1], 2 / large.shape[-2])
    from_share = _diagonal(back, size[-1] / 2, size[-2] / 2)
    grid = affine_grid((to_share @ inner @ from_share)[:, :2], size, align_corners=False)
    return downsampled(sampled(large, grid))


def sampled(images: Tensor, grid: Tensor) -> Tensor:
    """Images at the places of a grid, bilinearly; what lies outside mirrors the image.

    Args:
        images: `(N, C, H, W)`.
        grid: `(N, h, w, 2)`, in shares of half a side from the middle; no slope by it is taken.

    Returns:
        `(N, C, h, w)`; it can be differentiated twice, which torch's own operator cannot before version 2.13.
    """
    made: Tensor = _Sampled.apply(images, grid)  # type: ignore[no-untyped-call]
    return made


def _scattered(values: Tensor, grid: Tensor, sides: torch.Size) -> Tensor:
    """The transposed map of `sampled`: what places of a grid hold goes back to the pixels it came from."""
    made: Tensor = _Scattered.apply(values, grid, sides)  # type: ignore[no-untyped-call]
    return made


class _Sampled(torch.autograd.Function):
    """Sampling is linear in the images: its slope is the transposed map, and that one's slope is sampling."""

    generate_vmap_rule = True

    @staticmethod
    def forward(images: Tensor, grid: Tensor) -> Tensor:
        return grid_sample(images, grid, padding_mode="reflection", align_corners=False)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        images, grid = inputs
        ctx.save_for_backward(grid)
        ctx.save_for_forward(grid)
        ctx.sides = images.shape[-2:]

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None]:
        (grid,) = ctx.saved_tensors
        return _scattered(slopes[0], grid, ctx.sides), None

    @staticmethod
    def jvp(ctx: Any, *slopes: Any) -> Tensor:
        (grid,) = ctx.saved_tensors
        return sampled(slopes[0], grid)


class _Scattered(torch.autograd.Function):
    """The transposed map, whose slope is sampling."""

    generate_vmap_rule = True

    @staticmethod
    def forward(values: Tensor, grid: Tensor, sides: torch.Size) -> Tensor:
        like = values.new_empty((*values.shape[:2], *sides))
        bilinear, reflection = 0, 2
        scatter = torch.ops.aten.grid_sampler_2d_backward
        made: Tensor = scatter(values, like, grid, bilinear, reflection, False, [True, False])[0]
        return made

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, torch.Size], output: Tensor) -> None:
        ctx.save_for_backward(inputs[1])
        ctx.save_for_forward(inputs[1])
        ctx.sides = inputs[2]

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None, None]:
        (grid,) = ctx.saved_tensors
        return sampled(slopes[0], grid), None, None

    @staticmethod
    def jvp(ctx: Any, *slopes: Any) -> Tensor:
        (grid,) = ctx.saved_tensors
        return _scattered(slopes[0], grid, ctx.sides)


def _diagonal(like: Tensor, across: float, down: float) -> Tensor:
    return torch.diag(_constant((across, down, 1.0), like.dtype, like.device))


def drawn_map(
    one: Tensor, draw: Draw, occurs: Draw, height: int, width: int, *, blit: float, geometry: float
) -> Tensor:
    """The maps back of drawn mirrors, turns, moves, scalings and stretches, `(N, 3, 3)`.

    Args:
        one: As many ones as there are images, `(N,)`.
        draw: `draw("uniform" | "normal")` gives `(N,)` numbers, uniform ones within [0, 1).
        occurs: `occurs(strength)` and `occurs(strength, twice=True)` give `(N,)` truth values: whether an
            operation is applied to a sample. With `twice`, two such draws are either true as often as one.
        height: Rows of an image.
        width: Columns of an image.
        blit: Strength of mirrors, quarter turns and moves by whole pixels.
        geometry: Strength of scalings, rotations, stretches and moves.

    Source: Karras et al. 2020 (ADA), appendix B, figure 15 and table of operations.
    """
    found = torch.eye(3, dtype=one.dtype, device=one.device).expand(len(one), 3, 3)

    def apply(inverse: Tensor) -> None:
        nonlocal found
        found = found @ inverse

    if blit:
        mirrored = (draw("uniform") >= 0.5) & occurs(blit)
        apply(_scaling(torch.where(mirrored, -one, one), one))
        turns = torch.floor(4 * draw("uniform"))
        if height != width:  # a quarter turn would not fit
            turns = 2 * torch.floor(turns / 2)
        apply(_rotation(torch.where(occurs(blit), turns * (math.pi / 2), 0 * one)))
        moves = [torch.round((2 * draw("uniform") - 1) * 0.125 * side) for side in (width, height)]
        shifted = occurs(blit)
        apply(_shift(*(torch.where(shifted, -move, 0 * one) for move in moves)))
    if geometry:
        scale = torch.where(occurs(geometry), torch.exp2(0.2 * draw("normal")), one)
        apply(_scaling(1 / scale, 1 / scale))
        angle = math.pi * (2 * draw("uniform") - 1)
        apply(_rotation(torch.where(occurs(geometry, twice=True), angle, 0 * one)))
        stretch = torch.where(occurs(geometry), torch.exp2(0.2 * draw("normal")), one)
        apply(_scaling(1 / stretch, stretch))
        angle = math.pi * (2 * draw("uniform") - 1)
        apply(_rotation(torch.where(occurs(geometry, twice=True), angle, 0 * one)))
        moves = [0.125 * draw("normal") * side for side in (width, height)]
        shifted = occurs(geometry)
        apply(_shift(*(torch.where(shifted, -move, 0 * one) for move in moves)))
    return found


def drawn_colours(one: Tensor, draw: Draw, occurs: Draw, strength: float) -> Tensor:
    """Drawn affine maps of colours, `(N, 3, 4)`: brightness, contrast, luma flip, hue, saturation.

    Args:
        one: As for `drawn_map`.
        draw: As for `drawn_map`.
        occurs: As for `drawn_map`.
        strength: Strength of all five.

    Source: Karras et al. 2020 (ADA), appendix B.
    """
    grey = one.new_full((3,), 1 / math.sqrt(3))
    along = torch.outer(grey, grey)
    identity = torch.eye(3, dtype=one.dtype, device=one.device)
    brightness = torch.where(occurs(strength), 0.2 * draw("normal"), 0 * one)
    contrast = torch.where(occurs(strength), torch.exp2(0.5 * draw("normal")), one)
    flipped = (draw("uniform") >= 0.5) & occurs(strength)
    hue = torch.where(occurs(strength), math.pi * (2 * draw("uniform") - 1), 0 * one)
    saturation = torch.where(occurs(strength), torch.exp2(draw("normal")), one)
    # Rodrigues' formula about the axis of greys
    a = 1 / math.sqrt(3)
    cross = _constant(((0.0, -a, a), (a, 0.0, -a), (-a, a, 0.0)), one.dtype, one.device)
    cosine, sine = torch.cos(hue)[:, None, None], torch.sin(hue)[:, None, None]
    turned = cosine * identity + sine * cross + (1 - cosine) * along
    flip = identity - 2 * flipped.to(one.dtype)[:, None, None] * along
    saturated = along + (identity - along) * saturation[:, None, None]
    linear = saturated @ turned @ flip * contrast[:, None, None]
    return torch.cat([linear, linear @ brightness[:, None, None].expand(-1, 3, 1)], 2)


def with_colours(images: Tensor, colours: Tensor) -> Tensor:
    """Images under affine maps of colours.

    Args:
        images: `(N, C, H, W)`. Of one channel it is grey; of other numbers than one and three each channel
            takes the map of the grey axis.
        colours: `(N, 3, 4)`.
    """
    if images.shape[1] == 3:
        linear, constant = colours[:, :, :3], colours[:, :, 3:]
        flat = linear @ images.flatten(2) + constant
        return flat.reshape(images.shape)
    grey = colours.mean(1)
    return images * grey[:, :3].sum(1)[:, None, None, None] + grey[:, 3][:, None, None, None]


def _matrix(rows: list[list[Tensor]]) -> Tensor:
    flat = torch.broadcast_tensors(*(value for row in rows for value in row))
    return torch.stack(list(flat), -1).reshape(*flat[0].shape, 3, 3)


def _shift(right: Tensor, down: Tensor) -> Tensor:
    zero, one = torch.zeros_like(right), torch.ones_like(right)
    return _matrix([[one, zero, right], [zero, one, down], [zero, zero, one]])


def _scaling(across: Tensor, down: Tensor) -> Tensor:
    zero, one = torch.zeros_like(across), torch.ones_like(across)
    return _matrix([[across, zero, zero], [zero, down, zero], [zero, zero, one]])


def _rotation(angle: Tensor) -> Tensor:
    zero, one = torch.zeros_like(angle), torch.ones_like(angle)
    cosine, sine = torch.cos(angle), torch.sin(angle)
    return _matrix([[cosine, -sine, zero], [sine, cosine, zero], [zero, zero, one]])
