"""Inception-v3 as the original Fréchet inception distance used it: its weights, its pooling, its resizing."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from poise.errors import unknown_name
from poise.metrics.arrays import as_colour, resize
from poise.metrics.features.extractor import ModuleExtractor
from poise.metrics.features.files import checked, tensors_of, weights_of, with_weights

SIDE = 299
CLASSES = 1008
URL = "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth"
# Its first eight digits are in the file's name, as is PyTorch's custom.
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
Resizing = Literal["tensorflow-1 bilinear", "pillow bicubic"]
Pool = Literal["mean", "largest", "halve"]

# Branches of the blocks. A convolution is NAME:CHANNELSxSIDE, or NAME:CHANNELSxHEIGHTxWIDTH if its kernel is
# oblong. With a stride of 1 it is padded to keep the size, with one of 2 (/2) not. After | a branch splits.
WIDE = (
    "branch1x1:64x1",
    "branch5x5_1:48x1 branch5x5_2:64x5",
    "branch3x3dbl_1:64x1 branch3x3dbl_2:96x3 branch3x3dbl_3:96x3",
)
HALVING_EARLY = ("branch3x3:384x3/2", "branch3x3dbl_1:64x1 branch3x3dbl_2:96x3 branch3x3dbl_3:96x3/2")
LONG = (
    "branch1x1:192x1",
    "branch7x7_1:{0}x1 branch7x7_2:{0}x1x7 branch7x7_3:192x7x1",
    "branch7x7dbl_1:{0}x1 branch7x7dbl_2:{0}x7x1 branch7x7dbl_3:{0}x1x7 branch7x7dbl_4:{0}x7x1 "
    "branch7x7dbl_5:192x1x7",
)
HALVING_LATE = (
    "branch3x3_1:192x1 branch3x3_2:320x3/2",
    "branch7x7x3_1:192x1 branch7x7x3_2:192x1x7 branch7x7x3_3:192x7x1 branch7x7x3_4:192x3/2",
)
SPLITTING = (
    "branch1x1:320x1",
    "branch3x3_1:384x1 | branch3x3_2a:384x1x3 branch3x3_2b:384x3x1",
    "branch3x3dbl_1:448x1 branch3x3dbl_2:384x3 | branch3x3dbl_3a:384x1x3 branch3x3dbl_3b:384x3x1",
)
# Inputs, branches, pooling, and the width of the convolution after it, of each block.
BLOCKS: dict[str, tuple[int, tuple[str, ...], Pool, int]] = {
    "Mixed_5b": (192, WIDE, "mean", 32),
    "Mixed_5c": (256, WIDE, "mean", 64),
    "Mixed_5d": (288, WIDE, "mean", 64),
    "Mixed_6a": (288, HALVING_EARLY, "halve", 0),
    "Mixed_6b": (768, tuple(branch.format(128) for branch in LONG), "mean", 192),
    "Mixed_6c": (768, tuple(branch.format(160) for branch in LONG), "mean", 192),
    "Mixed_6d": (768, tuple(branch.format(160) for branch in LONG), "mean", 192),
    "Mixed_6e": (768, tuple(branch.format(192) for branch in LONG), "mean", 192),
    "Mixed_7a": (768, HALVING_LATE, "halve", 0),
    "Mixed_7b": (1280, SPLITTING, "mean", 192),
    "Mixed_7c": (2048, SPLITTING, "largest", 192),
}


def _convolution(
    inputs: int, width: int, kernel: tuple[int, int], stride: int = 1, *, padded: bool = False
) -> nn.Module:
    """Convolution, batch normalisation, ReLU, under the names of the file of weights."""
    padding = (kernel[0] // 2, kernel[1] // 2) if padded else 0
    layers = nn.Sequential()
    layers.add_module("conv", nn.Conv2d(inputs, width, kernel, stride, padding, bias=False))
    layers.add_module("bn", nn.BatchNorm2d(width, eps=0.001))
    layers.add_module("relu", nn.ReLU())
    return layers


class _Block(nn.Module):
    """Branches side by side, the last of which pools first."""

    def __init__(self, inputs: int, branches: tuple[str, ...], pool: Pool, pooled: int) -> None:
        super().__init__()
        self.pool = pool
        self.branches: list[tuple[list[str], list[str]]] = []
        for branch in branches:
            steps, _, ends = branch.partition(" | ")
            width = inputs
            for step in steps.split():
                width = self._add(step, width)
            for end in ends.split():
                self._add(end, width)
            self.branches.append((_names(steps), _names(ends)))
        if pooled:
            self._add(f"branch_pool:{pooled}x1", inputs)

    def _add(self, step: str, inputs: int) -> int:
        name, _, sizes = step.partition(":")
        sizes, _, stride = sizes.partition("/")
        width, *sides = map(int, sizes.split("x"))
        kernel = sides[0], sides[-1]
        self.add_module(name, _convolution(inputs, width, kernel, int(stride or 1), padded=not stride))
        return width

    def forward(self, maps: Tensor) -> Tensor:
        out = []
        for steps, ends in self.branches:
            here = maps
            for step in steps:
                here = self.get_submodule(step)(here)
            out += [self.get_submodule(end)(here) for end in ends] or [here]
        if self.pool == "halve":
            return torch.cat([*out, functional.max_pool2d(maps, 3, stride=2)], 1)
        if self.pool == "largest":
            pooled = functional.max_pool2d(maps, 3, stride=1, padding=1)
        else:
            # TensorFlow's mean leaves the padding out.
            pooled = functional.avg_pool2d(maps, 3, stride=1, padding=1, count_include_pad=False)
        return torch.cat([*out, self.get_submodule("branch_pool")(pooled)], 1)


def _names(steps: str) -> list[str]:
    return [step.partition(":")[0] for step in steps.split()]


class InceptionV3(nn.Module):
    """Images in 0..255 to the 2,048 numbers of the last pooling.

    The last block pools by the largest value, not the mean: so did the network whose numbers are published.

    Source: Szegedy et al. 2016; Heusel et al. 2017 and the weights of their implementation.
    """

    def __init__(self, resizing: Resizing) -> None:
        super().__init__()
        self.resizing = resizing
        self.Conv2d_1a_3x3 = _convolution(3, 32, (3, 3), 2)
        self.Conv2d_2a_3x3 = _convolution(32, 32, (3, 3))
        self.Conv2d_2b_3x3 = _convolution(32, 64, (3, 3), padded=True)
        self.Conv2d_3b_1x1 = _convolution(64, 80, (1, 1))
        self.Conv2d_4a_3x3 = _convolution(80, 192, (3, 3))
        for name, block in BLOCKS.items():
            self.add_module(name, _Block(*block))
        self.fc = nn.Linear(2048, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        """Images `(N, C, H, W)` to features `(N, 2048)`."""
        colour = as_colour(images)
        if self.resizing == "pillow bicubic":
            maps = resize(colour, SIDE, SIDE).clamp(0, 255)
        else:
            maps = tensorflow_bilinear(colour, SIDE, SIDE)
        maps = (maps - 128) / 128
        for step in (self.Conv2d_1a_3x3, self.Conv2d_2a_3x3, self.Conv2d_2b_3x3):
            maps = step(maps)
        maps = functional.max_pool2d(maps, 3, stride=2)
        maps = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(maps))
        maps = functional.max_pool2d(maps, 3, stride=2)
        for name in BLOCKS:
            maps = self.get_submodule(name)(maps)
        return maps.mean((2, 3))


def tensorflow_bilinear(images: Tensor, height: int, width: int) -> Tensor:
    """Images at another size as TensorFlow 1 did it: corners aligned at the top left, no antialiasing."""
    for dimension, size in ((2, height), (3, width)):
        old = images.shape[dimension]
        places = torch.arange(size, dtype=torch.float32, device=images.device) * (old / size)
        low = places.floor().long()
        high = (low + 1).clamp(max=old - 1)
        share = (places - low).reshape(-1, 1) if dimension == 2 else places - low
        below, above = images.index_select(dimension, low), images.index_select(dimension, high)
        images = below + (above - below) * share
    return images


def inception_v3(
    *, weights: Path | None = None, cache: Path | None = None, resizing: Resizing = "tensorflow-1 bilinear"
) -> ModuleExtractor:
    """The extractor of the original Fréchet inception distance.

    Args:
        weights: The file of weights; without, it is fetched into `cache` on first use.
        cache: A folder to store it in.
        resizing: As the original (`"tensorflow-1 bilinear"`), or antialiased (`"pillow bicubic"`, near
            clean-fid): the numbers differ, and so do the protocols.

    Raises:
        PoiseError: The weights cannot be fetched, or are not the published ones.
    """
    known: tuple[Resizing, ...] = ("tensorflow-1 bilinear", "pillow bicubic")
    if resizing not in known:
        raise unknown_name("resizing", resizing, known)
    path = weights_of("Inception-v3", weights, cache, URL, SHA256)
    checked(path, SHA256)
    return inception_v3_of(path, resizing)


def inception_v3_of(path: Path, resizing: Resizing) -> ModuleExtractor:
    """The extractor with the weights of a file whose hash is not checked."""
    network = with_weights(InceptionV3(resizing), tensors_of(path), path)
    preparation = f"{SIDE} x {SIDE} by {resizing}" + (" in float" if resizing == "pillow bicubic" else "")
    return ModuleExtractor("inception-v3 (2015-12-05)", network, "0..255", preparation)
