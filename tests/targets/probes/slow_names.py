"""A class whose module cannot be read a third time: Heapy reads it twice by type, and again by referrers."""

import sys
import threading
import time

sys.path.insert(0, __file__.rpartition("/")[0].rpartition("/")[0])
from _drive import rounds

READS = []


class Slow(type):
    @property
    def __module__(cls):
        READS.append(None)
        if len(READS) > 2:
            time.sleep(600)
        return "slow"


class Row(metaclass=Slow):
    __slots__ = ("text",)


def row(number):
    made = Row()
    made.text = "text of the row %d" % number
    return made


ROWS = [row(number) for number in range(3000)]
threading.current_thread()
rounds(lambda number: None)
