"""Reads the agent's raw dump: named sections of plain columns (written by ``dump_file.py`` in the copy).

The dump comes out of somebody else's process, so every count is checked against the file's size before
anything is allocated for it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from leakkit.errors import CaptureFailed

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MAGIC = b"LKDUMP01"
_HEADER = 40
_CODES = {"Q": "<u8", "q": "<i8", "I": "<u4", "i": "<i4", "B": "u1"}


@dataclass(frozen=True, eq=False)
class RawDump:
    """Sections by name: columns as arrays, records as parsed JSON."""

    columns: dict[str, NDArray[Any]]
    records: dict[str, Any]

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

    Raises:
        CaptureFailed: it is cut short or not a dump.
    """
    try:
        data = np.memmap(path, dtype=np.uint8, mode="r")
    except (OSError, ValueError) as error:
        raise damaged(str(error)) from error
    if bytes(data[:8]) != MAGIC:
        raise damaged("it does not start like one")
    parts: dict[str, list[NDArray[Any]]] = {}
    records: dict[str, Any] = {}
    position, complete = len(MAGIC), False
    while position + _HEADER <= len(data):
        header = bytes(data[position : position + _HEADER])
        name = header[:24].rstrip(b"\0").decode("ascii", "replace")
        code = header[24:32].rstrip(b"\0").decode("ascii", "replace")
        count = int.from_bytes(header[32:], "little")
        position += _HEADER
        if name == "end":
            complete = True
            break
        size = count * (1 if code == "J" else np.dtype(_CODES[code]).itemsize if code in _CODES else 0)
        if (code != "J" and code not in _CODES) or size > len(data) - position:
            raise damaged(f"its section {name!r} does not fit")
        payload = data[position : position + size]
        if code == "J":
            records[name] = _parse(payload, name)
        else:
            parts.setdefault(name, []).append(payload.view(_CODES[code]))
        position += size
    if not complete:
        raise damaged("it ends early")
    return RawDump({name: np.concatenate(found) for name, found in parts.items()}, records)


def _parse(payload: NDArray[Any], name: str) -> Any:
    try:
        return json.loads(bytes(payload))
    except (ValueError, RecursionError) as error:
        raise damaged(f"its record {name!r} is not JSON") from error
