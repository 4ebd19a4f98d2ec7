"""Where directions come from: the weights, the samples, the slopes of the network, or labels.

Each method returns directions as rows of coordinates of length 1, the strongest first. In coordinates samples
have the covariance 1, so that a step of 1 is one standard deviation along every direction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import jvp, vmap
from torch.nn.functional import adaptive_avg_pool2d

from poise.generator.spaces import Space, samples_of
from poise.networks.equalised import EqualisedLinear
from poise.networks.weights import NORMALISING, WEIGHTED
from poise.randomness import derive
from poise.registry import Registry

SAMPLES = 2048  # Whose components are taken, and whose scores are regressed
POINTS = 48  # Samples at which slopes are taken
PIXELS = 16  # Of a side of the pictures that are compared
COLUMNS = 16  # Slopes that are computed at once
RIDGE = 1e-2  # Of the regression, as a share of the variance of a coordinate
MOST_LOG_ODDS = 6.0


@dataclass(frozen=True)
class Method:
    """A way to find directions without labels.

    Attributes:
        name: What people type.
        find: `(space, seed)` to directions `(K, size)` of length 1, the strongest first; none if the network
            does not have what the method needs.
        summary: One sentence on it.
        source: The paper.
    """

    name: str
    find: Callable[[Space, int], Tensor]
    summary: str
    source: str


def components(space: Space, seed: int) -> Tensor:
    """Principal components of the styles; for latents those of the pictures, regressed on the latents."""
    if space.name != "z":
        return torch.eye(space.size)  # The coordinates of styles are their principal components
    coordinates, pictures = _samples(space, SAMPLES, seed)
    apart = pictures - pictures.mean(0)
    most = min(space.size, apart.shape[1])
    _, _, axes = torch.pca_lowrank(apart, q=min(most, 32), center=False)
    # The coordinates are standard, so that their covariance with a score is the regression
    return _unit((coordinates.T @ (apart @ axes)).T / len(coordinates))


def closed_form(space: Space, seed: int) -> Tensor:
    """Eigenvectors of `A^T A`, for the layers that take styles, or for the first layer that takes latents.

    Scales and running variances of a batch normalisation behind that layer are folded in.
    """
    del seed
    weights = _style_weights(space) if space.name != "z" else _first_weights(space)
    if weights is None:
        return torch.empty(0, space.size)
    seen = weights.double().cpu() @ space.axes.double().cpu().T
    _, vectors = torch.linalg.eigh(seen.T @ seen)
    made: Tensor = vectors.flip(1).T.float()
    return made


def _style_weights(space: Space) -> Tensor | None:
    """The weights of every layer that takes a style, below each other."""
    assert space.styles is not None
    mapping = {id(layer) for layer in space.styles.mapping.modules()}
    chosen = [
        layer.weight.detach() * layer.scale
        for layer in space.generator.module.modules()
        if isinstance(layer, EqualisedLinear) and id(layer) not in mapping
    ]
    return torch.cat(chosen) if chosen else None


def _first_weights(space: Space) -> Tensor | None:
    """The weights of the first layer, if it is linear and takes the latent; a condition's are left out."""
    size = space.generator.latent.size
    layers = [
        layer
        for layer in space.generator.module.modules()
        if isinstance(layer, (*WEIGHTED, *NORMALISING, EqualisedLinear))
    ]
    if not layers or not isinstance(layers[0], nn.Linear | EqualisedLinear):
        return None
    first = layers[0]
    if first.weight.shape[1] < size:
        return None
    weights = first.weight.detach()[:, :size]
    after = layers[1] if len(layers) > 1 else None
    if isinstance(after, NORMALISING) and after.running_var is not None:
        scale = (after.running_var + after.eps).rsqrt()
        scale = scale if after.weight is None else scale * after.weight.detach()
        weights = weights * scale.repeat_interleave(len(weights) // len(scale))[:, None]
    return weights


def jacobian(space: Space, seed: int) -> Tensor:
    """Eigenvectors of the mean of `J^T J` over samples, `J` the slopes of the pictures, for any network."""
    return _unit(slopes(space, seed)[1])


@torch.no_grad()
def slopes(space: Space, seed: int) -> tuple[Tensor, Tensor]:
    """The eigenvalues of the mean of `J^T J`, the largest first, and its eigenvectors as rows."""
    latent, condition = samples_of(space.generator, POINTS, seed=derive(seed, 0, "slopes") % 2**31)
    total = torch.zeros(space.size, space.size, dtype=torch.float64)
    for start in range(0, POINTS, COLUMNS):
        part = slice(start, start + COLUMNS)
        kinds = None if condition is None else condition[part]
        at = space.coordinates(latent[part], kinds)
        basis = torch.eye(space.size, dtype=at.dtype, device=at.device)

        def pictures(points: Tensor, kinds: Tensor | None = kinds) -> Tensor:
            return small(space.images(points, kinds))

        def column(direction: Tensor, at: Tensor = at, pictures: Callable[..., Tensor] = pictures) -> Tensor:
            found: Tensor = jvp(pictures, (at,), (direction.expand_as(at),))[1]
            return found

        columns = vmap(column, chunk_size=COLUMNS)(basis)  # (size, N, numbers)
        flat = columns.flatten(1).double().cpu()
        total += flat @ flat.T / POINTS
    values, vectors = torch.linalg.eigh(total)
    return values.flip(0), vectors.flip(1).T.float()


def boundaries(
    space: Space, log_odds: Callable[[Tensor], Tensor], seed: int, *, samples: int = SAMPLES
) -> tuple[Tensor, Tensor]:
    """For each label, the direction along which its log-odds rise, and how much of them is linear.

    The slope of a regression of the log-odds on standard coordinates is their mean gradient (Stein's lemma),
    so that no threshold and no extremes have to be chosen.

    Args:
        space: The space.
        log_odds: From pictures `(N, C, H, W)` in [-1, 1] to `(N, labels)`.
        seed: Draws the samples.
        samples: How many.

    Returns:
        Directions `(labels, size)` of length 1, and the share of the variance of the log-odds that the
        direction explains on samples that were not used, `(labels,)`.

    Source: Shen et al. 2020 (InterFaceGAN), section 3, for linear boundaries; Stein 1981, lemma 1.
    """
    latent, condition = samples_of(space.generator, samples, seed=derive(seed, 0, "boundaries") % 2**31)
    coordinates, scores = list[Tensor](), list[Tensor]()
    with torch.no_grad():
        for start in range(0, samples, 128):
            part = slice(start, start + 128)
            kinds = None if condition is None else condition[part]
            at = space.coordinates(latent[part], kinds)
            coordinates.append(at.cpu())
            scores.append(log_odds(space.images(at, kinds).clamp(-1, 1)).float().cpu())
    every = torch.cat(coordinates).double()
    wanted = torch.cat(scores).double().clamp(-MOST_LOG_ODDS, MOST_LOG_ODDS)
    learnt = samples * 4 // 5
    inputs, middle = every[:learnt], wanted[:learnt].mean(0)
    system = inputs.T @ inputs / learnt + RIDGE * torch.eye(space.size, dtype=torch.float64)
    slopes = torch.linalg.solve(system, inputs.T @ (wanted[:learnt] - middle) / learnt).T
    left = wanted[learnt:] - middle - every[learnt:] @ slopes.T
    explained = 1 - left.square().mean(0) / wanted[learnt:].var(0).clamp(min=1e-9)
    return _unit(slopes.float()), explained.float()


@torch.no_grad()
def _samples(space: Space, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Coordinates and small pictures of samples, on the CPU."""
    latent, condition = samples_of(space.generator, count, seed=derive(seed, 0, "components") % 2**31)
    coordinates, pictures = list[Tensor](), list[Tensor]()
    for start in range(0, count, 128):
        part = slice(start, start + 128)
        kinds = None if condition is None else condition[part]
        coordinates.append(space.coordinates(latent[part], kinds))
        pictures.append(small(space.images(coordinates[-1], kinds)))
    return torch.cat(coordinates).cpu(), torch.cat(pictures).cpu()


def small(images: Tensor) -> Tensor:
    """Pictures at no more than 16 pixels a side, as rows."""
    sides = min(PIXELS, images.shape[2]), min(PIXELS, images.shape[3])
    return adaptive_avg_pool2d(images.clamp(-1, 1), sides).flatten(1)


def _unit(rows: Tensor) -> Tensor:
    made: Tensor = rows / torch.linalg.vector_norm(rows, dim=-1, keepdim=True).clamp(min=1e-12)
    return made


def independent(rows: Sequence[Tensor], most: float) -> list[int]:
    """Which rows of length 1 to keep, in their order: those whose cosine with none before is above `most`.

    Example:
        >>> one, same, other = torch.tensor([[1.0, 0.0], [-0.99, 0.14], [0.0, 1.0]])
        >>> independent([one, same, other], 0.9)
        [0, 2]
    """
    kept = list[int]()
    for number, row in enumerate(rows):
        if all(abs(float(row @ rows[before])) <= most for before in kept):
            kept.append(number)
    return kept


METHODS: Registry[Method] = Registry(
    "method of directions",
    [
        Method(
            "jacobian",
            jacobian,
            "Directions that change pictures most, by the slopes of the network itself.",
            "Ramesh et al. 2019; Wang and Ponce 2021",
        ),
        Method(
            "components",
            components,
            "Principal components of styles, or of pictures as far as latents explain them.",
            "Härkönen et al. 2020 (GANSpace)",
        ),
        Method(
            "closed-form",
            closed_form,
            "Eigenvectors of the weights that take the styles, or of the first layer.",
            "Shen and Zhou 2021 (SeFa), equation 4",
        ),
    ],
)
