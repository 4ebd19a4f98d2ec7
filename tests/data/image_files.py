"""Files that tests need and no library writes: PNG of any kind, headers that lie, endless animations."""

import struct
import zlib

import numpy as np


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(
    width: int,
    height: int,
    *,
    depth: int,
    colour_type: int,
    lines: bytes,
    extra: bytes = b"",
) -> bytes:
    """A PNG from lines that begin with their filter byte; chunks in `extra` come before the pixels."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + extra
        + chunk(b"IDAT", zlib.compress(lines, 1))
        + chunk(b"IEND", b"")
    )


def png_of_sixteen_bits(values: np.ndarray) -> bytes:
    """(H, W, 3) or (H, W) uint16 as a PNG of 16 bits a channel."""
    height, width = values.shape[:2]
    lines = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    return png(width, height, depth=16, colour_type=2 if values.ndim == 3 else 0, lines=lines)


def gif(frames: int) -> bytes:
    """A black-and-white GIF of one pixel and that many frames."""
    head = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = (
        b"\x21\xf9\x04\0\x01\0\0\0" + b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\0"
    )
    return head + frame * frames + b"\x3b"
