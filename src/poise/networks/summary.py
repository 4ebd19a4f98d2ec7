"""What a network is made of, in numbers and words for a report."""

from typing import Any

from torch import nn
from torch.nn.utils.parametrize import is_parametrized


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
