"""FastGAN's discriminator: it scores images at two sides, and must be able to make them again."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from poise.networks.fastgan import GENERATOR_MULTIPLES, INITIAL_STD, Excitation, Grid, Grids, doubling
from poise.networks.layers import LeakyReLU, averaged
from poise.networks.network import Network
from poise.networks.shapes import grids_of, halving_kernel
from poise.networks.weights import start_normal, with_spectral_norm
from poise.spec import DataSpec

REACH = 3
"""How many halvings lie between a grid and the one that it excites."""
LARGEST_PLACE, SMALL_PLACE = 6, 5  # Of 256 and of 128 pixels: where residual blocks begin; the small image
MULTIPLES = (16, 16, 8, 4, 2, 1, 0.5, 0.25, 0.125)
"""Channels of the grids of 4, 8, ... 1,024 pixels a side, as multiples of the width: each has those of the
next larger grid, and on the small path those of the one after."""


class FastDiscriminator(nn.Module):
    """Two paths, of the whole image and of a small copy, a map of scores of each, and decoders of both.

    Args:
        spec: Of the data; a condition adds the same to all scores of a map.
        grids: Height and width of each grid, the smallest first.
        width: Channels of the grid of 64 pixels a side.
    """

    def __init__(self, spec: DataSpec, grids: Grids, width: int) -> None:
        super().__init__()
        channels, condition = spec.shape[0], spec.condition_numbers
        top, first = len(grids) - 1, min(len(grids) - 1, LARGEST_PLACE)
        last, small = int(len(grids) > 3), min(max(len(grids) - 2, 1), SMALL_PLACE)
        wide = [max(1, int(times * width)) for times in MULTIPLES[1:]]
        narrow = [max(1, int(times * width)) for times in MULTIPLES[2:]]

        def halved(places: Sequence[int], widths: Sequence[int]) -> nn.Sequential:
            """Halvings from the first of these places to the last."""
            before = [channels, *(widths[place] for place in places[1:-1])]
            return nn.Sequential(
                *(
                    _halving(taken, widths[place], grids[above], normalised=number > 0)
                    for number, (taken, (above, place)) in enumerate(
                        zip(before, itertools.pairwise(places), strict=True)
                    )
                )
            )

        if top == first:
            self.first = nn.Sequential(
                nn.Conv2d(channels, wide[first], 3, padding=1, bias=False), LeakyReLU(0.2)
            )
        else:
            self.first = halved(range(top, first - 1, -1), wide)
        places = range(first, last - 1, -1)
        self.blocks = nn.ModuleList(
            HalvingBlock(wide[above], wide[place], grids[above])
            for above, place in itertools.pairwise(places)
        )
        self.reach = min(REACH, len(self.blocks))
        self.excitations = nn.ModuleList(
            Excitation(wide[place], wide[place - self.reach], grids[0])
            for place in places[: len(places) - self.reach]
        )
        self.small = halved(range(small, last - 1, -1), narrow)
        hidden = max(1, int(MULTIPLES[last] * width))
        kernel = min(4, grids[last][0]), min(4, grids[last][1])
        whole_scores = nn.Sequential(
            nn.Conv2d(wide[last], hidden, 1, bias=False),
            nn.BatchNorm2d(hidden),
            LeakyReLU(0.2),
            nn.Conv2d(hidden, 1, kernel, bias=False),
        )
        self.whole_scores = Scores(whole_scores, wide[last], condition)
        small_scores = nn.Conv2d(narrow[last], 1, kernel, bias=False)
        self.small_scores = Scores(small_scores, narrow[last], condition)
        sizes = [max(1, int(times * width / 2)) for times in GENERATOR_MULTIPLES[last + 1 : small + 1]]
        above = grids[last + 1 : small + 1]
        self.decoders = nn.ModuleDict(
            {
                "whole": _decoder(wide[last], sizes, above, channels),
                "part": _decoder(wide[last + 1], sizes, above, channels),
                "small": _decoder(narrow[last], sizes, above, channels),
            }
        )
        self.small_sides = grids[small]
        with_spectral_norm(start_normal(self, INITIAL_STD))

    def forward(self, samples: Tensor, condition: Tensor | None = None) -> Tensor:
        """Raw scores `(N, places)` of images `(N, C, H, W)` under conditions `(N, condition_size)`."""
        whole = self.whole_scores(self._features(samples)[-1], condition)
        small = self.small_scores(self.small(averaged(samples, self.small_sides)), condition)
        return torch.cat([whole, small], 1)

    def _features(self, samples: Tensor) -> list[Tensor]:
        features: list[Tensor] = [self.first(samples)]
        for place, block in enumerate(self.blocks, 1):
            made, deciding = block(features[-1]), place - self.reach
            if deciding >= 0:
                made = self.excitations[deciding](features[deciding], made)
            features.append(made)
        return features

    def reconstructions(self, samples: Tensor, down: Tensor, right: Tensor) -> list[tuple[Tensor, Tensor]]:
        """What the decoders make of the features of images, each beside what it should be.

        Args:
            samples: Images `(N, C, H, W)`.
            down: Whether a sample's quarter is one of the lower two, `(N, 1, 1, 1)`.
            right: Whether it is one of those on the right.

        Returns:
            The whole, a quarter, and the whole of the small path, all at the size of the small image.
        """
        features, small = self._features(samples), averaged(samples, self.small_sides)
        part = averaged(quarter(samples, down, right), self.small_sides)
        return [
            (self.decoders["whole"](features[-1]), small),
            (self.decoders["part"](quarter(features[-2], down, right)), part),
            (self.decoders["small"](self.small(small)), small),
        ]


class HalvingBlock(nn.Module):
    """The mean of two paths to half the grid: of two convolutions, and of an average and one."""

    def __init__(self, before: int, after: int, sides: Grid) -> None:
        super().__init__()
        self.main = nn.Sequential(
            *_halving(before, after, sides, normalised=True),
            nn.Conv2d(after, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
            LeakyReLU(0.2),
        )
        self.direct = nn.Sequential(
            nn.AvgPool2d(2, ceil_mode=True),
            nn.Conv2d(before, after, 1, bias=False),
            nn.BatchNorm2d(after),
            LeakyReLU(0.2),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Features `(N, before, H, W)` to `(N, after, H / 2, W / 2)`, rounded up."""
        mean: Tensor = (self.main(features) + self.direct(features)) / 2
        return mean


