"""Networks between images as the players of a game, and a discriminator that scores overlapping patches."""

from collections.abc import Callable, Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from poise.errors import PoiseError
from poise.networks.layers import LeakyReLU, norm_layer
from poise.networks.network import Network
from poise.networks.shapes import image_shape
from poise.networks.weights import start_normal, with_spectral_norm
from poise.spec import DataSpec, size_text


class PatchDiscriminator(nn.Module):
    """Convolutions from an image to a score for each patch."""

    def __init__(self, stages: Sequence[nn.Module]) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)

    def forward(self, images: Tensor) -> Tensor:
        """Raw scores `(N, 1, h, w)` of images `(N, C, H, W)`; losses average them within a sample."""
        for stage in self.stages:
            images = stage(images)
        return images

    def features(self, images: Tensor) -> list[Tensor]:
        """The grids of features between the image and its scores, the largest first."""
        grids: list[Tensor] = []
        for stage in self.stages[:-1]:
            images = stage(images)
            grids.append(images)
        return grids


def patch_discriminator(
    spec: DataSpec,
    *,
    width: Annotated[int, Field(ge=1)] = 64,
    halvings: Annotated[int, Field(ge=1, le=5)] | None = None,
    most_multiple: Annotated[int, Field(ge=1)] = 8,
    norm: Literal["batch", "instance", "none"] = "batch",
    spectral_norm: bool = False,
    initial_std: Annotated[float, Field(gt=0)] | None = 0.02,
) -> nn.Module:
    """A discriminator whose every score sees a patch only: 16, 34 or 70 pixels wide after 1, 2 or 3 halvings.

    Args:
        spec: Images of any size and any number of channels, those of a condition included.
        width: Channels after the first convolution; they double downwards.
        halvings: How often the grid is halved; `None` for 3 from 128 pixels a side, 2 from 32, else 1.
        most_multiple: The most times `width` that a grid has channels.
        norm: What normalises the features: over the batch, within each sample, or nothing.
        spectral_norm: Whether every weight is divided by its largest singular value.
        initial_std: Weights start from N(0, initial_std); `None` for torch's own start.

    Example:
        >>> import torch
        >>> spec = DataSpec("image", (4, 256, 256))
        >>> patch_discriminator(spec, width=2)(torch.randn(1, 4, 256, 256)).shape
        torch.Size([1, 1, 30, 30])

    Source: Isola et al. 2017, appendix 6.1.2.
    """
    channels, height, side = image_shape(spec.shape, network="patch")
    least = min(height, side)
    times = halvings or (3 if least >= 128 else 2 if least >= 32 else 1)
    if least >> times < 3:
        what = f"The network 'patch' cannot score images of {size_text(height, side)} after {times} halvings"
        why = "its last two convolutions need a grid of at least 3x3"
        hint = "choose a larger resolution, or fewer: --set discriminator.halvings=1"
        raise PoiseError(what, code="networks.image-too-small", why=why, hint=hint)
    widths = [width * min(2**stage, most_multiple) for stage in range(times + 1)]
    stages: list[nn.Module] = []
    for stage, (before, after) in enumerate(zip([channels, *widths], widths, strict=False)):
        plain = not stage or norm == "none"
        stages.append(
            nn.Sequential(
                nn.Conv2d(before, after, 4, 2 if stage < times else 1, 1, bias=plain or norm == "instance"),
                norm_layer("none" if plain else norm, after),
                LeakyReLU(0.2),
            )
        )
    stages.append(nn.Conv2d(widths[-1], 1, 4, 1, 1))
    network = start_normal(PatchDiscriminator(stages), initial_std)
    return with_spectral_norm(network) if spectral_norm else network


PATCH = Network(
    name="patch",
    build=patch_discriminator,
    summary="Scores of overlapping patches, so that it judges texture and edges.",
    source="Isola et al. 2017, appendix 6.1.2",
    kinds=("image",),
)


class TranslatingGenerator(nn.Module):
    """A generator whose sample is its condition, translated; it does not use the latent.

    Args:
        network: Images to images.

    Example:
        >>> generator = TranslatingGenerator(nn.Conv2d(1, 3, 1))
        >>> generator(torch.randn(2, 4), torch.randn(2, 1, 8, 8)).shape
        torch.Size([2, 3, 8, 8])
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, latent: Tensor, condition: Tensor) -> Tensor:
        """Images `(N, *sample)` from images `(N, *condition)`."""
        made: Tensor = self.network(condition)
        return made


class BothWays(nn.Module):
    """Two networks between two domains: the generators of a game without pairs.

    Args:
        a_to_b: From the first domain to the second.
        b_to_a: Back.

    Example:
        >>> both = BothWays(nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1))
        >>> both(torch.randn(2, 4), torch.randn(2, 3, 8, 8)).shape
        torch.Size([2, 3, 8, 8])
    """

    def __init__(self, a_to_b: nn.Module, b_to_a: nn.Module) -> None:
        super().__init__()
        self.a_to_b, self.b_to_a = a_to_b, b_to_a

    def forward(self, latent: Tensor, condition: Tensor) -> Tensor:
        """Images of the second domain from images of the first."""
        made: Tensor = self.a_to_b(condition)
        return made

    def back(self, latent: Tensor, condition: Tensor) -> Tensor:
        """Images of the first domain from images of the second."""
        made: Tensor = self.b_to_a(condition)
        return made


class OneForEachDomain(nn.Module):
    """Two discriminators: one scores images of the first domain, the other those of the second."""

    def __init__(self, of_a: nn.Module, of_b: nn.Module) -> None:
        super().__init__()
        self.of_a, self.of_b = of_a, of_b

    def forward(self, samples: Tensor, condition: Tensor | None = None) -> Tensor:
        """Scores of images of the second domain; the condition is not used."""
        scores: Tensor = self.of_b(samples)
        return scores


def matching_features(discriminator: PatchDiscriminator) -> Callable[[Tensor, Tensor], Tensor]:
    """The features of a patch discriminator: `(samples, condition)` to `(N, values)`.

    Source: Salimans et al. 2016, section 3.1; Wang et al. 2018 (pix2pixHD), equation 4.
    """

    def features(samples: Tensor, condition: Tensor) -> Tensor:
        return side_by_side(discriminator.features(torch.cat([samples, condition], 1)))

    return features


def side_by_side(grids: Sequence[Tensor]) -> Tensor:
    """Grids of features as rows, `(N, values)`, each grid divided by its number of values.

    So the sum of absolute differences of two rows is the sum of the grids' mean absolute differences.
    """
    return torch.cat([grid.flatten(1) / grid[0].numel() for grid in grids], 1)
