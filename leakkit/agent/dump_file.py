"""The raw dump: named sections of plain columns that the host packs into a snapshot.

A section is a header of 40 bytes (name, 24 bytes; type code, 8; count, u64, little-endian) and its items.
Sections of one name are parts of one column.  Type codes are those of ``array``; ``J`` is UTF-8 JSON,
counted in bytes.
"""

import posix
import sys

A = globals()["A"]

MAGIC = b"LKDUMP01"
array = A.stdlib.load("array").array


class Dump:
    """Writes sections to a file that only this user may read."""

    def __init__(self, path):
        self.fd = posix.open(path, posix.O_WRONLY | posix.O_CREAT | posix.O_TRUNC | posix.O_CLOEXEC, 0o600)
        self._put(MAGIC)

    def _put(self, data):
        view = memoryview(data)
        while view:
            view = view[posix.write(self.fd, view) :]

    def _header(self, name, code, count):
        self._put(
            name.encode("ascii").ljust(24, b"\0") + code.encode("ascii").ljust(8, b"\0") + count.to_bytes(8, "little")
        )

    def write(self, name, column):
        """One ``array.array`` as a part of the column ``name``."""
        if sys.byteorder == "big":
            column = array(column.typecode, column)
            column.byteswap()
        self._header(name, column.typecode, len(column))
        self._put(memoryview(column).cast("B"))

    def write_json(self, name, value):
        """A small record."""
        data = A.START["text_of"](value).encode("ascii")
        self._header(name, "J", len(data))
        self._put(data)

    def close(self):
        """Mark the end, so that a dump cut short is noticed."""
        self._header("end", "J", 0)
        posix.close(self.fd)


class Columns:
    """Rows collected into arrays and written in parts.

    Args:
        prefix: of the sections' names.
        fields: pairs of a field's name and its type code.
    """

    def __init__(self, prefix, fields):
        self.prefix, self.fields = prefix, fields
        self.columns = [array(code) for _, code in fields]
        self.add_to = [column.append for column in self.columns]

    def add(self, *row):
        """One row."""
        for add, value in zip(self.add_to, row):
            add(value)

    def write(self):
        """Write what has been collected and start anew."""
        for (name, _), column in zip(self.fields, self.columns):
            A.dump.write(self.prefix + name, column)
            del column[:]


class Strings:
    """The table of names; index 0 is the empty string.  Keeps copies.

    So that it refers to nothing of the target.
    """

    def __init__(self):
        self.index = {b"": 0}
        self.by_id = {}

    def __call__(self, text):
        """The index of an exact ``str``."""
        data = text.encode("utf-8", "surrogatepass")[:1000]
        index = self.index
        found = index.get(data)
        if found is None:
            found = index[data] = len(index)
        return found

    def write(self):
        """Write the table: one blob and the lengths."""
        lengths = array("I", map(len, self.index))
        A.dump.write("string_length", lengths)
        A.dump.write("string_bytes", array("B", b"".join(self.index)))
