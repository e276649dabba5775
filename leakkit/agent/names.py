"""The naming pass: goes through all nodes once more and says what their references are called.

It also fills the tables that need a look at the objects themselves: functions, suspended frames, tasks,
bounds, text views.  It runs after references and counts were taken, so it may make frames and instance
dicts visible.
"""

import gc

A = globals()["A"]

ATTRIBUTE, KEY, VALUE, LOCAL, CELL, DEFAULT = 1, 2, 3, 7, 8, 9
CHUNK = 2048
columns = A.dump_file.Columns
functions = columns("function_", (("node", "Q"), ("module", "I"), ("name", "I"), ("file", "I"), ("line", "I")))
bounds = columns("bound_", (("node", "Q"), ("bound", "q"), ("used", "q"), ("label", "I")))
views = columns("view_", (("node", "Q"), ("target", "Q"), ("extent", "q")))
values = columns("value_", (("node", "Q"), ("text", "I")))
full = set()
big_dicts = []

FUNCTION = A.kinds.function.__dict__
FUNCTION_FIELDS = [
    (name, FUNCTION[name].__get__)
    for name in (
        "__code__",
        "__globals__",
        "__defaults__",
        "__kwdefaults__",
        "__closure__",
        "__dict__",
        "__doc__",
        "__name__",
        "__qualname__",
        "__module__",
        "__builtins__",
    )
    if name in FUNCTION
]
TYPE_FIELDS = [(name, type.__dict__[name].__get__) for name in ("__mro__", "__bases__", "__base__")]


def code_of(kind, name):
    """A reference's code: its kind and the index of its name."""
    return kind | A.strings(name) << 8


def write_names(nodes, kinds, seen):
    """Name the references of every node; stops early, with what it has, when the time runs out."""
    A.labels = A.shapes.Shapes()
    handlers = {number: handler(facts) for number, facts in seen.by_id.items()}
    position = 0
    while position < len(nodes):
        A.clock.check()
        if A.clock.spent():
            A.warnings.append("names are incomplete: the time limit came near")
            break
        numbers = kinds[position : position + CHUNK]
        if any(handlers[number] is not None for number in set(numbers)):
            for number, item in zip(numbers, nodes[position : position + CHUNK]):
                name = handlers[number]
                if name is not None:
                    name(item)
        position += CHUNK
        A.labels.flush()
    for item in big_dicts:
        of_big_dict(item)


def finish():
    """Write the tables."""
    if hasattr(A, "labels"):
        A.labels.write()
    for table in (functions, bounds, views, values, A.suspended.frames, A.roots.roots):
        table.write()
    A.strings.write()


def handler(seen):
    """The function that names the references of objects of that type, or None."""
    kinds, kind = A.kinds, seen.kind
    if kind is dict:
        return of_dict
    if not seen.flags & A.types_seen.HAVE_GC:
        return None
    if kind is kinds.function:
        return of_function
    if seen.id in kinds.plain_containers:
        return None
    if seen.flags & A.types_seen.TYPE:
        return of_class
    for base, function in (
        (kinds.module, of_module),
        (kinds.lru_cache, of_lru_cache),
        (kinds.deque, of_deque),
        (kinds.frame, A.suspended.of_frame),
    ):
        if base is not None and seen.is_a(base):
            return function
    if seen.id in kinds.suspendable_ids:
        return A.suspended.of_suspended
    if seen.name.startswith("hamt_"):
        return of_hamt
    labeller = A.instances.Labeller(seen)
    if A.people.is_task_type(seen):
        return lambda item: (labeller.label(item), A.people.note_task(item))
    return labeller.label if labeller.useful() else None


def of_dict(item):
    """Keys of a dict; big ones wait until it is known whose they are."""
    count = len(item)
    if count > A.shapes.NAMED_KEYS:
        big_dicts.append(item)
    elif count:
        A.labels.of_dict(item, list(item), A.shapes.NAMED_KEYS)


def of_big_dict(item):
    """A dict of more than a hundred keys: all are named when it is a namespace."""
    limit = A.shapes.MOST_KEYS if id(item) in full else A.shapes.NAMED_KEYS
    A.labels.of_dict(item, list(item), limit)


def of_fields(item, fields, rest):
    """Shape of an object from a list of (name, getter)."""
    named = []
    for name, get in fields:
        try:
            named.append((id(get(item)), code_of(ATTRIBUTE, name)))
        except (AttributeError, ValueError):
            continue
    return named


