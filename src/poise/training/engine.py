"""What a device is asked for: its layout of weights, waiting for it, and the precision of products."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from poise.dynamics import DYNAMICS
from poise.errors import PoiseError
from poise.recipes import Recipe


def channels_last(module: nn.Module) -> nn.Module:
    """The module itself, with the weights of its convolutions laid out with the channels last.

    Example:
        >>> weight = next(channels_last(nn.Conv2d(2, 3, 3)).parameters())
        >>> weight.is_contiguous(memory_format=torch.channels_last)
        True
    """
    if any(parameter.dim() == 5 for parameter in module.parameters()):  # volumes have no such layout here
        return module
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]  # missing in torch's stub


def synchronised(device: torch.device) -> None:
    """Wait until everything that was asked of the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


Network = Callable[..., Any]


def in_precision(precision: str, networks: Mapping[str, Network]) -> dict[str, Network]:
    """The networks of a game, those that penalties differentiate twice in float32.

    In `bf16`, convolutions and products take bfloat16; weights, gradients and outputs are float32.

    Args:
        precision: `"float32"` or `"bf16"`.
        networks: By the names that games use; the names of penalty views begin with `critic`.

    Example:
        >>> from torch import nn
        >>> networks = in_precision("bf16", {"generator": nn.Linear(3, 2)})
        >>> networks["generator"](torch.ones(1, 3)).dtype
        torch.float32
    """
    if precision != "bf16":
        return dict(networks)
    return {
        name: network if name.startswith("critic") else InBfloat16(network)
        for name, network in networks.items()
    }


@dataclass(frozen=True)
class InBfloat16:
    """A network that multiplies in bfloat16.

    Attributes:
        module: The network itself, for regularisers that differentiate its parts twice.
    """

    module: Network

    def __call__(self, *inputs: Tensor, **settings: Any) -> Any:
        """What it makes of the inputs, in float32."""
        with torch.autocast(inputs[0].device.type, torch.bfloat16):
            made = self.module(*inputs, **settings)
        return made.float() if isinstance(made, Tensor) else tuple(one.float() for one in made)


def multiplies_in_bfloat16(device: torch.device) -> bool:
    """Whether the hardware has instructions for products in bfloat16, so that they are not emulated.

    Source: Intel AVX512_BF16 and AMX, Arm BF16; NVIDIA from compute capability 8.0; Apple M2 with MPS.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "mps":
        return bool(torch.backends.mps.is_macos_or_newer(14, 0))
    there = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(there.get("amx_bf16") or there.get("avx512_bf16") or there.get("arm_bf16"))


def with_precision(recipe: Recipe, device: torch.device, *, games: int = 1) -> Recipe:
    """The recipe with the precision that its run takes instead of `auto`.

    Args:
        recipe: A resolved recipe.
        device: Where it runs.
        games: How many are trained at once.

    Raises:
        PoiseError: `bf16` is asked for, and the hardware or something in the recipe does not serve it.
    """
    obstacle = None if recipe.precision == "float32" else _obstacle(recipe, device, games)
    if obstacle is not None and recipe.precision == "bf16":
        raise PoiseError(
            "The run cannot be trained with --precision bf16",
            code="training.no-bf16",
            why=obstacle,
            hint="use --precision float32, or auto, which takes what the machine does well",
        )
    full = recipe.precision == "float32" or obstacle is not None
    return recipe.model_copy(update={"precision": "float32" if full else "bf16"})


def _obstacle(recipe: Recipe, device: torch.device, games: int) -> str | None:
    """Why not in bfloat16; `None` if nothing is in the way."""
    if not multiplies_in_bfloat16(device):
        return f"the device '{device}' has no instructions for bfloat16; emulating it would be slower"
    if DYNAMICS.named(recipe.dynamics.name).second_order:
        return f"the dynamics '{recipe.dynamics.name}' differentiates the networks twice, which needs float32"
    if games > 1:
        return "many games at once are trained in float32: autocast does not reach operators under vmap"
    if recipe.eigenvalues_every is not None:
        return "eigenvalues are measured in float32: leave eigenvalues_every out"
    return None
