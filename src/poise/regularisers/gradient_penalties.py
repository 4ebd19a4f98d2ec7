"""Gradient penalties: pure functions that measure how steep the discriminator is, and their rows."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.func import functional_call

from poise.regularisers.regulariser import Critic, Regulariser, SeenByRegularisers


def squared_gradient_norm(critic: Critic, points: Tensor) -> Tensor:
    """The squared norm of the gradient of each sample's score with respect to that sample.

    It can be differentiated again in eager mode, under `torch.compile` and under `vmap`. A critic's buffers
    (the running statistics of batch normalisation, the vectors of spectral norm) are left as they are.

    Args:
        critic: From `(N, ...)` to scores `(M, ...)`. If it scores packs, M is a divisor of N and each score
            depends on N / M neighbouring samples; else M is N.
        points: Where to measure, `(N, ...)`.

    Returns:
        Squared norms, `(M,)`, that can be differentiated with respect to the critic's parameters.

    Example:
        >>> import torch
        >>> squared_gradient_norm(lambda x: (3 * x).sum(1), torch.ones(2, 4))
        tensor([36., 36.])
    """
    score = _without_traces(critic)
    count = len(points)

    def summed(points: Tensor) -> Tensor:
        nonlocal count
        scores = score(points)
        count = len(scores)
        return scores.sum() if scores.dim() == 1 else scores.flatten(1).mean(1).sum()

    slopes = _slopes(summed, points.detach())
    return slopes.square().reshape(count, -1).sum(1)


def _slopes(summed: Callable[[Tensor], Tensor], points: Tensor) -> Tensor:
    """The gradient by the points; either way gives the same bits.

    `torch.func.grad` is what `torch.compile` and `vmap` can follow. `torch.autograd.grad` is quicker to call
    on small networks, and does not import torch's compiler, which takes longer than a toy game.
    """
    if torch.compiler.is_compiling() or torch._C._functorch.maybe_current_level() is not None:
        followed: Tensor = torch.func.grad(summed)(points)
        return followed
    again = torch.is_grad_enabled()
    with torch.enable_grad():
        points.requires_grad_()
        (slopes,) = torch.autograd.grad(
            summed(points), points, create_graph=again, allow_unused=True, materialize_grads=True
        )
    return slopes


def _without_traces(critic: Critic) -> Critic:
    """The critic with copies of its buffers: `torch.func.grad` refuses a module that writes into its own."""
    buffers = dict(critic.named_buffers()) if isinstance(critic, nn.Module) else {}
    if not buffers:
        return critic

    def score(points: Tensor) -> Tensor:
        copies = {name: buffer.clone() for name, buffer in buffers.items()}
        scores: Tensor = functional_call(critic, copies, (points,))  # type: ignore[arg-type]  # a module
        return scores

    return score


def r1(critic: Critic, real: Tensor, fake: Tensor, *, generator: torch.Generator) -> Tensor:
    """Half the squared norm of the critic's gradient at the reals.

    Args:
        critic: From `(N, ...)` to scores.
        real: Reals, `(N, ...)`.
        fake: Fakes; not used.
        generator: Randomness; not used.

    Returns:
        The penalty of each sample, `(N,)`; its weight is gamma of the paper.

    Example:
        >>> import torch
        >>> r1(lambda x: 2 * x.sum(1), torch.zeros(1, 3), torch.zeros(1, 3), generator=torch.Generator())
        tensor([6.])

    Source: Mescheder, Geiger and Nowozin 2018, equation 9.
    """
    return squared_gradient_norm(critic, real) / 2


def of_critic(penalty: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A penalty `(critic, real, fake, *, generator, **settings) -> (N,)` as the value of a regulariser."""

    @functools.wraps(penalty)
    def value(view: SeenByRegularisers, **settings: Any) -> Tensor:
        return penalty(view.critic, view.real, view.fake, generator=view.randomness, **settings)

    return value


