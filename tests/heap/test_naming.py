"""Retaining paths in the words of the target's own code."""

from __future__ import annotations

import pytest
from heap_dump import Dump

from leakkit.heap.analysis import analyse
from leakkit.heap.naming import name_path
from leakkit.heap.steps import StepKind
from leakkit.snapshot_model import EdgeKind, RootKind


def texts(dump, obj):
    path = name_path(analyse(dump.snapshot()), obj.node)
    return path.text, path.shape


def test_module_global_through_dicts_and_instances():
    """Namespaces vanish; a big dict is data, a small one names its entries."""
    d = Dump()
    leaf = d.bytes(10)
    sessions = d.dict()
    for i in range(40):
        sessions[f"s{i}"] = d.instance("app.Session", history=d.list(leaf if i == 7 else d.bytes(3)))
    d.module("app")["cache"] = d.instance("app.Cache", own_dict=True, _sessions=sessions)
    assert texts(d, leaf) == ("app.cache._sessions['*'].history[*]",) * 2
    d2 = Dump()
    leaf = d2.bytes(10)
    d2.module("app")["STATE"] = d2.dict({"metrics": d2.list(leaf)})
    assert texts(d2, leaf)[0] == "app.STATE['metrics'][*]"


def test_class_attribute_and_set_and_int_keys():
    """Class attributes are named after the class; keys without a name are entries."""
    d = Dump()
    one, two = d.bytes(1), d.bytes(2)
    d.cls("app.Service", seen=d.set(one), by_id=d.dict({3: two}))
    assert texts(d, one)[0] == "app.Service.seen[*]"
    assert texts(d, two)[0] == "app.Service.by_id['*']"
    path = name_path(analyse(d.snapshot()), one.node)
    assert [s.kind for s in path.steps] == [StepKind.ROOT, StepKind.GLOBAL, StepKind.CLASS_ATTRIBUTE, StepKind.ELEMENT]
    assert path.root_kind == RootKind.MODULE
    assert path.steps[2].name == "seen"


def test_task_and_chained_coroutines():
    """A suspended local is named after task, coroutine and variable; numbers in task names are not in the shape."""
    d = Dump()
    payload, deep = d.bytes(100), d.bytes(50)
    inner = d.coroutine("Reader.read", locals={"buffer": deep})
    outer = d.coroutine("handler", locals={"payload": payload})
    outer.ref(inner, "cr_await", EdgeKind.ATTRIBUTE)
    d.task("conn-7", outer)
    assert texts(d, payload) == ("task 'conn-7' → handler() local 'payload'", "task → handler() local 'payload'")
    assert texts(d, deep)[0] == "task 'conn-7' → handler() → Reader.read() local 'buffer'"


def test_generator_held_by_a_global():
    """A generator keeps the name of its holder."""
    d = Dump()
    row = d.bytes(10)
    d.module("app")["ROWS"] = d.generator("rows", locals={"row": row})
    assert texts(d, row)[0] == "app.ROWS → rows() local 'row'"


def test_locals_in_a_frame_object_of_a_generator():
    """Up to 3.10 the locals hang off a frame object, which does not show."""
    d = Dump()
    row = d.bytes(10)
    generator = d.generator("rows")
    generator.ref(d.object("frame", size=400).ref(row, "row", EdgeKind.LOCAL), "gi_frame", EdgeKind.ATTRIBUTE)
    d.module("app")["ROWS"] = generator
    assert texts(d, row)[0] == "app.ROWS → rows() local 'row'"


def test_thread_frame_local():
    """A running frame's local is named after thread and function."""
    d = Dump()
    data = d.list(item := d.bytes(10))
    d.thread("Thread-12 (worker)").frame("main", locals={"data": data})
    assert texts(d, item) == ("thread Thread-12 (worker): main() local 'data'[*]", "thread Thread-* (worker): main() local 'data'[*]")


