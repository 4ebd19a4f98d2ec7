"""The leading eigenvalues of the joint gradient field's Jacobian, without ever building it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from poise.dynamics.game import Batch
from poise.dynamics.joint import flat_field, joint
from poise.dynamics.players import Players

Product = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Leading:
    """Eigenvalues, the largest first.

    Attributes:
        values: The eigenvalues; those that turn come in pairs.
        residuals: How far each is from being one, as a share of its modulus: `|A v - value v| / |value|` for
            the vector v, of length 1, that was found with it.
        size: How many numbers both players have together.
    """

    values: tuple[complex, ...]
    residuals: tuple[float, ...]
    size: int


def leading_eigenvalues(
    players: Players, batch: Batch, *, count: int = 6, subspace: int = 40, seed: int = 0
) -> Leading:
    """Those of the Jacobian of the joint gradient field at the current parameters.

    The field holds each player's gradient of its own loss by its own parameters. Small simultaneous steps
    against it converge near an equilibrium if all real parts are positive; an imaginary part turns.
    Products with the transposed Jacobian, which has the same eigenvalues, come from differentiating the field
    once more.

    Args:
        players: The game; its networks must allow to be differentiated twice.
        batch: Where the costs are measured.
        count: How many eigenvalues at most.
        subspace: The size of the Krylov space, and the number of products that are taken.
        seed: Seeds the first vector.

    Source: Mescheder, Nowozin and Geiger 2017, section 3; Arnoldi 1951 for the method.
    """
    field = joint(players, batch, create_graph=True)
    parameters, gradients = flat_field(players, field)
    sizes = [parameter.numel() for parameter in parameters]

    def product(vector: Tensor) -> Tensor:
        pieces = [
            piece.view_as(gradient).to(gradient)
            for piece, gradient in zip(torch.split(vector, sizes), gradients, strict=True)
        ]
        depending = [index for index, gradient in enumerate(gradients) if gradient.requires_grad]
        found = torch.autograd.grad(
            [gradients[index] for index in depending],
            parameters,
            [pieces[index] for index in depending],
            retain_graph=True,
            allow_unused=True,
        )
        flat = [
            torch.zeros_like(parameter) if one is None else one
            for one, parameter in zip(found, parameters, strict=True)
        ]
        return torch.cat([one.reshape(-1) for one in flat]).double()

    return arnoldi(
        product, sum(sizes), count=count, subspace=subspace, seed=seed, device=parameters[0].device
    )


def arnoldi(
    product: Product,
    size: int,
    *,
    count: int,
    subspace: int,
    seed: int = 0,
    device: torch.device | None = None,
) -> Leading:
    """The eigenvalues of largest modulus of a matrix that is only known by its products.

    Args:
        product: From a vector `(size,)` in float64 to the matrix times it.
        size: The matrix has as many rows and columns.
        count: How many eigenvalues at most.
        subspace: How many products are taken at most; with `size` of them the eigenvalues are exact.
        seed: Seeds the first vector.
        device: Where vectors lie.

    Example:
        >>> matrix = torch.tensor([[0.0, -2.0], [2.0, 0.0]], dtype=torch.float64)
        >>> found = arnoldi(lambda vector: matrix @ vector, 2, count=2, subspace=2)
        >>> sorted(round(value.imag, 6) for value in found.values)
        [-2.0, 2.0]

    Source: Saad 2011, "Numerical Methods for Large Eigenvalue Problems", algorithm 6.2, with each vector made
    orthogonal twice.
    """
    steps = min(subspace, size)
    first = torch.randn(size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    basis = [(first / first.norm()).to(device)]
    hessenberg = torch.zeros(steps + 1, steps, dtype=torch.float64)
    scale, done = 0.0, 0
    for step in range(steps):
        vector = product(basis[step])
        scale = max(scale, float(vector.norm()))
        for _ in range(2):
            stacked = torch.stack(basis)
            along = stacked @ vector
            vector = vector - stacked.T @ along
            hessenberg[: step + 1, step] += along.cpu()
        length = float(vector.norm())
        done = step + 1
        if length <= 1e-12 * max(scale, 1e-300):  # the space is closed: what it holds is exact
            break
        hessenberg[step + 1, step] = length
        basis.append(vector / length)
    values, vectors = torch.linalg.eig(hessenberg[:done, :done])
    beyond = float(hessenberg[done, done - 1])
    order = torch.argsort(values.abs(), descending=True, stable=True)[:count].tolist()
    found, residuals = [], []
    for index in order:
        value = complex(values[index].item())
        wrong = beyond * float(vectors[-1, index].abs() / vectors[:, index].norm())
        found.append(value)
        residuals.append(wrong / abs(value) if value else (0.0 if not wrong else math.inf))
    return Leading(tuple(found), tuple(residuals), size)
