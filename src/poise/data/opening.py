"""Opens data of every kind, and inspects it."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, get_args

import numpy as np
import torch

from poise.data.cache import default_cache
from poise.data.dataset import Dataset, Progress
from poise.data.graphs import NetworkxGraph
from poise.data.kinds.kind import KINDS, Given, Request, kind_of
from poise.data.origins import given_of, path_of, unknown_file
from poise.data.rows import JSON, Array
from poise.data.sources.arrays import check_basics, half_of, read_labels
from poise.data.sources.built_in import BUILT_IN
from poise.data.sources.decoding import Side
from poise.data.sources.files import Files
from poise.data.sources.labels import Labelled, labelled
from poise.data.sources.layout import divided
from poise.data.sources.pairs import Domains, Pairs, between, paired
from poise.data.sources.tag_texts import separator_of, split_tags
from poise.data.sources.three_sets import ThreeSets, part_of
from poise.data.tables.asked import DataFrame, Table
from poise.data.transform import Transform
from poise.errors import PoiseError, unknown_name
from poise.extension import use_installed
from poise.spec import Fit, Resolution, read_resolution, sides_of

_MOST_RESOLUTION = 4096
Data: TypeAlias = (
    str
    | Path
    | Array
    | torch.Tensor
    | torch.utils.data.Dataset[Any]
    | Files
    | Table
    | DataFrame
    | Labelled
    | Pairs
    | Domains
    | ThreeSets
    | Sequence[NetworkxGraph]
)
"""What can be opened."""


def open_data(
    data: Data,
    *,
    resolution: Resolution | str | None = None,
    fit: Fit = "crop",
    channels: int | None = None,
    encoding: str | None = None,
    cache: Path | None = None,
    seed: int = 0,
    refuse_above: float = 0.01,
    progress: Progress | None = None,
    like: Transform | None = None,
) -> Dataset:
    """Opens data of any kind that can be trained on.

    Args:
        data: The name of a built-in set; a folder or a zip file of images; a CSV or Parquet file, or a data
            frame, or one with what is said of its columns, as `Table`; a folder of GraphML, a file of graph6
            or SMILES, or a list of networkx graphs; a `.npy` or `.npz` file; an array or a tensor of shape
            (N, d), (N, H, W), (N, H, W, C) or (N, C, H, W); a map-style data set; or any of these with
            labels, as `Labelled`, or with how they are to be read, as `Files`; or two of them that hold
            images, as `Pairs` or `Domains`; or a part of any of these, as `ThreeSets`. Of a folder with the
            splits train, val and test the first is trained on, and the second held out.
        resolution: The size that images are brought to: pixels a side of a square; height and width; or
            text, "64x48", whose width comes first. Without it arrays keep their size, and so do folders whose
            images have one size with sides from 8 to 64. Others whose images share their proportions keep
            those, the longer side a power of two, at most 64; the rest become squares, whose side is the
            largest such power not above the median short side.
        fit: What becomes of images of other proportions: their middle is cut out, they get white margins, or
            they are stretched.
        channels: 1 for grey, 3 for colour, 4 for colour with alpha; without it, folders are grey if every
            image is.
        encoding: How samples are encoded, if their kind has a choice: fields `linear`, `standard`, `asinh` or
            `quantile`, or several of them with commas, one a channel; numbers of tables `cells` or `modes`.
        cache: Folder for decoded data; `$POISE_CACHE` or `~/.cache/poise` without it.
        seed: What built-in sets are drawn from.
        refuse_above: The share of image files that may be unusable, from 0 to 1.
        progress: Called with (done, total) while images are read.
        like: The transform of the data that these are measured with, for kinds whose transforms follow from
            their data.

    Raises:
        PoiseError: The data is not there or cannot be trained on; with what is wrong and how to correct it.

    Example:
        >>> dataset = open_data("digits")
        >>> dataset.shape, len(dataset), dataset.transform.name
        ((1, 8, 8), 1797, 'pixels')
    """
    sides = _checked_sides(resolution, fit)
    _check_request(channels, refuse_above)
    request = Request(
        cache=default_cache() if cache is None else Path(cache),
        sides=sides,
        fit=fit,
        channels=None if channels is None else int(channels),
        refuse_above=refuse_above,
        progress=progress,
        encoding=encoding,
        like=like,
    )
    sets = data if isinstance(data, ThreeSets) else None
    if sets is not None:
        data, seed = sets.data, sets.seed
    within = data.data if isinstance(data, Labelled) else data
    named = within.split if isinstance(within, Files) and not isinstance(within.data, Mapping) else None
    opened = divided(_open(data, request, seed), named)
    return opened if sets is None else part_of(opened, sets)


def _open(data: Any, request: Request, seed: int) -> Dataset:
    """All of the data, whatever their splits."""
    if isinstance(data, Pairs | Domains):
        return _open_two(data, request, seed)
    if isinstance(data, Labelled):
        bare = _open(data.data, dataclasses.replace(request, labelled=True), seed)
        return labelled(bare, data.labels, data.column, data.file_column)
    if isinstance(data, Files):
        return _open(_part(data), _as_asked(data, request), seed)
    if isinstance(data, Table):
        return _open(data.data, dataclasses.replace(request, table=data), seed)
    if isinstance(data, str) and data in BUILT_IN:
        return _open_built_in(data, request, seed)
    beside: Any = None
    if isinstance(data, torch.utils.data.TensorDataset):  # it has no augmentation that could be lost
        beside = _labels_of(data)
        data = data.tensors[0]
    given = given_of(data, request)
    if given.origin == "npz":
        beside = read_labels(path_of(given.name))
    dataset = _open_given(given, request)
    return dataset if beside is None else labelled(dataset, beside, None)


def _as_asked(data: Files, request: Request) -> Request:
    scale = data.scale
    if scale is not None and not (len(scale) == 2 and np.isfinite(scale).all() and scale[0] < scale[1]):
        what = f"The scale cannot be {scale!r}"
        raise PoiseError(what, code="data.scale", hint="give the values that become black and white: 0,4095")
    _check_share(data.tolerate)
    tolerated = request.refuse_above if request.refuse_above == 1 else data.tolerate
    numbers = None if scale is None else (float(scale[0]), float(scale[1]))
    return dataclasses.replace(request, scale=numbers, refuse_above=tolerated, kind=data.kind)


def _part(data: Files) -> Any:
    """The data, or the split that is named of a dictionary of data sets."""
    if not isinstance(data.data, Mapping):
        return data.data
    if data.split not in data.data:
        raise unknown_name("split", str(data.split), data.data)
    return data.data[data.split]


def _open_given(given: Given, request: Request) -> Dataset:
    if given.array is not None:
        check_basics(given.array, given.name)
    use_installed()
    if request.kind is not None:
        return _as_encoded(KINDS.named(request.kind).open(given, request), request)
    # the newest first: images and vectors take whatever looks like arrays or folders
    for kind in reversed(list(KINDS.values())):
        if kind.recognises(given):
            return _as_encoded(kind.open(given, request), request)
    raise unknown_file(given)


def _as_encoded(dataset: Dataset, request: Request) -> Dataset:
    """The data, unless an encoding is asked for that their kind does not have."""
    encodings = kind_of(dataset).encodings
    if request.encoding is not None and not encodings:
        what = f"{kind_of(dataset).plural.capitalize()} have no encoding '{request.encoding}' to choose"
        raise PoiseError(what, code="data.no-encodings", hint="leave the encoding out")
    return dataset


def _labels_of(dataset: torch.utils.data.TensorDataset) -> torch.Tensor | None:
    """The second tensor if it holds one label a row: a number, or a row of numbers."""
    second = dataset.tensors[1] if len(dataset.tensors) == 2 else None
    return second if second is not None and second.dim() <= 2 and not second.is_complex() else None


def _open_two(data: Pairs | Domains, request: Request, seed: int) -> Dataset:
    """Both sides, each as it would be alone; the second at the size of the first."""
    alone = dataclasses.replace(request, refuse_above=0.01, powers_of_two=True, labelled=True)

    def after(first: Dataset) -> Request:
        own = (first.shape[1], first.shape[2]) if request.sides is None and first.files else request.sides
        return dataclasses.replace(alone, sides=own)

    if isinstance(data, Domains):
        first = _open(data.a, alone, seed)
        return between(first, _open(data.b, after(first), seed), held_out=data.held_out, seed=seed)
    source_request = dataclasses.replace(alone, channels=None)
    if data.target is not None:
        first = _open(data.source, source_request, seed)
        second = _open(data.target, after(first), seed)
    else:
        halves: tuple[Side, Side] = ("left", "right")
        of_source, of_target = halves if data.source_side == "left" else halves[::-1]
        first = _open_half(data.source, dataclasses.replace(source_request, half=of_source))
        second = _open_half(data.source, dataclasses.replace(after(first), half=of_target))
    return paired(first, second, held_out=data.held_out, seed=seed)


def _open_half(data: Any, request: Request) -> Dataset:
    """One half of images that hold a pair side by side."""
    if isinstance(data, Files):
        data, request = data.data, _as_asked(data, request)
    if not isinstance(data, str | Path | np.ndarray | torch.Tensor):
        what = f"A {type(data).__name__} cannot be taken as images side by side"
        raise PoiseError(what, code="data.no-halves", hint="give a folder, a zip or an array")
    given = given_of(data, request)
    if given.array is not None and request.half is not None:
        given = dataclasses.replace(given, array=half_of(given.array, request.half, given.name))
    elif given.files is None:
        raise unknown_file(given)
    return _open_given(given, request)


def _checked_sides(resolution: Any, fit: str) -> tuple[int, int] | None:
    """Height and width; `None` if nothing is asked for."""
    if fit not in get_args(Fit):
        raise unknown_name("fit", str(fit), get_args(Fit))
    try:
        sides = None if resolution is None else sides_of(read_resolution(resolution))
    except ValueError:
        sides = (0, 0)
    if sides is not None and not 1 <= min(sides) <= max(sides) <= _MOST_RESOLUTION:
        hint = f"give pixels a side, as 64, or width and height, as 64x48; at most {_MOST_RESOLUTION}"
        raise PoiseError(f"The resolution cannot be {resolution!r}", code="data.resolution", hint=hint)
    return sides


def _check_request(channels: int | None, refuse_above: float) -> None:
    if channels is not None and not (isinstance(channels, int | np.integer) and channels >= 1):
        what = f"There cannot be {channels!r} channels"
        raise PoiseError(what, code="data.channels", hint="give 1 for grey, 3 for colour, 4 with alpha")
    _check_share(refuse_above)


def _check_share(refuse_above: float) -> None:
    if not 0 <= refuse_above <= 1:
        what = f"The share of files refused cannot be {refuse_above!r}"
        raise PoiseError(what, code="data.refuse-above", hint="give one from 0 to 1")


def _open_built_in(name: str, request: Request, seed: int) -> Dataset:
    made = BUILT_IN[name].build(seed, request.cache)
    given = Given(name, name, "built-in", array=made.array, transform=made.transform)
    dataset = _open_given(given, request)
    notices = dataset.notices
    if Path(name).exists():
        notices += (f"'{name}' is the built-in set; write './{name}' for the file or folder of that name.",)
    return dataclasses.replace(
        dataset,
        summary={**dataset.summary, **made.about},
        notices=notices,
        labels=made.labels,
        label_names=made.label_names,
    )


def inspect_data(
    data: Data,
    *,
    resolution: Resolution | str | None = None,
    fit: Fit = "crop",
    channels: int | None = None,
    encoding: str | None = None,
    cache: Path | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, JSON]:
    """Everything that is known of the data, however many of its files are refused.

    The arguments are those of `open_data`.

    Returns:
        name, kind, count, shape, encoding, fingerprint, notices, and the summary of that kind of data: sizes,
        formats, modes, ranges, duplicates, refused files with their reasons.

    Raises:
        PoiseError: The data is not there, or nothing in it can be used.

    Example:
        >>> inspect_data("digits")["shape"]
        [1, 8, 8]
    """
    dataset = open_data(
        data,
        resolution=resolution,
        fit=fit,
        channels=channels,
        encoding=encoding,
        cache=cache,
        seed=seed,
        refuse_above=1.0,
        progress=progress,
    )
    return {
        "name": dataset.name,
        "kind": dataset.kind,
        "count": len(dataset),
        "shape": list(dataset.shape),
        **dataset.summary,
        **_labels_shown(dataset),
        "encoding": dataset.transform.to_json(),
        "fingerprint": dataset.fingerprint,
        "notices": [*dataset.notices, *kind_of(dataset).advice(dataset)],
    }


def _labels_shown(dataset: Dataset) -> dict[str, JSON]:
    """How many rows each class has, or each tag."""
    separator = separator_of(dataset.label_names)
    if dataset.labels is None:
        return {}
    if separator is None:
        return {"classes": dataset.class_counts}
    texts = [split_tags(text, separator) for text in dataset.label_names]
    return {"tags": dict(Counter(tag for label in dataset.labels for tag in texts[label]).most_common())}
