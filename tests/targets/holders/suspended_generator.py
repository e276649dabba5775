# expect: retention=long-lived holder=suspended-frame name=rows fix=hibernate|isolate verdict=leak|suspect snapshots=3 file=self at=yield
"""Export cursors: the client read the first page and went away; the generator still holds the whole result."""

import _drive

open_cursors = {}


def pages(query, size):
    rows = [(query, index, "value %d of %s" % (index, query)) for index in range(3000)]
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def work(number):
    for index in range(12):
        cursor = pages("export-%d-%d" % (number, index), 50)
        next(cursor)
        open_cursors[number, index] = cursor


_drive.rounds(work)
