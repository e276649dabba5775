"""Growth by path shape over several snapshots of one heap."""

from __future__ import annotations

import pytest
from heap_dump import Dump

from leakkit.errors import UsageError
from leakkit.heap.analysis import analyse
from leakkit.heap.growth import growing
from leakkit.heap.naming import name_path
from leakkit.heap.shapes import shapes_of


def series(dump, step, rounds=4):
    heaps = []
    for number in range(rounds):
        step(number)
        heaps.append(analyse(dump.snapshot()))
    return heaps


def test_growing_cache_is_named_by_its_outermost_container():
    """Entries, their tuples and payload grow; only the cache is reported, with all their bytes."""
    d = Dump()
    cache = d.dict()
    d.module("app")["CACHE"] = cache

    def step(number):
        for i in range(5):
            cache[f"k{number}-{i}"] = d.tuple(d.bytes(1000))

    found = growing(series(d, step), 90)
    assert len(found) == 1
    growth = found[0]
    assert (growth.shape, growth.text, growth.node) == ("app.CACHE['*']", "app.CACHE", cache.node)
    assert growth.counts == (5, 10, 15, 20)
    assert growth.bytes == tuple(n * (1033 + 48) + 64 + 36 * n for n in (5, 10, 15, 20))
    assert growth.grows_every_interval
    assert growth.per_second == pytest.approx((growth.bytes[-1] - growth.bytes[0]) / 90)
    assert len(growth.elements) == 20


def test_histories_of_a_fixed_number_of_sessions():
    """Many containers that each grow are one shape; the holder count says how many."""
    d = Dump()
    histories = [d.list() for _ in range(20)]
    d.module("app")["sessions"] = d.dict({f"s{i}": d.instance("app.Session", history=h) for i, h in enumerate(histories)})

    def step(_number):
        for history in histories:
            history.append(d.bytes(100))

    (growth,) = growing(series(d, step), 90)
    assert growth.shape == "app.sessions['*'].history[*]"
    assert growth.text == "app.sessions['*'].history"
    assert (growth.holders, growth.counts) == (20, (20, 40, 60, 80))


def test_linked_list_and_tree_fold_into_one_shape():
    """A growing list of links and a growing tree are one growth each."""
    d = Dump()
    link = d.instance("app.Link")
    leaves = [d.instance("app.Tree")]
    d.module("app")["HEAD"] = link
    d.module("app")["TREE"] = leaves[0]

    def step(_number):
        nonlocal link, leaves
        for _ in range(30):
            link.set(next=(new := d.instance("app.Link")))
            link = new
        grown = []
        for leaf in leaves[:4]:
            grown += [d.instance("app.Tree"), d.instance("app.Tree")]
            leaf.set(children=d.list(*grown[-2:]))
        leaves = grown

    found = {g.text.split(".")[1].split("[")[0]: g for g in growing(series(d, step), 90)}
    assert found["HEAD"].shape == "app.HEAD.next*"
    assert found["HEAD"].counts == (30, 60, 90, 120)
    assert found["TREE"].shape.startswith("app.TREE.children")
    assert len(found) == 2


def test_buffer_that_grows_in_size():
    """The same object with more bytes every time is growth by size."""
    d = Dump()
    buffer = d.object("bytearray", size=1000, generation=-1)
    d.module("app")["LOG"] = buffer

    def step(_number):
        buffer.fixed_size += 5000

    (growth,) = growing(series(d, step), 60)
    assert (growth.by, growth.text, growth.counts) == ("size", "app.LOG", (1, 1, 1, 1))
    assert growth.per_second == pytest.approx(250)


def test_steady_turnover_is_not_growth():
    """A cache whose entries are replaced by others does not grow."""
    d = Dump()
    cache = d.dict()
    d.module("app")["CACHE"] = cache
    current = []

    def step(number):
        for old in current:
            cache.unref(old)
            d.free(old)
        current[:] = [d.bytes(1000) for _ in range(20)]
        for i, new in enumerate(current):
            cache[f"{number}-{i}"] = new

    assert growing(series(d, step), 90) == ()


def test_sawtooth_is_not_growth_in_every_interval():
    """What goes up and down is reported as not growing in every interval, if at all."""
    d = Dump()
    queue = d.list()
    d.module("app")["QUEUE"] = queue
    held = []

    def step(number):
        if number == 2:
            for obj in held:
                queue.unref(obj)
                d.free(obj)
            held.clear()
        for _ in range(10):
            held.append(d.bytes(100))
            queue.append(held[-1])

    assert not [g for g in growing(series(d, step, 5), 90) if g.grows_every_interval]


def test_new_tasks_are_growth_of_tasks():
    """Tasks that pile up are one shape whatever their names."""
    d = Dump()

    def step(number):
        d.task(f"Task-{number}", d.coroutine("handler", locals={"payload": d.bytes(5000)}))

    (growth,) = growing(series(d, step), 90)
    assert growth.shape == "task"
    assert growth.counts == (1, 2, 3, 4)
    assert growth.bytes[-1] == 4 * (184 + 200 + 5033)


def test_shapes_do_not_depend_on_the_heap_they_come_from():
    """Two unrelated dumps of one program give an object of one role the same shape."""
    heaps = []
    for extra in (0, 7):
        d = Dump()
        for i in range(extra):
            d.module(f"lib{i}")["X"] = d.list()
        d.module("app")["CACHE"] = d.dict({f"k{i}": d.bytes(10) for i in range(30)})
        heaps.append(analyse(d.snapshot()))
    table = shapes_of(heaps)
    shapes = []
    for number, heap in enumerate(heaps):
        rows = [v for v in range(heap.graph.node_count) if heap.type_name(v) == "bytes"]
        shapes.append({int(table.by_heap[number].shape[v]) for v in rows})
    assert len(shapes[0]) == 1
    assert shapes[0] == shapes[1]
    assert table.text(shapes[0].pop()) == name_path(heaps[0], rows[0] - 14).shape


def test_two_heaps_at_least():
    """One heap cannot grow."""
    d = Dump()
    with pytest.raises(UsageError):
        growing([analyse(d.snapshot())], 10)
