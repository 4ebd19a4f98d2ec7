"""Before training: can these networks be differentiated as often as the dynamics asks?"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from poise.dynamics import Batch
from poise.dynamics.joint import joint
from poise.errors import PoiseError
from poise.training.assemble import Assembly
from poise.training.setups import Shapes

DEAD_ENDS = ("torch::autograd::Error", "torch::autograd::NotImplemented")
"""What stands in the graph of a gradient for an operator without a second derivative."""


def check_second_order(assembly: Assembly, shapes: Shapes) -> None:
    """Differentiate the joint field once more on a few samples of noise, if that will be done while training.

    Nothing is changed: no weight, no running statistic, no randomness.

    Args:
        assembly: What is to be trained.
        shapes: Of the data.

    Raises:
        PoiseError: An operator of a network has no second derivative.
    """
    measured = assembly.recipe.eigenvalues_every is not None
    if not assembly.dynamics.second_order and not measured:
        return
    recipe, match = assembly.recipe, assembly.match
    samples = min(recipe.batch_size, 4) * recipe.packing
    device = assembly.device
    with torch.random.fork_rng():
        generator = torch.Generator(device).manual_seed(0)
        real = torch.randn((samples, *shapes.sample), generator=generator, device=device)
        latent = torch.randn((samples, recipe.latent.size), generator=generator, device=device)
        condition = None
        if shapes.condition is not None:
            condition = torch.randn((samples, *shapes.condition), generator=generator, device=device)
        batch = Batch(real=real, latent=latent, step=1, generator=generator, condition=condition)
        kept = _buffers(assembly)
        try:
            field = joint(match, batch, create_graph=True)
        finally:
            for buffer, value in kept:
                buffer.copy_(value)
        ends = _dead_ends(gradient for own in field.gradients.values() for gradient in own)
    if ends and not assembly.dynamics.second_order:
        raise PoiseError(
            "The eigenvalues of these networks cannot be measured",
            why="one of their operators cannot be differentiated twice",
            mend="leave eigenvalues_every out",
        )
    if ends:
        raise PoiseError(
            f"The dynamics '{assembly.dynamics.name}' cannot train these networks",
            why="one of their operators cannot be differentiated twice",
            mend="choose one that differentiates once: --set dynamics=extragradient",
        )


def _dead_ends(gradients: Iterable[Tensor | None]) -> bool:
    """Whether a gradient's graph ends where torch would refuse to go on, or would leave a part out."""
    seen: set[object] = set()
    left = [gradient.grad_fn for gradient in gradients if gradient is not None]
    while left:
        node = left.pop()
        if node is None or node in seen:
            continue
        if node.name() in DEAD_ENDS:
            return True
        seen.add(node)
        left += [before for before, _ in node.next_functions]
    return False


def _buffers(assembly: Assembly) -> list[tuple[Tensor, Tensor]]:
    modules: list[nn.Module] = list(assembly.modules.values())
    return [(buffer, buffer.clone()) for module in modules for buffer in module.buffers()]
