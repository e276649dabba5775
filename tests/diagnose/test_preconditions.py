"""A fix is recommended only where its precondition holds: the same heap with that one thing changed, and the answer changes.

Each case is a heap that is built twice, with its evidence and without; nothing else differs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from heap_dump import Dump, Obj
from series import first, grow

from leakkit.diagnose import diagnose
from leakkit.model import FixId, Report, Verdict
from leakkit.snapshot_model import EdgeKind

FILE = "/srv/app/app.py"


def app() -> tuple[Dump, Obj]:
    dump = Dump()
    return dump, dump.module("app", file=FILE)


def memory(*, free: int = 0, arenas: int = 0, trimmable: int = 0, in_use: int = 1_000_000) -> dict[str, Any]:
    """Facts of a process of 100 MB, 90 MB of it anonymous."""
    facts = {"malloc_free": free, "pymalloc_free": arenas, "trimmable": trimmable, "malloc_in_use": in_use}
    return {"rss": 100_000_000, "memory": {"rss": 100_000_000, "anonymous": 90_000_000, **facts}}


def collect_cycle(present: bool) -> Report:
    """Dead nodes that refer to each other; without it the same nodes are in a table."""
    dump, module = app()
    module["OPEN"] = table = dump.list()

    def step(number: int) -> None:
        for _ in range(20):
            node = dump.instance("app.Node", payload=dump.bytes(100_000))
            other = dump.instance("app.Node", back=node)
            node.set(next=other)
            if not present:
                table.append(node)

    return grow(dump, step)


def collect_held(present: bool) -> Report:
    """Dead cycles; without it C code holds one object of each."""
    dump, _ = app()

    def step(number: int) -> None:
        for _ in range(20):
            ring = dump.cycle("app.Node", 3, payload=dump.bytes(100_000))
            if not present:
                dump.hold(ring[0])

    return grow(dump, step)


def drop_growth(present: bool) -> Report:
    """A global list gains entries; without it as many leave as come."""
    dump, module = app()
    module["CACHE"] = cache = dump.list()

    def step(number: int) -> None:
        if not present and number:
            old = [target for target, _, _ in cache.edges]
            for entry in old:
                cache.unref(entry)
            dump.free(*old)
        cache.append(*(dump.bytes(100_000) for _ in range(50)))

    return grow(dump, step)


def drop_limit(present: bool) -> Report:
    """A cache without a limit grows; without it the cache has one, and is filling."""
    dump, module = app()
    cached = dump.object("functools._lru_cache_wrapper")
    module["lookup"] = cached
    cached.ref(dump.function("lookup", file=FILE, line=3), "__wrapped__", EdgeKind.ATTRIBUTE)
    table = dump.dict()
    cached.ref(table)
    dump.bound(cached, -1 if present else 2_000, used=60, label="lru_cache maxsize")

    def step(number: int) -> None:
        for index in range(20):
            table[f"{number}-{index}"] = dump.bytes(100_000)

    return grow(dump, step)


def copy_link(present: bool) -> Report:
    """Views keep buffers; without it the link between view and buffer is broken, and a list has the buffers."""
    dump, module = app()
    module["HEADERS"], module["BUFFERS"] = headers, buffers = dump.list(), dump.list()

    def step(number: int) -> None:
        for _ in range(20):
            buffer = dump.bytes(100_000)
            if present:
                headers.append(dump.view(buffer, extent=64))
            else:
                headers.append(dump.view(dump.bytes(64), extent=64))
                buffers.append(buffer)

    return grow(dump, step)


def copy_size(present: bool) -> Report:
    """The views show little of their buffers; without it they show nearly all."""
    dump, module = app()
    module["PARTS"] = parts = dump.list()

    def step(number: int) -> None:
        parts.append(*(dump.view(dump.bytes(100_000), extent=64 if present else 95_000) for _ in range(20)))

    return grow(dump, step)


def isolate_unexplained(present: bool) -> Report:
    """Memory in use grows that no object accounts for; without it objects do."""
    dump, module = app()
    module["DATA"] = data = dump.list()
    taken = []
    for number in (1, 2, 3):
        grown = 10_000_000 * number
        if not present:
            data.append(*(dump.bytes(100_000) for _ in range(100)))
        facts = {"rss": grown + 30_000_000, "anonymous": grown + 20_000_000, "malloc_in_use": grown}
        taken.append(dump.snapshot(rss=grown + 30_000_000, memory=facts))
    return diagnose(taken)


def isolate_pinned(present: bool) -> Report:
    """The allocators' free memory is pinned; without it a trim gives it back."""
    dump, _ = app()
    facts = memory(arenas=60_000_000, trimmable=1_000_000) if present else memory(free=60_000_000, trimmable=58_000_000)
    return diagnose([dump.snapshot(**facts) for _ in range(3)])


