"""Extractors: features of images and vectors; `extract` runs any of them, or any network or function."""

from __future__ import annotations

from torch import Tensor

from poise.metrics.arrays import ValueRange
from poise.metrics.features.extractor import (
    UNHASHED,
    Extractor,
    ExtractorKind,
    FunctionExtractor,
    ModuleExtractor,
    as_extractor,
    extract,
    frozen,
    placed,
    protocol_of,
)
from poise.metrics.features.graph_statistics import graph_statistics
from poise.metrics.features.grid_statistics import field_statistics
from poise.metrics.features.inception_v3 import inception_v3
from poise.metrics.features.pretrained import dinov2, efficientnet_lite0
from poise.metrics.features.small_classifier import ClassifierExtractor, small_classifier
from poise.metrics.features.untrained import (
    colours_and_shapes,
    identity,
    pixels,
    random_convolutions,
    spectrogram_convolutions,
)
from poise.registry import Registry

EXTRACTORS: Registry[ExtractorKind] = Registry(
    "extractor",
    [
        ExtractorKind(
            "random-convolutions",
            random_convolutions,
            "The default for images: untrained filters, no labels and no download.",
            ("channels",),
        ),
        ExtractorKind(
            "identity",
            identity,
            "The default for vectors and tables: the numbers themselves.",
            takes=("vector", "table"),
        ),
        ExtractorKind(
            "field-statistics",
            field_statistics,
            "The default for fields and series: values at few places, spectrum and spread; untrained.",
            takes=("field", "series"),
        ),
        ExtractorKind(
            "spectrogram-convolutions",
            spectrogram_convolutions,
            "The default for sounds: untrained filters over logarithms of magnitudes.",
            takes=("sound",),
        ),
        ExtractorKind(
            "graph-statistics",
            graph_statistics,
            "The default for graphs: types, degrees, small subgraphs and spectrum; untrained.",
            takes=("graph",),
        ),
        ExtractorKind("pixels", pixels, "The pixels themselves, for tiny images."),
        ExtractorKind(
            "colours-and-shapes",
            colours_and_shapes,
            "Places of colours and directions of edges: untrained, and good at distinguishing things.",
        ),
        ExtractorKind(
            "classifier",
            small_classifier,
            "Trained on your labels: it knows the domain, and allows an inception score.",
            ("samples", "labels"),
            ("image", "vector", "field", "sound", "series"),
        ),
        ExtractorKind(
            "efficientnet-lite0",
            efficientnet_lite0,
            "ImageNet features without a download beyond the extra 'imagenet'.",
        ),
        ExtractorKind(
            "inception-v3",
            inception_v3,
            "The original FID's network, for comparison with published numbers.",
            ("weights", "cache"),
        ),
        ExtractorKind(
            "dinov2",
            dinov2,
            "Features for natural images that agree best with people.",
            ("weights", "cache"),
        ),
    ],
)


def default_extractor(samples: Tensor) -> Extractor:
    """The extractor that needs nothing: random convolutions for images, the identity for vectors."""
    return EXTRACTORS["random-convolutions" if samples.dim() == 4 else "identity"].plain(samples)


__all__ = [
    "EXTRACTORS",
    "UNHASHED",
    "ClassifierExtractor",
    "Extractor",
    "ExtractorKind",
    "FunctionExtractor",
    "ModuleExtractor",
    "ValueRange",
    "as_extractor",
    "colours_and_shapes",
    "default_extractor",
    "dinov2",
    "efficientnet_lite0",
    "extract",
    "field_statistics",
    "frozen",
    "graph_statistics",
    "identity",
    "inception_v3",
    "pixels",
    "placed",
    "protocol_of",
    "random_convolutions",
    "small_classifier",
    "spectrogram_convolutions",
]
