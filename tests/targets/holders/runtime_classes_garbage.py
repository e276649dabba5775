# expect: retention=young-survivor holder=cycle name=Row|row_class fix=collect verdict=leak|suspect snapshots=3
"""A row class made anew for each query: a class is always part of a cycle, so every one waits for the collector."""

import collections

import _drive

open_results = collections.deque()


def row_class(columns):
    def getter(at):
        return property(lambda self: self[at])

    namespace = {name: getter(at) for at, name in enumerate(columns)}
    namespace["header"] = ";".join(columns).encode() * 1000
    return type("Row", (tuple,), namespace)


def run_query(columns):
    Row = row_class(columns)
    return [Row(["x%d" % row] * len(columns)) for row in range(20)]


def work(number):
    for _ in range(200):
        open_results.append(run_query(["id", "name", "amount", "currency", "created"]))
        if len(open_results) > 200:
            open_results.popleft()


_drive.rounds(work)
