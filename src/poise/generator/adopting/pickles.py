"""Names and tensors of a pickle, without running what it names.

A pickle is a program whose instructions may call anything that can be imported. Here every name that it looks
up is looked up in `KNOWN` instead, whose entries build records and tensors and nothing else; another name is
refused. Nothing is imported, no source text that a pickle carries is compiled, and no class of torch is made
by a pickle.
"""

from __future__ import annotations

import io
import pickle  # its Unpickler is given other names than those that are asked for
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch

from poise.errors import PoiseError, system_reason
from poise.generator.adopting.records import DamagedError, Record, Storage, Stored

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001
MOST_BYTES = 2**33
"""The largest file that is read."""

TYPES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
"""The names of torch's storages and the types of their numbers."""


class Attributes(dict[Any, Any]):
    """A dictionary whose attributes, if a pickle sets some, are its entries."""

    def __setstate__(self, state: Any) -> None:
        """Take attributes for entries."""
        self.update(state if isinstance(state, Mapping) else {})


class Named:
    """Something that is only named, such as a type of storage; a pickle cannot change it."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __setstate__(self, state: Any) -> None:
        """Refuse attributes."""
        raise DamagedError(f"it changes '{self.name}'")


class Builder:
    """A function that a pickle may call and cannot change."""

    __slots__ = ("_build",)

    def __init__(self, build: Callable[..., Any]) -> None:
        self._build = build

    def __call__(self, *arguments: Any) -> Any:
        """What the function builds."""
        return self._build(*arguments)

    def __setstate__(self, state: Any) -> None:
        """Refuse attributes."""
        raise DamagedError("it changes a function")


def _persistent(meta: Any, *more: Any) -> Record:
    if not isinstance(meta, Mapping) or not isinstance(meta.get("state"), Mapping):
        raise DamagedError("a module has no state")
    return Record(str(meta.get("class_name", "")), dict(meta["state"]))


def _tensor(storage: Any, offset: Any, shape: Any, stride: Any, *more: Any) -> Stored:
    if not isinstance(storage, Storage):
        raise DamagedError("a tensor has no numbers")
    return Stored(storage, offset, tuple(shape), tuple(stride))


def _parameter(data: Any, *more: Any) -> Any:
    return data


def _numpy_type(name: Any, *more: Any) -> np.dtype[Any]:
    if name not in ("f8", "f4", "f2", "i8", "i4", "u8", "u4", "u1", "b1"):
        raise DamagedError(f"the type of numbers '{name}' is not known")
    made: np.dtype[Any] = np.dtype(name)
    return made


class NumpyType:
    """A type of numpy's numbers, whose byte order a pickle sets afterwards."""

    def __init__(self, name: Any = "f8", *more: Any) -> None:
        self.dtype = _numpy_type(name)

    def __setstate__(self, state: Any) -> None:
        """The byte order: little, or one that makes no difference."""
        if isinstance(state, tuple) and len(state) > 1 and state[1] not in ("<", "|", "="):
            raise DamagedError("its numbers are of another byte order")


def _scalar(kind: Any, content: Any = b"") -> Any:
    if not isinstance(kind, NumpyType) or not isinstance(content, bytes):
        raise DamagedError("a number is none")
    if len(content) != kind.dtype.itemsize:
        raise DamagedError("a number is cut off")
    return np.frombuffer(content, kind.dtype)[0].item()


def _bytes(text: Any, encoding: Any = "latin1") -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise DamagedError("bytes are written in an unknown way")
    return text.encode("latin-1")


def _object(kind: Any, *more: Any) -> Any:
    if kind is not Attributes:
        raise DamagedError("an object is of no known class")
    return Attributes()


def _set(values: Any = ()) -> list[Any]:
    return list(values)


def _storage_of(content: Any) -> Storage:
    found = read_legacy(io.BytesIO(content if isinstance(content, bytes) else b""))
    if not isinstance(found, Storage):
        raise DamagedError("a storage holds something else")
    return found


KNOWN: dict[str, type | Builder | Named] = {
    "torch_utils.persistence._reconstruct_persistent_obj": Builder(_persistent),
    "dnnlib.util.EasyDict": Attributes,
    "argparse.Namespace": Attributes,
    "collections.OrderedDict": OrderedDict,
    "builtins.set": Builder(_set),
    "__builtin__.set": Builder(_set),
    "copyreg._reconstructor": Builder(_object),
    "copy_reg._reconstructor": Builder(_object),
    "_codecs.encode": Builder(_bytes),
    "numpy.dtype": NumpyType,
    "numpy.core.multiarray.scalar": Builder(_scalar),
    "numpy._core.multiarray.scalar": Builder(_scalar),
    "torch._utils._rebuild_tensor_v2": Builder(_tensor),
    "torch._utils._rebuild_parameter": Builder(_parameter),
    "torch.storage._load_from_bytes": Builder(_storage_of),
    **{f"torch.{name}": Named(name) for name in TYPES},
}
"""All names that a file may use, and what is built instead of what they name."""


