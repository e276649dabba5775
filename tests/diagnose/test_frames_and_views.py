"""Idle frames and views that pin memory, and the cases that look like them and are not."""

from __future__ import annotations

import pytest
from heap_dump import Dump, Obj
from series import first, grow, rules

from leakkit.model import FixId, HolderKind, Retention, Verdict
from leakkit.snapshot_model import EdgeKind

FILE = "/srv/app/handlers.py"


def handlers(dump: Dump, count: int, kind: str = "coroutine", file: str = FILE) -> list[Obj]:
    """Suspended frames with 50 KB of payload each that only their locals hold."""
    made = []
    for index in range(count):
        items = dump.list(*(dump.bytes(1_000) for _ in range(20)))
        values = {"items": items, "data": dump.bytes(30_000)}
        frame = getattr(dump, kind)("handler", file=file, line=30, locals=values)
        if kind == "coroutine":
            dump.task(f"conn-{index}", frame)
        else:
            dump.modules["app"][f"gen{index}"] = frame
        made.append(frame)
    return made


@pytest.mark.parametrize("kind", ["coroutine", "generator", "async_generator"])
def test_idle_frames_pin_their_locals(kind: str) -> None:
    """Frames at the same instruction in two snapshots: hibernate, with function, variable, file and line."""
    dump = Dump()
    dump.module("app", file=FILE)
    handlers(dump, 100, kind)
    report = grow(dump, lambda n: None, warm=0, snapshots=2)
    finding = first(report)
    assert report.verdict == Verdict.LEAK
    assert (finding.retention, finding.holder.kind, finding.fix.id) == (Retention.LONG_LIVED, HolderKind.SUSPENDED_FRAME, FixId.HIBERNATE)
    assert finding.holder.name == "handler() local 'data'"
    assert (finding.holder.file, finding.holder.line) == (FILE, 30)
    assert "`data`, `items`" in finding.fix.how
    assert f"{FILE}:30" in finding.fix.how
    assert 4_900_000 < finding.fix.saving_bytes < 5_500_000
    assert finding.count == 100
    assert {"same-instruction", "only-locals-keep"} <= rules(finding)


def test_idle_frames_of_a_library_are_isolated() -> None:
    """Where the code is not the application's, the work moves elsewhere."""
    dump = Dump()
    dump.module("app", file="/srv/app.py")
    folder = "/usr/lib/python3.11/site-packages/wslib"
    dump.distribution("wslib", "12.0", folder)
    handlers(dump, 100, file=f"{folder}/server.py")
    finding = first(grow(dump, lambda n: None, warm=0, snapshots=2))
    assert finding.owner == "library:wslib 12.0"
    assert finding.fix.id == FixId.ISOLATE
    assert "wslib 12.0" in finding.fix.how


def test_frames_that_move_are_busy() -> None:
    """Frames that stand elsewhere in each snapshot do not wait."""
    dump = Dump()
    dump.module("app", file=FILE)
    handlers(dump, 100)
    moved = [0]

    def step(number: int) -> None:
        dump.frames = [(*row[:8], row[8] + 2, row[9]) for row in dump.frames]
        moved[0] += 1

    report = grow(dump, step, warm=0)
    assert moved[0] == 2
    assert report.verdict == Verdict.CLEAN, report.findings


def test_one_snapshot_of_frames_only_suspects() -> None:
    """One snapshot cannot tell waiting from going on."""
    dump = Dump()
    dump.module("app", file=FILE)
    handlers(dump, 100)
    report = grow(dump, lambda n: None, snapshots=1)
    assert report.verdict == Verdict.SUSPECT
    assert "one-snapshot-of-frames" in rules(first(report))


def test_locals_that_others_hold_too_are_not_pinned_by_the_frame() -> None:
    """Taking away the precondition: the payload is also in a global, so hibernating frees nothing."""
    dump = Dump()
    app = dump.module("app", file=FILE)
    app["KEPT"] = kept = dump.list()
    for frame in handlers(dump, 100):
        kept.append(*(target for target, _, kind in frame.edges if kind == EdgeKind.LOCAL))
    report = grow(dump, lambda n: None, warm=0)
    assert all(f.fix.id != FixId.HIBERNATE for f in report.findings)


def test_a_lone_worker_may_need_what_it_holds() -> None:
    """One frame that always was alone: an observation that names the local, not a finding."""
    dump = Dump()
    dump.module("app", file=FILE)
    dump.task("worker", dump.coroutine("worker", file=FILE, line=9, locals={"index": dump.bytes(30_000_000)}))
    report = grow(dump, lambda n: None, warm=0)
    assert report.verdict == Verdict.CLEAN
    assert any("index" in seen.why for seen in report.not_leaks)


