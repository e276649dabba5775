"""Each kind of holder of growing data, as a synthetic heap: class, kind, name and fix."""

from __future__ import annotations

import pytest
from heap_dump import Dump, Obj
from series import first, grow, rules

from leakkit.model import FixId, HolderKind, Retention, Verdict
from leakkit.snapshot_model import EdgeKind, RootKind

FILE = "/srv/app/app.py"


def app() -> tuple[Dump, Obj]:
    dump = Dump()
    return dump, dump.module("app", file=FILE)


def fill(dump: Dump, container: Obj, number: int, count: int = 100) -> None:
    """A hundred entries of 20 KB more."""
    for index in range(count):
        value = dump.bytes(20_000)
        if container.type in ("dict", "collections.defaultdict"):
            container[f"key-{number}-{index}"] = value
        else:
            container.append(value)


def check(report, kind: HolderKind, name: str, fix: FixId = FixId.DROP) -> None:
    finding = first(report)
    assert report.verdict == Verdict.LEAK
    assert (finding.retention, finding.holder.kind, finding.fix.id) == (Retention.LONG_LIVED, kind, fix)
    assert name in finding.holder.name
    assert name.strip("'") in finding.fix.how or kind == HolderKind.INTERNED
    assert finding.fix.saving_bytes is not None
    assert finding.fix.saving_bytes > 5_000_000
    assert finding.growth_bytes_per_second is not None
    assert finding.growth_bytes_per_second > 60_000


@pytest.mark.parametrize("type_name", ["list", "dict", "set", "deque"])
def test_module_global_container(type_name: str) -> None:
    """A container that a module global names."""
    dump, module = app()
    module["CACHE"] = cache = getattr(dump, type_name)()
    report = grow(dump, lambda n: fill(dump, cache, n))
    check(report, HolderKind.MODULE_GLOBAL, "app.CACHE")
    assert first(report).holder.file == FILE
    assert first(report).owner == "application"
    assert first(report).types[0].name == "bytes"


def test_nested_data_containers_are_named_by_the_global() -> None:
    """The lists inside a dict grow, the dict does not: the global that holds the dict is the holder."""
    dump, module = app()
    module["METRICS"] = metrics = dump.dict()
    tenants = [dump.list() for _ in range(4)]
    for number, tenant in enumerate(tenants):
        metrics[f"tenant-{number}"] = tenant

    def step(number: int) -> None:
        for tenant in tenants:
            fill(dump, tenant, number, 25)

    check(grow(dump, step), HolderKind.MODULE_GLOBAL, "app.METRICS")


def test_class_attribute() -> None:
    """A list that is an attribute of a class."""
    dump, _ = app()
    samples = dump.list()
    dump.cls("app.Profiler", samples=samples)
    check(grow(dump, lambda n: fill(dump, samples, n)), HolderKind.CLASS_ATTRIBUTE, "app.Profiler.samples")


@pytest.mark.parametrize("own_dict", [False, True])
def test_instance_attribute(own_dict: bool) -> None:
    """A dict that is an attribute of a long-lived instance, with and without a separate ``__dict__``."""
    dump, module = app()
    pending = dump.dict()
    module["service"] = dump.instance("app.Service", own_dict=own_dict).set(_pending=pending)
    check(grow(dump, lambda n: fill(dump, pending, n)), HolderKind.INSTANCE_ATTRIBUTE, "app.service._pending")


def test_registry_of_callbacks() -> None:
    """A list of bound methods is a registry of callbacks, wherever it lives."""
    dump, module = app()
    listeners = dump.list()
    module["bus"] = dump.instance("app.Bus").set(_listeners=listeners)
    function = dump.function("Request.on_change", bind=True)

    def step(number: int) -> None:
        for _ in range(100):
            request = dump.instance("app.Request", body=dump.bytes(20_000))
            method = dump.object("method", size=64).ref(function, "__func__", EdgeKind.ATTRIBUTE)
            listeners.append(method.ref(request, "__self__", EdgeKind.ATTRIBUTE))

    report = grow(dump, step)
    check(report, HolderKind.CALLBACK_REGISTRY, "_listeners")
    assert "entries-are-callable" in rules(first(report))
    assert "WeakMethod" in first(report).fix.how


def lru_cache(dump: Dump, name: str, limit: int) -> tuple[Obj, Obj]:
    """(wrapper, its dict) of an ``lru_cache``."""
    wrapper = dump.object("functools._lru_cache_wrapper", size=200)
    wrapper.ref(dump.function(name, file=FILE, line=7), "__wrapped__", EdgeKind.ATTRIBUTE)
    table = dump.dict()
    wrapper.ref(table)
    dump.bound(wrapper, limit, label="lru_cache maxsize")
    return wrapper, table


