# expect: retention=long-lived holder=callback-registry name=atexit fix=drop verdict=leak snapshots=3
"""Every report registers its own flush at exit; the process is a server and does not exit."""

import atexit

import _drive


class Report:
    def __init__(self, name):
        self.name = name
        self.lines = ["%s: line %d" % (name, line) for line in range(300)]
        atexit.register(self.flush)

    def flush(self):
        self.lines.clear()


def work(number):
    for index in range(200):
        Report("report-%d-%d" % (number, index))


_drive.rounds(work)
