"""One door for every kind of data."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch

from poise.data.archives import ZipCollection
from poise.data.array_files import read_array, read_labels
from poise.data.arrays import from_array, from_tensor
from poise.data.built_in import BUILT_IN
from poise.data.cache import default_cache
from poise.data.collection import Collection
from poise.data.dataset import Array, Dataset, Progress
from poise.data.folders import FolderCollection
from poise.data.halves import HalfCollection, Side, half_of
from poise.data.images import from_collection
from poise.data.labels import Labelled, labelled
from poise.data.live import from_dataset
from poise.data.pairs import Domains, Pairs, between, paired
from poise.errors import PoiseError, nearest

_MOST_RESOLUTION = 4096


def open_data(
    data: str | Path | Array | torch.Tensor | torch.utils.data.Dataset[Any] | Labelled | Pairs | Domains,
    *,
    resolution: int | None = None,
    channels: int | None = None,
    cache: Path | None = None,
    seed: int = 0,
    refuse_above: float = 0.01,
    progress: Progress | None = None,
) -> Dataset:
    """Opens data of any kind that can be trained on.

    Args:
        data: The name of a built-in set; a folder or a zip file of images; a `.npy` or `.npz` file; an array
            or a tensor of shape (N, d), (N, H, W), (N, H, W, C) or (N, C, H, W); a map-style data set; or any
            of these with labels, as `Labelled`; or two of them that hold images, as `Pairs` or `Domains`.
        resolution: Pixels a side that images are centre-cropped and resized to. Without it arrays keep their
            size, and folders take the largest power of two, at most 64, not above the median short side.
        channels: 1 for grey, 3 for colour; without it, folders are grey where every image is.
        cache: Folder for decoded data; `$POISE_CACHE` or `~/.cache/poise` without it.
        seed: What built-in sets are drawn from.
        refuse_above: The share of image files that may be unusable, from 0 to 1.
        progress: Called with (done, total) while images are read.

    Raises:
        PoiseError: The data is not there or cannot be trained on; with what is wrong and how to mend it.

    Example:
        >>> source = open_data("digits")
        >>> source.shape, len(source), source.transform.name
        ((1, 8, 8), 1797, 'pixels')
    """
    _check_request(resolution, channels, refuse_above)
    if isinstance(data, Pairs | Domains):
        return _open_two(
            data, resolution=resolution, channels=channels, cache=cache, seed=seed, progress=progress
        )
    resolution, channels = (None if number is None else int(number) for number in (resolution, channels))
    folder = default_cache() if cache is None else Path(cache)
    if isinstance(data, Labelled):
        source = open_data(
            data.data,
            resolution=resolution,
            channels=channels,
            cache=cache,
            seed=seed,
            refuse_above=refuse_above,
            progress=progress,
        )
        return labelled(source, data.labels, data.column)
    beside: Any = None
    if isinstance(data, torch.utils.data.TensorDataset):  # it has no augmentation that could be lost
        beside = _labels_of(data)
        data = data.tensors[0]
    array, name, origin = _array_of(data)
    if array is not None:
        source = from_array(
            array, name=name, origin=origin, cache=folder, resolution=resolution, channels=channels
        )
        if origin == "npz":
            beside = read_labels(_path(name))
        return source if beside is None else labelled(source, beside, None)
    if isinstance(data, str) and data in BUILT_IN:
        return _open_built_in(data, folder, seed, resolution, channels)
    if isinstance(data, str | Path):
        return from_collection(
            _collection(_path(data), name),
            name=name,
            cache=folder,
            resolution=resolution,
            channels=channels,
            refuse_above=refuse_above,
            progress=progress,
        )
    return from_dataset(data, name=name, resolution=resolution, channels=channels)


def _labels_of(dataset: torch.utils.data.TensorDataset) -> torch.Tensor | None:
    """The second tensor where it is one of whole numbers, one a row."""
    second = dataset.tensors[1] if len(dataset.tensors) == 2 else None
    whole = second is not None and not second.is_floating_point() and not second.is_complex()
    return second if whole and second is not None and second.dim() == 1 else None


def _open_two(
    data: Pairs | Domains,
    *,
    resolution: int | None,
    channels: int | None,
    cache: Path | None,
    seed: int,
    progress: Progress | None,
) -> Dataset:
    """Both sides, each as it would be alone; the second at the size that the first has come to."""

    def side(which: Any, size: int | None, depth: int | None, half: Side | None = None) -> Dataset:
        if half is not None:
            return _open_half(which, half, size, depth, cache, progress)
        return open_data(which, resolution=size, channels=depth, cache=cache, seed=seed, progress=progress)

    def size_after(first: Dataset) -> int | None:
        return first.shape[-1] if resolution is None and first.files else resolution

    if isinstance(data, Domains):
        first = side(data.a, resolution, channels)
        second = side(data.b, size_after(first), channels)
        return between(first, second, held_out=data.held_out, seed=seed)
    if data.target is not None:
        first = side(data.source, resolution, None)
        second = side(data.target, size_after(first), channels)
    else:
        halves: tuple[Side, Side] = ("left", "right")
        of_source, of_target = halves if data.source_side == "left" else halves[::-1]
        first = side(data.source, resolution, None, of_source)
        second = side(data.source, size_after(first), channels, of_target)
    return paired(first, second, held_out=data.held_out, seed=seed)


def _open_half(
    data: Any,
    half: Side,
    resolution: int | None,
    channels: int | None,
    cache: Path | None,
    progress: Progress | None,
) -> Dataset:
    """One half of images that hold a pair side by side."""
    folder = default_cache() if cache is None else Path(cache)
    array, name, origin = _array_of(data)
    if array is not None:
        return from_array(
            half_of(array, half, name),
            name=name,
            origin=origin,
            cache=folder,
            resolution=resolution,
            channels=channels,
        )
    if not isinstance(data, str | Path):
        raise PoiseError(
            f"A {name} cannot be taken as images side by side", hint="give a folder, a zip or an array"
        )
    return from_collection(
        HalfCollection(_collection(_path(data), name), half),
        name=name,
        cache=folder,
        resolution=resolution,
        channels=channels,
        refuse_above=0.01,
        progress=progress,
    )


def _array_of(data: Any) -> tuple[Array | None, str, str]:
    """The array where the data is one, what to call it, and where it comes from."""
    if isinstance(data, np.ndarray):
        return data, "array", "array"
    if isinstance(data, torch.Tensor):
        return from_tensor(data), "tensor", "tensor"
    if not isinstance(data, str | Path):
        return None, type(data).__name__, "dataset"
    path, name = _path(data), str(data)
    suffix = path.suffix.lower()
    if name in BUILT_IN or suffix not in (".npy", ".npz") or path.is_dir():
        return None, name, "path"
    _check_there(path, name)
    return read_array(path), name, suffix[1:]


def _path(written: str | Path) -> Path:
    try:
        return Path(written).expanduser()
    except RuntimeError:  # a name that begins with the tilde of nobody's home
        return Path(written)


def _collection(path: Path, name: str) -> Collection:
    _check_there(path, name)
    if path.is_dir():
        return FolderCollection(path)
    if path.suffix.lower() == ".zip":
        return ZipCollection(path)
    raise PoiseError(f"'{name}' is no kind of file that is read", hint=_other_file(path))


def _other_file(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix in (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"):
        return "name the folder that holds the images, not one of them"
    if suffix in (".pt", ".pth", ".pkl", ".pickle"):
        return "such files can run code when loaded; save the array with numpy.save as .npy"
    return "give a folder or a .zip of images, or an array as .npy or .npz"


def _check_request(resolution: int | None, channels: int | None, refuse_above: float) -> None:
    if resolution is not None and not (
        isinstance(resolution, int | np.integer)
        and not isinstance(resolution, bool)
        and 1 <= resolution <= _MOST_RESOLUTION
    ):
        raise PoiseError(
            f"The resolution cannot be {resolution!r}",
            hint=f"give a whole number from 1 to {_MOST_RESOLUTION}",
        )
    if channels not in (None, 1, 2, 3, 4):
        raise PoiseError(f"There cannot be {channels!r} channels", hint="give 1 for grey or 3 for colour")
    if not 0 <= refuse_above <= 1:
        raise PoiseError(
            f"The share of files refused cannot be {refuse_above!r}", hint="give one from 0 to 1"
        )


def _check_there(path: Path, written: str) -> None:
    try:
        there = path.exists()
    except (OSError, ValueError):  # a name that no file can have
        there = False
    if there:
        return
    beside = []
    if path.parent.is_dir():
        beside = [str(path.with_name(name)) for name in nearest(path.name, _names_beside(path))]
    alike = nearest(written, BUILT_IN) + beside
    known = "built-in sets are " + ", ".join(BUILT_IN)
    hint = f"did you mean {' or '.join(repr(name) for name in alike[:3])}? ({known})" if alike else known
    raise PoiseError(f"There is no file, folder or built-in set '{written}'", hint=hint)


def _names_beside(path: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in path.parent.iterdir())[:10_000]
    except OSError:
        return []


def _open_built_in(
    name: str, cache: Path, seed: int, resolution: int | None, channels: int | None
) -> Dataset:
    made = BUILT_IN[name].build(seed, cache)
    source = from_array(
        made.array,
        name=name,
        origin="built-in",
        cache=cache,
        resolution=resolution,
        channels=channels,
        transform=made.transform,
    )
    notices = source.notices
    if Path(name).exists():
        notices += (f"'{name}' is the built-in set; write './{name}' for the file or folder of that name.",)
    return dataclasses.replace(
        source,
        summary={**source.summary, **made.about},
        notices=notices,
        labels=made.labels,
        label_names=made.label_names,
    )
