"""FreezeD: the layers of a discriminator that are nearest to the image keep their weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from poise.errors import PoiseError
from poise.networks.network import Network
from poise.networks.translating import OneForEachDomain
from poise.networks.weights import NORMALISING
from poise.text import counted

Layer = dict[str, nn.Parameter]
"""The parameters of a layer by their names in the whole module."""


def layers_from_image(network: Network | None, module: nn.Module) -> list[Layer]:
    """The layers of a discriminator that have weights, the nearest to the image first.

    A normalisation belongs to the layer before it. Of two discriminators, one for each domain, layer i of
    both is one layer.

    Args:
        network: The discriminator's row; `None` for a module of a user's own, whose layers come in the order
            in which they were made.
        module: What `build` returned, or a module that holds it.

    Example:
        >>> from poise.networks import DISCRIMINATORS
        >>> from poise.spec import DataSpec
        >>> dcgan = DISCRIMINATORS["dcgan"]
        >>> module = dcgan.build(DataSpec("image", (1, 16, 16)), width=4)
        >>> [list(layer) for layer in layers_from_image(dcgan, module)]
        [['0.weight', '0.bias'], ['2.weight', '2.bias'], ['4.weight', '4.bias']]
    """
    names = {parameter: name for name, parameter in module.named_parameters()}
    sides = [module.of_a, module.of_b] if isinstance(module, OneForEachDomain) else [module]
    each = [_layers(network, side) for side in sides]
    return [{names[one]: one for layer in same for one in layer} for same in zip(*each, strict=True)]


def frozen_layers(network: Network | None, module: nn.Module, count: int) -> list[Layer]:
    """So many layers next to the image, whose weights are not trained from now on.

    Raises:
        PoiseError: There are no more layers than that.

    Source: Mo et al. 2020, "Freeze the discriminator: a simple baseline for fine-tuning GANs", section 3.
    """
    layers = layers_from_image(network, module)
    if count >= len(layers):
        raise PoiseError(
            f"The discriminator has {counted(len(layers), 'layer')}, so that {count} cannot be frozen",
            code="networks.too-many-frozen",
            why="at least the last one has to learn",
            hint=f"freeze {len(layers) - 1} at most: --set freeze_discriminator_layers={len(layers) // 2}",
        )
    for layer in layers[:count]:
        for parameter in layer.values():
            parameter.requires_grad_(False)
    return layers[:count]


def _layers(network: Network | None, module: nn.Module) -> list[list[nn.Parameter]]:
    held = getattr(module, "network", None)
    inner = held if isinstance(held, nn.Module) else module
    passed = [inner] if network is None or network.from_image is None else network.from_image(inner)
    layers: list[list[nn.Parameter]] = []
    for owner in _owners(passed):
        own = list(owner.parameters(recurse=is_parametrized(owner)))
        if isinstance(owner, NORMALISING) and layers:
            layers[-1] += own
        else:
            layers.append(own)
    return layers


def _owners(modules: Iterable[nn.Module]) -> Iterator[nn.Module]:
    """The modules with parameters of their own, in order."""
    for module in modules:
        if is_parametrized(module) or next(module.parameters(recurse=False), None) is not None:
            yield module
        if not is_parametrized(module):
            yield from _owners(module.children())