def _of_slopes(side: Literal["real", "fake"], penalty: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Half the squared norm of gradients that are at hand, or else the penalty of the critic."""
    otherwise = of_critic(penalty)

    @functools.wraps(penalty)
    def value(view: SeenByRegularisers) -> Tensor:
        found = view.slopes(side)
        if found is None:
            return otherwise(view)
        slopes, count = found
        return slopes.square().reshape(count, -1).sum(1) / 2

    return value


R1 = Regulariser(
    name="r1",
    player="discriminator",
    value=_of_slopes("real", r1),
    weight=lambda spec, gradient_weight: gradient_weight,
    summary="Half the squared gradient at the reals; makes the game converge near its equilibrium.",
    source="Mescheder et al. 2018, equation 9",
    slopes_at="real",
)


def r2(critic: Critic, real: Tensor, fake: Tensor, *, generator: torch.Generator) -> Tensor:
    """Half the squared norm of the critic's gradient at the fakes.

    Args:
        critic: From `(N, ...)` to scores.
        real: Reals; not used.
        fake: Fakes, `(N, ...)`; they are constants here.
        generator: Randomness; not used.

    Returns:
        The penalty of each sample, `(N,)`; its weight is gamma of the paper.

    Example:
        >>> import torch
        >>> r2(lambda x: 2 * x.sum(1), torch.zeros(1, 3), torch.zeros(1, 3), generator=torch.Generator())
        tensor([6.])

    Source: Mescheder, Geiger and Nowozin 2018, equation 10.
    """
    return squared_gradient_norm(critic, fake) / 2


R2 = Regulariser(
    name="r2",
    player="discriminator",
    value=_of_slopes("fake", r2),
    weight=lambda spec, gradient_weight: gradient_weight,
    summary="Half the squared gradient at the fakes; with R1 it makes relativistic losses converge.",
    source="Mescheder et al. 2018, equation 10; Huang et al. 2024, section 3.2",
    slopes_at="fake",
)


def wgan_gp(
    critic: Critic,
    real: Tensor,
    fake: Tensor,
    *,
    generator: torch.Generator,
    target: Annotated[float, Field(ge=0)] = 1.0,
    epsilon: Annotated[float, Field(ge=0)] = 1e-12,
) -> Tensor:
    """The squared distance of the gradient's norm to `target`, at a random point of each line real to fake.

    Args:
        critic: From `(N, ...)` to scores.
        real: Reals, `(N, ...)`.
        fake: As many fakes; they are constants here.
        generator: Draws where on the line, one number a sample.
        target: The wanted norm.
        epsilon: Added inside the square root, whose slope is infinite at 0.

    Returns:
        The penalty of each sample, `(N,)`.

    Example:
        >>> import torch
        >>> wgan_gp(lambda x: 3 * x.sum(1), torch.zeros(1, 1), torch.ones(1, 1), generator=torch.Generator())
        tensor([4.])

    Source: Gulrajani et al. 2017, equation 3.
    """
    between = torch.lerp(real.detach(), fake.detach(), _one_a_sample(real, generator))
    return _distance_of_norm(critic, between, target, epsilon)


WGAN_GP = Regulariser(
    name="wgan-gp",
    player="discriminator",
    value=of_critic(wgan_gp),
    weight=10.0,
    summary="Holds the gradient's norm to 1 between reals and fakes, so that the critic is about Lipschitz.",
    source="Gulrajani et al. 2017, equation 3",
)


def dragan(
    critic: Critic,
    real: Tensor,
    fake: Tensor,
    *,
    generator: torch.Generator,
    spread: Annotated[float, Field(ge=0)] = 0.5,
    target: Annotated[float, Field(ge=0)] = 1.0,
    epsilon: Annotated[float, Field(ge=0)] = 1e-12,
) -> Tensor:
    """The squared distance of the gradient's norm to `target`, at a random point between real and noisy real.

    The noisy real is `real + spread * std * noise` with `noise` uniform in [0, 1); the point is
    `real + u * (noisy - real)` with `u` uniform in [0, 1), one number a sample, as in the authors' code.

    Args:
        critic: From `(N, ...)` to scores.
        real: Reals, `(N, ...)`.
        fake: Fakes; not used.
        generator: Draws the noise and the points.
        spread: Size of the noise in standard deviations of the batch.
        target: The wanted norm.
        epsilon: Added inside the square root, whose slope is infinite at 0.

    Returns:
        The penalty of each sample, `(N,)`.

    Example:
        >>> import torch
        >>> dragan(lambda x: 3 * x.sum(1), torch.zeros(2, 1), torch.ones(2, 1), generator=torch.Generator())
        tensor([4., 4.])

    Source: Kodali et al. 2017, equation 5 and the authors' code.
    """
    real = real.detach()
    noise = torch.rand(real.shape, generator=generator, device=real.device, dtype=real.dtype)
    points = real + _one_a_sample(real, generator) * (spread * real.std(correction=0) * noise)
    return _distance_of_norm(critic, points, target, epsilon)


DRAGAN = Regulariser(
    name="dragan",
    player="discriminator",
    value=of_critic(dragan),
    weight=10.0,
    summary="Holds the gradient's norm to 1 near the data.",
    source="Kodali et al. 2017, equation 5",
)


def _one_a_sample(samples: Tensor, generator: torch.Generator) -> Tensor:
    """A number in [0, 1) for each sample, `(N, 1, ...)`."""
    shape = (len(samples),) + (1,) * (samples.dim() - 1)
    return torch.rand(shape, generator=generator, device=samples.device, dtype=samples.dtype)


def _distance_of_norm(critic: Critic, points: Tensor, target: float, epsilon: float) -> Tensor:
    """The squared distance of the gradient's norm to `target`, `(N,)`."""
    return ((squared_gradient_norm(critic, points) + epsilon).sqrt() - target).square()
