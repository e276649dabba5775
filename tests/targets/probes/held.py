"""Objects of which it is known what refers to them, and it alone; as many floats more as the first argument says."""

import sys
import threading

sys.path.insert(0, __file__.rpartition("/")[0].rpartition("/")[0])
from _drive import rounds


class Item:
    __slots__ = ("price",)


class Holder:
    __slots__ = ("table",)


class Plain:
    pass


class Shelf(list):
    pass


def item(number):
    made = Item()
    made.price = number + 0.5
    return made


def holder(number):
    made = Holder()
    made.table = {number: None}
    return made


def plain(number):
    made = Plain()
    made.name = "the plain object %d" % number
    return made


ITEMS = [item(number) for number in range(20000)]
HOLDERS = Shelf([holder(number) for number in range(9000)])
PLAIN = [plain(number) for number in range(7000)]
MORE = [number + 0.25 for number in range(int(sys.argv[1]) if len(sys.argv) > 1 else 0)]
threading.current_thread()
rounds(lambda number: None)
