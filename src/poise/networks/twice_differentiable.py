"""The same network, written so that a gradient penalty costs no wasted backward pass.

A gradient penalty differentiates twice. What torch's leaky ReLU hands back for its input in that second pass
is a tensor of zeros, not the absence of a gradient; so autograd carries zeros through the whole forward
graph. With the slopes written as a constant factor there is no such path, and the result is the same.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


def twice_differentiable(module: nn.Module) -> nn.Module:
    """A view of a network that is cheaper to differentiate twice.

    The view computes the same function with the same parameters, buffers and names: layers are the very same
    objects; only `nn.ReLU` and `nn.LeakyReLU` are replaced, and the modules that hold them are copied without
    what they hold. What happens to the original happens to the view: `to`, `load_state_dict`, an optimiser's
    step, `train` and `eval`. Only submodules added later are not seen. Activations called as functions
    (`torch.nn.functional.leaky_relu`) stay as they are: right, but no cheaper.

    Args:
        module: Any network; it is not changed.

    Returns:
        The view; the module itself where there is nothing to replace.

    Example:
        >>> network = nn.Sequential(nn.Linear(2, 2), nn.LeakyReLU(0.2))
        >>> view = twice_differentiable(network)
        >>> x = torch.randn(3, 2)
        >>> bool((view(x) == network(x)).all()), view[0].weight is network[0].weight
        (True, True)
    """
    return _view(module, {})


class ConstantSlopeLeakyReLU(nn.Module):
    """`nn.LeakyReLU` as a product with slopes that are constants to autograd."""

    negative_slope: float
    inplace: bool

    def forward(self, values: Tensor) -> Tensor:
        """The leaky ReLU of the values."""
        # Of the dtype of the values: where() of two Python numbers is float32, which rounds slopes in
        # float64.
        one, slope = (torch.full((), factor, dtype=values.dtype) for factor in (1.0, self.negative_slope))
        slopes = torch.where(values > 0, one, slope)
        return values.mul_(slopes) if self.inplace else values * slopes


class ConstantSlopeReLU(nn.Module):
    """`nn.ReLU` as a product with slopes that are constants to autograd."""

    inplace: bool

    def forward(self, values: Tensor) -> Tensor:
        """The ReLU of the values."""
        slopes = (values > 0).to(values.dtype)
        return values.mul_(slopes) if self.inplace else values * slopes


REPLACED: Mapping[type[nn.Module], type[nn.Module]] = {
    nn.LeakyReLU: ConstantSlopeLeakyReLU,
    nn.ReLU: ConstantSlopeReLU,
}


def _view(module: nn.Module, made: dict[nn.Module, nn.Module]) -> nn.Module:
    if module in made:
        return made[module]
    if type(module) in REPLACED:
        made[module] = _sharing(module, REPLACED[type(module)], module.__dict__)
        return made[module]
    parts = {name: _view(part, made) for name, part in module._modules.items() if part is not None}
    if all(part is module._modules[name] for name, part in parts.items()):
        made[module] = module
    else:
        made[module] = _sharing(
            module, type(module), {**module.__dict__, "_modules": module._modules | parts}
        )
    return made[module]


def _sharing(module: nn.Module, kind: type[nn.Module], state: dict[str, object]) -> nn.Module:
    """A module of that kind on that state; by hand, since parametrised modules refuse to be copied."""
    view = kind.__new__(kind)
    view.__dict__ = state
    return view