class Scores(nn.Module):
    """A score for each place of a grid, to which the condition adds its product with the mean features."""

    def __init__(self, layers: nn.Module, channels: int, condition: int) -> None:
        super().__init__()
        self.layers = layers
        self.rows = nn.Linear(condition, channels, bias=False) if condition else None

    def forward(self, features: Tensor, condition: Tensor | None) -> Tensor:
        """Features `(N, channels, H, W)` to `(N, places)`."""
        scores: Tensor = self.layers(features).flatten(1)
        if self.rows is None:
            return scores
        assert condition is not None
        along: Tensor = self.rows(condition.flatten(1)) * features.mean((2, 3))
        return scores + along.sum(1, keepdim=True)


def passed_by_images(discriminator: nn.Module) -> list[nn.Module]:
    """The modules of the discriminator in the order in which an image passes them; the decoders last."""
    assert isinstance(discriminator, FastDiscriminator)
    passed: list[nn.Module] = [discriminator.first]
    for place, block in enumerate(discriminator.blocks, 1):
        deciding = place - discriminator.reach
        passed += [block, *([discriminator.excitations[deciding]] if deciding >= 0 else [])]
    small = [discriminator.small, discriminator.small_scores]
    return [*passed, discriminator.whole_scores, *small, discriminator.decoders]


def quarter(images: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """One quarter of each image; halves of an odd side are rounded up.

    Args:
        images: `(N, C, H, W)`.
        down: Whether it is one of the lower two, `(N, 1, 1, 1)`.
        right: Whether it is one of those on the right, `(N, 1, 1, 1)`.

    Example:
        >>> yes, no = (torch.full((1, 1, 1, 1), one) for one in (True, False))
        >>> quarter(torch.arange(4.0).reshape(1, 1, 2, 2), yes, no)
        tensor([[[[2.]]]])
    """
    height, width = (-(-side // 2) for side in images.shape[2:])
    images = torch.where(down, images[:, :, -height:], images[:, :, :height])
    return torch.where(right, images[..., -width:], images[..., :width])


def _halving(before: int, after: int, sides: Grid, *, normalised: bool) -> nn.Sequential:
    """A convolution to half the grid, rounded up."""
    convolution = nn.Conv2d(before, after, halving_kernel(*sides), 2, 1, bias=False)
    return nn.Sequential(convolution, *([nn.BatchNorm2d(after)] if normalised else []), LeakyReLU(0.2))


def _decoder(before: int, widths: Sequence[int], grids: Grids, channels: int) -> nn.Sequential:
    """From features to a small image."""
    pairs = itertools.pairwise([before, *widths])
    doublings = [doubling(*pair, grid, deep=False) for pair, grid in zip(pairs, grids, strict=True)]
    return nn.Sequential(*doublings, nn.Conv2d(widths[-1], channels, 3, padding=1, bias=False), nn.Tanh())


def fastgan_discriminator(spec: DataSpec, *, width: Annotated[int, Field(ge=1)] = 64) -> nn.Module:
    """The discriminator of FastGAN, with the decoders that the regulariser `reconstruction` trains.

    It scores the places of an 8x8 grid of the image, and as many of a copy of at most half its size.

    Args:
        spec: Images with sides from 8 to 1,024, of any proportions and any number of channels.
        width: Channels of the grid of 64 pixels a side: twice as many with every halving, up to 16 times.

    Example:
        >>> discriminator = fastgan_discriminator(DataSpec("image", (3, 64, 64)), width=4)
        >>> discriminator(torch.randn(2, 3, 64, 64)).shape
        torch.Size([2, 50])

    Source: Liu et al. 2021 (FastGAN), section 3.2 and the authors' code.
    """
    return FastDiscriminator(spec, grids_of(spec, network="fastgan"), width)


FASTGAN_DISCRIMINATOR = Network(
    name="fastgan",
    build=fastgan_discriminator,
    summary="Scores of a whole image and of a small copy, and decoders that make it see all of a real one.",
    source="Liu et al. 2021 (FastGAN), section 3.2",
    kinds=("image",),
    takes_condition=True,
    needs_condition=False,
    from_image=passed_by_images,
    parts={"decoders": "decoders"},
)
