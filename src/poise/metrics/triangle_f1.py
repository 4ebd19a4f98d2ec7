"""Precision and recall on known truth: the manifold of the built-in triangles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from poise.errors import PoiseError
from poise.metrics.arrays import fingerprint_of_features
from poise.metrics.intervals import NOT_ASKED, share_interval
from poise.metrics.metric import metric
from poise.metrics.result import Result
from poise.metrics.triangles import nearest_triangles
from poise.randomness import torch_stream

THRESHOLD = 0.75
RATE = 0.05
AT_ONCE = 256


@dataclass(frozen=True)
class Inverse:
    """A generator in which the latents of images are searched.

    Attributes:
        generator: Latents `(n, z)` to images `(n, 1, size, size)`, 0 black and 1 white, with a gradient.
        latents: Those that made the samples, `(N, z)`.
        bound: No coordinate of a latent becomes larger.
        steps: Of Adam.
    """

    generator: Callable[[Tensor], Tensor]
    latents: Tensor
    bound: float
    steps: int = 100


@metric(
    "Precision and recall to the manifold of the built-in triangles, and their harmonic mean, F1.",
    "Lucic et al. 2018, section 5",
    needs=("real_triangles", "fake_triangles"),
    lower_is_better={"triangle_precision": False, "triangle_recall": False, "triangle_f1": False},
)
def triangle_f1(
    real: Tensor,
    fake: Tensor,
    *,
    inverse: Inverse | None = None,
    threshold: float = THRESHOLD,
    scale: float = 0.75,
    smallest_angle: float = 20.0,
    replicates: int = 200,
    seed: int = 0,
) -> Result:
    """How many samples are triangles, how many triangles can be made, and the harmonic mean of both.

    A sample counts for precision if some triangle is nearer to it than the threshold; the nearest one is
    found on the manifold, not among reals. A real counts for recall if the generator makes an image nearer
    to it than the threshold: from the latent of the nearest sample on, its latent is searched by gradients.
    Samples without a generator have the recall of the nearest sample, which is lower.

    Args:
        real: Triangles, `(M, 1, size, size)` in [0, 1], 0 black and 1 white; such as were not trained on.
        fake: Samples, `(N, 1, size, size)`.
        inverse: The generator that made the samples.
        threshold: A Euclidean distance of images in [0, 1].
        scale: The radius of the circle of the corners, as a share of half of the image.
        smallest_angle: Degrees between corners at least, seen from the centre of the circle.
        replicates: Draws for the interval of F1; 0 for no intervals.
        seed: Draws them.

    Returns:
        `triangle_precision`, `triangle_recall` and `triangle_f1`, from 0 to 1.

    Raises:
        PoiseError: They are not square grey images of one size in [0, 1].

    Example:
        >>> from poise.metrics.triangles import covered_area
        >>> images = 1 - covered_area(torch.tensor([[0.1, 2.0, 4.0], [0.5, 3.0, 5.0]]), size=28)[:, None]
        >>> triangle_f1(images, images[:1].repeat(2, 1, 1, 1)).value["triangle_recall"]
        0.5

    Source: Lucic et al. 2018, "Are GANs Created Equal?", section 5.
    """
    reals, fakes = (_checked(images, name) for images, name in ((real, "real"), (fake, "generated")))
    if reals.shape[1:] != fakes.shape[1:]:
        raise PoiseError(
            f"The real images have {reals.shape[-1]} pixels a side and the generated ones {fakes.shape[-1]}",
            code="metrics.different-shapes",
            hint="bring both to one shape",
        )
    from_manifold = nearest_triangles(1 - fakes[:, 0], scale=scale, smallest_angle=smallest_angle)[1]
    made = fakes.flatten(1).double()
    apart, nearest = torch.cdist(reals.flatten(1).double(), made).min(1)
    if inverse is not None:
        apart = torch.minimum(apart, inverted(inverse, reals, nearest, threshold))
    right, reached = int((from_manifold <= threshold).sum()), int((apart <= threshold).sum())
    shares = torch.tensor([right / len(fakes), reached / len(reals)], dtype=torch.float64)
    value = dict(zip(NAMES, (*shares.tolist(), float(_f1(shares))), strict=True))
    intervals, method = None, NOT_ASKED
    if replicates:
        stream = torch_stream(seed, 0, "bootstrap")
        counts = torch.tensor([len(fakes), len(reals)], dtype=torch.float64).expand(replicates, 2)
        drawn = torch.binomial(counts, shares.expand(replicates, 2), generator=stream) / counts
        low, high = _f1(drawn).quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
        intervals = {
            "triangle_precision": share_interval(right, len(fakes)),
            "triangle_recall": share_interval(reached, len(reals)),
            "triangle_f1": (min(low, value["triangle_f1"]), max(high, value["triangle_f1"])),
        }
        method = f"Wilson; F1: {replicates} draws of both shares"
    return Result(
        metric="triangle-f1",
        value=value,
        interval=intervals,
        interval_method=method,
        floor=dict.fromkeys(NAMES, 1.0),
        floor_method="a generator whose images are all triangles and that makes all of them",
        samples={"real": len(reals), "fake": len(fakes)},
        settings={
            "threshold": threshold,
            "scale": scale,
            "smallest_angle": smallest_angle,
            "recall": "nearest sample" if inverse is None else f"inverted, {inverse.steps} steps",
        },
        reference=fingerprint_of_features(reals.flatten(1)),
        details={"median_distance": float(from_manifold.median()), "median_reach": float(apart.median())},
    )


NAMES = ("triangle_precision", "triangle_recall", "triangle_f1")


def _checked(images: Tensor, name: str) -> Tensor:
    given = torch.as_tensor(images)
    square = given.dim() == 4 and given.shape[1] == 1 and given.shape[2] == given.shape[3] and len(given) > 0
    if not square or not bool(((given >= 0) & (given <= 1)).all()):
        raise PoiseError(
            f"The {name} images are no pictures of triangles",
            code="metrics.no-triangles",
            why=f"they have the shape {list(given.shape)} and values from {float(given.min()):g} to "
            f"{float(given.max()):g}"
            if given.numel()
            else "there are none",
            hint="give square grey images (N, 1, size, size) with values from 0, black, to 1, white",
        )
    return given.detach().cpu().float()


def _f1(shares: Tensor) -> Tensor:
    """The harmonic mean over the last axis."""
    return 2 * shares.prod(-1) / shares.sum(-1).clamp(min=1e-12)


def inverted(inverse: Inverse, reals: Tensor, nearest: Tensor, threshold: float) -> Tensor:
    """The least distance of each real to an image of the generator, by Adam from the nearest sample on.

    A real that is reached within the threshold is searched no further.
    """
    found = []
    for part, start in zip(reals.split(AT_ONCE), nearest.split(AT_ONCE), strict=True):
        best = torch.full((len(part),), torch.inf, dtype=torch.float64)
        left = torch.arange(len(part))
        latents = inverse.latents[start].detach().clone()
        first, second = torch.zeros_like(latents), torch.zeros_like(latents)
        for step in range(1, inverse.steps + 1):
            searched = latents[left].requires_grad_()
            apart = (inverse.generator(searched).cpu() - part[left]).flatten(1)
            squared = apart.square().sum(1)
            (slope,) = torch.autograd.grad(squared.sum(), searched)
            best[left] = torch.minimum(best[left], squared.detach().double().sqrt())
            first[left] = 0.9 * first[left] + 0.1 * slope
            second[left] = 0.999 * second[left] + 0.001 * slope.square()
            mean, spread = first[left] / (1 - 0.9**step), second[left] / (1 - 0.999**step)
            moved = latents[left] - RATE * mean / (spread.sqrt() + 1e-8)
            latents[left] = moved.clamp(-inverse.bound, inverse.bound)
            left = left[best[left] > threshold]
            if not len(left):
                break
        found.append(best)
    return torch.cat(found)