def of_function(item):
    """A function: its fields, its row, and names for its defaults and cells."""
    code = item.__code__
    A.labels.give(item, A.shapes.match(item, gc.get_referents(item), of_fields(item, FUNCTION_FIELDS, 0), 0), 0)
    module = FUNCTION["__module__"].__get__(item)
    module_name = A.strings(module) if type(module) is str else 0
    functions.add(id(item), module_name, A.strings(item.__qualname__), A.strings(code.co_filename), code.co_firstlineno)
    arguments, defaults = code.co_varnames, item.__defaults__
    if type(defaults) is tuple and defaults:
        names = arguments[: code.co_argcount][-len(defaults) :]
        give_tuple(defaults, DEFAULT, names)
    closure = item.__closure__
    if closure:
        give_tuple(closure, CELL, code.co_freevars)
    keywords = item.__kwdefaults__
    if type(keywords) is dict and keywords and len(gc.get_referents(keywords)) == len(keywords):
        codes = tuple([DEFAULT | A.strings(key) << 8 if type(key) is str else VALUE for key in keywords])
        A.labels.give_late(keywords, codes, VALUE)


def give_tuple(item, kind, names):
    """Names for the elements of a tuple, in the order in which it visits them.

    The order of ``get_referents``.
    """
    if len(names) != len(item):
        return
    codes = [code_of(kind, name) for name in names]
    referents = gc.get_referents(item)
    if len(referents) == len(item) and A.walk.TUPLES_REVERSED:
        codes.reverse()
    A.labels.give_late(item, tuple(codes), 5)


def of_class(item):
    """A class: its dict and bases."""
    referents = gc.get_referents(item)
    if not referents:
        return
    named = of_fields(item, TYPE_FIELDS, 0)
    space = A.types_seen.class_dict(item)
    if space is not None:
        named.append((id(space), code_of(ATTRIBUTE, "__dict__")))
        full.add(id(space))
    A.labels.give(item, A.shapes.match(item, referents, named, 0), 0)


def of_module(item):
    """A module: its dict."""
    space = A.extras.MODULE_DICT(item)
    full.add(id(space))
    named = [(id(space), code_of(ATTRIBUTE, "__dict__"))]
    referents = [space] if item is A.walk.ONLY_ITS_DICT else gc.get_referents(item)
    A.labels.give(item, A.shapes.match(item, referents, named, 0), 0)


def of_lru_cache(item):
    """An ``lru_cache`` wrapper: function and cache are named, results are values; and its bound."""
    fields = A.kinds.lru_cache.__dict__
    space = fields["__dict__"].__get__(item)
    named = [(id(space), code_of(ATTRIBUTE, "__dict__"))]
    if type(space) is dict and "__wrapped__" in space:
        named.append((id(space["__wrapped__"]), code_of(ATTRIBUTE, "__wrapped__")))
    referents = gc.get_referents(item)
    for target in referents:
        if type(target) is dict and target is not space:
            named.append((id(target), code_of(ATTRIBUTE, "cache")))
            break
    A.labels.give(item, A.shapes.match(item, referents, named, VALUE), VALUE)
    info = fields["cache_info"](item)
    limit, used = tuple.__getitem__(info, 2), tuple.__getitem__(info, 3)
    bounds.add(id(item), -1 if limit is None else min(limit, 1 << 62), used, A.strings("lru_cache maxsize"))


def of_deque(item):
    """A deque's limit."""
    limit = A.kinds.deque.__dict__["maxlen"].__get__(item)
    if limit is not None:
        bounds.add(id(item), limit, A.kinds.deque.__len__(item), A.strings("maxlen"))


def of_hamt(item):
    """A node of a context's map: values are named after their context variable."""
    referents, kind = gc.get_referents(item), A.kinds.context_var
    codes = []
    for index, target in enumerate(referents):
        partner = referents[index + 1] if index + 1 < len(referents) else None
        if kind is not None and type(target) is kind:
            codes.append(A.shapes.DICT_KEY)
        elif kind is not None and type(partner) is kind and type(partner.name) is str:
            codes.append(code_of(KEY, partner.name))
        else:
            codes.append(0)
    A.labels.give(item, tuple(codes), 0)


def write_values(nodes, kinds):
    """Short previews of str, bytes and numbers; only on the user's demand."""
    wanted = {id(str): str, id(bytes): bytes, id(int): int, id(float): float, id(bool): bool}
    for number, item in zip(kinds, nodes):
        if number not in wanted:
            continue
        if type(item) in (str, bytes):
            if len(item) > 1:
                values.add(id(item), A.strings(repr(item[:60]) + ("..." if len(item) > 60 else "")))
        elif type(item) is not int or item.bit_length() <= 128:
            values.add(id(item), A.strings(repr(item)))
