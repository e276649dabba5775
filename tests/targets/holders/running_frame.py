# expect: retention=long-lived holder=running-frame name=processed fix=drop verdict=leak snapshots=3 file=self
"""A consumer whose endless main loop collects everything it processed in a local variable."""

import sys

import _drive


def read_batch(number):
    return ["message %d/%d: %s" % (number, index, "payload " * 20) for index in range(20000)]


def main():
    processed = []
    number = 0
    _drive.ready()
    for line in iter(sys.stdin.readline, ""):
        for message in read_batch(number):
            processed.append(message.upper())
        number += 1
        del message
        _drive.ready()


main()
