"""Instance dicts, attributes set late, slots, subclasses of int, tuple, str, list and dict with attributes, rings all."""
import gc
import _truth

gc.disable()


class Dicted:
    def __init__(self):
        self.a = self
        self.b = [self]


class Slotted:
    __slots__ = ("left", "right", "__weakref__")


class Mixed(Slotted):
    def __init__(self):
        self.left = self
        self.extra = {"me": self}


class Number(int):
    pass


class Pair(tuple):
    pass


class Word(str):
    pass


class Items(list):
    pass


class Table(dict):
    pass


def fill(item):
    item.ring = [item, {"again": item}]
    return item


for number in range(15):
    Dicted()
    slotted = Slotted()
    slotted.left, slotted.right = slotted, (slotted,)
    Mixed()
    for made in (Number(number), Pair((1, [2])), Word("text"), Items([1]), Table(a=1)):
        fill(made)
    made["self"] = made
    late = Dicted()
    for name in ("z", "y", "x"):
        setattr(late, name, late)
    vars(late)["direct"] = late
    del late.a
    many = Dicted()
    for index in range(40):
        setattr(many, "attribute%d" % index, many)
del slotted, made, late, many
KEPT = [fill(Word("kept")), Dicted(), Mixed()]
_truth.serve()