@pytest.mark.parametrize(("bind", "expected"), [(True, "app.handler"), (False, "app.CALLBACKS[*] → handler")])
def test_closures_and_defaults(bind, expected):
    """Closure variables and default values are named after their function."""
    d = Dump()
    captured, default = d.bytes(1), d.bytes(2)
    function = d.function("handler", closure={"data": captured}, defaults={"items": default}, bind=bind)
    if not bind:
        d.module("app")["CALLBACKS"] = d.list(function)
    assert texts(d, captured)[0] == f"{expected}().<closure> data"
    assert texts(d, default)[0] == f"{expected}(default items)"


def test_linked_lists_and_trees_fold():
    """Repeats are folded, however long."""
    d = Dump()
    head = last = d.instance("app.Link")
    d.module("app")["HEAD"] = head
    for _ in range(3000):
        link = d.instance("app.Link")
        last.set(next=link)
        last = link
    end = d.bytes(5)
    last.set(value=end)
    assert texts(d, end) == ("app.HEAD.next*.value",) * 2
    tree = Dump()
    node = tree.instance("app.Tree")
    tree.module("app")["ROOT"] = node
    shapes = set()
    for depth in range(6):
        child = tree.instance("app.Tree")
        node.set(children=tree.list(child))
        node = child
        if depth > 1:
            shapes.add(texts(tree, node)[1])
    assert len(shapes) == 1


def test_global_wins_over_class_globals_and_sys_modules():
    """Nothing is named through a class, a function's globals or sys.modules while a plain path exists."""
    d = Dump()
    target = d.bytes(1)
    d.function("aaa", module="aaa", bind=True)
    d.module("zzz")["HOLDER"] = d.list(d.list(d.list(d.list(target))))
    d.cls("zzz.Thing")
    d.module("aaa")["thing"] = d.instance("zzz.Thing")
    assert texts(d, target)[0] == "zzz.HOLDER[*]*[*]"
    assert texts(d, d.cls("zzz.Thing"))[0] == "zzz.Thing"


def test_a_class_is_not_named_through_its_instance():
    """A class that only a deep registry names is reached by the registry, not by ``instance.__class__``."""
    d = Dump()
    app = d.module("app")
    made = d.cls("app.Made")
    app.namespace.unref(made)
    app["thing"] = d.instance("app.Made")
    app["REGISTRY"] = d.list(d.set(d.tuple(made)))
    assert texts(d, made)[0] == "app.REGISTRY[*][*][*]"


def test_global_wins_over_a_local_that_is_nearer():
    """The same object in a global and in a local of a running frame is named after the global."""
    d = Dump()
    cache = d.dict({"a": (leaf := d.bytes(3))})
    d.module("app")["CACHE"] = cache
    d.thread("MainThread").frame("main", locals={"cache": cache})
    assert texts(d, leaf)[0] == "app.CACHE['a']"


def test_weak_references_do_not_lead_and_c_held_is_last():
    """A weakly referenced object is not named through the reference; what only C holds says so."""
    d = Dump()
    held = d.instance("app.Held")
    d.hold(held)
    d.module("app")["ref"] = d.weakref(held)
    assert texts(d, held)[0] == "held from C: app.Held"


def test_unreachable_says_so():
    """A dead object has no path."""
    d = Dump()
    dead = d.cycle("app.Dead")[0]
    path = name_path(analyse(d.snapshot()), dead.node)
    assert path.text == "unreachable app.Dead"
    assert path.root_kind is None


def test_nodes_hold_the_plumbing_and_steps_do_not():
    """``nodes`` is the whole way, ``steps`` what a person sees."""
    d = Dump()
    leaf = d.bytes(1)
    app = d.module("app")
    app["X"] = leaf
    path = name_path(analyse(d.snapshot()), leaf.node)
    assert path.nodes == (app.node, app.namespace.node, leaf.node)
    assert [s.edge for s in path.steps] == ["app", ".X"]
