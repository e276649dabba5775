"""Line tables of code objects: from a bytecode offset to a line, in the three forms of 3.9 to 3.15."""

from __future__ import annotations

from typing import Final

LNOTAB: Final = 0
"""``co_lnotab`` of 3.9: pairs of bytes."""
LINE_TABLE: Final = 1
"""``co_linetable`` of 3.10 (PEP 626)."""
LOCATIONS: Final = 2
"""The location table of 3.11 and later (``Objects/locations.md`` of CPython)."""


def line_at(table: bytes, first: int, offset: int, style: int) -> int:
    """The line of the instruction at ``offset`` bytes; the first line before any has run; 0 when there is none."""
    if offset < 0 or not table:
        return first
    return (_lnotab, _line_table, _locations)[style](table, first, offset)


def _signed(value: int) -> int:
    return value - 256 if value > 127 else value


def _lnotab(table: bytes, first: int, offset: int) -> int:
    line, at = first, 0
    for index in range(0, len(table) - 1, 2):
        at += table[index]
        if at > offset:
            break
        line += _signed(table[index + 1])
    return line


def _line_table(table: bytes, first: int, offset: int) -> int:
    line, at = first, 0
    for index in range(0, len(table) - 1, 2):
        step, at = _signed(table[index + 1]), at + table[index]
        if step == -128:
            if offset < at:
                return 0
            continue
        line += step
        if offset < at:
            return line
    return line


def _varint(table: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(table):
        byte = table[at]
        at += 1
        value |= (byte & 63) << shift
        shift += 6
        if not byte & 64:
            break
    return value, at


def _locations(table: bytes, first: int, offset: int) -> int:
    line, position, index = first, 0, 0
    while index < len(table):
        head = table[index]
        kind, length = head >> 3 & 15, ((head & 7) + 1) * 2
        told = kind != 15
        if kind in (13, 14):
            value, _ = _varint(table, index + 1)
            line += -(value >> 1) if value & 1 else value >> 1
        elif 10 <= kind <= 12:
            line += kind - 10
        position += length
        if offset < position:
            return line if told else 0
        index += 1
        while index < len(table) and not table[index] & 128:
            index += 1
    return line
