# expect: retention=off-heap holder=allocator-slack fix=isolate verdict=leak|suspect snapshots=3
"""An import of many small rows that keeps one in a thousand: each arena stays for the few rows that live in it."""

import _drive

samples = []


def load_rows(count):
    return [("row %d" % row, {"index": row, "name": "name %d" % row}) for row in range(count)]


def work(number):
    rows = load_rows(25000 * (number + 1))
    samples[:] = rows[::1000]


_drive.rounds(work)