def test_unbounded_lru_cache() -> None:
    """An ``lru_cache`` without a limit is a cache, named after its function."""
    dump, module = app()
    module["render"], table = lru_cache(dump, "render", -1)
    report = grow(dump, lambda n: fill(dump, table, n))
    check(report, HolderKind.CACHE, "app.render")
    assert first(report).holder.bound == -1
    assert first(report).holder.line == 7
    assert "declared-unbounded" in rules(first(report))


def test_lru_cache_on_a_method_keeps_instances() -> None:
    """Its keys hold instances of the class; the advice is ``cached_property``."""
    dump, _ = app()
    wrapper, table = lru_cache(dump, "Basket.totals", -1)
    dump.cls("app.Basket", totals=wrapper)

    def step(number: int) -> None:
        for _ in range(100):
            key = dump.tuple(dump.instance("app.Basket", lines=dump.bytes(20_000)))
            table.ref(key, "", EdgeKind.DICT_KEY)
            table[0] = dump.bytes(100)

    report = grow(dump, step)
    check(report, HolderKind.CACHE, "app.Basket.totals")
    assert "caches-instances" in rules(first(report))
    assert "cached_property" in first(report).fix.how


def test_closure_variable() -> None:
    """A dict in a cell of a function."""
    dump, _ = app()
    seen = dump.dict()
    dump.function("make.<locals>.is_duplicate", file=FILE, line=3, closure={"seen": seen}, bind=True)
    report = grow(dump, lambda n: fill(dump, seen, n))
    check(report, HolderKind.CLOSURE, "seen")
    assert first(report).holder.line == 3


def test_mutable_default_argument() -> None:
    """A list that is a default value of a parameter."""
    dump, _ = app()
    rows = dump.list()
    dump.function("parse", file=FILE, line=9, defaults={"rows": rows}, bind=True)
    report = grow(dump, lambda n: fill(dump, rows, n))
    check(report, HolderKind.CLOSURE, "rows")
    assert "default" in first(report).holder.name


def test_thread_local() -> None:
    """A dict in a ``threading.local``."""
    dump, module = app()
    statements, values = dump.dict(), dump.dict()
    values["statements"] = statements
    module["local"] = dump.object("_thread._local").ref(dump.dict({1: values}))
    check(grow(dump, lambda n: fill(dump, statements, n)), HolderKind.THREAD_LOCAL, "statements")


def test_thread_local_of_a_thread_that_came_later() -> None:
    """The dict of a second thread is not in the first snapshot, and gets most of the entries: still the same holder."""
    dump, module = app()
    statements, of_threads = dump.dict(), dump.dict({1: (first_thread := dump.dict())})
    first_thread["statements"] = statements
    module["local"] = dump.object("_thread._local").ref(of_threads)
    late: list[Obj] = []

    def step(number: int) -> None:
        fill(dump, statements, number, 30)
        if number == 1:
            late.append(dump.dict())
            of_threads[2] = second_thread = dump.dict()
            second_thread["statements"] = late[0]
        for container in late:
            fill(dump, container, number)

    check(grow(dump, step), HolderKind.THREAD_LOCAL, "statements")


def test_context_variable() -> None:
    """A list that is the value of a context variable; the variable is named after its global."""
    dump, module = app()
    log = dump.list()
    variable = dump.object("_contextvars.ContextVar")
    module["trace_log"] = variable
    hamt = dump.object("hamt_bitmap_node").ref(variable).ref(log)
    context = dump.object("_contextvars.Context").ref(hamt)
    dump.root(context, RootKind.INTERPRETER, "context of thread MainThread")
    check(grow(dump, lambda n: fill(dump, log, n)), HolderKind.CONTEXT_VARIABLE, "app.trace_log")


def test_running_frame() -> None:
    """A list that is a local of a running frame."""
    dump, _ = app()
    processed = dump.list()
    dump.thread("MainThread").frame("main", file=FILE, line=12, locals={"processed": processed})
    report = grow(dump, lambda n: fill(dump, processed, n))
    check(report, HolderKind.RUNNING_FRAME, "processed")
    assert first(report).holder.line == 12


def test_list_in_a_waiting_coroutine_is_dropped_not_hibernated() -> None:
    """What grows inside a suspended frame is a growing container, not an idle payload."""
    dump, _ = app()
    results = dump.list()
    dump.task("main", dump.coroutine("main", file=FILE, line=20, locals={"results": results}))
    check(grow(dump, lambda n: fill(dump, results, n)), HolderKind.SUSPENDED_FRAME, "results")


