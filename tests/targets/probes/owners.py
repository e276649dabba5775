"""Objects of every kind that owns memory outside of itself."""

import array
import collections
import io

import _drive


class Plain:
    def __init__(self, number):
        self.number, self.text = number, "text %d" % number


class Slotted(dict):
    __slots__ = ("extra",)


def text(number):
    made = "größe_%d = '寸法'" % number
    compile(made, "text", "exec")  # keeps the UTF-8 form beside the characters
    return made


KEPT = {
    "lists": [[number] * 50 for number in range(100)],
    "dicts": [{at: number for at in range(20)} for number in range(100)],
    "names": [{"a%d" % at: number for at in range(20)} for number in range(100)],
    "subclasses": [Slotted({at: at for at in range(9)}) for _ in range(100)],
    "ordered": [collections.OrderedDict((at, at) for at in range(9)) for _ in range(100)],
    "small sets": [{number} for number in range(100)],
    "sets": [set(range(number, number + 50)) for number in range(100)],
    "frozen": [frozenset(range(number, number + 50)) for number in range(100)],
    "bytes": [bytearray(1000) for _ in range(100)],
    "arrays": [array.array("d", range(100)) for _ in range(100)],
    "deques": [collections.deque(range(300)) for _ in range(100)],
    "texts": [text(number) for number in range(100)],
    "streams": [io.BytesIO(bytes(1000)) for _ in range(100)],
    "instances": [Plain(number) for number in range(100)],
}
_drive.rounds(lambda number: None)
