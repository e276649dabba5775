"""Names of references, told once per *shape*: the kinds and names of an object's references in their order.

Millions of dicts and instances share few shapes, so a node needs only the number of its shape.  References
past the end of a shape have its ``rest`` kind.
"""

import gc

A = globals()["A"]

INTERNAL, ATTRIBUTE, KEY, VALUE, DICT_KEY, INDEX, ITEM, LOCAL, CELL, DEFAULT, TYPE = range(11)
NAMED_KEYS = 100
"""So many keys of an ordinary dict are named; of modules, classes and instances all."""
MOST_KEYS = 20000
SPLIT_KEYS = 64
"""No dict that shares its keys with others has more."""


class Shapes:
    """The table of shapes and which node has which."""

    def __init__(self):
        self.index = {}
        self.by_keys = {}
        self.lengths = A.dump_file.array("I")
        self.kinds = A.dump_file.array("B")
        self.names = A.dump_file.array("I")
        self.rests = A.dump_file.array("B")
        self.rows = A.dump_file.Columns("shape_", (("node", "Q"), ("id", "I")))
        self.late = []

    def number(self, codes, rest):
        """The number of a shape; ``codes`` is a tuple of ``kind | name << 8``."""
        key = (rest, codes)
        found = self.index.get(key)
        if found is None:
            found = self.index[key] = len(self.index)
            self.lengths.append(len(codes))
            self.rests.append(rest)
            self.kinds.extend([code & 255 for code in codes])
            self.names.extend([code >> 8 for code in codes])
        return found

    def give(self, item, codes, rest):
        """Say the shape of an object."""
        self.rows.add(id(item), self.number(codes, rest))

    def give_late(self, item, codes, rest):
        """The same, but it wins over what is said of the object elsewhere."""
        self.late.append((id(item), self.number(codes, rest)))

    def flush(self):
        """Write the rows so far."""
        self.rows.write()

    def write(self):
        """Write late rows and the table."""
        for row in self.late:
            self.rows.add(*row)
        self.rows.write()
        for name, column in (
            ("len", self.lengths),
            ("kind", self.kinds),
            ("name", self.names),
            ("rest", self.rests),
        ):
            A.dump.write("shapes_" + name, column)

    def of_dict(self, item, keys, limit):
        """Shape of an exact dict, whose references are its values, or its keys and values in turn."""
        referents = gc.get_referents(item)
        count = len(referents)
        if count == len(keys) <= SPLIT_KEYS and list(map(id, referents)) != list(map(id, item.values())):
            # The values of a split dict are visited in the order of the keys that its class shares.
            named = [(id(value), KEY | name_of(key) << 8) for key, value in item.items() if type(key) is str]
            self.give(item, match(item, referents, named, VALUE), VALUE)
            return
        if count == len(keys):
            with_keys = False
        elif count == 2 * len(keys):
            with_keys = True
        else:
            return
        numbers = (with_keys,) + tuple(map(id, keys[:limit]))
        found = self.by_keys.get(numbers)
        if found is None:
            codes = []
            for key in keys[:limit]:
                codes.append(KEY | name_of(key) << 8 if type(key) is str else VALUE)
                if with_keys:
                    codes.append(DICT_KEY)  # dict_traverse (Objects/dictobject.c) visits the value first
            found = self.number(tuple(codes), VALUE)
            if len(numbers) <= 64:
                self.by_keys[numbers] = found
        self.rows.add(id(item), found)


def name_of(text):
    """The string index of an exact str that lives in the target."""
    by_id = A.strings.by_id
    found = by_id.get(id(text))
    if found is None:
        found = by_id[id(text)] = A.strings(text)
    return found


def match(item, referents, named, rest):
    """Codes for ``referents`` in order: each takes the name under which that very object was found.

    Args:
        item: their owner.
        referents: what ``gc.get_referents(item)`` gave.
        named: pairs of an object's id and its code.
        rest: kind of those that have no name.
    """
    waiting = {}
    for number, code in reversed(named):
        waiting.setdefault(number, []).append(code)
    codes, kind = [], id(type(item))
    for target in referents:
        number = id(target)
        queue = waiting.get(number)
        if queue:
            codes.append(queue.pop() if len(queue) > 1 else queue[0])
        else:
            codes.append(TYPE if number == kind else rest)
    return tuple(codes)
