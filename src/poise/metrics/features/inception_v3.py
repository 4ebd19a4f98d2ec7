"""Inception-v3 as the original Fréchet inception distance used it: its weights, its pooling, its resizing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from poise.errors import PoiseError, unknown_name
from poise.metrics.features.extractor import ModuleExtractor
from poise.metrics.features.images import as_colour, resize
from poise.metrics.features.weights_file import checked, fetched, load_into, tensors_of

SIDE = 299
CLASSES = 1008
URL = "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth"
# Its first eight digits are in the file's name, as is PyTorch's custom.
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
Resizing = Literal["tensorflow-1 bilinear", "pillow bicubic"]
Kernel = int | tuple[int, int]


@dataclass(frozen=True)
class _Step:
    """One convolution of a branch: its name in the file of weights, width, kernel, stride, padding."""

    name: str
    width: int
    kernel: Kernel
    stride: int = 1
    padding: Kernel = 0


class _Convolution(nn.Module):
    """Convolution, batch normalisation, ReLU, under the names of the file of weights."""

    def __init__(self, inputs: int, step: _Step) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, step.width, step.kernel, step.stride, step.padding, bias=False)
        self.bn = nn.BatchNorm2d(step.width, eps=0.001)

    def forward(self, maps: Tensor) -> Tensor:
        return functional.relu(self.bn(self.conv(maps)))


# A branch: steps one after another, and the steps that its end splits into.
_Branch = tuple[tuple[_Step, ...], tuple[_Step, ...]]
_Pool = Literal["mean", "largest", "halve"]


class _Block(nn.Module):
    """Branches side by side, the last of which pools first."""

    def __init__(self, inputs: int, branches: tuple[_Branch, ...], pool: _Pool, pooled: int) -> None:
        super().__init__()
        self.branches, self.pool = branches, pool
        for steps, ends in branches:
            width = inputs
            for step in steps:
                self.add_module(step.name, _Convolution(width, step))
                width = step.width
            for end in ends:
                self.add_module(end.name, _Convolution(width, end))
        if pooled:
            self.add_module("branch_pool", _Convolution(inputs, _Step("branch_pool", pooled, 1)))

    def forward(self, maps: Tensor) -> Tensor:
        out = []
        for steps, ends in self.branches:
            here = maps
            for step in steps:
                here = self.get_submodule(step.name)(here)
            out += [self.get_submodule(end.name)(here) for end in ends] or [here]
        if self.pool == "halve":
            return torch.cat([*out, functional.max_pool2d(maps, 3, stride=2)], 1)
        if self.pool == "largest":
            pooled = functional.max_pool2d(maps, 3, stride=1, padding=1)
        else:
            # TensorFlow's mean leaves the padding out.
            pooled = functional.avg_pool2d(maps, 3, stride=1, padding=1, count_include_pad=False)
        return torch.cat([*out, self.get_submodule("branch_pool")(pooled)], 1)


def _wide(inputs: int, pooled: int) -> _Block:
    return _Block(
        inputs,
        (
            ((_Step("branch1x1", 64, 1),), ()),
            ((_Step("branch5x5_1", 48, 1), _Step("branch5x5_2", 64, 5, padding=2)), ()),
            (
                (
                    _Step("branch3x3dbl_1", 64, 1),
                    _Step("branch3x3dbl_2", 96, 3, padding=1),
                    _Step("branch3x3dbl_3", 96, 3, padding=1),
                ),
                (),
            ),
        ),
        "mean",
        pooled,
    )


def _halving_early(inputs: int) -> _Block:
    double = (
        _Step("branch3x3dbl_1", 64, 1),
        _Step("branch3x3dbl_2", 96, 3, padding=1),
        _Step("branch3x3dbl_3", 96, 3, stride=2),
    )
    return _Block(inputs, (((_Step("branch3x3", 384, 3, stride=2),), ()), (double, ())), "halve", 0)


def _flat(name: str, width: int) -> _Step:
    return _Step(name, width, (1, 7), padding=(0, 3))


def _tall(name: str, width: int) -> _Step:
    return _Step(name, width, (7, 1), padding=(3, 0))


def _long(inputs: int, width: int) -> _Block:
    once = (_Step("branch7x7_1", width, 1), _flat("branch7x7_2", width), _tall("branch7x7_3", 192))
    twice = (
        _Step("branch7x7dbl_1", width, 1),
        _tall("branch7x7dbl_2", width),
        _flat("branch7x7dbl_3", width),
        _tall("branch7x7dbl_4", width),
        _flat("branch7x7dbl_5", 192),
    )
    return _Block(inputs, (((_Step("branch1x1", 192, 1),), ()), (once, ()), (twice, ())), "mean", 192)


def _halving_late(inputs: int) -> _Block:
    once = (_Step("branch3x3_1", 192, 1), _Step("branch3x3_2", 320, 3, stride=2))
    long = (
        _Step("branch7x7x3_1", 192, 1),
        _flat("branch7x7x3_2", 192),
        _tall("branch7x7x3_3", 192),
        _Step("branch7x7x3_4", 192, 3, stride=2),
    )
    return _Block(inputs, ((once, ()), (long, ())), "halve", 0)


def _splitting(inputs: int, pool: _Pool) -> _Block:
    def ends(name: str) -> tuple[_Step, _Step]:
        return (
            _Step(f"{name}a", 384, (1, 3), padding=(0, 1)),
            _Step(f"{name}b", 384, (3, 1), padding=(1, 0)),
        )

    double = (_Step("branch3x3dbl_1", 448, 1), _Step("branch3x3dbl_2", 384, 3, padding=1))
    branches: tuple[_Branch, ...] = (
        ((_Step("branch1x1", 320, 1),), ()),
        ((_Step("branch3x3_1", 384, 1),), ends("branch3x3_2")),
        (double, ends("branch3x3dbl_3")),
    )
    return _Block(inputs, branches, pool, 192)


class InceptionV3(nn.Module):
    """Images in 0..255 to the 2,048 numbers of the last pooling.

    The last block pools by the largest value, not the mean: so did the network whose numbers are published.

    Source: Szegedy et al. 2016; Heusel et al. 2017 and the weights of their implementation.
    """

    def __init__(self, resizing: Resizing) -> None:
        super().__init__()
        self.resizing = resizing
        self.Conv2d_1a_3x3 = _Convolution(3, _Step("", 32, 3, stride=2))
        self.Conv2d_2a_3x3 = _Convolution(32, _Step("", 32, 3))
        self.Conv2d_2b_3x3 = _Convolution(32, _Step("", 64, 3, padding=1))
        self.Conv2d_3b_1x1 = _Convolution(64, _Step("", 80, 1))
        self.Conv2d_4a_3x3 = _Convolution(80, _Step("", 192, 3))
        self.Mixed_5b = _wide(192, 32)
        self.Mixed_5c = _wide(256, 64)
        self.Mixed_5d = _wide(288, 64)
        self.Mixed_6a = _halving_early(288)
        self.Mixed_6b = _long(768, 128)
        self.Mixed_6c = _long(768, 160)
        self.Mixed_6d = _long(768, 160)
        self.Mixed_6e = _long(768, 192)
        self.Mixed_7a = _halving_late(768)
        self.Mixed_7b = _splitting(1280, "mean")
        self.Mixed_7c = _splitting(2048, "largest")
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
        for name, block in self.named_children():
            if name.startswith("Mixed"):
                maps = block(maps)
        return maps.mean((2, 3))


def tensorflow_bilinear(images: Tensor, height: int, width: int) -> Tensor:
    """Images at another size as TensorFlow 1 did it: corners aligned at the top left, no antialiasing.

    Args:
        images: `(N, C, H, W)`, float.
        height: The new height.
        width: The new width.

    Example:
        >>> tensorflow_bilinear(torch.tensor([[[[0.0, 2.0]]]]), 1, 4).tolist()
        [[[[0.0, 1.0, 2.0, 2.0]]]]
    """
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
    *,
    weights: Path | None = None,
    cache: Path | None = None,
    resizing: Resizing = "tensorflow-1 bilinear",
) -> ModuleExtractor:
    """The extractor of the original Fréchet inception distance.

    Args:
        weights: The file of weights; without, it is fetched into `cache` on first use.
        cache: A folder to keep it in.
        resizing: As the original (`"tensorflow-1 bilinear"`), or antialiased (`"pillow bicubic"`, near
            clean-fid): the numbers differ, and so do the protocols.

    Raises:
        PoiseError: The weights cannot be fetched, or are not the published ones.
    """
    known: tuple[Resizing, ...] = ("tensorflow-1 bilinear", "pillow bicubic")
    if resizing not in known:
        raise unknown_name("resizing", resizing, known)
    if weights is None and cache is None:
        raise PoiseError(
            "Inception-v3 needs its weights",
            hint=f"give weights= (from {URL}) or a cache= to fetch them into",
        )
    path = weights or fetched(URL, cache or Path(), SHA256)
    checked(path, SHA256)
    return inception_v3_of(path, resizing)


def inception_v3_of(path: Path, resizing: Resizing) -> ModuleExtractor:
    """The extractor with the weights of a file whose hash is the caller's affair."""
    network = InceptionV3(resizing)
    load_into(network, tensors_of(path), path)
    network.eval().requires_grad_(False)
    preparation = f"{SIDE} x {SIDE} by {resizing}" + (" in float" if resizing == "pillow bicubic" else "")
    return ModuleExtractor("inception-v3 (2015-12-05)", network, "0..255", preparation)
