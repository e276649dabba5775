"""References that ``tp_traverse`` does not report: keys of dicts, parts of code objects, bases of views.

They retain (but for weak ones) and so belong to the graph, but the collector does not count them: they are
marked EXTRA and stay out of trial deletion.
"""

import sys

A = globals()["A"]

ATTRIBUTE, DICT_KEY, INDEX, LOCAL, WEAK, BASE, EXTRA = 1, 4, 5, 7, 11, 12, 0x80
PROBE = object()
FEW_OWNERS = [sys.getrefcount(key) for key, _ in zip([PROBE], [0])][0] + 3
"""What ``sys.getrefcount`` says inside ``Extras.keys`` of a key with four owners."""
WEAK_CALL = A.kinds.weakref.__call__
CODE_FIELDS = [value.__get__ for name, value in A.kinds.code.__dict__.items() if type(value) is A.types_seen.MEMBER]
CODE_NAMES = [name for name, value in A.kinds.code.__dict__.items() if type(value) is A.types_seen.MEMBER]
CODE_TABLES = frozenset(map(id, (tuple, bytes, str)))
SUBCLASSES = 360
"""Offset of ``tp_subclasses`` in ``PyTypeObject`` on 64-bit machines, the same in 3.9 to 3.15."""
INLINE_VALUES, MANAGED_DICT = 1 << 2, -24
"""A type's flag, and where before an instance its dict's pointer lies, on 3.13."""
LOCAL_NAMES = 96 if sys.version_info >= (3, 11) else 0
"""Offset of ``co_localsplusnames`` in ``PyCodeObject``."""
LOCAL_WORDS = (A.kinds.local.__basicsize__ - 16) // 8
EMPTY = id(())
MODULE_DICT = A.kinds.module.__dict__["__dict__"].__get__


