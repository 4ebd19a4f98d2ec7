"""FastGAN: small grids excite large ones, and the discriminator must be able to reproduce what it sees."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from poise.networks.layers import LeakyReLU, averaged
from poise.networks.network import Network
from poise.networks.shapes import grids_of, halving_kernel
from poise.networks.weights import start_normal, with_spectral_norm
from poise.spec import DataSpec

INITIAL_STD = 0.02
GENERATOR_MULTIPLES = (16, 8, 4, 2, 2, 1, 0.5, 0.25, 0.125)
"""Channels of the grids of 4, 8, ... 1,024 pixels a side, as multiples of the width."""
DISCRIMINATOR_MULTIPLES = (16, 16, 8, 4, 2, 1, 0.5, 0.25, 0.125)
"""The same of the discriminator, whose grids have the channels of the next larger grid; those of its small
path of the one after."""
GENERATOR_REACH, DISCRIMINATOR_REACH = 4, 3
"""How many doublings, or halvings, lie between a grid and the one that it excites."""
MOST_EXCITED = 4
LARGEST_PLACE, SMALL_PLACE = 6, 5  # Of 256 and of 128 pixels: where residual blocks begin; the small image

Grid = tuple[int, int]
Grids = Sequence[Grid]


class Excitation(nn.Module):
    """How much each channel of one grid counts, by the features of another that is smaller or comes earlier.

    Args:
        before: Channels of the features that decide.
        after: Channels that are scaled.
        pooled: Height and width to which the features are averaged.

    Source: Liu et al. 2021 (FastGAN), equation 1 and figure 3.
    """

    def __init__(self, before: int, after: int, pooled: Grid) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.AdaptiveAvgPool2d(pooled),
            nn.Conv2d(before, after, pooled, bias=False),
            nn.SiLU(),
            nn.Conv2d(after, after, 1, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, deciding: Tensor, scaled: Tensor) -> Tensor:
        """`scaled` `(N, after, H, W)` times a number in [0, 1] for each channel."""
        product: Tensor = scaled * self.layers(deciding)
        return product


class Noise(nn.Module):
    """Features and noise that is equal in all channels, times a learned strength that starts at 0.

    In training the noise is drawn for each sample, from torch's global random state, which the training loop
    seeds. In eval mode it is a buffer, so that a sample is a function of its latent.
    """

    noise: Tensor
    draws = True

    def __init__(self, sides: Grid) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("noise", torch.randn(sides))

    def forward(self, features: Tensor) -> Tensor:
        """Features `(N, C, H, W)` to as many."""
        noise = self.noise
        if self.training:
            shape = (len(features), 1, *noise.shape)
            noise = torch.randn(shape, device=features.device, dtype=features.dtype)
        return features + self.strength * noise


class FastGenerator(nn.Module):
    """Doublings with gates, of which every other one is deeper and noisy; small grids excite large ones.

    Args:
        spec: Of the data; a condition is embedded and put beside the latent.
        latent_size: The size of a latent.
        grids: Height and width of each grid, the smallest first.
        widths: Channels of each grid.
    """

    def __init__(self, spec: DataSpec, latent_size: int, grids: Grids, widths: Sequence[int]) -> None:
        super().__init__()
        condition = spec.condition_numbers
        self.reach = min(GENERATOR_REACH, len(grids) - 1)
        excited = range(min(MOST_EXCITED, len(grids) - self.reach))
        taken = latent_size * (2 if condition else 1)
        self.start = nn.Sequential(
            nn.ConvTranspose2d(taken, 2 * widths[0], grids[0], bias=False),
            nn.BatchNorm2d(2 * widths[0]),
            nn.GLU(1),
        )
        self.stages = nn.ModuleList(
            _doubling(*pair, grid, deep=place % 2 == 0)
            for place, (pair, grid) in enumerate(zip(itertools.pairwise(widths), grids[1:], strict=True))
        )
        self.excitations = nn.ModuleList(
            Excitation(widths[place], widths[place + self.reach], grids[0]) for place in excited
        )
        self.last = nn.Conv2d(widths[-1], spec.shape[0], 3, padding=1, bias=False)
        with_spectral_norm(start_normal(self, INITIAL_STD))
        # As large as the latent, and free to grow: under spectral norm its norm would be 1.
        self.embedding = nn.Linear(condition, latent_size, bias=False) if condition else None
        if self.embedding is not None:
            nn.init.normal_(self.embedding.weight)

    def forward(self, latent: Tensor, condition: Tensor | None = None) -> Tensor:
        """Images `(N, C, H, W)` within [-1, 1] of latents `(N, latent_size)`."""
        if self.embedding is not None:
            assert condition is not None
            latent = torch.cat([latent, self.embedding(condition.flatten(1))], 1)
        features: list[Tensor] = [self.start(latent[:, :, None, None])]
        for place, stage in enumerate(self.stages, 1):
            made, deciding = stage(features[-1]), place - self.reach
            if 0 <= deciding < len(self.excitations):
                made = self.excitations[deciding](features[deciding], made)
            features.append(made)
        images: Tensor = self.last(features[-1]).tanh()
        return images


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
        wide = [max(1, int(times * width)) for times in DISCRIMINATOR_MULTIPLES[1:]]
        narrow = [max(1, int(times * width)) for times in DISCRIMINATOR_MULTIPLES[2:]]

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
        self.reach = min(DISCRIMINATOR_REACH, len(self.blocks))
        self.excitations = nn.ModuleList(
            Excitation(wide[place], wide[place - self.reach], grids[0])
            for place in places[: len(places) - self.reach]
        )
        self.small = halved(range(small, last - 1, -1), narrow)
        hidden = max(1, int(DISCRIMINATOR_MULTIPLES[last] * width))
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


def _doubling(before: int, after: int, sides: Grid, *, deep: bool) -> nn.Sequential:
    """The next grid by copies and a gated convolution; one more, and noise before both gates, if deep."""

    def gated(taken: int) -> list[nn.Module]:
        convolution = nn.Conv2d(taken, 2 * after, 3, padding=1, bias=False)
        noise = [Noise(sides)] if deep else []
        return [convolution, *noise, nn.BatchNorm2d(2 * after), nn.GLU(1)]

    return nn.Sequential(nn.Upsample(size=sides), *gated(before), *(gated(after) if deep else []))


def _halving(before: int, after: int, sides: Grid, *, normalised: bool) -> nn.Sequential:
    """A convolution to half the grid, rounded up."""
    convolution = nn.Conv2d(before, after, halving_kernel(*sides), 2, 1, bias=False)
    return nn.Sequential(convolution, *([nn.BatchNorm2d(after)] if normalised else []), LeakyReLU(0.2))


def _decoder(before: int, widths: Sequence[int], grids: Grids, channels: int) -> nn.Sequential:
    """From features to a small image."""
    pairs = itertools.pairwise([before, *widths])
    doublings = [_doubling(*pair, grid, deep=False) for pair, grid in zip(pairs, grids, strict=True)]
    return nn.Sequential(*doublings, nn.Conv2d(widths[-1], channels, 3, padding=1, bias=False), nn.Tanh())


def fastgan_generator(
    spec: DataSpec, *, latent_size: int, width: Annotated[int, Field(ge=1)] = 64
) -> nn.Module:
    """The generator of FastGAN.

    The grid of 4 pixels a side scales the channels of that of 64, 8 those of 128, 16 of 256, 32 of 512.
    Smaller images have one such skip, from the first grid to the last.

    Args:
        spec: Images with sides from 8 to 1,024, of any proportions; a condition is embedded beside the
            latent.
        latent_size: The size of a latent; 256 in the paper.
        width: Channels of the grid of 128 pixels a side: twice as many from 64 to 32, and again with every
            halving below; half as many with every doubling above.

    Example:
        >>> generator = fastgan_generator(DataSpec("image", (3, 24, 32)), latent_size=16, width=4)
        >>> generator(torch.randn(2, 16)).shape
        torch.Size([2, 3, 24, 32])

    Source: Liu et al. 2021 (FastGAN), section 3.1 and the authors' code.
    """
    grids = grids_of(spec, network="fastgan")
    widths = [max(1, int(times * width)) for times in GENERATOR_MULTIPLES[: len(grids)]]
    return FastGenerator(spec, latent_size, grids, widths)


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


FASTGAN_GENERATOR = Network(
    name="fastgan",
    build=fastgan_generator,
    summary="Gated doublings whose large grids are scaled by small ones; a generator for few images.",
    source="Liu et al. 2021 (FastGAN), section 3.1",
    kinds=("image",),
    takes_condition=True,
    needs_condition=False,
)
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
