"""The same network, written so that a gradient penalty costs no wasted backward pass.

A gradient penalty differentiates twice. What torch's leaky ReLU and average pooling hand back for their input
in that second pass is a tensor of zeros, not the absence of a gradient; so autograd carries zeros through the
whole forward graph. With slopes written as constants, and averages as sums, there is no such path, and the
result is the same.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn


def twice_differentiable(module: nn.Module) -> nn.Module:
    """A view of a network that is cheaper to differentiate twice.

    The view computes the same function (averages are rounded in another order). It is no second network:
    layers are the very same objects, and where a module holds an `nn.ReLU`, `nn.LeakyReLU` or `nn.AvgPool2d`,
    directly or further down, its view has the same state and differs only in what it holds. So parameters,
    buffers and their names, `to`, `load_state_dict`, `train`, `eval`, hooks and plain attributes are those of
    the original, at any time. Only submodules that are put into the original later are not seen.

    What is called as a function (`torch.nn.functional.leaky_relu`) stays as it is: right, but no cheaper.

    Args:
        module: Any network; it is not changed.

    Returns:
        The view; the module itself where there is nothing to replace.

    Example:
        >>> network = nn.Sequential(nn.Linear(2, 2), nn.LeakyReLU(0.2))
        >>> view = twice_differentiable(network)
        >>> x = torch.randn(3, 2)
        >>> bool((view(x) == network(x)).all()), view[0] is network[0], view.eval().training, network.training
        (True, True, False, False)
    """
    return _view(module, {})


class ConstantSlopeLeakyReLU(nn.Module):
    """`nn.LeakyReLU` as a product with slopes that are constants to autograd."""

    negative_slope: float
    inplace: bool

    def forward(self, values: Tensor) -> Tensor:
        """The leaky ReLU of the values."""
        slopes = _slopes(values, self.negative_slope)
        return values.mul_(slopes) if self.inplace else values * slopes

    def extra_repr(self) -> str:
        """The slope, for `print`."""
        return f"negative_slope={self.negative_slope}"


class ConstantSlopeReLU(nn.Module):
    """`nn.ReLU` as a product with slopes that are constants to autograd."""

    inplace: bool

    def forward(self, values: Tensor) -> Tensor:
        """The ReLU of the values."""
        slopes = _slopes(values, 0.0)
        return values.mul_(slopes) if self.inplace else values * slopes


class SummedAveragePooling(nn.Module):
    """`nn.AvgPool2d` as sums of rows, then of columns, where its windows tile the grid."""

    kernel_size: int | tuple[int, ...]
    stride: int | tuple[int, ...]
    padding: int | tuple[int, ...]
    ceil_mode: bool
    count_include_pad: bool
    divisor_override: int | None

    def forward(self, values: Tensor) -> Tensor:
        """The averages of the values, `(..., H, W)` to smaller H and W."""
        rows, columns = _pair(self.kernel_size)
        *batch, height, width = values.shape
        tiles = _pair(self.stride) == (rows, columns) and _pair(self.padding) == (0, 0)
        if not tiles or height % rows or width % columns:
            return nn.functional.avg_pool2d(
                values,
                self.kernel_size,
                self.stride,
                self.padding,
                self.ceil_mode,
                self.count_include_pad,
                self.divisor_override,
            )
        # Of the ways to write this without a path back, the one that is fast in either memory format.
        by_row = values.reshape(*batch, height // rows, rows, width).unbind(-2)
        summed = sum(by_row[1:], by_row[0])
        by_column = summed.reshape(*batch, height // rows, width // columns, columns).unbind(-1)
        return sum(by_column[1:], by_column[0]) / (self.divisor_override or rows * columns)

    def extra_repr(self) -> str:
        """The kernel, for `print`."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


def _pair(size: int | tuple[int, ...]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (size[0], size[-1])


def _slopes(values: Tensor, negative_slope: float) -> Tensor:
    """1 above 0 and the slope elsewhere, in the dtype of the values and without a graph."""
    if not 0 <= negative_slope <= 1:
        return torch.where(values > 0, torch.ones_like(values), negative_slope)
    # Two vectorised passes: on a CPU, `torch.where` of two numbers takes ten times as long.
    return values.detach().sign().clamp(min=negative_slope)


REPLACED: Mapping[type[nn.Module], type[nn.Module]] = {
    nn.LeakyReLU: ConstantSlopeLeakyReLU,
    nn.ReLU: ConstantSlopeReLU,
    nn.AvgPool2d: SummedAveragePooling,
}


def _view(module: nn.Module, made: dict[nn.Module, nn.Module]) -> nn.Module:
    """The view of one module; `made` holds those that exist, so that what was shared stays shared."""
    if module not in made:
        parts = {name: _view(part, made) for name, part in module._modules.items() if part is not None}
        if type(module) in REPLACED:
            made[module] = _with_state_of(module, REPLACED[type(module)])
        elif all(part is module._modules[name] for name, part in parts.items()):
            made[module] = module
        else:
            made[module] = _holding(module, parts)
    return made[module]


def _holding(module: nn.Module, parts: dict[str, nn.Module]) -> nn.Module:
    """A module with the class and the state of another that holds other parts."""
    kind = type(module)
    modules = {**module._modules, **parts}

    # The state, a dict, is shared whole; so what differs, the parts, must come from the class.
    def attribute(self: nn.Module, name: str) -> Any:
        return modules[name] if name in modules else kind.__getattr__(self, name)

    def deep_copy(self: nn.Module, memo: dict[int, Any]) -> nn.Module:
        return twice_differentiable(copy.deepcopy(module, memo))

    own = {
        "_modules": property(lambda self: modules),
        "__getattr__": attribute,
        "__deepcopy__": deep_copy,
        "__module__": kind.__module__,
    }
    return _with_state_of(module, type(kind.__name__, (kind,), own))


def _with_state_of(module: nn.Module, kind: type[nn.Module]) -> nn.Module:
    view = kind.__new__(kind)
    view.__dict__ = module.__dict__
    return view