def test_finished_tasks() -> None:
    """Tasks that are done, kept in a global list with their results."""
    dump, module = app()
    module["background"] = background = dump.list()

    def step(number: int) -> None:
        for index in range(100):
            task = dump.task(f"t{index}", state="done", root=False)
            background.append(task.ref(dump.bytes(20_000), "_result", EdgeKind.ATTRIBUTE))

    report = grow(dump, step)
    check(report, HolderKind.MODULE_GLOBAL, "app.background")
    assert "finished-work" in rules(first(report))


def test_kept_tracebacks() -> None:
    """Kept exceptions whose frames hold the data: the traceback is the holder, the list its name."""
    dump, module = app()
    module["failures"] = failures = dump.list()

    def step(number: int) -> None:
        for _ in range(100):
            frame = dump.dead_frame("load", file=FILE, locals={"upload": dump.bytes(20_000)})
            failures.append(dump.exception("app.Invalid", frame))

    report = grow(dump, step)
    check(report, HolderKind.EXCEPTION_TRACEBACK, "app.failures")
    assert "clear_frames" in first(report).fix.how


def test_logging_registry() -> None:
    """``logging`` never forgets a logger; the holder belongs to the standard library."""
    dump, _ = app()
    logging = dump.module("logging", file="/usr/lib/python3.11/logging/__init__.py")
    table = dump.dict()
    manager = dump.instance("logging.Manager").set(loggerDict=table)
    dump.cls("logging.Logger", manager=manager)
    assert logging

    def step(number: int) -> None:
        for index in range(100):
            table[f"app.request.{number}-{index}"] = dump.instance("logging.Logger", size=20_000)

    report = grow(dump, step)
    check(report, HolderKind.CALLBACK_REGISTRY, "logg")
    assert first(report).owner == "stdlib"
    assert "one logger" in first(report).fix.how


def test_weakref_finalize() -> None:
    """Registrations of ``weakref.finalize`` whose arguments hold the object."""
    dump, _ = app()
    dump.module("weakref", file="/usr/lib/python3.11/weakref.py")
    registry = dump.dict()
    dump.cls("weakref.finalize", _registry=registry)

    def step(number: int) -> None:
        for _ in range(100):
            registry[0] = dump.instance("weakref.finalize._Info").set(args=dump.tuple(dump.bytes(20_000)))

    report = grow(dump, step)
    check(report, HolderKind.CALLBACK_REGISTRY, "finalize")
    assert "detach()" in first(report).fix.how


def test_atexit() -> None:
    """Callbacks registered with ``atexit``, which no Python object holds."""
    dump, _ = app()
    callbacks = dump.list()
    dump.root(callbacks, RootKind.INTERPRETER, "atexit")

    def step(number: int) -> None:
        for _ in range(100):
            callbacks.append(dump.object("method", size=64).ref(dump.bytes(20_000), "__self__", EdgeKind.ATTRIBUTE))

    check(grow(dump, step), HolderKind.CALLBACK_REGISTRY, "atexit")


def test_objects_that_only_c_holds() -> None:
    """Ever more objects of one type with references that nothing explains."""
    dump, _ = app()

    def step(number: int) -> None:
        for _ in range(100):
            dump.hold(dump.instance("app.Handle", buffer=dump.bytes(20_000)))

    report = grow(dump, step)
    check(report, HolderKind.C_HELD, "app.Handle", FixId.ISOLATE)


def test_linked_list_is_named_by_its_head() -> None:
    """A chain that gets longer at its end: the first link is the holder."""
    dump, module = app()
    tail = [dump.instance("app.Link")]
    module["HEAD"] = tail[0]

    def step(number: int) -> None:
        for _ in range(100):
            link = dump.instance("app.Link", payload=dump.bytes(20_000))
            tail[0].set(next=link)
            tail[0] = link

    finding = first(grow(dump, step))
    assert finding.holder.name.startswith("app.HEAD")
    assert finding.fix.id == FixId.DROP
    assert finding.fix.saving_bytes > 5_000_000


def test_buffer_that_is_replaced_by_a_longer_one() -> None:
    """``log = log + line``: another object each time, under the same name."""
    dump, module = app()

    def step(number: int) -> None:
        if number:
            old = next(target for target, name, _ in module.namespace.edges if name == "LOG")
            module.namespace.unref(old)
            dump.free(old)
        module["LOG"] = dump.str(2_000_000 * (number + 1))

    check(grow(dump, step), HolderKind.MODULE_GLOBAL, "app.LOG")


