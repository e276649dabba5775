"""Containers whose retained size can be told exactly: everything in them is theirs alone, and no string is a key."""

import sys
import threading

sys.path.insert(0, __file__.rpartition("/")[0].rpartition("/")[0])
from _drive import rounds


class Row:
    __slots__ = ("left", "right")




def text(number):
    return "cell %d " % number * 5


NUMBERS = {number: [text(number), number + 0.5, (text(-number),)] for number in range(1000, 9000)}
NESTED = [[[text(n * 100 + m) for m in range(20)] for n in range(20)] for _ in range(30)]
ROWS = []
for number in range(6000):
    row = Row()
    row.left, row.right = text(number), [number * 1.5]
    ROWS.append(row)
DICTS = [{number: text(number)} for number in range(5000)]
SET = {text(number) for number in range(20000)}
threading.current_thread()
rounds(lambda number: None)
