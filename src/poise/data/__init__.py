"""What a person has, as tensors, and back: folders of images, arrays, PyTorch data sets and built-in sets."""

from poise.data.cache import default_cache
from poise.data.dataset import Condition, Dataset
from poise.data.kinds import KINDS, DataKind, Given, Request, described_spec, kind_of, spec_of
from poise.data.kinds.image import save_image, to_pillow, to_pixels
from poise.data.opening import inspect_data, open_data
from poise.data.origins import data_of, origin_of
from poise.data.rows import Array, digest_of, survey
from poise.data.sources.built_in import BUILT_IN, BuiltIn, Modes, PolygonSettings, modes, new_triangles
from poise.data.sources.decoding import RefusedError, Target, as_channels, reason_of
from poise.data.sources.files import Files
from poise.data.sources.labels import Labelled, labelled
from poise.data.sources.layout import EVERY, beside_folders
from poise.data.sources.live import with_own_labels
from poise.data.sources.pairs import HELD_OUT, Domains, Pairs, rejoined
from poise.data.sources.pictures import read_image
from poise.data.sources.tag_texts import separator_of, split_tags
from poise.data.sources.three_sets import LEAST_TRAINED, ThreeSets
from poise.data.tables import Table, TableTransform
from poise.data.transform import Identity, Pixels, Range, Standardised, Transform, transform_from_json

__all__ = [
    "BUILT_IN",
    "EVERY",
    "HELD_OUT",
    "KINDS",
    "LEAST_TRAINED",
    "Array",
    "BuiltIn",
    "Condition",
    "DataKind",
    "Dataset",
    "Domains",
    "Files",
    "Given",
    "Identity",
    "Labelled",
    "Modes",
    "Pairs",
    "Pixels",
    "PolygonSettings",
    "Range",
    "RefusedError",
    "Request",
    "Standardised",
    "Table",
    "TableTransform",
    "Target",
    "ThreeSets",
    "Transform",
    "as_channels",
    "beside_folders",
    "data_of",
    "default_cache",
    "described_spec",
    "digest_of",
    "inspect_data",
    "kind_of",
    "labelled",
    "modes",
    "new_triangles",
    "open_data",
    "origin_of",
    "read_image",
    "reason_of",
    "rejoined",
    "save_image",
    "separator_of",
    "spec_of",
    "split_tags",
    "survey",
    "to_pillow",
    "to_pixels",
    "transform_from_json",
    "with_own_labels",
]
