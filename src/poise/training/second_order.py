"""Before training: can these networks be differentiated as often as the dynamics asks?"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from poise.dynamics import Batch
from poise.dynamics.consensus import consensus_gradients
from poise.dynamics.joint import joint
from poise.errors import PoiseError
from poise.training.assemble import Assembly

SIGNS = ("is not implemented", "does not require grad", "once_differentiable", "differentiate twice")
"""What torch says of an operator without a second derivative."""


def check_second_order(assembly: Assembly, shape: tuple[int, ...]) -> None:
    """Differentiate the joint field once more on a few samples of noise, if the dynamics is going to.

    Nothing is changed: no weight, no running statistic, no randomness.

    Args:
        assembly: What is to be trained.
        shape: The shape of one sample.

    Raises:
        PoiseError: An operator of a network has no second derivative.
    """
    if not assembly.dynamics.second_order:
        return
    recipe, match = assembly.recipe, assembly.match
    samples = min(recipe.batch_size, 4) * recipe.packing
    device = assembly.device
    with torch.random.fork_rng():
        generator = torch.Generator(device).manual_seed(0)
        real = torch.randn((samples, *shape), generator=generator, device=device)
        latent = torch.randn((samples, recipe.latent.size), generator=generator, device=device)
        batch = Batch(real=real, latent=latent, step=1, generator=generator)
        kept = _buffers(assembly)
        try:
            consensus_gradients(match, joint(match, batch, create_graph=True), 1.0)
        except RuntimeError as error:
            if not any(sign in str(error) for sign in SIGNS):
                raise
            raise PoiseError(
                f"The dynamics '{assembly.dynamics.name}' cannot train these networks",
                why=f"an operator cannot be differentiated twice ({str(error).splitlines()[0][:120]})",
                mend="choose one that differentiates once: --set dynamics=extragradient",
            ) from None
        finally:
            for buffer, value in kept:
                buffer.copy_(value)


def _buffers(assembly: Assembly) -> list[tuple[Tensor, Tensor]]:
    modules: list[nn.Module] = list(assembly.modules.values())
    return [(buffer, buffer.clone()) for module in modules for buffer in module.buffers()]
