# expect: retention=long-lived holder=callback-registry name=finalize fix=drop verdict=leak snapshots=3
"""Clean-up by ``weakref.finalize``, but the arguments hold the object itself: it can never die."""

import weakref

import _drive


class TemporaryTable:
    def __init__(self, name):
        self.name = name
        self.rows = [(name, row) for row in range(300)]
        weakref.finalize(self, drop_table, self)


def drop_table(table):
    table.rows.clear()


def work(number):
    for index in range(250):
        TemporaryTable("tmp_%d_%d" % (number, index))


_drive.rounds(work)