def idle_handlers(dump: Dump, module: Obj, count: int) -> list[Obj]:
    frames = []
    for index in range(count):
        frame = dump.coroutine("handler", file=FILE, line=30, locals={"rows": dump.bytes(100_000)})
        dump.task(f"conn-{index}", frame)
        frames.append(frame)
    return frames


def hibernate_idle(present: bool) -> Report:
    """Coroutines stand where they stood; without it each has moved on in every snapshot."""
    dump, module = app()
    idle_handlers(dump, module, 60)

    def step(number: int) -> None:
        if not present:
            dump.frames = [(*row[:8], row[8] + 2, row[9]) for row in dump.frames]

    return grow(dump, step)


def hibernate_alone(present: bool) -> Report:
    """Only the locals hold the data; without it a global has it too."""
    dump, module = app()
    module["KEPT"] = kept = dump.list()
    for frame in idle_handlers(dump, module, 60):
        if not present:
            kept.append(*(target for target, _, kind in frame.edges if kind == EdgeKind.LOCAL))
    return grow(dump, lambda number: None)


def hibernate_threads(present: bool) -> Report:
    """Threads that wait keep thread-locals, and there are more of them; without it they are at work."""
    dump, module = app()
    table = dump.dict()
    module["local"] = dump.object("_thread._local").ref(table)

    def step(number: int) -> None:
        if not present:
            dump.frames = [(*row[:8], row[8] + 2, row[9]) for row in dump.frames]
        for index in range(5):
            dump.thread(f"worker-{number}-{index}").frame("work", file=FILE, line=9)
            values = dump.dict()
            values["canvas"] = dump.bytes(1_000_000)
            table.ref(values, "", EdgeKind.VALUE)

    return grow(dump, step, warm=2)


def hibernate_trim(present: bool) -> Report:
    """A trim gives free memory back; without it there is none: the memory is in use."""
    dump, _ = app()
    facts = memory(free=60_000_000, trimmable=58_000_000) if present else memory(in_use=61_000_000)
    return diagnose([dump.snapshot(**facts) for _ in range(3)])


CASES: list[tuple[FixId, Callable[[bool], Report], FixId | None]] = [
    (FixId.COLLECT, collect_cycle, FixId.DROP),
    (FixId.COLLECT, collect_held, FixId.ISOLATE),
    (FixId.DROP, drop_growth, None),
    (FixId.DROP, drop_limit, None),
    (FixId.COPY, copy_link, FixId.DROP),
    (FixId.COPY, copy_size, FixId.DROP),
    (FixId.ISOLATE, isolate_unexplained, FixId.DROP),
    (FixId.ISOLATE, isolate_pinned, FixId.HIBERNATE),
    (FixId.HIBERNATE, hibernate_idle, None),
    (FixId.HIBERNATE, hibernate_alone, None),
    (FixId.HIBERNATE, hibernate_threads, FixId.DROP),
    (FixId.HIBERNATE, hibernate_trim, None),
]
"""Fix, heap, and what is recommended first once the precondition is gone."""


@pytest.mark.parametrize(("fix", "heap", "otherwise"), CASES, ids=lambda value: getattr(value, "__name__", None))
def test_removing_the_evidence_changes_the_answer(fix: FixId, heap: Callable[[bool], Report], otherwise: FixId | None) -> None:
    """With the evidence the fix comes first; without it, it is not recommended at all."""
    assert first(heap(True)).fix.id == fix
    without = heap(False)
    assert all(finding.fix.id != fix for finding in without.findings), [finding.title for finding in without.findings]
    if otherwise is None:
        assert without.verdict == Verdict.CLEAN, [finding.title for finding in without.findings]
    else:
        assert first(without).fix.id == otherwise


def test_every_fix_has_a_case() -> None:
    """Each of the five is taken away at least once."""
    assert {fix for fix, _, _ in CASES} == set(FixId)
