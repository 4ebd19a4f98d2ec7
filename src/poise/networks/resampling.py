"""Images at twice and at half their size through the filter [1, 3, 3, 1], exact at the borders."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d, pad

Step = Literal["same", "halved", "doubled"]


def doubled(images: Tensor) -> Tensor:
    """Images at twice their size: zeros between the pixels, smoothed by [1, 3, 3, 1].

    Beyond the borders there are zeros. The mean of an image stays, but for its borders.

    Args:
        images: `(N, C, H, W)`.

    Returns:
        `(N, C, 2 H, 2 W)`; it can be differentiated twice.

    Example:
        >>> doubled(torch.ones(1, 1, 1, 2))[0, 0, 0]
        tensor([0.5625, 0.7500, 0.7500, 0.5625])

    Source: Karras et al. 2020 (StyleGAN2), appendix B; Zhang 2019 for the filter.
    """
    return _filtered(images, "doubled", 1, 4.0)


def halved(images: Tensor) -> Tensor:
    """Images at half their size: smoothed by [1, 3, 3, 1], then every second pixel.

    Args:
        images: `(N, C, H, W)`; half of an odd side is rounded up.

    Returns:
        `(N, C, H / 2, W / 2)`; it can be differentiated twice.

    Example:
        >>> halved(torch.ones(1, 1, 4, 4))[0, 0]
        tensor([[0.7656, 0.7656],
                [0.7656, 0.7656]])

    Source: Karras et al. 2020 (StyleGAN2), appendix B; Zhang 2019 for the filter.
    """
    return _filtered(with_even_sides(images), "halved", 1, 1.0)


def smoothed(images: Tensor, padding: int, *, gain: float = 1.0) -> Tensor:
    """Images under the filter [1, 3, 3, 1] at the size that they have.

    Args:
        images: `(N, C, H, W)`.
        padding: Zeros beyond each border, at most 3.
        gain: What the result is multiplied with.

    Returns:
        `(N, C, H + 2 padding - 3, W + 2 padding - 3)`; it can be differentiated twice.

    Example:
        >>> smoothed(torch.ones(1, 1, 4, 4), 0)
        tensor([[[[1.]]]])
    """
    return _filtered(images, "same", padding, gain)


def with_even_sides(images: Tensor) -> Tensor:
    """Images with a further row or column of zeros where a side is odd."""
    height, width = images.shape[2:]
    return pad(images, (0, width % 2, 0, height % 2)) if height % 2 or width % 2 else images


class _Filter(torch.autograd.Function):
    """A filter whose gradient is a filter again, so that no derivative by its constant kernel is prepared.

    The second derivatives of torch's convolutions take up to three times as long.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(images: Tensor, step: Step, padding: int, gain: float) -> Tensor:
        """The filter; half precision is filtered in float32, which is several times as fast on the CPU."""
        if images.is_cuda and (in_one_pass := _in_one_pass()) is not None:
            made: Tensor = in_one_pass(images, step, padding, gain)
            return made
        channels = images.shape[1]
        full = images.float() if images.element_size() < 4 else images
        kernel = _kernel(full.dtype, full.device, gain).expand(channels, 1, 4, 4)
        with torch.autocast(images.device.type, enabled=False):
            if step == "doubled":
                made = conv_transpose2d(full, kernel, stride=2, padding=padding, groups=channels)
            else:
                made = conv2d(full, kernel, stride=1 + (step == "halved"), padding=padding, groups=channels)
        return made.to(images.dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Step, int, float], output: Tensor) -> None:
        """Which filter it was."""
        ctx.filter = inputs[1:]

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None, None, None]:
        """The transposed filter, whose kernel is the same, since it is symmetric."""
        step, padding, gain = ctx.filter
        transposed: dict[Step, Step] = {"same": "same", "halved": "doubled", "doubled": "halved"}
        beyond = 3 - padding if step == "same" else padding
        return _filtered(slopes[0], transposed[step], beyond, gain), None, None, None

    @staticmethod
    def jvp(ctx: Any, *slopes: Any) -> Tensor:
        """The slopes of what it makes: it is linear, so that they pass the same filter."""
        return _filtered(slopes[0], *ctx.filter)


def _filtered(images: Tensor, step: Step, padding: int, gain: float) -> Tensor:
    made: Tensor = _Filter.apply(images, step, padding, gain)  # type: ignore[no-untyped-call]
    return made


@cache
def _in_one_pass() -> Callable[..., Tensor] | None:
    """The kernel for a GPU; `None` where Triton is missing or can compile nothing."""
    try:
        from poise.networks.filter_kernel import filtered  # noqa: PLC0415 - needs a GPU

        filtered(torch.zeros(1, 1, 4, 4, device="cuda"), "same", 1, 1.0)
    except Exception:  # whatever compilers and drivers raise
        return None
    return filtered


@cache
def _kernel(dtype: torch.dtype, device: torch.device, gain: float) -> Tensor:
    row = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=dtype, device=device)
    return torch.outer(row, row)[None, None] * (gain / 64)
