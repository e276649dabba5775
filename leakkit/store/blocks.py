"""The file's blocks: named columns, each with a header that is checked before anything is allocated."""

from __future__ import annotations

import json
import os
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

import numpy as np
import zstandard

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

MAGIC: Final = b"LEAKKIT\0"
VERSION: Final = 2
DTYPES: Final = frozenset({"u1", "i1", "<u2", "<u4", "<i4", "<i8", "<u8"})
_LONGEST_HEADER: Final = 4096
_MOST_BLOCKS: Final = 1024
_RATIO: Final = 1024
"""A payload is filled up with zeros to this share of its column, so that a reader knows what a file can hold."""
_LEVEL: Final = 1
WORKERS: Final = 4
"""Columns that are packed or unpacked at the same time; zstd, the checksum and numpy's copies leave the GIL."""


class DamagedError(Exception):
    """The file is not what ``write`` makes; says what about it, without the file's name."""


def write_start(file: BinaryIO) -> None:
    """The magic and the version."""
    file.write(MAGIC + struct.pack("<II", VERSION, 0))


def pack_block(name: str, array: NDArray[Any], dtype: str) -> list[bytes]:
    """One column as the parts of its block; packed with zstd where that makes it smaller."""
    column = np.ascontiguousarray(array, np.dtype(dtype))
    raw = column.view(np.uint8)
    width = column.dtype.itemsize
    if width > 1:
        raw = np.ascontiguousarray(raw.reshape(-1, width).T).reshape(-1)
    payload, codec = zstandard.ZstdCompressor(level=_LEVEL).compress(raw.data), "zstd"
    payload = payload.ljust(-(-len(raw) // _RATIO), b"\0")
    if len(payload) >= len(raw):
        payload, codec = raw.tobytes(), "raw"
    header = {
        "name": name,
        "dtype": dtype,
        "count": len(column),
        "codec": codec,
        "transform": "shuffle" if width > 1 else "plain",
        "stored": len(payload),
        "raw": len(raw),
        "crc32": zlib.crc32(payload),
    }
    data = json.dumps(header, separators=(",", ":")).encode()
    return [struct.pack("<II", len(data), zlib.crc32(data)), data, payload]


def write_blocks(file: BinaryIO, columns: Iterable[tuple[str, NDArray[Any], str]]) -> None:
    """All columns, given as (name, column, dtype), in their order, and the end."""
    with ThreadPoolExecutor(WORKERS) as pool:
        for parts in pool.map(lambda column: pack_block(*column), columns):
            file.writelines(parts)
    file.writelines(pack_block("end", np.zeros(0, np.uint8), "u1"))  # so that a file cut short is noticed


def read_start(file: BinaryIO) -> None:
    """Check the magic and the version.

    Raises:
        DamagedError: they are not ours.
    """
    start = file.read(16)
    if start[:8] != MAGIC:
        raise DamagedError("is not a leakkit snapshot")
    if len(start) < 16:
        raise DamagedError("is cut short")
    (version,) = struct.unpack_from("<I", start, 8)
    if version != VERSION:
        raise DamagedError(f"is of version {version}, this leakkit reads version {VERSION}")


def headers(file: BinaryIO, size: int) -> Iterator[dict[str, Any]]:
    """Headers of all blocks but the last; the caller reads or skips each payload before it goes on.

    Args:
        file: behind its start.
        size: of the whole file, bytes.

    Raises:
        DamagedError: a header is not one, or promises more than the file has.
    """
    names: set[str] = set()
    for _ in range(_MOST_BLOCKS):
        prefix = file.read(8)
        if len(prefix) < 8:
            raise DamagedError("is cut short")
        length, checksum = struct.unpack("<II", prefix)
        if length > _LONGEST_HEADER:
            raise DamagedError("is damaged: a block's header is too long")
        data = file.read(length)
        if len(data) < length or zlib.crc32(data) != checksum:
            raise DamagedError("is damaged or cut short: a block's header does not match its checksum")
        header = _parse_header(data)
        if header["name"] == "end":
            return
        if header["name"] in names:
            raise DamagedError(f"is damaged: it has two blocks {header['name']!r}")
        names.add(header["name"])
        if header["stored"] > size - file.tell():
            raise DamagedError("is cut short")
        yield header
    raise DamagedError("is damaged: too many blocks")


def _parse_header(data: bytes) -> dict[str, Any]:
    try:
        header = json.loads(data)
        numbers = [header[name] for name in ("count", "stored", "raw", "crc32")]
        texts = [header[name] for name in ("name", "dtype", "codec", "transform")]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise DamagedError("is damaged: a block's header is not one") from error
    if any(type(number) is not int or number < 0 for number in numbers) or any(type(t) is not str for t in texts):
        raise DamagedError("is damaged: a block's header is not one")
    count, stored, raw, _ = numbers
    if header["dtype"] not in DTYPES or header["transform"] not in {"plain", "shuffle"}:
        raise DamagedError("is damaged: unknown kind of column")
    fits = raw == count * np.dtype(header["dtype"]).itemsize
    packed = header["codec"] == "zstd" and raw <= _RATIO * stored
    if not fits or not (packed or (header["codec"] == "raw" and raw == stored)):
        raise DamagedError("is damaged: a block's sizes contradict each other")
    return cast("dict[str, Any]", header)


def read_payload(file: BinaryIO, header: dict[str, Any]) -> bytes:
    """The payload as it is stored; never more bytes than the file has, which its header was checked for.

    Raises:
        DamagedError: it ends early.
    """
    stored = file.read(header["stored"])
    if len(stored) < header["stored"]:
        raise DamagedError("is cut short")
    return stored


def unpack(header: dict[str, Any], stored: bytes) -> NDArray[Any]:
    """One column, read-only; never more bytes than its header says.

    Raises:
        DamagedError: it does not match its header.
    """
    if zlib.crc32(stored) != header["crc32"]:
        raise DamagedError(f"is damaged: block {header['name']!r} does not match its checksum")
    if header["codec"] == "zstd":
        stored = _decompressed(header, stored)
    dtype = np.dtype(header["dtype"])
    data: NDArray[Any] = np.frombuffer(stored, np.uint8)
    if header["transform"] == "shuffle":
        data = _unshuffled(data, dtype.itemsize)
    column: NDArray[Any] = data.view(dtype)
    column.flags.writeable = False
    return column


def _unshuffled(data: NDArray[Any], width: int) -> NDArray[Any]:
    """The items again; place by place, which is four times as fast as numpy's transposed copy."""
    out = np.empty((len(data) // width, width), np.uint8)
    for place, plane in enumerate(data.reshape(width, -1)):
        out[:, place] = plane
    return out.reshape(-1)


def _decompressed(header: dict[str, Any], stored: bytes) -> bytes:
    try:
        # The frame says itself how long it is, and zstd allocates what it says.
        if zstandard.get_frame_parameters(stored).content_size == header["raw"]:
            return zstandard.ZstdDecompressor().decompress(stored)
    except zstandard.ZstdError as error:
        raise DamagedError(f"is damaged: block {header['name']!r} cannot be unpacked") from error
    raise DamagedError(f"is damaged: block {header['name']!r} is not as long as it says")


def skip_payload(file: BinaryIO, header: dict[str, Any]) -> None:
    """Go to the next block."""
    file.seek(header["stored"], os.SEEK_CUR)
