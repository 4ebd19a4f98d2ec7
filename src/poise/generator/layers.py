"""What the layers of a network make while it runs: watched, kept, or changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from torch import Tensor, nn


def layers_with_parameters(module: nn.Module) -> dict[str, nn.Module]:
    """The layers of a network that have parameters of their own, by path, in the order of their making.

    Example:
        >>> list(layers_with_parameters(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))))
        ['0', '2']
    """
    return {
        name: layer
        for name, layer in module.named_modules()
        if any(True for _ in layer.parameters(recurse=False))
    }


@contextmanager
def hooked(layers: Iterable[nn.Module], hook: Callable[..., Tensor | None]) -> Iterator[None]:
    """Call a hook `(layer, inputs, output)` after each of the layers, within the block.

    What a hook returns stands for the output of its layer, unless it is `None`.
    """
    handles = [layer.register_forward_hook(hook) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
