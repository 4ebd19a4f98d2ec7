"""Arrays: from files of numpy, torch and HDF5 and from tensors, halves of them, and what is refused."""

import contextlib
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from poise.data.rows import Array, Survey
from poise.data.sources.decoding import Side
from poise.errors import PoiseError

_MEMBERS = ("images", "data", "x", "samples")
_LABELS = ("labels", "y")
_MOST_AXES = 5


def read_array(path: Path) -> Array:
    """The array of a `.npy` file, memory-mapped, or of a `.npz`, `.pt` or HDF5 file.

    A file that can hold several is to hold one array besides labels, or one named images, data, x or samples.
    """
    if path.suffix.lower() == ".npy":
        with _unreadable(str(path)):
            mapped: Array = np.load(path, mmap_mode="r", allow_pickle=False)
        return mapped
    with path.open("rb") as file:
        return array_of(file, path.suffix.lower(), str(path))


def array_of(file: BinaryIO, suffix: str, name: str) -> Array:
    """The array that a file of this suffix holds, read whole.

    Raises:
        PoiseError: It holds Python objects, several arrays or none, or cannot be read.
    """
    return _READERS[suffix](file, name)


def _from_numpy(file: BinaryIO, name: str) -> Array:
    with _unreadable(name):
        loaded: Any = np.load(file, allow_pickle=False)
        if isinstance(loaded, np.lib.npyio.NpzFile):
            with loaded:
                return _member(loaded, loaded.files, name)
        array: Array = loaded
        return array


def _from_torch(file: BinaryIO, name: str) -> Array:
    try:
        loaded = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises whatever the bytes lead to
        objects = "weights_only" in str(error) or "WeightsUnpickler" in str(error)
        what = f"'{name}' holds Python objects or is no file of torch.save"
        why = "loading such objects could run any code" if objects else ""
        hint = "save a tensor, or a dictionary of tensors, with torch.save"
        raise PoiseError(what, code="data.array-of-objects", why=why, hint=hint) from None
    if isinstance(loaded, torch.Tensor):
        return from_tensor(loaded)
    tensors = loaded if isinstance(loaded, dict) else {}
    arrays = {str(key): from_tensor(one) for key, one in tensors.items() if isinstance(one, torch.Tensor)}
    return _member(arrays, list(arrays), name)


def _from_hdf5(file: BinaryIO, name: str) -> Array:
    try:
        import h5py  # noqa: PLC0415 - an optional package
    except ImportError:
        what, why = f"'{name}' cannot be read", "the package h5py is not installed"
        raise PoiseError(what, code="data.needs-h5py", why=why, hint="pip install h5py") from None
    with _unreadable(name), h5py.File(file, "r") as opened:
        found: dict[str, Any] = {}
        opened.visititems(lambda key, item: found.update({key: item} if hasattr(item, "dtype") else {}))
        return _member({key: item[()] for key, item in found.items()}, list(found), name)


_READERS: Mapping[str, Callable[[BinaryIO, str], Array]] = {
    ".npy": _from_numpy,
    ".npz": _from_numpy,
    ".pt": _from_torch,
    ".h5": _from_hdf5,
    ".hdf5": _from_hdf5,
}