def test_two_registries_of_the_same_objects() -> None:
    """Cutting one of two holders frees nothing: both are named, and the saving is what both together free."""
    dump, module = app()
    by_name, by_id = dump.dict(), dump.dict()
    module["BY_NAME"], module["BY_ID"] = by_name, by_id

    def step(number: int) -> None:
        for index in range(100):
            user = dump.instance("app.User", picture=dump.bytes(20_000))
            by_name[f"u{number}-{index}"] = user
            by_id[index] = user

    report = grow(dump, step)
    finding = first(report)
    assert "held-by-others-too" in rules(finding)
    text = finding.holder.name + " ".join(item.reason for item in finding.evidence)
    assert "app.BY_NAME" in text
    assert "app.BY_ID" in text
    assert finding.fix.saving_bytes > 5_000_000


def test_classes_made_at_run_time() -> None:
    """Classes registered by name: the evidence says that they are classes."""
    dump, module = app()
    module["MODELS"] = models = dump.dict()

    def step(number: int) -> None:
        for index in range(100):
            made = dump.object("type", size=20_000)
            made.ref(dump.tuple(made), "__mro__", EdgeKind.ATTRIBUTE)
            models[f"M{number}-{index}"] = made

    report = grow(dump, step)
    check(report, HolderKind.MODULE_GLOBAL, "app.MODELS")
    assert "classes-made-at-run-time" in rules(first(report))


def test_library_holder_is_told_apart() -> None:
    """A holder in an installed distribution is owned by the library, with its version."""
    dump, _ = app()
    folder = "/usr/lib/python3.11/site-packages/httplib"
    dump.distribution("httplib", "2.4.1", folder)
    dump.module("httplib.pool", file=f"{folder}/pool.py")["_pools"] = pools = dump.dict()
    finding = first(grow(dump, lambda n: fill(dump, pools, n)))
    assert finding.owner == "library:httplib 2.4.1"
    assert "code-of-a-library" in rules(finding)


def test_two_snapshots_only_suspect() -> None:
    """Two snapshots are monotonic by construction: suspect, not leak."""
    dump, module = app()
    module["CACHE"] = cache = dump.dict()
    report = grow(dump, lambda n: fill(dump, cache, n), snapshots=2)
    assert report.verdict == Verdict.SUSPECT
    assert first(report).holder.name == "app.CACHE"
    assert "too-few-snapshots" in rules(first(report))


def test_one_snapshot_suspects_what_is_large() -> None:
    """One snapshot shows where much comes together."""
    dump, module = app()
    module["CACHE"] = cache = dump.dict()
    report = grow(dump, lambda n: fill(dump, cache, n, 600), snapshots=1)
    assert report.verdict == Verdict.SUSPECT
    assert first(report).holder.name == "app.CACHE"
    assert first(report).growth_bytes_per_second is None


def test_fingerprint_is_the_same_in_another_run() -> None:
    """Addresses, sizes and the number of entries do not matter."""
    prints = []
    for count, padding in ((100, 0), (170, 37)):
        dump, module = app()
        for index in range(padding):
            module[f"other{index}"] = dump.bytes(100)
        module["CACHE"] = cache = dump.dict()
        prints.append(first(grow(dump, lambda n: fill(dump, cache, n, count))).fingerprint)
    assert prints[0] == prints[1]


def test_an_owner_that_gains_entries_is_not_blamed_for_what_grows_below() -> None:
    """The module gets new globals while one of its lists grows: the list is the only holder."""
    dump, module = app()
    module["LOG"] = log = dump.list()

    def step(number: int) -> None:
        fill(dump, log, number)
        for index in range(5):
            module[f"extra_{number}_{index}"] = dump.bytes(10)

    report = grow(dump, step)
    check(report, HolderKind.MODULE_GLOBAL, "app.LOG")
    assert len(report.findings) == 1


def test_keys_of_a_dict_are_not_counted_as_entries() -> None:
    """Where keys past the naming bound look like values, the number of entries is still right."""
    dump, module = app()
    module["BY_PAIR"] = table = dump.dict()

    def step(number: int) -> None:
        for index in range(100):
            table.ref(dump.bytes(20_000), "", EdgeKind.VALUE)
            table.ref(dump.tuple(), "", EdgeKind.DICT_KEY if number == 0 else EdgeKind.VALUE)

    assert first(grow(dump, step)).count == 300
