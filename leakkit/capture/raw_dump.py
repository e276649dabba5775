"""Reads the agent's raw dump: named sections of plain columns (written by ``dump_file.py`` in the copy).

The dump comes out of somebody else's process, so every count is checked against the file's size before
anything is allocated for it.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from leakkit.errors import CaptureFailed

if TYPE_CHECKING:
    from io import FileIO
    from pathlib import Path

    from numpy.typing import NDArray

MAGIC = b"LKDUMP01"
_HEADER = 40
_CODES = {"Q": "<u8", "q": "<i8", "I": "<u4", "i": "<i4", "B": "u1"}


@dataclass(frozen=True)
class _Section:
    """Where a part of a column is; ``count`` items."""

    position: int
    count: int
    code: str


@dataclass(frozen=True, eq=False)
class RawDump:
    """Sections by name: columns as arrays, records as parsed JSON."""

    columns: dict[str, NDArray[Any]]
    records: dict[str, Any]
    rows: tuple[NDArray[Any], NDArray[Any]] | None = None
    """The addresses to keep, ascending, and their rows, when the host has sorted them already."""

    def column(self, name: str, dtype: str) -> NDArray[Any]:
        """A column in that dtype; empty when the dump has none of that name."""
        found = self.columns.get(name)
        return np.zeros(0, dtype) if found is None else found.astype(dtype, copy=False)

    def table(self, prefix: str, **fields: str) -> dict[str, NDArray[Any]]:
        """Columns of one length, named ``prefix_field``.

        Raises:
            CaptureFailed: their lengths differ.
        """
        found = {name: self.column(f"{prefix}_{name}", dtype) for name, dtype in fields.items()}
        if len({len(column) for column in found.values()}) > 1:
            raise damaged(f"the columns of its table {prefix} differ in length")
        return found

    def record(self, name: str) -> Any:
        """A record.

        Raises:
            CaptureFailed: there is none.
        """
        if name not in self.records:
            raise damaged(f"it has no {name}")
        return self.records[name]


def damaged(what: str) -> CaptureFailed:
    """The error for a dump that cannot be what the agent wrote."""
    return CaptureFailed(f"the copy's dump is damaged: {what}", "take the snapshot again")


def read_dump(path: Path) -> RawDump:
    """Read a raw dump.

    It is read, not mapped: a file that is cut short meanwhile is an error and no signal.

    Raises:
        CaptureFailed: it is cut short or not a dump.
    """
    try:
        with path.open("rb", buffering=0) as file:
            return _read(file, os.fstat(file.fileno()).st_size)
    except OSError as error:
        raise damaged(str(error)) from error


def _read(file: FileIO, file_bytes: int) -> RawDump:
    if _bytes(file, 0, len(MAGIC)) != MAGIC:
        raise damaged("it does not start like one")
    parts: dict[str, list[_Section]] = {}
    records: dict[str, Any] = {}
    position = len(MAGIC)
    while True:
        header = _bytes(file, position, _HEADER)
        name = header[:24].rstrip(b"\0").decode("ascii", "replace")
        code = header[24:32].rstrip(b"\0").decode("ascii", "replace")
        count = int.from_bytes(header[32:], "little")
        position += _HEADER
        if name == "end":
            return RawDump({name: _column(file, found, name) for name, found in parts.items()}, records)
        size = count * (1 if code == "J" else np.dtype(_CODES[code]).itemsize if code in _CODES else 0)
        if (code != "J" and code not in _CODES) or size > file_bytes - position:
            raise damaged(f"its section {name!r} does not fit")
        if code == "J":
            records[name] = _parse(_bytes(file, position, size), name)
        else:
            parts.setdefault(name, []).append(_Section(position, count, code))
        position += size


def _bytes(file: FileIO, position: int, size: int) -> bytes:
    file.seek(position)
    found = file.read(size)
    if found is None or len(found) < size:
        raise damaged("it ends early")
    return found


def _column(file: FileIO, sections: list[_Section], name: str) -> NDArray[Any]:
    """The sections of one name as one column."""
    if len({section.code for section in sections}) > 1:
        raise damaged(f"its sections {name!r} are of several types")
    column = np.empty(sum(section.count for section in sections), _CODES[sections[0].code])
    at = 0
    for section in sections:
        room = column[at : at + section.count].view(np.uint8).data
        file.seek(section.position)
        while len(room):
            got = file.readinto(room)
            if not got:
                raise damaged("it ends early")
            room = room[got:]
        at += section.count
    return column


def _parse(payload: bytes, name: str) -> Any:
    try:
        return json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise damaged(f"its record {name!r} is not JSON") from error
