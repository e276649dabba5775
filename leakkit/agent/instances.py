"""Names of the references of instances: attributes in a dict, in inline values, slots and C members.

Everything is read through the descriptors of built-in and slot types, which run no Python code.
"""

import gc

A = globals()["A"]

ATTRIBUTE, KEY, VALUE, DICT_KEY = A.shapes.ATTRIBUTE, A.shapes.KEY, A.shapes.VALUE, A.shapes.DICT_KEY
BOUND_NAMES = frozenset(
    "maxsize maxlen max_size max_len max_length capacity max_entries maxentries max_items maxitems max_keys "
    "limit size_limit max_count max_capacity cache_size max_cache_size".split()
)
SAFE_GETSETS = {
    id(BaseException): ("args", "__traceback__", "__context__", "__cause__"),
    id(A.kinds.traceback): ("tb_next",),
    id(A.kinds.cell): ("cell_contents",),
    id(A.kinds.builtin): ("__self__",),
}
for future in A.kinds.futures:
    SAFE_GETSETS[id(future)] = ("_result", "_exception", "_loop", "_coro", "_fut_waiter", "_source_traceback")
SAMPLES, RECHECK = 64, 16


class Labeller:
    """Names the references of the instances of one type."""

    def __init__(self, seen):
        self.seen = seen
        flags = seen.flags
        self.rest = A.types_seen.default_kind(seen)
        self.members, self.get_dict = [], None
        for kind in seen.mro:
            space = A.types_seen.GET_DICT(kind)
            safe = SAFE_GETSETS.get(id(kind), ())
            for name, value in list(space.items()):
                if type(name) is not str:
                    continue
                if type(value) is A.types_seen.MEMBER or (name in safe and type(value) is A.types_seen.GETSET):
                    self.members.append((ATTRIBUTE | A.strings(name) << 8, value.__get__, bound_name(name)))
                elif name == "__dict__" and self.get_dict is None and type(value) is A.types_seen.GETSET:
                    self.get_dict = value.__get__
        self.is_dict = bool(flags & A.types_seen.DICT)
        fields = seen.find("_fields") if flags & A.types_seen.TUPLE else None
        self.fields = fields if type(fields) is tuple else ()
        self.trusted, self.samples = {}, {}
        self.tree_text = bool(flags & (A.types_seen.UNICODE | A.types_seen.BYTES))

    def useful(self):
        """Whether it can name anything."""
        return bool(self.members or self.get_dict or self.is_dict or self.seen.heap)

    def label(self, item):
        """Give the shape of one instance."""
        referents = gc.get_referents(item)
        count = len(referents)
        if not count:
            return
        state = self.samples.get(count, 0)
        self.samples[count] = state + 1
        trusted = self.trusted.get(count)
        if state >= SAMPLES and trusted is not None and state % RECHECK:
            A.labels.rows.add(id(item), trusted)
            return
        named, bound = self.named(item, referents)
        number = A.labels.number(A.shapes.match(item, referents, named, self.rest), self.rest)
        A.labels.rows.add(id(item), number)
        if bound is not None:
            self.write_bound(item, bound, referents)
        if self.tree_text:
            self.write_text_view(item, referents)
        if state == 0:
            self.trusted[count] = number
        elif self.trusted[count] != number:
            self.trusted[count] = None
        if bound is not None or self.is_dict or self.tree_text:
            self.trusted[count] = None  # these have more to say than a shape

    def named(self, item, referents):
        """Pairs of (id, code) that are known of it, and (name, limit) when it declares one."""
        named, bound = [], None
        for code, get, limit_name in self.members:
            try:
                value = get(item)
            except (AttributeError, ValueError):
                continue
            named.append((id(value), code))
            if limit_name and type(value) is int:
                bound = limit_name, value
        if self.get_dict is not None:
            bound = self.from_dict(item, referents, named) or bound
        if self.is_dict:
            self.from_entries(item, referents, named)
        if self.fields and len(self.fields) == tuple.__len__(item):
            for name, value in zip(self.fields, tuple.__iter__(item)):
                if type(name) is str:
                    named.append((id(value), ATTRIBUTE | A.shapes.name_of(name) << 8))
        return named, bound

    def from_dict(self, item, referents, named):
        """Attributes of the instance dict, or the dict itself when it is a reference of its own."""
        try:
            space = self.get_dict(item)
        except Exception:
            return None
        if not A.types_seen.GET_FLAGS(type(space)) & A.types_seen.DICT:
            return None
        bound = None
        own = any(target is space for target in referents)
        if own:
            named.append((id(space), ATTRIBUTE | A.shapes.name_of("__dict__") << 8))
            if dict.__len__(space) > A.shapes.NAMED_KEYS:
                A.names.full.add(id(space))
        if not own or len(referents) > 1:
            for name, value in dict.items(space):
                if type(name) is str:
                    named.append((id(value), ATTRIBUTE | A.shapes.name_of(name) << 8))
        for name, value in dict.items(space):
            if type(value) is int and type(name) is str and bound_name(name):
                bound = bound_name(name), value
        return bound

    def from_entries(self, item, referents, named):
        """Entries of a dict subclass."""
        entries = list(dict.items(item))
        with_keys = bool(entries) and any(target is entries[0][0] for target in referents)
        for number, (key, value) in enumerate(entries):
            if with_keys:
                named.append((id(key), DICT_KEY))
            if type(key) is str and number < A.shapes.NAMED_KEYS:
                named.append((id(value), KEY | A.shapes.name_of(key) << 8))

    def write_bound(self, item, bound, referents):
        """A declared limit and how many entries the instance, or its biggest container, has."""
        used = sized(item, self.seen.flags)
        if used is None:
            inside = [sized(value, A.types_seen.GET_FLAGS(type(value))) for value in contents(referents)]
            used = max([count for count in inside if count is not None], default=-1)
        A.names.bounds.add(id(item), min(max(bound[1], -1), 1 << 62) or -1, used, A.strings(bound[0]))

    def write_text_view(self, item, referents):
        """A str or bytes subclass that holds a bigger structure, as strings of parsed trees do."""
        holder = next(
            (t for t in referents if gc.is_tracked(t) and not A.types_seen.is_type(t) and type(t) is not dict),
            None,
        )
        if holder is None:
            holder = next((t for t in contents(referents) if gc.is_tracked(t) and not A.types_seen.is_type(t)), None)
        if holder is not None:
            text = self.seen.flags & A.types_seen.UNICODE
            A.names.views.add(id(item), id(holder), str.__len__(item) if text else bytes.__len__(item))


def contents(referents):
    """What an instance refers to, through its own dict if it has one."""
    found = list(referents)
    for target in referents:
        if type(target) is dict:
            found.extend(list(dict.values(target)))
    return found


def sized(item, flags):
    """How many entries a dict, list, set or deque has; None for others."""
    for flag, kind in ((A.types_seen.DICT, dict), (A.types_seen.LIST, list)):
        if flags & flag:
            return kind.__len__(item)
    for kind in (set, frozenset, A.kinds.deque):
        if type(item) is kind or A.types_seen.is_subtype(type(item), kind):
            return kind.__len__(item)
    return None


def bound_name(name):
    """The limit's plain name when an attribute is called like one: ``_Cache__maxsize`` gives ``maxsize``."""
    plain = name.lower()
    if plain.startswith("_") and "__" in plain[1:]:
        plain = plain.rpartition("__")[2]
    plain = plain.strip("_")
    return plain if plain in BOUND_NAMES else ""
