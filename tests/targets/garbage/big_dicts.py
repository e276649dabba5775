"""Dicts of every layout: large, with keys of many kinds, emptied again, subclasses; rings through values and keys."""
import collections
import gc
import _truth

gc.disable()


class Key:
    def __init__(self, table):
        self.table = table


def ring(table):
    table[Key(table)] = table
    return table


for _ in range(3):
    ring({number: [number] for number in range(2000)})
    ring({"key%d" % number: {"n": number} for number in range(2000)})
    mixed = ring({"a": 1, 2: "b", None: (), (1, 2): []})
    del mixed["a"]
    emptied = {number: number for number in range(100)}
    emptied.clear()
    emptied["again"] = emptied
    strings = {"a": 1}
    strings["self"] = strings
    for number in range(300):
        strings["s%d" % number] = [strings]
    default = collections.defaultdict(dict)
    default["x"]["y"] = default
    ordered = collections.OrderedDict((n, [n]) for n in range(50))
    ordered["self"] = ordered
    ordered.move_to_end(3)
    counter = collections.Counter("letters")
    counter.ring = counter
    only_keys = {}
    only_keys[Key(only_keys)] = None
    general = {1: 1}
    del general[1]
    general["text"] = general
del mixed, emptied, strings, default, ordered, counter, only_keys, general
KEPT = ring({"kept%d" % n: [n] for n in range(500)})
_truth.serve()
