# expect: retention=long-lived holder=closure name=collected fix=drop verdict=leak snapshots=3
"""The classic: a mutable default argument collects the rows of every call."""

import _drive


def parse(lines, collected=[]):
    for line in lines:
        collected.append(line.split(","))
    return len(collected)


def work(number):
    parse(["%d,%d,name-%d,street-%d" % (number, row, row, row) for row in range(12000)])


_drive.rounds(work)