def test_locals_that_change_in_place_are_working_state() -> None:
    """Taking away the precondition: the same lists with other contents in the next snapshot are in use."""
    dump = Dump()
    dump.module("app", file=FILE)
    frames = handlers(dump, 100)

    def step(number: int) -> None:
        for frame in frames:
            items = next(target for target, name, _ in frame.edges if name == "items")
            old = items.edges[0][0]
            items.unref(old)
            dump.free(old)
            items.append(dump.bytes(31_000))

    report = grow(dump, step, warm=0)
    assert report.verdict == Verdict.CLEAN, report.findings
    assert any("in use" in seen.why for seen in report.not_leaks)


def test_the_programs_main_coroutine_is_no_idle_handler() -> None:
    """What ``main`` holds while it serves is the program's state."""
    dump = Dump()
    dump.module("app", file=FILE)
    main = dump.coroutine("main", file=FILE, line=80, locals={"index": dump.bytes(30_000_000)})
    task = dump.task("Task-1", main)
    dump.thread("MainThread").frame("run_until_complete", module="asyncio", locals={"future": task})
    report = grow(dump, lambda n: None, warm=0)
    assert report.verdict == Verdict.CLEAN
    assert any("index" in seen.title for seen in report.not_leaks)


def views(kind: str, *, extent: int = 64, also: bool = False) -> tuple[Dump, object]:
    """A growing list of small views, each on 100 KB; with ``also`` the buffers are held elsewhere as well."""
    dump = Dump()
    app = dump.module("app", file=FILE)
    app["HEADERS"], app["BUFFERS"] = headers, buffers = dump.list(), dump.list()

    def step(number: int) -> None:
        for _ in range(20):
            buffer = dump.bytes(100_000)
            headers.append(dump.dict({"header": dump.view(buffer, extent=extent, kind=kind)}))
            if also:
                buffers.append(buffer)

    return dump, step


@pytest.mark.parametrize("kind", ["memoryview", "numpy.ndarray", "re.Match"])
def test_small_views_pin_large_buffers(kind: str) -> None:
    """All owners of the buffers are views with small extents: copy, saving buffer minus fragments."""
    dump, step = views(kind)
    report = grow(dump, step)
    finding = first(report)
    assert report.verdict == Verdict.LEAK
    assert (finding.holder.kind, finding.fix.id) == (HolderKind.VIEW, FixId.COPY)
    assert finding.holder.name == "app.HEADERS"
    assert abs(finding.fix.saving_bytes - 60 * 100_000) < 100_000
    call = {"memoryview": "bytes(view", "numpy.ndarray": ".copy()", "re.Match": "match.group()"}[kind]
    assert call in finding.fix.how


def test_buffers_that_others_hold_are_not_copied() -> None:
    """Taking away the precondition: another owner keeps the buffers, so copying frees nothing."""
    dump, step = views("memoryview", also=True)
    report = grow(dump, step)
    assert all(f.fix.id != FixId.COPY for f in report.findings)
    text = " ".join(item.reason for item in first(report).evidence) + first(report).holder.name
    assert "app.BUFFERS" in text
    assert "app.HEADERS" in text


def test_views_that_show_it_all_are_not_copied() -> None:
    """Taking away the precondition: the views show most of the buffer."""
    dump, step = views("memoryview", extent=90_000)
    report = grow(dump, step)
    assert all(f.fix.id != FixId.COPY for f in report.findings)
    assert first(report).fix.id == FixId.DROP


def test_strings_that_know_their_tree() -> None:
    """Kept strings of a parser's own type hold the whole page by their parent link."""
    dump = Dump()
    app = dump.module("app", file=FILE)
    app["TITLES"] = titles = dump.list()
    text_type = dump.cls("soup.NavigableString")
    text_type.ref(dump.tuple(dump.cls("str")), "__bases__", EdgeKind.ATTRIBUTE)

    def step(number: int) -> None:
        for _ in range(10):
            page = dump.instance("soup.Tag", body=dump.bytes(200_000))
            text = dump.instance("soup.NavigableString", size=80, parent=page)
            page.set(contents=dump.list(text))
            titles.append(text)

    report = grow(dump, step)
    finding = first(report)
    assert (finding.holder.kind, finding.fix.id) == (HolderKind.VIEW, FixId.COPY)
    assert finding.holder.name == "app.TITLES"
    assert "str(text)" in finding.fix.how
