"""Rings through many kinds of C objects: iterators, containers, partials, files, sockets, trees, descriptors."""
# io.IncrementalNewlineDecoder (to 3.11) and sqlite3.Connection (3.9) have no tp_traverse: what they hold is only
# seen to be held by somebody.
# truth: more-3.9=IncrementalDecoder,list,weakref more-3.10=IncrementalDecoder more-3.11=IncrementalDecoder
import array
import collections
import contextvars
import csv
import functools
import gc
import io
import itertools
import operator
import re
import socket
import types
import xml.etree.ElementTree as ElementTree
import _truth

gc.disable()


class Holder:
    pass


def holders():
    box = [1, 2, 3]
    yield itertools.chain(box, box), box
    yield itertools.cycle(box), box
    yield itertools.tee(box)[0], box
    yield itertools.groupby(box), box
    yield itertools.islice(box, 2), box
    yield itertools.product(box, box), box
    yield itertools.zip_longest(box, box), box
    yield zip(box, box), box
    yield enumerate(box), box
    yield iter(box), box
    yield reversed(box), box
    deque = collections.deque(box)
    yield deque, deque
    ordered = collections.OrderedDict(a=1)
    yield ordered, ordered
    default = collections.defaultdict(list)
    default["x"].append(1)
    yield default, default
    yield collections.Counter("abc"), []
    yield collections.ChainMap({}, {}), []
    yield functools.partial(print, box), box
    yield operator.itemgetter(1, 2), []
    yield operator.attrgetter("a.b"), []
    yield types.SimpleNamespace(a=box), box
    yield types.MappingProxyType({"a": box}), box
    yield slice(box, None), box
    yield memoryview(bytearray(10)), []
    yield io.BytesIO(b"x"), []
    yield io.StringIO("x"), []
    yield io.TextIOWrapper(io.BytesIO(b"abc")), []
    yield io.BufferedReader(io.BytesIO(b"abc")), []
    yield socket.socket(), []
    yield re.compile("a(b)"), []
    yield array.array("d", [1.0]), []
    yield csv.reader(box), box
    yield ElementTree.fromstring("<a><b/></a>"), []
    yield contextvars.copy_context(), []
    yield property(lambda self: box), box
    yield staticmethod(lambda: box), box
    yield classmethod(lambda cls: box), box
    yield super(Holder, Holder()), []
    yield (lambda: box).__get__(Holder()), box
    yield box.append, box
    yield types.MethodType(print, box), box
    yield {}.items(), []
    yield {"a": box}.values(), box


def others():
    try:
        import sqlite3

        connection = sqlite3.connect(":memory:")
        yield connection, []
        yield connection.execute("select 1"), []
    except ImportError:
        pass


for _ in range(3):
    for item, box in itertools.chain(holders(), others()):
        holder = Holder()
        holder.item = item
        holder.ring = [holder, box]
        box.append(holder) if type(box) is list else None
        try:
            item.holder = holder
        except (AttributeError, TypeError):
            pass
deque = collections.deque()
deque.append(deque)
ordered = collections.OrderedDict()
ordered["self"] = ordered
partial = functools.partial(print)
partial.me = partial
element = ElementTree.Element("a")
element.append(ElementTree.SubElement(element, "b"))
del deque, ordered, partial, element, item, box, holder
KEPT = [item for item, box in holders()]
_truth.serve()
