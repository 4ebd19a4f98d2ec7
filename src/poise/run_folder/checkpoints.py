"""A checkpoint, what its tensors are called, and tensors as a stream in one file.

The stream has the format of safetensors: one tensor is copied at a time, and bytes are hashed as they pass.

Source: https://github.com/huggingface/safetensors, "Format": 8 bytes for the length of the header, a JSON
header with the type, shape and offsets of each tensor, and the raw bytes without gaps.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from poise.errors import PoiseError

if TYPE_CHECKING:
    from torch import Tensor

    from poise.run_folder.tensors_folder import Contents

# First parts of the names of tensors in checkpoints of version 0.1, and what they are called now
RENAMED = {"average": "ema"}
# Names of a game's numbers in checkpoints of version 0.1, before they belonged to terms
EARLIER_NAMES = {
    "game/balance": "game/discriminator_loss/balance",
    "game/pool_a": "game/discriminator_loss/pool_a",
    "game/pool_b": "game/discriminator_loss/pool_b",
    "game/pool_filled": "game/discriminator_loss/filled",
}

BESIDE = ("window/", "callback/")  # How tensors begin that belong to the loop and to callbacks


@dataclass(frozen=True)
class Checkpoint:
    """A complete saved state."""

    step: int  # The step after which it was saved
    tensors: dict[str, Tensor]  # All tensors by name
    state: dict[str, Any]  # The numbers beside them, as JSON holds them

    @property
    def trained(self) -> dict[str, Tensor]:
        """The tensors of what is trained, without those of the loop and of callbacks.

        A resumed run ends with the same ones as a run that was never interrupted. What a callback keeps may
        depend on the clock: the doctor leaves checks out that would take too long.
        """
        return {name: value for name, value in self.tensors.items() if not name.startswith(BESIDE)}


@dataclass(frozen=True)
class Restored:
    """The newest sound checkpoint, and those that were moved away to find it."""

    checkpoint: Checkpoint | None  # The newest sound one; None if there is none
    quarantined: list[tuple[str, str]]  # Names of the damaged checkpoints with the reason, newest first
    newest_step: int  # The step of the newest checkpoint that was there, sound or not


def step_name(step: int) -> str:
    """The name of a step's files, which sorts by step.

    Example:
        >>> step_name(1000)
        'step-00001000'
    """
    return f"step-{step:08d}"


def checkpoint_of(found: Contents) -> Checkpoint:
    """The checkpoint that a folder holds, its tensors by their present names."""
    tensors = {_present_name(name): value for name, value in found.tensors.items()}
    return Checkpoint(found.step, tensors, found.objects["state"])


def _present_name(name: str) -> str:
    """What a tensor of a checkpoint is called now; a number in front is that of a stack of games.

    Example:
        >>> _present_name("average/generator/0.weight"), _present_name("1/average/generator/0.weight")
        ('ema/generator/0.weight', '1/ema/generator/0.weight')
    """
    if name in EARLIER_NAMES:
        return EARLIER_NAMES[name]
    first, _, rest = name.partition("/")
    if first.isdigit() and rest:
        return f"{first}/{_present_name(rest)}"
    return f"{RENAMED[first]}/{rest}" if first in RENAMED else name


# The stream -----------------------------------------------------------------------------------------------


HEADER_LIMIT = 10 * 2**20  # Bytes that a header may have; a larger one is an attack or damage
# The format's names of types, and PyTorch's
DTYPES = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "U16": "uint16", "I16": "int16", "U32": "uint32",
    "I32": "int32", "U64": "uint64", "I64": "int64", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2",
    "F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64", "C64": "complex64",
}  # fmt: skip


class DamagedError(Exception):
    """The files of a folder do not agree with its manifest, or are not what their names say."""


class HashedFile:
    """A binary file that counts and hashes the bytes that are read or written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._digest = file, hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> str:
        """The SHA-256 of the bytes so far."""
        return self._digest.hexdigest()

    def write(self, content: bytes | memoryview) -> None:
        """Write all of `content`."""
        self._file.write(content)
        self._count(content)

    def read(self, size: int = -1) -> bytes:
        """Read `size` bytes, or the rest."""
        content = self._file.read(size)
        self._count(content)
        return content

    def fill(self, buffer: memoryview) -> bool:
        """Read into the whole of `buffer`; `False` if the file ends before."""
        filled = self._file.readinto(buffer) if len(buffer) else 0  # type: ignore[attr-defined]
        self._count(buffer[:filled])
        return bool(filled == len(buffer))

    def _count(self, content: bytes | memoryview) -> None:
        self._digest.update(content)
        self.size += len(content)


def write_tensors(file: HashedFile, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors of any device and layout; tensors that share memory are written once each."""
    names = {name: key for key, name in DTYPES.items()}
    order = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))  # keeps all data aligned
    header: dict[str, Any] = {}
    end = 0
    for name in order:
        tensor = tensors[name]
        start, end = end, end + tensor.numel() * tensor.element_size()
        dtype = str(tensor.dtype).removeprefix("torch.")
        if dtype not in names:
            raise PoiseError(
                f"The tensor '{name}' of type {dtype} cannot be saved",
                code="run-folder.unsupported-type",
                hint=f"use one of these types: {', '.join(names)}",
            )
        header[name] = {"dtype": names[dtype], "shape": list(tensor.shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little") + text)
    for name in order:
        # Copied to the CPU and into one block only here, so that no more than one copy is in memory.
        file.write(_bytes_of(tensors[name].detach().cpu().contiguous()))


def read_tensors(file: HashedFile, size: int) -> dict[str, Tensor]:
    """Read all tensors of a file; whatever its header claims, no more than `size` bytes are allocated."""
    import torch  # noqa: PLC0415 - readers of runs do without

    length = int.from_bytes(file.read(8), "little")
    if length > min(HEADER_LIMIT, size - 8):
        raise DamagedError(f"it claims a header of {length} bytes")
    try:
        header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        rows = sorted((*entry["data_offsets"], name) for name, entry in header.items())
        tensors, position = {}, 0
        for start, end, name in rows:
            dtype, shape = getattr(torch, DTYPES[header[name]["dtype"]]), header[name]["shape"]
            if (start, end) != (position, position + math.prod(shape) * dtype.itemsize):
                raise DamagedError(f"the offsets of '{name}' do not fit its shape")
            if end > size - 8 - length or min(shape, default=0) < 0:
                raise DamagedError(f"'{name}' is larger than the file")
            tensors[name] = torch.empty(shape, dtype=dtype)
            if not file.fill(_bytes_of(tensors[name])):
                raise DamagedError(f"it ends within '{name}'")
            position = end
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise DamagedError(f"its header is not valid: {type(error).__name__}") from None
    if file.size != size:
        raise DamagedError("it is longer than its header says")
    return tensors


def _bytes_of(tensor: Tensor) -> memoryview:
    """The bytes of a contiguous tensor on the CPU, shared with it."""
    import torch  # noqa: PLC0415 - as above

    return tensor.reshape(-1).view(torch.uint8).numpy().data
