# expect: retention=long-lived holder=exception-traceback name=history fix=drop verdict=leak snapshots=3
"""``sys.exc_info()`` tuples kept by an error reporter that wants to print them later."""

import sys

import _drive


class ErrorReporter:
    def __init__(self):
        self.history = []

    def capture(self):
        self.history.append(sys.exc_info())


reporter = ErrorReporter()


def summarise(row):
    cells = ["%s/%d" % (row, column) for column in range(400)]
    return float(cells[0])


def work(number):
    for index in range(150):
        try:
            summarise("row-%d-%d" % (number, index))
        except ValueError:
            reporter.capture()


_drive.rounds(work)
