"""The filter [1, 3, 3, 1] in one pass on a GPU: each number is read from memory once, and written once.

There cuDNN's convolutions of single channels take ten to forty times as long as the memory would need. This
module needs Triton, which PyTorch's builds for CUDA bring on Linux.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import triton
import triton.language as tl
from torch import Tensor

if TYPE_CHECKING:
    from poise.networks.resampling import Step

BLOCK = 1024  # Numbers that one program writes

_LIBRARY = torch.library.Library("poise", "FRAGMENT")
_LIBRARY.define("filtered(Tensor images, str step, int padding, float gain) -> Tensor")


# One program for all sizes: only what addresses are made of is worth a program of its own.
@triton.jit(do_not_specialize=["count", "height", "width", "rows", "columns", "padding"])  # type: ignore[untyped-decorator, unused-ignore]
def _kernel(  # type: ignore[no-untyped-def]  # Triton's own types
    source, target, count, channels, height, width, rows, columns, padding, gain,
    of_sample, of_channel, of_row, of_column,
    DOUBLED: tl.constexpr, STRIDE: tl.constexpr, LAST: tl.constexpr, WIDE: tl.constexpr,
    SUM: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    first = tl.program_id(0)
    if WIDE:
        first = first.to(tl.int64)
    place = first * BLOCK + tl.arange(0, BLOCK)
    inside = place < count
    if LAST:  # neighbours in memory are channels of one pixel
        channel = place % channels
        pixel = place // channels
        column = pixel % columns
        row = (pixel // columns) % rows
        sample = pixel // (columns * rows)
    else:
        column = place % columns
        line = place // columns
        row = line % rows
        channel = (line // rows) % channels
        sample = line // (rows * channels)
    begin = source + sample * of_sample + channel * of_channel
    total = tl.zeros([BLOCK], SUM)
    TAPS: tl.constexpr = 2 if DOUBLED else 4
    for down in tl.static_range(TAPS):
        if DOUBLED:  # of the zeros between pixels nothing is read
            tap_y = (row + padding) % 2 + 2 * down
            y = (row + padding - tap_y) // 2
        else:
            tap_y = down
            y = row * STRIDE + down - padding
        weight_y = tl.where((tap_y == 1) | (tap_y == 2), 3.0, 1.0)
        for right in tl.static_range(TAPS):
            if DOUBLED:
                tap_x = (column + padding) % 2 + 2 * right
                x = (column + padding - tap_x) // 2
            else:
                tap_x = right
                x = column * STRIDE + right - padding
            weight_x = tl.where((tap_x == 1) | (tap_x == 2), 3.0, 1.0)
            there = inside & (y >= 0) & (y < height) & (x >= 0) & (x < width)
            read = tl.load(begin + y * of_row + x * of_column, mask=there, other=0.0)
            total += (weight_y * weight_x).to(SUM) * read.to(SUM)
    tl.store(target + place, (total * (gain / 64)).to(target.dtype.element_ty), mask=inside)


def _filtered(images: Tensor, step: Step, padding: int, gain: float) -> Tensor:
    """The filter; the layout in memory stays.

    Args:
        images: `(N, C, H, W)` on a GPU.
        step: Whether the size stays, or every second pixel is kept, or zeros are put between pixels before.
        padding: As of the convolution of stride 1 or 2, or of the transposed one of stride 2.
        gain: What the result is multiplied with.
    """
    made = _empty(images, step, padding)
    last = made.is_contiguous(memory_format=torch.channels_last) and not made.is_contiguous()
    count = made.numel()
    if count:
        blocks = (triton.cdiv(count, BLOCK),)
        _kernel[blocks](
            images, made, count, *images.shape[1:], *made.shape[2:], padding, gain, *images.stride(),
            DOUBLED=step == "doubled", STRIDE=2 if step == "halved" else 1, LAST=last,
            WIDE=max(count, images.numel()) >= 2**31,
            SUM=tl.float64 if images.dtype == torch.float64 else tl.float32, BLOCK=BLOCK,
        )  # fmt: skip
    return made


def _empty(images: Tensor, step: Step, padding: int) -> Tensor:
    """Nothing yet, of the shape and the layout of the result."""
    stride = 2 if step == "halved" else 1
    height, width = (
        2 * (side + 1 - padding) if step == "doubled" else (side + 2 * padding - 4) // stride + 1
        for side in images.shape[2:]
    )
    last = images.is_contiguous(memory_format=torch.channels_last) and not images.is_contiguous()
    form = torch.channels_last if last else torch.contiguous_format
    shape = (*images.shape[:2], height, width)
    return torch.empty(shape, dtype=images.dtype, device=images.device, memory_format=form)


def _of_stacked(
    info: Any, dims: tuple[int | None, ...], images: Tensor, *settings: Any
) -> tuple[Tensor, int]:
    """Under `torch.func.vmap` the stacked dimension is one more of the samples."""
    assert dims[0] is not None
    stacked = images.movedim(dims[0], 0)
    made: Tensor = filtered(stacked.flatten(0, 1), *settings)
    return made.unflatten(0, stacked.shape[:2]), 0


def _without_values(images: Tensor, step: Step, padding: int, gain: float) -> Tensor:
    return _empty(images, step, padding)


_LIBRARY.impl("filtered", _filtered, "CUDA")
torch.library.register_fake("poise::filtered", _without_values)
torch.library.register_vmap("poise::filtered", _of_stacked)

filtered = torch.ops.poise.filtered.default
