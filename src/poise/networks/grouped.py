"""A grouped convolution whose second derivatives are grouped convolutions, too.

PyTorch takes the slope of a slope by the weights group by group, which was nearly all of a step of R3GAN on a
GPU. On the CPU that is as fast as what is here.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

Slot = Literal["images", "weights", "outputs"]

_SLOTS: tuple[Slot, ...] = ("images", "weights", "outputs")


class GroupedConv2d(nn.Conv2d):
    """`nn.Conv2d` of stride 1 with groups that is cheaper to differentiate twice on a GPU.

    Example:
        >>> GroupedConv2d(4, 4, 3, padding=1, groups=2)(torch.randn(2, 4, 8, 8)).shape
        torch.Size([2, 4, 8, 8])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Features `(N, C, H, W)` to `(N, out_channels, H', W')`."""
        kind = input.device.type
        if kind == "cpu":
            return super().forward(input)
        weight = self.weight
        if torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind):
            low = torch.get_autocast_dtype(kind)
            input, weight = input.to(low), weight.to(low)
        padding = self.padding[0]
        assert isinstance(padding, int)
        made = grouped_convolution(input, weight, padding=padding, groups=self.groups)
        return made if self.bias is None else made + self.bias.to(made.dtype)[:, None, None]


def grouped_convolution(images: Tensor, weights: Tensor, *, padding: int, groups: int) -> Tensor:
    """The convolution of stride 1, without a bias.

    Args:
        images: `(N, C, H, W)`.
        weights: `(out_channels, C / groups, h, w)`, in the same precision.
        padding: Zeros beyond each border.
        groups: Into which the channels fall.

    Example:
        >>> grouped_convolution(torch.ones(1, 2, 3, 3), torch.ones(2, 1, 3, 3), padding=0, groups=2)
        tensor([[[[9.]],
        <BLANKLINE>
                 [[9.]]]])
    """
    return _slope("outputs", images, weights, torch.Size(), padding, groups)


def _slope(
    wanted: Slot, first: Tensor, second: Tensor, shape: torch.Size, padding: int, groups: int
) -> Tensor:
    made: Tensor = _Slope.apply(wanted, first, second, shape, padding, groups)  # type: ignore[no-untyped-call]
    return made


class _Slope(torch.autograd.Function):
    """The sum of outputs times the convolution of images with weights is linear in each of these three.

    This is its slope by one of them, given the other two in the order of the slots; by `outputs` that is the
    convolution itself. Slopes of slopes are the same map for other slots.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(
        wanted: Slot, first: Tensor, second: Tensor, shape: torch.Size, padding: int, groups: int
    ) -> Tensor:
        if wanted == "outputs":
            return conv2d(first, second, padding=padding, groups=groups)
        unused = first.new_empty(1).expand(shape)  # Only its shape is looked at
        images, weights = (unused, first) if wanted == "images" else (first, unused)
        slopes = torch.ops.aten.convolution_backward(
            second, images, weights, None, [1, 1], [padding, padding], [1, 1], False, [0, 0], groups,
            [wanted == "images", wanted == "weights", False],
        )  # fmt: skip
        made: Tensor = slopes[_SLOTS.index(wanted)]
        return made

    @staticmethod
    def setup_context(
        ctx: Any, inputs: tuple[Slot, Tensor, Tensor, torch.Size, int, int], output: Tensor
    ) -> None:
        ctx.wanted, first, second, ctx.shape, *ctx.settings = inputs
        ctx.save_for_backward(first, second)
        ctx.save_for_forward(first, second)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        others = [slot for slot in _SLOTS if slot != ctx.wanted]
        given = dict(zip(others, ctx.saved_tensors, strict=True)) | {ctx.wanted: slopes[0]}
        found: list[Tensor | None] = []
        for slot, needed in zip(others, ctx.needs_input_grad[1:3], strict=True):
            one, other = (given[each] for each in _SLOTS if each != slot)
            found.append(_slope(slot, one, other, given[slot].shape, *ctx.settings) if needed else None)
        return None, *found, None, None, None

    @staticmethod
    def jvp(ctx: Any, *slopes: Any) -> Tensor:
        first, second = ctx.saved_tensors
        pairs = (slopes[1], second), (first, slopes[2])
        parts = [
            _slope(ctx.wanted, *pair, ctx.shape, *ctx.settings)
            for pair, slope in zip(pairs, slopes[1:3], strict=True)
            if slope is not None
        ]
        made: Tensor = sum(parts[1:], parts[0])
        return made