class Extras:
    """Collects extra references: groups of (source, kind, name, count) and their targets."""

    def __init__(self, seen_ids):
        self.seen_ids = seen_ids
        self.groups = A.dump_file.Columns("extra_", (("node", "Q"), ("kind", "B"), ("name", "I"), ("count", "I")))
        self.targets = A.dump_file.array("Q")
        self.fresh = []
        self.known_key_sets = set()
        self.met_keys = set()
        self.hollow = set()
        self.views = A.dump_file.Columns("view_", (("node", "Q"), ("target", "Q"), ("extent", "q")))

    def add(self, item, kind, name, targets):
        """References of one kind from ``item``; targets not met before become nodes."""
        self.groups.add(id(item), kind | EXTRA, A.strings(name) if name else 0, len(targets))
        self.targets.extend(map(id, targets))
        self.fresh.extend(targets)

    def handler(self, seen):
        """The function that gives the extra references of objects of that type, or None."""
        kinds, flags = A.kinds, seen.flags
        if flags & A.types_seen.DICT:
            return self.of_dict if seen.kind is dict else self.of_dict_subclass
        if seen.kind is kinds.code:
            return self.of_code
        if seen.is_a(kinds.weakref):
            return self.of_weakref
        if flags & A.types_seen.TYPE:
            return self.of_type
        if seen.is_a(kinds.local):
            return self.of_local
        if seen.kind is memoryview:
            return self.of_memoryview
        if seen.kind is kinds.match:
            return self.of_match
        if kinds.ndarray is not None and seen.is_a(kinds.ndarray):
            return self.of_array
        if kinds.greenlet is not None and seen.is_a(kinds.greenlet):
            return self.of_greenlet
        return None

    def of_dict(self, item, referents):
        """Keys of a dict that visits only its values."""
        if not item or len(referents) > len(item):
            return
        if not referents:
            self.hollow.add(id(item))
        self.keys(item, list(item))

    def of_dict_subclass(self, item, referents):
        """The same for a subclass, whose references hold its class and its own dict too."""
        keys = list(dict.keys(item))
        if keys and not any(target is keys[0] for target in referents):
            self.keys(item, keys)

    def keys(self, item, keys):
        """Keys that few objects hold, others from the first dict that has them.

        Names shared by all would swamp the graph.
        """
        numbers = tuple(map(id, keys))
        if len(numbers) <= 64:
            if numbers in self.known_key_sets:
                return
        met, count = self.met_keys, sys.getrefcount
        shared = [number for key, number in zip(keys, numbers) if count(key) > FEW_OWNERS]
        met_now = met.intersection(shared)
        met.update(shared)
        chosen = [key for key, number in zip(keys, numbers) if number not in met_now]
        if chosen:
            self.add(item, DICT_KEY, "", chosen)
        elif len(numbers) <= 64:
            self.known_key_sets.add(numbers)

    def of_code(self, item, referents):
        """Constants, names and tables of a code object, which is not a collector's object."""
        for name, get in zip(CODE_NAMES, CODE_FIELDS):
            value = get(item)
            if id(type(value)) in CODE_TABLES:
                self.add(item, ATTRIBUTE, name, [value])
        if LOCAL_NAMES:
            self.hidden(item, referents, LOCAL_NAMES, 1, "co_localsplusnames")

    def of_weakref(self, item, referents):
        """The referent, as a weak reference."""
        referent = WEAK_CALL(item)
        if referent is not None:
            self.add(item, WEAK, "", [referent])

    def of_type(self, item, referents):
        """Dict and bases of a static type, which the collector does not traverse.

        The table of subclasses of any.
        """
        self.hidden(item, referents, SUBCLASSES, 1, "__subclasses__")
        if referents or A.types_seen.GET_FLAGS(item) & A.types_seen.HEAP_TYPE:
            return
        space = A.types_seen.class_dict(item)
        if space is not None:
            self.add(item, ATTRIBUTE, "__dict__", [space])
        self.add(item, ATTRIBUTE, "__mro__", [A.types_seen.GET_MRO(item) or ()])

    def of_local(self, item, referents):
        """A ``threading.local``: up to 3.12 it does not visit the callback that clears a thread's share."""
        self.hidden(item, referents, 16, LOCAL_WORDS, "")

    def hidden(self, item, referents, offset, count, name):
        """Tracked objects that words of the object's own memory refer to and its type does not visit."""
        shown = set(map(id, referents))
        for address in A.peek.words(id(item) + offset, count):
            if address in self.seen_ids and address not in shown and address != EMPTY:
                self.groups.add(id(item), ATTRIBUTE * bool(name) | EXTRA, A.strings(name), 1)
                self.targets.append(address)

    def owners_of_hollow(self, nodes, kinds, seen):
        """3.13.0 does not visit an instance's dict whose values lie in the instance.

        Find whose such dicts are.
        """
        if not self.hollow or sys.version_info[:2] != (3, 13):
            return
        inline = {number for number, facts in seen.by_id.items() if facts.flags & INLINE_VALUES}
        for number, item in zip(kinds, nodes):
            if number in inline:
                address = A.peek.word(id(item) + MANAGED_DICT)
                if address in self.hollow:
                    self.groups.add(id(item), ATTRIBUTE | EXTRA, A.strings("__dict__"), 1)
                    self.targets.append(address)

    def of_memoryview(self, item, referents):
        """The object whose buffer it shows."""
        try:
            target, extent = item.obj, item.nbytes
        except ValueError:
            return
        if target is not None:
            self.view(item, target, extent)

    def of_match(self, item, referents):
        """The string it was found in, which it keeps whole."""
        start, end = item.span()
        self.view(item, item.string, max(end - start, 0))
        self.add(item, ATTRIBUTE, "re", [item.re])

    def of_array(self, item, referents):
        """``base`` of a numpy array, and the elements of an array of objects."""
        fields = A.kinds.ndarray.__dict__
        base = fields["base"].__get__(item)
        kind = fields["dtype"].__get__(item)
        if base is not None:
            self.view(item, base, fields["nbytes"].__get__(item))
        elif type(kind).__module__ in ("numpy", "numpy.dtypes") and kind.char == "O":
            self.add(item, INDEX, "", list(fields["flat"].__get__(item)))

    def of_greenlet(self, item, referents):
        """The frame it is suspended in and the locals of it and its callers, which no visitor shows from 3.11 on."""
        frame = A.kinds.greenlet.__dict__["gr_frame"].__get__(item)
        if frame is not None and not any(target is frame for target in referents):
            self.add(item, ATTRIBUTE, "gr_frame", [frame])
        while frame is not None and sys.version_info >= (3, 11):
            for name, value in A.suspended.locals_of(frame):
                self.add(item, LOCAL, name, [value])
            frame = frame.f_back

    def view(self, item, target, extent):
        """A view: a BASE reference and a row of the views' table."""
        self.add(item, BASE, "", [target])
        self.views.add(id(item), id(target), extent)

    def take_fresh(self):
        """Objects found since the last call."""
        found, self.fresh = self.fresh, []
        return found

    def write(self):
        """Write what has been collected."""
        self.groups.write()
        A.dump.write("extra_target", self.targets)
        del self.targets[:]
        self.views.write()
