"""What a person has, as tensors, and back: folders of images, arrays, PyTorch data sets and built-in sets."""

from __future__ import annotations

from poise.data.built_in import BUILT_IN, BuiltIn, Modes, modes
from poise.data.cache import default_cache
from poise.data.condition import Condition
from poise.data.dataset import Dataset
from poise.data.inspect import inspect_data
from poise.data.labels import Labelled
from poise.data.opening import open_data
from poise.data.origin import data_of, origin_of
from poise.data.pairs import HELD_OUT, Domains, Pairs
from poise.data.pictures import picture, to_pillow, to_pixels
from poise.data.transform import Transform

__all__ = [
    "BUILT_IN",
    "HELD_OUT",
    "BuiltIn",
    "Condition",
    "Dataset",
    "Domains",
    "Labelled",
    "Modes",
    "Pairs",
    "Transform",
    "data_of",
    "default_cache",
    "inspect_data",
    "modes",
    "open_data",
    "origin_of",
    "picture",
    "to_pillow",
    "to_pixels",
]