@contextlib.contextmanager
def _unreadable(name: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, OSError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        if any(word in str(error) for word in ("pickle", "Object arrays", "Python objects")):
            what = f"'{name}' holds Python objects or is no array file"
            why = "loading such objects could run any code"
            hint = "save an array of numbers of one shape with numpy.save"
            raise PoiseError(what, code="data.array-of-objects", why=why, hint=hint) from None
        what = f"'{name}' cannot be read as an array"
        why = str(error).rstrip(".") or "it is empty"
        raise PoiseError(what, code="data.array-unreadable", why=why, hint="save it again") from None


def read_labels(path: Path) -> Array | None:
    """The array named labels or y of a `.npz` file; `None` if there is none, or it is no such file."""
    if path.suffix.lower() != ".npz":
        return None
    with np.load(path, allow_pickle=False) as archive:
        named = [name for name in archive.files if name.lower() in _LABELS]
        try:
            return archive[named[0]] if named else None
        except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
            what = f"The labels in '{path}' cannot be read"
            why = str(error).rstrip(".").lower()
            hint = "save whole numbers or texts of one length, not objects"
            raise PoiseError(what, code="data.labels-unreadable", why=why, hint=hint) from None


def _member(archive: Any, names: Sequence[str], name: str) -> Array:
    names = [one for one in names if one.lower() not in _LABELS]
    chosen = names if len(names) == 1 else [one for one in names if one.lower() in _MEMBERS]
    if len(chosen) != 1:
        hint = "keep one of them, or name it images, data, x or samples"
        if not names:
            raise PoiseError(f"'{name}' holds no array", code="data.array-missing", hint=hint)
        what = f"It is not clear which array of '{name}' to train on"
        why = f"it holds {', '.join(names)}"
        raise PoiseError(what, code="data.array-ambiguous", why=why, hint=hint)
    try:
        array: Array = archive[chosen[0]]
    except (ValueError, OSError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        what = f"The array '{chosen[0]}' in '{name}' cannot be read"
        hint = "save an array of numbers of one shape, as .npy if it is large"
        raise PoiseError(what, code="data.array-unreadable", why=str(error).rstrip("."), hint=hint) from None
    return array


def from_tensor(tensor: torch.Tensor) -> Array:
    """The values of a tensor as an array, without a copy if that is possible."""
    if tensor.layout != torch.strided or tensor.is_quantized:
        hint = "give a dense one, as from tensor.to_dense()"
        raise PoiseError("The tensor is sparse or quantised", code="data.tensor-not-dense", hint=hint)
    plain = tensor.detach().cpu()
    if plain.dtype == torch.bfloat16:
        plain = plain.float()
    array: Array = plain.resolve_neg().resolve_conj().numpy()
    return array


def check_basics(array: Array, name: str) -> None:
    """Raises PoiseError if the type or the shape is none that can be trained on."""
    if isinstance(array, np.ma.MaskedArray):
        what = f"'{name}' is a masked array"
        raise PoiseError(what, code="data.masked", hint="fill it, as with array.filled(0)")
    if array.dtype.kind not in "buif":
        what = f"'{name}' holds values of type {array.dtype}"
        why = "only numbers can be trained on"
        raise PoiseError(what, code="data.not-numbers", why=why, hint="give uint8 or floating-point values")
    if array.ndim < 2:
        what = f"'{name}' has the shape {array.shape}, at least one axis too few"
        hint = "give (N, d) for vectors, (N, H, W) or (N, H, W, C) for images"
        raise PoiseError(what, code="data.too-few-axes", hint=hint)
    if array.ndim > _MOST_AXES:
        what = f"'{name}' has {array.ndim} axes"
        hint = "give images as (N, H, W, C) or (N, C, H, W), volumes as (N, C, D, H, W)"
        raise PoiseError(what, code="data.too-many-axes", hint=hint)
    if array.size == 0:
        what = f"'{name}' is empty, with the shape {array.shape}"
        raise PoiseError(what, code="data.empty", hint="give at least one row")


def check_finite(found: Survey, name: str) -> None:
    """Raises PoiseError if a value is NaN or infinite, with how many and the first row."""
    if found.bad_values:
        values = "one value that is" if found.bad_values == 1 else f"{found.bad_values:,} values that are"
        what = f"'{name}' holds {values} NaN or infinite, the first in row {found.first_bad_row:,}"
        raise PoiseError(what, code="data.not-finite", hint="remove or fill them before training")


def half_of(array: Array, side: Side, name: str) -> Array:
    """One half of every image of an array, a view.

    Example:
        >>> half_of(np.zeros((5, 8, 16, 3)), "left", "array").shape
        (5, 8, 8, 3)
    """
    if array.ndim not in (3, 4):
        what = f"'{name}' holds no images that could be halved"
        raise PoiseError(what, code="data.halves-of-no-images", why=f"its shape is {array.shape}")
    across = 2 if array.ndim == 3 or array.shape[3] <= 4 else 3
    width = array.shape[across]
    if width % 2:
        what = f"The images of '{name}' are {width} pixels wide, which cannot be halved"
        hint = "give images that hold source and target side by side, each as wide as the other"
        raise PoiseError(what, code="data.odd-width", hint=hint)
    chosen = slice(0, width // 2) if side == "left" else slice(width // 2, width)
    return array[(*[slice(None)] * across, chosen)]
