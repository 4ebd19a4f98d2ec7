"""The record that a network is, and the contents of a built one in numbers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from poise.errors import PoiseError, nearest
from poise.spec import DataSpec


@dataclass(frozen=True)
class Network:
    """A generator or a discriminator that can be built for given data.

    `build(spec, **settings)` takes the specification of the data; its keyword-only parameters with defaults
    are the settings. A generator's builder takes `latent_size` besides, and its module maps latents `(N,
    latent_size)` to samples `(N, *spec.shape)`: within [-1, 1] for images, unbounded for vectors. A
    discriminator's module maps samples `(N, *spec.shape)` to raw scores, higher for more real: `(N,)`, or
    `(N, places)` of several places of a sample. A translator's module maps conditions `(N, *spec.condition)`
    to samples. Weights are drawn from torch's global random state.

    Attributes:
        name: What people type.
        build: The builder.
        summary: One sentence on what it is.
        source: Paper and table or figure.
        kinds: The names of the kinds of data that it makes or scores, such as `"image"` and `"vector"`.
        takes_condition: Whether the module takes conditions `(N, *spec.condition)` as its second argument.
            Tasks with a condition then use it as it is; otherwise they add the condition themselves.
        needs_condition: Whether a network that takes conditions can only be built for data that have some.
        takes_width: Whether its setting `width` follows the kind of data if a recipe leaves it open;
            otherwise it has a default of its own.
        grows: Whether the module takes `growth`, a number from 0 to 1, as a keyword: how much of it is used.
        gradient_weight: `(spec, batch_size)` to the weight of R1 and R2 for this discriminator, if that of
            the kind of data does not suit it.
        from_image: The modules of a discriminator in the order in which an image passes them, if that is not
            the order in which they were made.
        fit: `(module, rows, seed) -> sentence`, for a network that learns something of the data before the
            first step: rows `(N, *spec.shape)` that are trained on, and a seed.
        fit_privately: The same for rows of which none may be known: `(module, rows, noise, stream)`, with the
            deviation of the noise in what one row changes, and a numpy stream that it is drawn from.
        parts: Names of submodules that other code may use, such as `mapping` and `synthesis`, and the path of
            each within the module.

    Example:
        >>> import torch
        >>> from poise.networks import DISCRIMINATORS, GENERATORS
        >>> spec = DataSpec("image", (1, 32, 32))
        >>> generator = GENERATORS["dcgan"].build(spec, latent_size=16, width=8)
        >>> discriminator = DISCRIMINATORS["dcgan"].build(spec, width=8)
        >>> discriminator(generator(torch.randn(5, 16))).shape
        torch.Size([5])
    """

    name: str
    build: Callable[..., nn.Module]
    summary: str
    source: str
    kinds: tuple[str, ...]
    takes_condition: bool = False
    needs_condition: bool = True
    takes_width: bool = False
    grows: bool = False
    gradient_weight: Callable[[DataSpec, int], float] | None = None
    from_image: Callable[[nn.Module], Sequence[nn.Module]] | None = None
    fit: Callable[[Any, Tensor, int], str] | None = None
    fit_privately: Callable[[Any, Tensor, float, np.random.Generator], str] | None = None
    parts: Mapping[str, str] = field(default_factory=dict)

    def serves(self, spec: DataSpec) -> bool:
        """Whether it is made for data of this kind; it may still refuse a size when it is built.

        Example:
            >>> from poise.networks import GENERATORS
            >>> GENERATORS["dcgan"].serves(DataSpec("vector", (2,)))
            False
        """
        needs = self.takes_condition and self.needs_condition
        return spec.kind in self.kinds and (spec.condition is not None or not needs)

    def part(self, module: nn.Module, name: str) -> nn.Module:
        """A named part of a module that `build` returned, or of a module that holds it as its `network`.

        Raises:
            PoiseError: The network has no such part.

        Example:
            >>> from poise.networks import DISCRIMINATORS
            >>> network = DISCRIMINATORS["autoencoder"]
            >>> module = network.build(DataSpec("vector", (2,)), width=8)
            >>> network.part(module, "autoencoder") is module.autoencoder
            True
        """
        if name not in self.parts:
            known = ", ".join(nearest(name, self.parts) or sorted(self.parts))
            what = f"The network '{self.name}' has no part '{name}'"
            hint = f"it has: {known}" if known else "choose a network with parts"
            raise PoiseError(what, code="networks.unknown-part", hint=hint)
        held = getattr(module, "network", None)
        return (held if isinstance(held, nn.Module) else module).get_submodule(self.parts[name])


def parameter_count(module: nn.Module) -> int:
    """The number of parameters, each tensor counted once however often it is used.

    Example:
        >>> parameter_count(nn.Linear(3, 2))
        8
    """
    return sum(parameter.numel() for parameter in module.parameters())


def describe(module: nn.Module) -> dict[str, Any]:
    """What a network is made of, ready for JSON.

    Args:
        module: Any network.

    Returns:
        `parameters` (their number), `trainable` (how many of them require gradients), `buffers` (numbers that
        are saved but not trained), and `layers`: of each module without parts, or with parameters of its own,
        its `name`, `kind`, `setting` as torch prints it, and `parameters` (those under spectral normalisation
        included).

    Example:
        >>> describe(nn.Sequential(nn.ReLU()))["layers"]
        [{'name': '0', 'kind': 'ReLU', 'setting': '', 'parameters': 0}]
    """
    layers = [
        {
            "name": name,
            "kind": type(layer).__name__.removeprefix("Parametrized"),
            "setting": layer.extra_repr(),
            "parameters": parameter_count(layer) - sum(parameter_count(part) for _, part in _parts(layer)),
        }
        for name, layer in _layers(module)
    ]
    return {
        "parameters": parameter_count(module),
        "trainable": sum(part.numel() for part in module.parameters() if part.requires_grad),
        "buffers": sum(buffer.numel() for buffer in module.buffers()),
        "layers": layers,
    }


def _layers(module: nn.Module, name: str = "") -> list[tuple[str, nn.Module]]:
    """The modules that do the work: those without parts, or whose parts only compute their own weights."""
    parts = _parts(module)
    own = any(True for _ in module.parameters(recurse=False)) or is_parametrized(module)
    below = [layer for key, part in parts for layer in _layers(part, f"{name}.{key}" if name else key)]
    return ([(name, module)] if own or not parts else []) + below


def _parts(module: nn.Module) -> list[tuple[str, nn.Module]]:
    """What a module holds, other than what computes its own weights."""
    return [(key, part) for key, part in module.named_children() if key != "parametrizations"]