class InertUnpickler(pickle.Unpickler):
    """Reads a pickle whose every name is one of `KNOWN`."""

    def __init__(self, file: BinaryIO, storages: Callable[[Any], Storage] | None = None) -> None:
        super().__init__(file)
        self._storages = storages

    def find_class(self, module: str, name: str) -> Any:
        """What is built for a name.

        Raises:
            PoiseError: It is not known.
        """
        full = f"{module}.{name}"
        if full not in KNOWN:
            raise PoiseError(
                f"The file names '{full}', which is no part of a generator that Poise knows",
                code="import.unknown-name",
                why="what a pickle names, it can run; so nothing of it was run",
                hint="take a file that only holds weights, such as .safetensors",
            )
        return KNOWN[full]

    def persistent_load(self, pid: Any) -> Any:
        """The storage that a file of torch refers to."""
        if self._storages is None:
            raise DamagedError("it refers to something outside of it")
        return self._storages(pid)


def _storage(pid: Any) -> tuple[Storage, str]:
    """A storage as a file of torch refers to it, and its key."""
    if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage":
        raise DamagedError("it refers to no storage")
    _, kind, key, _, count = pid[:5]
    if not isinstance(kind, Named) or not isinstance(count, int) or count < 0:
        raise DamagedError("it refers to a storage of an unknown type")
    return Storage(TYPES[kind.name], count), str(key)


def read_legacy(stream: BinaryIO) -> Any:
    """What `torch.save` wrote before it wrote archives: pickles, and the numbers after them."""
    if InertUnpickler(stream).load() != LEGACY_MAGIC or InertUnpickler(stream).load() != LEGACY_PROTOCOL:
        raise DamagedError("it is no file of torch")
    if InertUnpickler(stream).load().get("little_endian") is not True:
        raise DamagedError("its numbers are of another byte order")
    known: dict[str, Storage] = {}

    def storage(pid: Any) -> Storage:
        made, key = _storage(pid)
        return known.setdefault(key, made)

    found = InertUnpickler(stream, storage).load()
    for key in InertUnpickler(stream).load():
        if key not in known:
            raise DamagedError("it holds a storage that nothing refers to")
        size = known[key].count * known[key].dtype.itemsize
        count = int.from_bytes(stream.read(8), "little")
        known[key].content = stream.read(size)
        if count != known[key].count or len(known[key].content or b"") != size:
            raise DamagedError("its numbers are cut off")
    return found


def read_archive(archive: zipfile.ZipFile) -> Any:
    """What `torch.save` writes: an archive with a pickle, and a file for each storage."""
    pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise DamagedError("the archive holds no data.pkl")
    root = pickles[0].removesuffix("data.pkl")
    if f"{root}byteorder" in archive.namelist() and archive.read(f"{root}byteorder") != b"little":
        raise DamagedError("its numbers are of another byte order")
    known: dict[str, Storage] = {}

    def storage(pid: Any) -> Storage:
        made, key = _storage(pid)
        if key not in known:
            size, name = made.count * made.dtype.itemsize, f"{root}data/{key}"
            if archive.getinfo(name).file_size != size:
                raise DamagedError("its numbers are cut off")
            made.content = archive.read(name)
            known[key] = made
        return known[key]

    return InertUnpickler(io.BytesIO(archive.read(pickles[0])), storage).load()


def read_inert(path: Path) -> Any:
    """What a pickle, or a file of `torch.save`, holds, as records and tensors.

    Raises:
        PoiseError: It names something that is not known, or it is damaged or cannot be read.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DamagedError(f"it has more than {MOST_BYTES} bytes")
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return read_archive(archive)
        with path.open("rb") as file:
            stream = io.BytesIO(file.read())
        try:
            return read_legacy(io.BytesIO(stream.getbuffer()))
        except (DamagedError, AttributeError):
            return InertUnpickler(stream).load()
    except PoiseError:
        raise
    except OSError as error:
        why = system_reason(error)
    except Exception as error:  # a damaged pickle fails in any way
        why = str(error) or type(error).__name__
    raise PoiseError(f"'{path}' cannot be read as a pickle", code="import.damaged", why=why)
